"""The change table (BUY-16): what happens to a purchase order when the order's line changes, cell by cell.

Line 10, tied 10, r = received through the tie.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.purchasing.domain.cost import Packing
from services.purchasing.domain.demand import Demand, Kind, RequestState
from services.purchasing.domain.purchase_order import (
    PurchaseOrder,
    State,
    break_off,
    enlarge,
    hand_over,
    shrink,
)
from services.purchasing.domain.settlement import GivenUp, after_inheritance, given_up, judge
from services.purchasing.tests.builders import demand, line, offer, po, said, tie, tied, uid


def changed(received: object = 0, **change: Any) -> Demand:
    """The line after the change, its tie of 10 pegged by what was received."""
    now = demand(granted=received, **change)
    return tied(now, tie(demand(), 10, pegged=received))


def settle(wanted: Demand, order: PurchaseOrder) -> tuple[PurchaseOrder, list[GivenUp], Decimal]:
    """What becomes of the PO, what was given up, and the need that is left."""
    verdict = judge(wanted, offer())
    moves = given_up([verdict], lambda _: order.is_sent)
    for move in moves:
        order, _ = break_off(order, move.tie.tie_id, move.qty, move.reason)
    return order, moves, after_inheritance([verdict], moves)[0].need


def order_for(wanted: Demand, state: State, ordered: object = 10, **given: object) -> PurchaseOrder:
    return po(line("PO-1/1", ordered, *wanted.ties, **given), state=state)


@pytest.mark.rule("BUY-16")
@pytest.mark.parametrize(
    ("state", "received", "figures", "state_after"),
    [
        pytest.param(State.DRAFT, 0, "0 0 0", State.CANCELLED, id="not sent: the PO line is deleted"),
        pytest.param(
            State.OPEN, 0, "10 0 10", State.OPEN, id="sent, r=0: the PO keeps 10, the tie is broken"
        ),
        pytest.param(
            State.PARTIALLY_RECEIVED, 4, "10 4 6", State.PARTIALLY_RECEIVED, id="sent, r=4: 6 untied"
        ),
    ],
)
def test_order_line_cancelled(state: State, received: int, figures: str, state_after: State) -> None:
    wanted = changed(received, cancel_wanted=10)

    order, moves, need = settle(wanted, order_for(wanted, state, received=received))

    assert said(order.lines[0].supply, order.lines[0].tied, order.lines[0].untied) == figures
    assert order.state is state_after
    assert [move.reason for move in moves] == ["SO-1 line 1 was cancelled"]
    assert order.lines[0].ties[0].closed_reason == "SO-1 line 1 was cancelled"
    assert need <= 0


@pytest.mark.rule("BUY-16")
@pytest.mark.parametrize(
    ("state", "received", "figures"),
    [
        pytest.param(State.DRAFT, 0, "7 7 7", id="not sent: PO line 7, tie 7"),
        pytest.param(State.OPEN, 0, "10 7 7", id="sent, r=0: PO 10, tie 7, 3 untied"),
        pytest.param(State.PARTIALLY_RECEIVED, 4, "10 7 3", id="sent, r=4: the same, 3 still open"),
    ],
)
def test_line_10_to_7(state: State, received: int, figures: str) -> None:
    wanted = changed(received, ordered=7)

    order, _, need = settle(wanted, order_for(wanted, state, received=received))

    [only] = order.lines
    assert said(only.supply, only.tied, only.ties[0].open) == figures
    assert need == 0


@pytest.mark.rule("BUY-16")
def test_line_10_to_3_after_4_came_leaves_6_untied_and_one_for_inventory_to_free() -> None:
    wanted = changed(4, ordered=3)

    order, _, need = settle(wanted, order_for(wanted, State.PARTIALLY_RECEIVED, received=4))

    assert order.lines[0].ties[0].open == 0
    assert order.lines[0].untied == 6
    assert need == -1  # pegged beyond the need: inventory frees it


@pytest.mark.rule("BUY-16")
def test_line_10_to_12_not_sent_makes_one_po_line_of_12_with_ties_10_and_2() -> None:
    wanted = changed()
    more = demand("SO-1/2", 2, parent_line_id=wanted.line_id)

    order = enlarge(order_for(wanted, State.DRAFT), uid("PO-1/1"), tie(more, 2))

    assert order.lines[0].ordered == 12
    assert [t.qty for t in order.lines[0].ties] == [10, 2]


@pytest.mark.rule("BUY-16")
@pytest.mark.parametrize("received", [0, 4])
def test_line_10_to_12_sent_keeps_the_tie_and_requests_2(received: int) -> None:
    wanted = changed(received)
    more = demand("SO-1/2", 2, parent_line_id=wanted.line_id)

    verdicts = [judge(wanted, offer()), judge(more, offer())]

    assert given_up(verdicts, lambda _: True) == []
    assert said(*(verdict.need for verdict in verdicts)) == "0 2"
    assert [verdict.state for verdict in verdicts] == [RequestState.NONE, RequestState.OPEN]


@pytest.mark.rule("BUY-16")
@pytest.mark.parametrize(
    ("received", "tied_after", "requested"),
    [
        pytest.param(0, 0, 10, id="tie broken, request 10"),
        pytest.param(4, 4, 6, id="tie closed at 4, request 6"),
    ],
)
def test_po_line_cancelled(received: int, tied_after: int, requested: int) -> None:
    wanted = changed(received)

    cancelled, breaks = shrink(
        order_for(wanted, State.OPEN).lines[0], Decimal(received), "vendor is out of it"
    )

    assert cancelled.tied == tied_after
    assert cancelled.supply == received
    assert [b.qty for b in breaks] == [10 - received]
    assert judge(replace(wanted, ties=cancelled.ties), offer()).need == requested


@pytest.mark.rule("BUY-16")
@pytest.mark.parametrize("received", [0, 4])
def test_po_qty_10_to_6_leaves_a_tie_of_6_and_a_request_of_4(received: int) -> None:
    wanted = changed(received)

    smaller, _ = shrink(order_for(wanted, State.OPEN).lines[0], Decimal(6), "fewer")

    assert said(smaller.supply, smaller.tied) == "6 6"
    assert judge(replace(wanted, ties=smaller.ties), offer()).need == 4


@pytest.mark.rule("BUY-16")
@pytest.mark.rule("ITEM-1")
@pytest.mark.parametrize("change", [{"sku": "DESK"}, {"unit": "BX"}])
def test_item_or_unit_replaced_breaks_the_tie_and_makes_a_new_request(change: dict[str, object]) -> None:
    wanted = changed(0, **change)

    order, moves, need = settle(wanted, order_for(wanted, State.OPEN))

    assert order.lines[0].untied == 10
    assert moves[0].reason == "the item was replaced on SO-1 line 1"
    assert need == 10


@pytest.mark.rule("BUY-16")
def test_a_line_that_becomes_a_stock_line_gives_its_tie_up() -> None:
    wanted = changed(special_order=False)

    order, _, need = settle(wanted, order_for(wanted, State.OPEN))

    assert order.lines[0].tied == 0
    assert need == 0


@pytest.mark.rule("BUY-16")
def test_cancel_and_receipt_of_4_end_alike_in_either_order() -> None:
    """Receipt first closes 6 of the tie; cancel first closes 10 and inventory no longer pegs: nothing stays open."""
    receipt_first = changed(4, cancel_wanted=10)
    cancel_first = changed(0, cancel_wanted=10)

    one, _, _ = settle(receipt_first, order_for(receipt_first, State.OPEN, received=4))
    other, _, _ = settle(cancel_first, order_for(cancel_first, State.OPEN))

    assert one.lines[0].supply == other.lines[0].supply == 10
    assert one.lines[0].ties[0].open == other.lines[0].ties[0].open == 0


def test_several_ties_of_one_demand_shrink_unsent_first_then_the_newest() -> None:
    wanted = demand(ordered=5)
    old, new = tie(wanted, 4, "PO-1/1", tie_id=uid("b")), tie(wanted, 4, "PO-2/1", tie_id=uid("c"))
    draft = tie(wanted, 4, "PO-3/1", tie_id=uid("a"))
    older, newer = sorted((old, new), key=lambda t: t.tie_id)
    verdict = judge(tied(wanted, old, new, draft), offer())

    moves = given_up([verdict], lambda t: t is not draft)

    assert [move.tie for move in moves] == [draft, newer]
    assert said(*(move.qty for move in moves)) == "4 3"
    assert older.open == 4


def test_of_several_ties_on_a_po_line_the_untied_part_shrinks_first_then_the_last_ranked() -> None:
    first, last = demand("SO-1/1", 5), demand("SO-2/2", 5)
    both = line("PO-1/1", 12, tie(last, 5), tie(first, 5))

    without_excess, none = shrink(both, Decimal(10), "fewer")
    smaller, breaks = shrink(both, Decimal(7), "fewer")

    assert none == []
    assert without_excess.untied == 0
    assert [b.tie.order_number for b in breaks] == ["SO-2"]
    assert breaks[0].qty == 3
    assert smaller.supply == 7


def test_a_draft_line_with_something_else_on_it_is_not_deleted() -> None:
    first, other = demand("SO-1/1", 10), demand("SO-2/2", 5)
    order = po(line("PO-1/1", 15, tie(first, 10), tie(other, 5)), state=State.DRAFT)

    order, _ = break_off(order, tie(first, 10).tie_id, Decimal(10), "cancelled")

    assert order.state is State.DRAFT
    assert said(order.lines[0].ordered, order.lines[0].tied) == "5 5"


def test_a_draft_keeps_what_the_buyer_wanted_for_stock() -> None:
    wanted = demand(ordered=10)
    order = po(line("PO-1/1", 15, tie(wanted, 10), stock_wanted=5), state=State.DRAFT)

    order, _ = break_off(order, tie(wanted, 10).tie_id, Decimal(10), "cancelled")

    assert said(order.lines[0].ordered, order.lines[0].untied) == "5 5"


@pytest.mark.rule("BUY-5")
def test_a_draft_line_in_boxes_shrinks_by_whole_boxes() -> None:
    wanted = demand(ordered=20)
    boxes = line("PO-1/1", 24, tie(wanted, 20), packing=Packing("BX", Decimal(12)))

    order, _ = break_off(po(boxes, state=State.DRAFT), tie(wanted, 20).tie_id, Decimal(9), "fewer")

    assert said(order.lines[0].ordered, order.lines[0].tied, order.lines[0].untied) == "12 11 1"


def test_what_a_split_line_gives_up_goes_to_its_linked_line() -> None:
    """Line 10, tied 10, is split into 6 and a linked line of 4: the tie moves along, nothing is bought twice."""
    parent = tied(demand(ordered=6), tie(demand(), 10))
    child = demand("SO-1/2", 4, parent_line_id=parent.line_id)
    verdicts = [judge(parent, offer()), judge(child, offer())]

    moves = given_up(verdicts, lambda _: True)
    after = after_inheritance(verdicts, moves)
    heir = tie(child, 4)
    order = hand_over(order_for(parent, State.OPEN), moves[0].tie.tie_id, moves[0].qty, heir)

    assert [move.heir for move in moves] == [child]
    assert said(*(verdict.need for verdict in after)) == "0 0"
    assert said(*(t.open for t in order.lines[0].ties)) == "6 4"
    assert order.lines[0].untied == 0


def test_nothing_is_given_up_before_inventory_has_settled_a_linked_line() -> None:
    needed: dict[str, Any] = {"kind": Kind.ORDER_AS_NEEDED, "special_order": False, "order_version": 2}
    parent = tied(demand(ordered=6, settled_version=2, **needed), tie(demand(), 10))
    child = demand("SO-1/2", 4, parent_line_id=parent.line_id, settled_version=1, **needed)

    assert given_up([judge(parent, offer()), judge(child, offer())], lambda _: True) == []
