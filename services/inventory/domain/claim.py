"""The claim ticket: a fixed quantity that belongs to one demand, and what has become of it (design, section 1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from services.inventory.domain.demand import Key, Line
from shared.decimals import ZERO


@dataclass(frozen=True, slots=True)
class Allotment:
    """Every figure only grows. `withdrawn`, `failed`, `passed` are inventory's; `shipped`, `returned`, `missing`, `unproven`
    shipping's: of what was returned, `missing` was not found, and nobody had passed `unproven` (SO-9).

    `asked` are units of it that an unanswered question would take back. `locked`: shipping has refused to give units of
    it back, and has told of no shipment of it since that was unpicked, voided or gone; `unlocks` counts those.
    """

    id: UUID
    order_id: UUID
    line_id: UUID
    component: int
    sku: str
    warehouse: str
    qty: Decimal
    receipt_line_id: UUID | None = None
    tie_id: UUID | None = None
    generation: int = 0
    gated: bool = False
    withdrawn: Decimal = ZERO
    failed: Decimal = ZERO
    passed: Decimal = ZERO
    shipped: Decimal = ZERO
    returned: Decimal = ZERO
    missing: Decimal = ZERO
    unproven: Decimal = ZERO
    asked: Decimal = ZERO
    locked: bool = False
    unlocks: int = 0

    @property
    def line(self) -> Line:
        """The demand it belongs to."""
        return self.line_id, self.component

    @property
    def key(self) -> Key:
        """The stock it was taken from."""
        return self.sku, self.warehouse

    @property
    def is_peg(self) -> bool:
        """Whether its units arrived for its demand (a peg), or came from free stock."""
        return self.receipt_line_id is not None

    @property
    def live(self) -> Decimal:
        """Units that are in the warehouse for its demand."""
        return self.qty - self.withdrawn - self.failed - self.shipped - self.returned

    @property
    def askable(self) -> Decimal:
        """Live units that no open question is about."""
        return max(ZERO, self.live - self.asked)

    @property
    def takeable(self) -> Decimal:
        """Units that a higher rank may have: from free stock, and as far as is known not locked by picking (BO-10)."""
        return ZERO if self.is_peg or self.locked else self.askable

    @property
    def uninspected(self) -> Decimal:
        """Units that an inspector may still pass or fail; what has shipped or gone back is past that.

        Passed units are the first that leave: what went back as passed is among `passed`, not beside it.
        """
        seen = max(self.passed, self.shipped + self.returned - self.unproven)
        return max(ZERO, self.qty - self.withdrawn - self.failed - self.unproven - seen)


def ask_back(excess: Decimal, allotments: Iterable[Allotment]) -> dict[UUID, Decimal]:
    """How much of which allotments to ask back so that `excess` units are freed: {id: further units}.

    The newest free-stock units go first, so that the line keeps what it has had longest; then the newest pegs, for a
    peg was bought for this customer. Units that an open question is about already count towards the excess.
    """
    own = list(allotments)
    wanted = excess - sum((a.asked for a in own), ZERO)
    asks: dict[UUID, Decimal] = {}
    for allotment in sorted(own, key=lambda a: (not a.is_peg, a.id), reverse=True):
        units = min(wanted, allotment.askable)
        if units > 0:
            asks[allotment.id] = units
            wanted -= units
    return asks
