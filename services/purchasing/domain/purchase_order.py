"""A purchase order, its lines and ties: its life (BUY-19) and what may be done to it.

Everything here takes a purchase order and returns another one. Quantities of a line, in the item's unit:
`supply = ordered - cancelled` is what it brings in all, `tied` of it belongs to demands, the rest is untied.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.purchasing.domain.cost import CostSource, Packing
from services.purchasing.domain.demand import Tie, rank
from shared.decimals import ZERO
from shared.errors import Refused

MOST_LINES = 200
"""A purchase order has at most so many lines: its snapshot is told as one fact."""


class State(StrEnum):
    """BUY-19."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    OPEN = "open"
    PARTIALLY_RECEIVED = "partially_received"
    RECEIVED = "received"
    CLOSED = "closed"
    CANCELLED = "cancelled"


NEXT: dict[State, frozenset[State]] = {
    State.DRAFT: frozenset({State.AWAITING_APPROVAL, State.OPEN, State.CANCELLED}),
    State.AWAITING_APPROVAL: frozenset({State.DRAFT, State.OPEN, State.CANCELLED}),
    State.OPEN: frozenset({State.PARTIALLY_RECEIVED, State.RECEIVED, State.CLOSED, State.CANCELLED}),
    State.PARTIALLY_RECEIVED: frozenset({State.OPEN, State.RECEIVED, State.CLOSED}),
    State.RECEIVED: frozenset({State.PARTIALLY_RECEIVED, State.CLOSED}),
    State.CLOSED: frozenset(),
    State.CANCELLED: frozenset(),
}

UNSENT = frozenset({State.DRAFT, State.AWAITING_APPROVAL})
FINAL = frozenset({State.CLOSED, State.CANCELLED})


class IllegalTransition(Refused):
    """The purchase order's state does not allow this."""


class NothingToSend(Refused):
    """A purchase order without a line is not sent."""


class Finishing(StrEnum):
    """How a sent purchase order is being ended, once nothing of it can arrive any more."""

    CANCEL = "cancel"
    CLOSE = "close"


@dataclass(frozen=True)
class Break:
    """So much of a tie was broken off."""

    tie: Tie
    qty: Decimal
    line_no: int


@dataclass(frozen=True)
class Line:
    """One line, in the item's unit."""

    po_line_id: UUID
    line_no: int
    sku: str
    description: str
    unit: str
    precision: int
    product_line: str | None
    order_type: str
    ordered: Decimal
    packing: Packing
    purchase_price: Decimal | None
    cost: Decimal
    cost_source: CostSource
    cancelled: Decimal = ZERO
    received: Decimal = ZERO
    stock_wanted: Decimal = ZERO
    """What a buyer asked for beyond the ties; the rest of the untied part is only the rounding (BUY-5)."""
    expected_on: date | None = None
    agreed_on: date | None = None
    comments: tuple[str, ...] = ()
    reason: str | None = None
    ties: tuple[Tie, ...] = ()

    @property
    def supply(self) -> Decimal:
        """What it brings in all, received goods included."""
        return self.ordered - self.cancelled

    @property
    def tied(self) -> Decimal:
        """What of the supply belongs to demands."""
        return sum((tie.held for tie in self.ties), ZERO)

    @property
    def untied(self) -> Decimal:
        """What of the supply belongs to nobody: it will be free stock."""
        return self.supply - self.tied

    @property
    def outstanding(self) -> Decimal:
        """What can still arrive."""
        return max(ZERO, self.supply - self.received)

    @property
    def is_cancelled(self) -> bool:
        """Nothing of it comes, or it was deleted from a draft."""
        return self.supply == 0


@dataclass(frozen=True)
class PurchaseOrder:
    """A purchase order with its lines. `told` counts its snapshots, `version` every change of it (for ETags)."""

    po_id: UUID
    number: str
    state: State
    vendor: str
    warehouse: str
    currency: str
    buyer: str
    created_by: str
    created_at: datetime
    by_hand: bool
    for_order_id: UUID | None = None
    product_line: str | None = None
    version: int = 0
    told: int = 0
    sent_at: datetime | None = None
    ended_at: datetime | None = None
    finishing: Finishing | None = None
    reason: str | None = None
    lines: tuple[Line, ...] = ()

    @property
    def is_sent(self) -> bool:
        """Whether the vendor has it: then its quantities shrink only by inventory's leave."""
        return self.state not in UNSENT

    @property
    def outstanding(self) -> Decimal:
        """What can still arrive, over all lines (of one use only: is it zero?)."""
        return sum((line.outstanding for line in self.lines), ZERO)

    def line(self, po_line_id: UUID) -> Line:
        """The line of that id; it is there."""
        return next(line for line in self.lines if line.po_line_id == po_line_id)

    def put(self, line: Line) -> "PurchaseOrder":
        """The purchase order with this line in place of its older self."""
        return replace(
            self, lines=tuple(line if old.po_line_id == line.po_line_id else old for old in self.lines)
        )

    def to(self, state: State) -> "PurchaseOrder":
        """BUY-19; an illegal transition is refused, naming both states."""
        if state not in NEXT[self.state]:
            raise IllegalTransition(
                f"{self.number} is {self.state}: it cannot become {state}",
                number=self.number,
                state=self.state,
                wanted=state,
            )
        return replace(self, state=state)


def send(po: PurchaseOrder, now: datetime) -> PurchaseOrder:
    """The vendor gets it; from now on its goods may arrive."""
    sent = replace(po.to(State.OPEN), sent_at=now)
    if all(line.is_cancelled for line in po.lines):
        raise NothingToSend(f"{po.number} has no line to send: add one, or cancel it", number=po.number)
    return sent


def break_off(po: PurchaseOrder, tie_id: UUID, qty: Decimal, reason: str) -> tuple[PurchaseOrder, Break]:
    """BUY-16, from the demand's side: at most `qty` of a tie's open part is broken off, and the reason is kept.

    An unsent PO shrinks with its tie: a line on which nothing else is left is deleted. A sent PO keeps its quantity,
    which is untied from then on.
    """
    line = next(line for line in po.lines for tie in line.ties if tie.tie_id == tie_id)
    broken, taken = _broken(line, tie_id, qty, reason)
    if not po.is_sent:
        broken = fit(broken, reason)
    return _empty(po.put(broken), reason), taken


def _broken(line: Line, tie_id: UUID, qty: Decimal, reason: str) -> tuple[Line, Break]:
    old = next(tie for tie in line.ties if tie.tie_id == tie_id)
    taken = min(qty, old.open)
    new = replace(old, closed=old.closed + taken, closed_reason=reason) if taken else old
    ties = tuple(new if tie.tie_id == tie_id else tie for tie in line.ties)
    return replace(line, ties=ties), Break(old, taken, line.line_no)


def fit(line: Line, reason: str) -> Line:
    """An unsent line orders what its ties and the buyer want, in whole purchase units; nothing wanted: it is deleted.

    A deleted line is kept as cancelled in full, so that its ties can be traced and nobody's copy of it stays alive.
    """
    wanted = line.packing.round_up(line.tied + line.stock_wanted)
    if wanted == 0:
        return replace(line, cancelled=line.ordered, reason=reason)
    return replace(line, ordered=wanted, cancelled=ZERO)


def _empty(po: PurchaseOrder, reason: str) -> PurchaseOrder:
    """A draft that automation made ends with its last line; a buyer's own draft waits for the next one."""
    if (
        po.state is State.DRAFT
        and not po.by_hand
        and po.lines
        and all(line.is_cancelled for line in po.lines)
    ):
        return replace(po.to(State.CANCELLED), reason=reason)
    return po


def hand_over(po: PurchaseOrder, tie_id: UUID, qty: Decimal, heir: Tie) -> PurchaseOrder:
    """A linked line takes over part of a tie's open supply; the PO line itself does not change."""
    line = next(line for line in po.lines for tie in line.ties if tie.tie_id == tie_id)
    line, _ = _broken(line, tie_id, qty, f"taken over by line {heir.line_no}")
    return po.put(_tied(line, heir))


def _tied(line: Line, tie: Tie) -> Line:
    """The line with one more tie; the demand's own older tie on this line grows instead."""
    own = next((old for old in line.ties if old.demand == tie.demand), None)
    if own is None:
        return replace(line, ties=(*line.ties, tie))
    grown = replace(own, qty=own.qty + tie.qty)
    return replace(line, ties=tuple(grown if old is own else old for old in line.ties))


def enlarge(po: PurchaseOrder, po_line_id: UUID, tie: Tie) -> PurchaseOrder:
    """An unsent line takes a further demand of its item: a linked line of 2 makes 10 into 12."""
    return po.put(fit(_tied(po.line(po_line_id), tie), reason=""))


def miss(po: PurchaseOrder, tie_id: UUID, missed: Decimal) -> PurchaseOrder:
    """A tie came too late: so much of it, in all, can no longer be pegged. The figure only grows."""
    for line in po.lines:
        for tie in line.ties:
            if tie.tie_id == tie_id and missed > tie.missed:
                reason = tie.closed_reason or "the goods had gone before the tie was heard"
                late = replace(tie, missed=min(tie.qty, missed), closed_reason=reason)
                ties = tuple(late if old is tie else old for old in line.ties)
                return po.put(replace(line, ties=ties))
    return po


def receive(po: PurchaseOrder, received: Callable[[Line], Decimal]) -> PurchaseOrder:
    """The lines with what has been received of them in all; the state follows."""
    lines = tuple(replace(line, received=received(line)) for line in po.lines)
    return derive_state(replace(po, lines=lines))


def derive_state(po: PurchaseOrder) -> PurchaseOrder:
    """BUY-19: the state of a sent purchase order follows from its quantities.

    A PO that is being ended is closed (something came) or cancelled (nothing came) as soon as nothing can arrive any
    more; so a receipt that is heard after the answer to the reduction still ends it properly.
    """
    if po.state in UNSENT or po.state in FINAL:
        return po
    if po.outstanding == 0 and (po.finishing or all(line.is_cancelled for line in po.lines)):
        came = any(line.received for line in po.lines)
        return _end(po, State.CLOSED if came else State.CANCELLED)
    return replace(po, state=_received_state(po))


def _received_state(po: PurchaseOrder) -> State:
    if not any(line.received for line in po.lines):
        return State.OPEN
    return State.PARTIALLY_RECEIVED if po.outstanding else State.RECEIVED


def _end(po: PurchaseOrder, state: State) -> PurchaseOrder:
    return replace(po, state=state, finishing=None)


def cancel_unsent(po: PurchaseOrder, reason: str) -> tuple[PurchaseOrder, list[Break]]:
    """An unsent PO is cancelled at once: every tie is broken, every line deleted."""
    ended = replace(po.to(State.CANCELLED), reason=reason)
    breaks: list[Break] = []
    for line in po.lines:
        line, broken = shrink(line, ZERO, reason)
        breaks += broken
        ended = ended.put(replace(line, stock_wanted=ZERO))
    return ended, breaks


def shrink(line: Line, supply: Decimal, reason: str) -> tuple[Line, list[Break]]:
    """The line brings no more than `supply` in all: first the untied part goes, then ties, the last-ranked first.

    Pegged quantities stay: what has arrived for a demand is never broken off. Supply never grows by this.
    """
    excess = line.tied - supply
    breaks: list[Break] = []
    for tie in sorted(line.ties, key=rank, reverse=True):
        if excess <= 0:
            break
        line, broken = _broken(line, tie.tie_id, excess, reason)
        excess -= broken.qty
        if broken.qty:
            breaks.append(broken)
    cancelled = max(line.cancelled, line.ordered - max(supply, line.tied))
    if cancelled == line.cancelled:
        return line, breaks
    return replace(line, cancelled=cancelled, reason=reason), breaks
