"""A completed receipt (SO-6, SO-8): who gets what of it.

1. Each counted line serves the open ties of its PO line, best rank first, never beyond a tie or its demand's need.
2. What was counted beyond what was expected is surplus: free, or (`over_receipt = to_order`) first for demands of that
   PO line whose tie was cut short.
3. What is left is free stock: the queue's (BO-7).
4. A tie that its receipt did not fill is named with what it misses.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Line, Rank
from services.inventory.domain.incoming import IncomingShipment, PoLine, ReceiptLine
from services.inventory.domain.inspection import Inspection
from services.inventory.domain.preferences import OverReceipt
from shared.decimals import ZERO, plain
from shared.errors import Invalid, Refused


class NothingCounted(Refused):
    """A receipt of nothing."""


class NotOnShipment(Refused):
    """A counted line that the incoming shipment does not have."""


class CountedTwice(Invalid):
    """One line stands twice in the count."""


@dataclass(frozen=True, slots=True)
class Receiving:
    """A wish to receive an incoming shipment of this version as it was counted; only a complete one moves stock (SO-16).

    A line is named by its id or by its number on the purchase order.
    """

    shipment_id: UUID
    version: int
    counted: Sequence[tuple[UUID | int, Decimal]]
    complete: bool = True


@dataclass(frozen=True, slots=True)
class OpenTie:
    """A tie with what it may still take. `lacking` is None as long as its order has not been heard of."""

    tie_id: UUID
    po_line_id: UUID
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    special_order_id: UUID | None
    open: Decimal
    lacking: Decimal | None
    rank: Rank | None

    @property
    def line(self) -> Line:
        """The demand it is for."""
        return self.line_id, self.component


@dataclass(frozen=True, slots=True)
class Counted:
    """A line of the receipt: what was expected and what was found."""

    po_line_id: UUID
    expected: Decimal
    received: Decimal


@dataclass(frozen=True, slots=True)
class Peg:
    """Units of a receipt line that become one demand's."""

    tie: OpenTie
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Short:
    """A tie that got less than it was waiting for."""

    tie: OpenTie
    missing: Decimal


@dataclass(frozen=True, slots=True)
class Divided:
    """One receipt line, divided: `received = pegged + left`."""

    counted: Counted
    pegs: tuple[Peg, ...]
    short: tuple[Short, ...]
    surplus: Decimal

    @property
    def pegged(self) -> Decimal:
        """Units that have an owner."""
        return sum((peg.qty for peg in self.pegs), ZERO)

    @property
    def left(self) -> Decimal:
        """Units for the queue."""
        return self.counted.received - self.pegged


def counts(
    number: str,
    numbered: Mapping[int, UUID],
    saved: Mapping[UUID, Decimal | None],
    told: Sequence[tuple[UUID | int, Decimal]],
) -> dict[UUID, Decimal]:
    """What was counted per PO line: the call's lines over what was saved before; a line nobody counted is 0.

    `numbered` are the shipment's lines by their number; a line is named by its id or by that number.
    """
    known = set(numbered.values())
    found: dict[UUID, Decimal] = {}
    for name, qty in told:
        line = numbered.get(name) if isinstance(name, int) else name
        if line is None or line not in known:
            lines = ", ".join(str(n) for n in sorted(numbered))
            raise NotOnShipment(
                f"{number} has no line {name}; its lines are {lines}", line=str(name), lines=sorted(numbered)
            )
        if line in found:
            raise CountedTwice(f"Line {name} stands twice in the count; add the two up", line=str(name))
        found[line] = qty
    return {line: found.get(line, saved.get(line) or ZERO) for line in known}


def must_have_counted(number: str, counted: Mapping[UUID, Decimal]) -> None:
    """A receipt moves something; an empty truck leaves the shipment expected."""
    if not any(counted.values()):
        raise NothingCounted(
            f"Nothing was counted on {number}: name at least one line with a quantity above 0"
        )


def divide(
    receipt: Sequence[Counted], ties: Sequence[OpenTie], over_receipt: OverReceipt = OverReceipt.FREE
) -> list[Divided]:
    """Divide all lines of a receipt, in their order; a demand with ties on two lines gets its need once."""
    lacking = {tie.line: tie.lacking for tie in ties}
    by_line: dict[UUID, list[OpenTie]] = {}
    for tie in in_turn(ties):
        by_line.setdefault(tie.po_line_id, []).append(tie)
    return [
        _divide_line(counted, by_line.get(counted.po_line_id, []), lacking, over_receipt)
        for counted in receipt
    ]


def in_turn(ties: Sequence[OpenTie]) -> list[OpenTie]:
    """Ties, best rank first."""
    return sorted(ties, key=_turn)


def _turn(tie: OpenTie) -> tuple[bool, Rank | tuple[UUID, int, int]]:
    """Rank of the demand (BO-6); ties whose order is not known yet come last."""
    return tie.rank is None, tie.rank or (tie.order_id, tie.line_no, tie.component)


def _divide_line(
    counted: Counted, ties: Sequence[OpenTie], lacking: dict[Line, Decimal | None], over_receipt: OverReceipt
) -> Divided:
    surplus = max(ZERO, counted.received - counted.expected)
    pegged: dict[UUID, Decimal] = {}
    left = counted.received
    for tie in ties:
        left -= _peg(tie, min(left, tie.open), lacking, pegged)
    if over_receipt is OverReceipt.TO_ORDER:
        left = min(left, surplus)
        for tie in ties:
            if tie.lacking is not None:
                left -= _peg(tie, left, lacking, pegged)
    pegs = tuple(Peg(tie, pegged[tie.tie_id]) for tie in ties if pegged.get(tie.tie_id))
    missing = ((tie, _missing(tie, pegged.get(tie.tie_id, ZERO), lacking)) for tie in ties)
    return Divided(counted, pegs, tuple(Short(tie, units) for tie, units in missing if units > 0), surplus)


def _peg(
    tie: OpenTie, most: Decimal, lacking: dict[Line, Decimal | None], pegged: dict[UUID, Decimal]
) -> Decimal:
    need = lacking[tie.line]
    units = max(ZERO, most if need is None else min(most, need))
    if need is not None:
        lacking[tie.line] = need - units
    pegged[tie.tie_id] = pegged.get(tie.tie_id, ZERO) + units
    return units


def _missing(tie: OpenTie, got: Decimal, lacking: Mapping[Line, Decimal | None]) -> Decimal:
    need = lacking[tie.line]
    still_open = max(ZERO, tie.open - got)
    return still_open if need is None else min(still_open, need)


def sentence(short: Short) -> str:
    """Who is short, for people."""
    return f"{short.tie.order_number} line {short.tie.line_no} is short of {plain(short.missing)}"


@dataclass(frozen=True, slots=True)
class LineOutcome:
    """One receipt line with everything that became of it."""

    line: ReceiptLine
    po_line: PoLine
    divided: Divided
    pegs: Sequence[Allotment]
    fills: Sequence[Allotment]
    free: Decimal
    inspection: Inspection | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt did; `lines` is empty while counting goes on."""

    shipment: IncomingShipment
    lines: Sequence[LineOutcome]
    demands: Mapping[Line, Demand]

    @property
    def version(self) -> int:
        """The shipment's version, for its ETag."""
        return self.shipment.version
