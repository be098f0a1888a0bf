"""What orders wait for (NOTE-2): backordered lines, backorders that were filled, and what a higher rank took.

Only lines that are supplied from stock are told of: a special order waits by its nature, and its own notices say what
becomes of it. Nothing is told before inventory has answered every line of the order, so a split shortage is one change.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import NAMESPACE_OID, UUID, uuid5

from shared.decimals import ZERO, plain

from .notice import Concern, Kind
from .standing import Wish, about, in_turn, order_subject

KINDS = (Kind.BACKORDERED, Kind.BACKORDER_FILLED, Kind.TAKEN)


@dataclass(frozen=True, slots=True)
class Demand:
    """One stock line (or stock component) of an order, and what it has got so far."""

    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    sku: str
    unit: str
    warehouse: str
    wanted: Decimal
    is_open: bool
    """Its order is open."""
    is_answered: bool
    """Inventory has said where it stands."""
    first_granted: Decimal | None
    """What it had with inventory's first answer; None before that."""
    granted: Decimal
    shipped: Decimal
    was_taken: bool = False
    """Something was taken from it at some time."""

    @property
    def lacking(self) -> Decimal:
        """What is wanted and not granted."""
        return max(ZERO, self.wanted - self.granted) if self.is_open else ZERO

    @property
    def was_filled(self) -> bool:
        """It was short at first, is covered now, and not all of it has left."""
        was_short = self.first_granted is not None and self.first_granted < self.wanted
        return self.is_open and was_short and self.granted >= self.wanted > self.shipped


@dataclass(frozen=True, slots=True)
class Taking:
    """Units that a decision of inventory took from a line, most in one go; `for_order` says for whom, if for anybody."""

    line_id: UUID
    component: int
    for_order_number: str | None
    qty: Decimal
    reason: str


def is_undecided(demands: Iterable[Demand]) -> bool:
    """Whether a line of the order still waits for inventory's answer: until then its notices stay as they are."""
    return any(demand.is_open and demand.wanted > ZERO and not demand.is_answered for demand in demands)


def wishes(demands: Sequence[Demand], takings: Iterable[Taking]) -> list[Wish]:
    """The notices that should stand for the lines of one order in one warehouse."""
    lacking = [_concern(one, one.lacking) for one in demands if one.lacking]
    filled = [_concern(one, one.wanted - one.shipped) for one in demands if one.was_filled]
    taken = [(one, taking) for one, taking in _of_lines(demands, takings) if one.lacking]
    return [
        *_wish(Kind.BACKORDERED, "Backordered", demands, lacking),
        *_wish(Kind.BACKORDER_FILLED, "Backorder filled", demands, filled),
        *_taken(demands, taken),
    ]


def _of_lines(demands: Iterable[Demand], takings: Iterable[Taking]) -> list[tuple[Demand, Taking]]:
    lines = {(one.line_id, one.component): one for one in demands}
    return [
        (lines[taking.line_id, taking.component], taking)
        for taking in takings
        if (taking.line_id, taking.component) in lines
    ]


def _wish(kind: Kind, words: str, demands: Sequence[Demand], concerns: Sequence[Concern]) -> list[Wish]:
    if not concerns:
        return []
    units = {one.unit for one in demands}
    unit = units.pop() if len(units) == 1 else None
    one = demands[0]
    subject = order_subject(one.order_id, one.warehouse)
    title = f"{words}: {about(in_turn(concerns), unit)}"
    return [Wish(kind, subject, one.warehouse, title, tuple(concerns), unit)]


def _taken(demands: Sequence[Demand], taken: Sequence[tuple[Demand, Taking]]) -> list[Wish]:
    if not taken:
        return []
    concerns = [
        _concern(one, taking.qty, uuid5(one.line_id, f"{one.component} {taking.for_order_number}"))
        for one, taking in taken
    ]
    by = sorted({taking.for_order_number for _, taking in taken if taking.for_order_number})
    words = f"Taken by {', '.join(by)}" if by else "Taken back"
    told = sorted(
        f"line {one.line_no}: {plain(taking.qty)} of {one.sku}"
        + (f" for {taking.for_order_number}" if taking.for_order_number else "")
        + f" ({taking.reason})"
        for one, taking in taken
    )
    reasons = sorted({taking.reason for _, taking in taken})
    return [
        replace(wish, reason=", ".join(reasons), message="; ".join(told))
        for wish in _wish(Kind.TAKEN, words, demands, concerns)
    ]


def _concern(one: Demand, qty: Decimal, key: UUID | None = None) -> Concern:
    own = one.line_id if not one.component else uuid5(NAMESPACE_OID, f"{one.line_id} {one.component}")
    return Concern(
        key=key or own,
        order_id=one.order_id,
        order_number=one.order_number,
        line_id=one.line_id,
        line_no=one.line_no,
        component=one.component,
        qty=qty,
        sku=one.sku,
    )
