"""Why is this line waiting (BO-18)? What orders knows of it, in the order in which goods come to a customer.

First what keeps the line from being supplied: it is a draft, inventory has not answered, a wish to cancel is not carried
out, a special order waits for its supply. Then inventory has the word: who ranks ahead, what is held and for whom, what
comes and when. Last what keeps granted units from leaving: a void by hand, a hold, an all-or-nothing line, a complete
order, the inspection gate, the hand that must release arrived goods, the shipment that they stand on.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.decimals import ZERO, plain

from .allotment import Allotment
from .order import Line, Order, OrderState, ShipType
from .release import is_covered
from .special import SpecialOrder, SpecialState, Tie, still_open


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that the line waits for: its name, the rule behind it, in words, how many units, and references."""

    reason: str
    rule: str
    message: str
    qty: Decimal | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Standing:
    """Units of the line on a shipment that has not left."""

    shipment_id: UUID
    number: str
    state: str
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Situation:
    """A line with everything that orders knows of what it waits for."""

    order: Order
    line: Line
    lines: Sequence[Line]
    tickets: Sequence[Allotment] = ()
    ties: Sequence[Tie] = ()
    expected: Mapping[UUID, Any] = field(default_factory=dict)
    """When the supply of a tie is expected, by tie."""
    special: SpecialOrder | None = None
    obstacles: Sequence[Any] = ()
    standings: Sequence[Standing] = ()
    visible: frozenset[UUID] = frozenset()
    """The lines that the asker may see."""

    @property
    def is_with_inventory(self) -> bool:
        """Whether inventory can know why it waits."""
        told = self.order.is_open and self.line.opening_version > 0
        return told and not self.line.is_done and not self.line.is_service and not self.line.drop_ship

    @property
    def unreleased(self) -> Decimal:
        """Units that are granted and on no shipment."""
        return sum((t.live for t in self.tickets if not t.is_released), ZERO)


def before_supply(now: Situation) -> list[Reason]:
    """What keeps the line from being supplied, as far as orders knows."""
    order, line = now.order, now.line
    if order.state is OrderState.DRAFT:
        return [Reason("draft", "ORD-1", f"Order {order.number} is a draft: it is no demand yet", line.need)]
    if not order.is_open or line.is_done:
        return []
    return [*_cancelling(line), *_unanswered(order, line), *_special(now)]


def _cancelling(line: Line) -> Iterator[Reason]:
    if line.is_cancelling:
        left = min(line.cancel_wanted, line.ordered - line.shipped) - line.cancelled
        yield Reason(
            "cancelling",
            "ORD-1",
            f"{plain(left)} are wanted no more, but inventory has not freed them yet: they may be in a pick",
            left,
        )


def _unanswered(order: Order, line: Line) -> Iterator[Reason]:
    wanted = max(line.opening_version, line.wish_version)
    if not line.is_service and not line.drop_ship and line.settled_version < wanted:
        yield Reason(
            "not_answered",
            "BO-3",
            f"Inventory has not decided on version {wanted} of the order yet",
            line.waiting,
            {"told_version": order.told, "settled_version": line.settled_version},
        )


def _special(now: Situation) -> Iterator[Reason]:
    special, line = now.special, now.line
    if special is None or not line.is_special or line.waiting <= ZERO:
        return
    for obstacle in now.obstacles:
        yield Reason(
            "not_bought",
            "BUY-2",
            obstacle.message,
            obstacle.qty,
            {"kind": obstacle.kind, "first_seen_at": obstacle.first_seen_at},
        )
    to_come = [(tie, still_open(tie, now.tickets)) for tie in now.ties]
    coming = [(tie, qty) for tie, qty in to_come if qty > ZERO]
    for tie, qty in coming:
        when = now.expected.get(tie.id)
        yield Reason(
            "ordered",
            "SO-1",
            f"{plain(qty)} are to come from {tie.vendor} with {tie.po_number}"
            + (f", expected on {when}" if when else ", no date promised"),
            qty,
            {"po_id": tie.po_id, "po_number": tie.po_number, "vendor": tie.vendor, "expected_on": when},
        )
    missing = line.waiting - sum((qty for _, qty in coming), ZERO)
    if missing > ZERO and special.state is not SpecialState.CANCELLED:
        yield Reason(
            "requested",
            "SO-1",
            f"Special order {special.number} waits to be bought or transferred: no supply is tied to {plain(missing)}",
            missing,
            {"special_order_id": special.id, "special_order_number": special.number},
        )


def before_leaving(now: Situation, *, auto_ship_on_receipt: bool) -> list[Reason]:
    """What keeps granted units from leaving the house."""
    if not now.order.is_open or now.line.is_done or now.line.is_service:
        return []
    return [
        *_held(now),
        *_blocked(now),
        *_whole(now),
        *_complete(now),
        *_by_hand(now, auto_ship_on_receipt=auto_ship_on_receipt),
        *_uninspected(now.tickets),
        *_on_shipments(now.standings),
    ]


def _held(now: Situation) -> Iterator[Reason]:
    if now.order.credit_hold:
        message = f"Customer {now.order.customer} is on credit hold: nothing is released"
        yield Reason("credit_hold", "ORD-6", message, now.unreleased, {"customer": now.order.customer})
    if now.order.customer_hold:
        yield Reason(
            "customer_hold", "ORD-6", "The customer asked to wait: nothing is released", now.unreleased
        )


def _blocked(now: Situation) -> Iterator[Reason]:
    if now.line.release_blocked:
        message = "A shipment of the line was voided by hand: release it by hand"
        yield Reason("voided_by_hand", "SHIP-4", message, now.unreleased)


def _whole(now: Situation) -> Iterator[Reason]:
    line = now.line
    if line.all_or_nothing and line.waiting > ZERO:
        message = f"Nothing of the line ships before all of it is there: {plain(line.granted)} of {plain(line.need)} are"
        yield Reason("all_or_nothing", "BO-5", message, line.granted - line.shipped)


def _complete(now: Situation) -> Iterator[Reason]:
    if now.order.ship_type is not ShipType.COMPLETE:
        return
    open_lines = [line for line in now.lines if not is_covered(line)]
    others = [line for line in open_lines if line.id != now.line.id]
    if not others:
        return
    seen = [line for line in others if line.id in now.visible]
    numbers = ", ".join(str(line.line_no) for line in seen) or "of other warehouses"
    yield Reason(
        "complete_order",
        "ORD-2",
        f"The order ships complete, and {len(others)} other lines are not covered: line {numbers}",
        now.unreleased,
        {
            "lines": [{"line_no": line.line_no, "sku": line.sku, "waiting": line.waiting} for line in seen],
            "in_other_warehouses": len(others) - len(seen),
        },
    )


def _by_hand(now: Situation, *, auto_ship_on_receipt: bool) -> Iterator[Reason]:
    pegs = sum((t.live for t in now.tickets if t.is_peg and not t.is_released), ZERO)
    if pegs > ZERO and not auto_ship_on_receipt:
        message = f"{plain(pegs)} have arrived and wait to be released by hand (auto_ship_on_receipt is off)"
        yield Reason("release_by_hand", "SO-6", message, pegs)


def _uninspected(tickets: Iterable[Allotment]) -> Iterator[Reason]:
    qty = sum((min(t.live, max(ZERO, t.qty - t.failed - t.passed)) for t in tickets if t.gated), ZERO)
    if qty > ZERO:
        yield Reason("inspection", "SO-9", f"{plain(qty)} are not inspected yet and cannot be picked", qty)


def _on_shipments(standings: Iterable[Standing]) -> Iterator[Reason]:
    for one in standings:
        yield Reason(
            f"shipment_{one.state}",
            "SHIP-1",
            f"{plain(one.qty)} stand on shipment {one.number}, which is {one.state}",
            one.qty,
            {"shipment_id": one.shipment_id, "shipment_number": one.number},
        )
