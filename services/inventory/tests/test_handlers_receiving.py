"""Receipts on the real database (SO-6, SO-8, SO-10, SO-16, BO-7, BUY-16, BUY-19)."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from services.inventory import handlers
from services.inventory.domain.incoming import IncomingShipmentMoved, PurchaseOrderNotOpen
from services.inventory.domain.receiving import NothingCounted
from services.inventory.handlers.trucks import IncomingShipmentChanged, NoSuchIncomingShipment
from services.inventory.tests.builders import (
    answered,
    changed,
    later,
    opened,
    order_line,
    po_line,
    sent,
    tied,
)
from services.inventory.tests.scene import Scene, snapshot
from shared.auth import Principal, Scope
from shared.contracts.inventory import (
    GoodsPegged,
    GoodsReceived,
    InspectionCompleted,
    StockAllotted,
    SupplyReduced,
    TieMissed,
)
from shared.contracts.orders import SalesOrderChanged
from shared.contracts.purchasing import (
    PurchaseOrderCancelled,
    PurchaseOrderChanged,
    PurchaseOrderState,
    ReductionWish,
    SupplyReductionAsked,
)
from shared.ids import new_id
from shared.testing import ALL_SCOPES


async def bought(scene: Scene, *quantities: int, on_line: int | None = None) -> tuple[list[Any], Any]:
    """Special orders of these quantities, all tied to one PO line (of `on_line` units)."""
    orders = [opened(order_line(qty, special=True), at=n) for n, qty in enumerate(quantities)]
    await scene.orders(*orders)
    ties = [tied(order, qty) for order, qty in zip(orders, quantities, strict=True)]
    po = sent(po_line(on_line or sum(quantities), *ties))
    await scene.buys(po)
    return orders, po


@pytest.mark.rule("SO-16")
async def test_a_sent_purchase_order_is_expected(scene: Scene) -> None:
    _, po = await bought(scene, 10)

    shipment = await scene.expected(po)

    assert (shipment.number[:3], shipment.state, shipment.vendor, shipment.warehouse) == (
        "IS-",
        "expected",
        "OAKCO",
        "MAIN",
    )
    assert [
        row.expected for row in await scene.bench.sql("SELECT expected FROM incoming_lines WHERE open")
    ] == [10]


@pytest.mark.rule("SO-16")
async def test_a_draft_and_a_drop_ship_order_are_not_expected(scene: Scene) -> None:
    await scene.buys(
        sent(po_line(5), state=PurchaseOrderState.DRAFT),
        sent(po_line(5), drop_ship=True),
        sent(po_line(5), state="cancelled"),
    )

    assert await scene.bench.sql("SELECT * FROM incoming_shipments") == []


@pytest.mark.rule("SO-6")
async def test_received_goods_are_pegged_and_told_with_their_inspection(scene: Scene) -> None:
    (order,), po = await bought(scene, 10)

    receipt = await scene.receives(po, {1: 10})

    assert await scene.stock() == {"on_hand": 10, "allotted": 0, "pegged": 10, "quarantined": 0}
    assert await scene.granted(order) == [10]
    (told,) = await scene.bench.told(GoodsReceived)
    (line,) = told.lines
    assert (told.receipt_id, told.po_number, told.part, told.parts) == (receipt.shipment.id, po.number, 1, 1)
    assert [line.expected, line.received, line.surplus, line.free] == [10, 10, 0, 0]
    assert [(p.order_number, int(p.qty), p.gated, p.origin.value) for p in line.pegs] == [
        (order.number, 10, True, "receipt")
    ]
    (inspection,) = await scene.bench.sql("SELECT * FROM inspections")
    assert (inspection.id, inspection.to_inspect, inspection.state) == (line.inspection_id, 10, "open")
    assert [row.action for row in await scene.bench.log("incoming-shipment", receipt.shipment.id)] == [
        "expected",
        "completed",
    ]
    assert [row.actor for row in await scene.bench.log("demand", order.lines[0].line_id)] == ["tester"]


@pytest.mark.rule("SO-10")
async def test_a_peg_is_exclusive(scene: Scene) -> None:
    waiting = opened(order_line(10), at=0, priority=9)
    await scene.orders(waiting)
    (order,), po = await bought(scene, 10)

    await scene.receives(po, {1: 10})

    assert await scene.granted(order, waiting) == [10, 0]


@pytest.mark.rule("SO-8")
async def test_a_partial_receipt_pegs_the_part_and_the_rest_is_expected_again(scene: Scene) -> None:
    (order,), po = await bought(scene, 10)

    await scene.receives(po, {1: 6})
    second = await scene.expected(po)
    await scene.receives(po, {1: 4})

    assert await scene.granted(order) == [10]
    assert [(t.qty, t.generation) for t in await scene.tickets(order)] == [(6, 0), (4, 0)]
    rows = await scene.bench.sql("SELECT number, state FROM incoming_shipments ORDER BY number")
    assert [row.state for row in rows] == ["complete", "complete"]
    assert second.number == rows[1].number
    first = (await scene.bench.told(GoodsReceived))[0]
    assert [(s.order_number, int(s.missing)) for s in first.lines[0].short] == [(order.number, 4)]
    assert len(await scene.bench.sql("SELECT * FROM inspections")) == 2


@pytest.mark.rule("SO-8")
async def test_one_receipt_for_two_ties_goes_by_rank(scene: Scene) -> None:
    (first, second), po = await bought(scene, 5, 5)

    receipt = await scene.receives(po, {1: 7})

    assert await scene.granted(first, second) == [5, 2]
    assert [(s.tie.order_number, int(s.missing)) for s in receipt.lines[0].divided.short] == [
        (second.number, 3)
    ]


@pytest.mark.rule("SO-8")
async def test_an_over_receipt_leaves_its_surplus_free(scene: Scene) -> None:
    (order,), po = await bought(scene, 10)

    await scene.receives(po, {1: 12})

    assert await scene.available() == 2
    (told,) = await scene.bench.told(GoodsReceived)
    assert [told.lines[0].surplus, told.lines[0].free] == [2, 2]
    assert await scene.granted(order) == [10]


@pytest.mark.rule("SO-8")
async def test_a_surplus_may_go_to_the_order_whose_tie_was_cut(scene: Scene) -> None:
    await scene.bench.write(
        'INSERT INTO preferences (chosen, version) VALUES (\'{"over_receipt": "to_order"}\', 1)'
    )
    orders = [opened(order_line(qty, special=True), at=n) for n, qty in enumerate((6, 4))]
    await scene.orders(*orders)
    po = sent(po_line(8, tied(orders[0], 6), tied(orders[1], 4, closed=2)))
    await scene.buys(po)

    await scene.receives(po, {1: 11})

    assert await scene.granted(*orders) == [6, 4]
    assert await scene.available() == 1


@pytest.mark.rule("BO-7")
async def test_untied_units_of_a_receipt_fill_waiting_lines_in_the_same_fact(scene: Scene) -> None:
    waiting = [opened(order_line(4), at=n) for n in (1, 2)]
    await scene.orders(*waiting)
    (special,), po = await bought(scene, 5, on_line=12)
    await scene.bench.forget_told()

    await scene.receives(po, {1: 12})

    assert await scene.granted(special, *waiting) == [5, 4, 3]
    (told,) = await scene.bench.told(GoodsReceived)
    assert [(f.order_number, int(f.qty)) for f in told.lines[0].fills] == [
        (waiting[0].number, 4),
        (waiting[1].number, 3),
    ]
    assert told.lines[0].free == 0
    assert await scene.bench.told(StockAllotted) == []


async def test_a_line_with_a_tie_that_free_stock_has_filled_leaves_its_goods_to_others(scene: Scene) -> None:
    order = opened(order_line(10, kind="order_as_needed"))
    await scene.orders(order)
    po = sent(po_line(10, tied(order, 10)))
    await scene.buys(po)
    await scene.stocked(6)

    await scene.receives(po, {1: 10})

    assert await scene.granted(order) == [10]
    assert [(t.qty, t.receipt_line_id is not None) for t in await scene.tickets(order)] == [
        (6, False),
        (4, True),
    ]
    assert await scene.available() == 6


async def test_goods_received_for_an_order_not_heard_of_yet_are_pegged_and_kept_for_it(scene: Scene) -> None:
    order = opened(order_line(7, special=True))
    po = sent(po_line(10, tied(order, 10)))
    await scene.buys(po)
    await scene.receives(po, {1: 10})
    assert await scene.granted(order) == [10]

    await scene.orders(order)

    line = await scene.line(order)
    assert (line.need, line.granted, line.settled_version, line.heard_version) == (7, 10, 0, 1)
    (question,) = await scene.questions()
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [3]))
    assert await scene.granted(order) == [7]
    assert await scene.available() == 3


@pytest.mark.rule("SO-16")
async def test_counts_can_be_kept_before_anything_moves(scene: Scene) -> None:
    _, po = await bought(scene, 10)
    before = await scene.expected(po)

    receipt = await scene.receives(po, {1: 4}, complete=False)

    assert (receipt.shipment.state, receipt.shipment.version, receipt.lines) == (
        "receiving",
        before.version + 1,
        (),
    )
    assert await scene.bench.sql("SELECT * FROM stock_ledger") == []
    again = await scene.receives(po, {})
    assert again.lines[0].line.received == 4


@pytest.mark.rule("SO-16")
async def test_a_stale_count_moves_nothing(scene: Scene) -> None:
    _, po = await bought(scene, 10)
    shipment = await scene.expected(po)

    with pytest.raises(IncomingShipmentChanged):
        await scene.bench.run(handlers.receive, shipment.id, shipment.version + 1, [(1, Decimal(10))], True)

    assert await scene.bench.sql("SELECT * FROM stock_ledger") == []


@pytest.mark.rule("SO-16")
async def test_a_complete_shipment_is_not_received_again(scene: Scene) -> None:
    _, po = await bought(scene, 10)
    shipment = await scene.expected(po)
    await scene.receives(po, {1: 10})

    with pytest.raises(IncomingShipmentMoved):
        await scene.bench.run(handlers.receive, shipment.id, shipment.version + 1, [(1, Decimal(10))], True)

    assert (await scene.stock())["on_hand"] == 10


@pytest.mark.rule("SO-16")
@pytest.mark.rule("BUY-19")
async def test_receiving_needs_an_open_purchase_order(scene: Scene) -> None:
    _, po = await bought(scene, 10)
    shipment = await scene.expected(po)
    await scene.bench.write("UPDATE purchase_orders SET state = 'draft'")

    with pytest.raises(PurchaseOrderNotOpen):
        await scene.bench.run(handlers.receive, shipment.id, shipment.version, [(1, Decimal(10))], True)


@pytest.mark.rule("SO-16")
async def test_an_empty_truck_is_refused(scene: Scene) -> None:
    _, po = await bought(scene, 10)

    with pytest.raises(NothingCounted):
        await scene.receives(po, {1: 0})


async def test_a_shipment_of_another_warehouse_is_not_there(scene: Scene) -> None:
    _, po = await bought(scene, 10)
    shipment = await scene.expected(po)
    scene.bench.principal = Principal("east", ALL_SCOPES, Scope(frozenset({"EAST"})))

    with pytest.raises(NoSuchIncomingShipment):
        await scene.bench.run(handlers.receive, shipment.id, shipment.version, [(1, Decimal(10))], True)


async def test_a_receipt_of_many_lines_is_told_in_parts_of_at_most_200(scene: Scene) -> None:
    orders = [opened(order_line(1, special=True), at=n) for n in range(450)]
    for start in range(0, 450, 50):
        await scene.orders(*orders[start : start + 50])
    po = sent(
        po_line(440, *(tied(order, 1) for order in orders[:440])),
        po_line(10, *(tied(o, 1) for o in orders[440:]), line_no=2),
    )
    await scene.buys(po)

    await scene.receives(po, {1: 440, 2: 10})

    told = await scene.bench.told(GoodsReceived)
    assert [(fact.part, fact.parts) for fact in told] == [(n, len(told)) for n in range(1, len(told) + 1)]
    assert all(sum(1 + len(line.pegs) + len(line.fills) for line in fact.lines) <= 200 for fact in told)
    pegged = [peg.line_id for fact in told for line in fact.lines for peg in line.pegs]
    assert sorted(pegged) == sorted(order.lines[0].line_id for order in orders)
    assert {line.received for fact in told for line in fact.lines if line.po_line_no == 1} == {440}


# --- purchase orders change -------------------------------------------------------------------------------------------


async def test_a_changed_purchase_order_changes_what_is_expected(scene: Scene) -> None:
    _, po = await bought(scene, 10)
    first = await scene.expected(po)

    more = po.lines[0].model_copy(update={"ordered": Decimal(15)})
    await scene.buys(later(po, PurchaseOrderChanged, lines=[more, po_line(3, sku="CHAIR", line_no=2)]))

    after = await scene.expected(po)
    assert (after.id, after.version) == (first.id, first.version + 1)
    assert [
        int(row.expected) for row in await scene.bench.sql("SELECT expected FROM incoming_lines ORDER BY 1")
    ] == [3, 15]


@pytest.mark.rule("BUY-16")
async def test_a_cancelled_purchase_order_brings_nothing_more(scene: Scene) -> None:
    _, po = await bought(scene, 10)

    await scene.buys(later(po, PurchaseOrderCancelled, state="cancelled"))

    rows = await scene.bench.sql(
        "SELECT s.state, l.open FROM incoming_shipments s JOIN incoming_lines l ON l.shipment_id = s.id"
    )
    assert [tuple(row) for row in rows] == [("cancelled", False)]


async def test_a_line_removed_from_a_purchase_order_is_expected_no_more(scene: Scene) -> None:
    po = sent(po_line(5), po_line(3, sku="CHAIR", line_no=2))
    await scene.buys(po)

    await scene.buys(later(po, PurchaseOrderChanged, lines=po.lines[:1]))

    assert [int(row.expected) for row in await scene.bench.sql("SELECT expected FROM incoming_lines")] == [5]


async def test_purchase_order_snapshots_in_any_order_and_twice_end_alike(scene: Scene) -> None:
    order = opened(order_line(10, special=True))
    po = sent(po_line(10, tied(order, 10)))
    cut = po.lines[0].model_copy(update={"ordered": Decimal(12), "cancelled": Decimal(6)})
    story = [
        po,
        later(po, PurchaseOrderChanged, lines=[cut]),
        later(po, PurchaseOrderChanged, version=3, lines=[cut, po_line(2, line_no=2)]),
    ]
    ends: list[dict[str, list[str]]] = []
    for arrival in itertools.permutations(range(3)):
        await scene.bench.empty()
        await scene.set_up()
        for n in (*arrival, arrival[-1]):
            await scene.buys(story[n])
        ends.append(await snapshot(scene.bench))

    assert all(end == ends[0] for end in ends)
    assert [
        int(row.expected) for row in await scene.bench.sql("SELECT expected FROM incoming_lines ORDER BY 1")
    ] == [2, 6]


def reduction(po: Any, supply: int) -> SupplyReductionAsked:
    wish = ReductionWish(po_line_id=po.lines[0].po_line_id, supply=Decimal(supply))
    return SupplyReductionAsked(question_id=new_id(), po_id=po.po_id, lines=[wish])


@pytest.mark.rule("BUY-16")
async def test_a_reduction_gives_up_what_has_not_arrived_and_is_answered_once(scene: Scene) -> None:
    _, po = await bought(scene, 10)
    await scene.receives(po, {1: 4})
    question = reduction(po, 2)

    await scene.bench.hear(handlers.supply_reduction_asked, question)
    await scene.bench.hear(handlers.supply_reduction_asked, question, reduction(po, 7))

    answers = await scene.bench.told(SupplyReduced)
    assert [int(line.supply) for fact in answers for line in fact.lines] == [4, 4, 4]
    assert (
        await scene.bench.sql("SELECT 1 FROM incoming_shipments WHERE state IN ('expected', 'receiving')")
        == []
    )


async def test_what_stands_counted_at_the_dock_is_not_given_up(scene: Scene) -> None:
    _, po = await bought(scene, 10)
    await scene.receives(po, {1: 6}, complete=False)

    await scene.bench.hear(handlers.supply_reduction_asked, reduction(po, 0))

    (answer,) = await scene.bench.told(SupplyReduced)
    assert answer.lines[0].supply == 6
    assert (await scene.receives(po, {})).lines[0].line.received == 6


async def test_a_reduction_heard_before_its_purchase_order_holds_when_it_comes(scene: Scene) -> None:
    po = sent(po_line(10))
    question = reduction(po, 3)
    await scene.bench.hear(handlers.supply_reduction_asked, question)

    await scene.buys(po)

    assert [int(row.expected) for row in await scene.bench.sql("SELECT expected FROM incoming_lines")] == [3]


# --- ties heard after their goods -------------------------------------------------------------------------------------


async def tie_comes_late(scene: Scene, qty: int, *, taken: int = 0) -> tuple[Any, Any]:
    """10 arrive untied, `taken` of them go to a stock order, then a tie of `qty` to a special order is heard."""
    po = sent(po_line(10))
    await scene.buys(po)
    await scene.receives(po, {1: 10})
    if taken:
        await scene.orders(opened(order_line(taken)))
    order = opened(order_line(qty, special=True))
    await scene.orders(order)
    await scene.bench.forget_told()
    line = po.lines[0].model_copy(update={"ties": [tied(order, qty)]})
    await scene.buys(later(po, PurchaseOrderChanged, lines=[line]))
    return order, po


async def test_a_tie_heard_after_its_goods_pegs_what_is_free(scene: Scene) -> None:
    order, po = await tie_comes_late(scene, 6)

    assert await scene.granted(order) == [6]
    (told,) = await scene.bench.told(GoodsPegged)
    assert told.inspection_version == 1
    assert [(peg.order_number, int(peg.qty)) for peg in told.pegs] == [(order.number, 6)]
    (inspection,) = await scene.bench.sql("SELECT * FROM inspections")
    assert (inspection.id, inspection.to_inspect, told.po_id) == (told.inspection_id, 6, po.po_id)
    assert await scene.bench.told(TieMissed) == []


async def test_what_has_gone_to_others_is_missed_and_told_once(scene: Scene) -> None:
    order, po = await tie_comes_late(scene, 6, taken=7)

    assert await scene.granted(order) == [3]
    (missed,) = await scene.bench.told(TieMissed)
    assert (missed.line_id, int(missed.missed)) == (order.lines[0].line_id, 3)
    again = await scene.bench.sql("SELECT * FROM ties")
    tie = tied(order, 6).model_copy(update={"tie_id": again[0].tie_id})
    line = po.lines[0].model_copy(update={"ties": [tie]})
    await scene.buys(later(po, PurchaseOrderChanged, version=3, lines=[line]))
    assert len(await scene.bench.told(TieMissed)) == 1
    assert await scene.granted(order) == [3]


async def test_a_late_tie_extends_the_inspection_of_its_receipt_line(scene: Scene) -> None:
    (first,), po = await bought(scene, 4, on_line=10)
    await scene.receives(po, {1: 10})
    (inspection,) = await scene.bench.sql("SELECT * FROM inspections")
    await scene.inspects(inspection.id, 4)
    second = opened(order_line(5, special=True))
    await scene.orders(second)

    line = po.lines[0].model_copy(update={"ties": [*po.lines[0].ties, tied(second, 5)]})
    await scene.buys(later(po, PurchaseOrderChanged, lines=[line]))

    (after,) = await scene.bench.sql("SELECT * FROM inspections")
    assert (after.id, after.to_inspect, after.passed, after.state) == (inspection.id, 9, 4, "open")
    assert await scene.granted(first, second) == [4, 5]


# --- pegs that are freed ----------------------------------------------------------------------------------------------


async def test_a_cancelled_special_order_frees_its_peg_to_stock_and_closes_its_inspection(
    scene: Scene,
) -> None:
    waiting = opened(order_line(10), at=9)
    await scene.orders(waiting)
    (order,), po = await bought(scene, 10)
    await scene.receives(po, {1: 4})

    await scene.orders(changed(order, SalesOrderChanged, wanted={10: 10}))
    (question,) = await scene.questions()
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [4]))

    assert await scene.granted(order, waiting) == [0, 4]
    (closed,) = await scene.bench.told(InspectionCompleted)
    assert (closed.closed, int(closed.to_inspect)) == (True, 0)


@pytest.mark.rule("SO-5")
async def test_stock_instead_frees_the_peg_and_the_line_is_served_by_rank(scene: Scene) -> None:
    first = opened(order_line(3), at=0)
    await scene.orders(first)
    later_order = opened(order_line(10, special=True), at=5)
    await scene.orders(later_order)
    po = sent(po_line(10, tied(later_order, 10)))
    await scene.buys(po)
    await scene.receives(po, {1: 4})
    assert await scene.granted(later_order, first) == [4, 0]

    own = [line.model_copy(update={"special_order": False}) for line in later_order.lines]
    stock = changed(later_order, SalesOrderChanged).model_copy(update={"lines": own})
    await scene.orders(stock)
    (question,) = await scene.questions()
    assert (await scene.line(later_order)).settled_version == 1
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [4]))

    assert await scene.granted(later_order, first) == [1, 3]
    assert (await scene.line(later_order)).settled_version == 2
    tickets = [(row.receipt_line_id is None, int(row.qty)) for row in await scene.tickets(later_order)]
    assert tickets == [(False, 4), (True, 1)]
    assert await scene.broken() == {}


@pytest.mark.rule("SO-8")
@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_cancel_and_receipt_of_4_either_first_end_alike(scene: Scene, cancelled_first: bool) -> None:
    (order,), po = await bought(scene, 10)
    if cancelled_first:
        await scene.orders(changed(order, SalesOrderChanged, wanted={10: 10}))
        await scene.receives(po, {1: 4})
    else:
        await scene.receives(po, {1: 4})
        await scene.orders(changed(order, SalesOrderChanged, wanted={10: 10}))
        (question,) = await scene.questions()
        await scene.bench.hear(handlers.units_withdrawn, answered(question, [4]))

    assert await scene.granted(order) == [0]
    assert await scene.stock() == {"on_hand": 4, "allotted": 0, "pegged": 0, "quarantined": 0}
