"""BO-17: when stock itself has to be bought, and how much. Special-order items have no proposal (ITEM-2)."""

from dataclasses import dataclass, replace
from decimal import Decimal

from services.inventory.domain.demand import Key
from shared.decimals import ZERO


@dataclass(frozen=True, slots=True)
class Position:
    """What one item in one warehouse comes to, and the levels it is held against.

    `supply` is what is expected to arrive and is not tied to somebody whose need is not counted in `waiting`.
    """

    sku: str
    warehouse: str
    available: Decimal
    waiting: Decimal
    supply: Decimal
    minimum: Decimal
    target: Decimal
    safety: Decimal
    lead_time_days: int
    is_replenished: bool
    vendor: str | None = None
    from_warehouse: str | None = None

    @property
    def key(self) -> Key:
        """The stock it is about."""
        return self.sku, self.warehouse

    @property
    def position(self) -> Decimal:
        """available - unallotted need of the queue + open untied supply; may be negative."""
        return self.available - self.waiting + self.supply


def proposal(found: Position) -> Decimal:
    """How much to buy now: below the minimum, or the safety stock, up to the target; else 0.

    Supply that is on its way counts, so nothing is proposed twice. A safety stock above the target is bought up to
    itself: a proposal that leaves the position below it would come again at once.
    """
    if not found.is_replenished or found.position >= max(found.minimum, found.safety):
        return ZERO
    return max(found.target, found.safety) - found.position


@dataclass(frozen=True, slots=True)
class Need:
    """A proposal as it was told last; `proposed` 0 has withdrawn it."""

    sku: str
    warehouse: str
    version: int
    proposed: Decimal
    position: Decimal
    minimum: Decimal
    target: Decimal
    safety: Decimal
    lead_time_days: int
    vendor: str | None
    from_warehouse: str | None

    @property
    def key(self) -> Key:
        """The stock it is about."""
        return self.sku, self.warehouse


def renewed(before: Need | None, found: Position) -> Need | None:
    """The need as it is to be told now; None when nobody would do anything else than before.

    A position that moves above its minimum is nobody's news, nor is one that was never below.
    """
    proposed = proposal(found)
    if proposed == 0 and (before is None or before.proposed == 0):
        return None
    after = Need(
        found.sku, found.warehouse, before.version if before else 0, proposed, found.position, found.minimum,
        found.target, found.safety, found.lead_time_days, found.vendor, found.from_warehouse,
    )  # fmt: skip
    return None if after == before else replace(after, version=after.version + 1)
