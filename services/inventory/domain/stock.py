"""Stock of one item in one warehouse, and movements of it as an algebra on quantities (BO-13)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from services.inventory.domain.demand import Key
from shared.decimals import ZERO


@dataclass(frozen=True, slots=True)
class Stock:
    """What lies on the shelf, and whose it is."""

    sku: str
    warehouse: str
    on_hand: Decimal
    allotted: Decimal
    pegged: Decimal
    arrived: Decimal
    quarantined: Decimal
    has_levels: bool = False
    """Whether it has replenishment levels, so that its position is worth looking at (BO-17)."""

    @property
    def available(self) -> Decimal:
        """Units that belong to nobody yet."""
        return self.on_hand - self.allotted - self.pegged - self.arrived - self.quarantined


@dataclass(frozen=True, slots=True)
class Move:
    """A change of a stock row; moves of one key add up."""

    on_hand: Decimal = ZERO
    allotted: Decimal = ZERO
    pegged: Decimal = ZERO
    quarantined: Decimal = ZERO

    def __add__(self, other: "Move") -> "Move":
        return Move(
            self.on_hand + other.on_hand,
            self.allotted + other.allotted,
            self.pegged + other.pegged,
            self.quarantined + other.quarantined,
        )


def total(moves: Iterable[tuple[Key, Move]]) -> Mapping[Key, Move]:
    """One move per key."""
    sums: dict[Key, Move] = {}
    for key, move in moves:
        sums[key] = sums.get(key, Move()) + move
    return sums


class LedgerKind(StrEnum):
    """Why stock on hand changed."""

    RECEIPT = "receipt"
    ISSUE = "issue"
    DISCREPANCY = "discrepancy"
    """Goods left that the books did not hold: they enter first; somebody should count."""
    MISSING = "missing"
    """A shipment did not find them (SHIP-3)."""
    ADJUSTMENT = "adjustment"
    CUSTOMER_RETURN = "customer_return"


@dataclass(frozen=True, slots=True)
class Entry:
    """A ledger row; `(kind, source_key)` is its natural key: booked once, for ever."""

    key: Key
    qty: Decimal
    kind: LedgerKind
    source_key: str
    document: str
    actor: str
    reason: str | None = None
