"""Inspections, shipments that leave or do not, returns and adjustments, on the real database."""

from decimal import Decimal
from typing import Any

import pytest

from services.inventory import handlers
from services.inventory.domain.adjustment import MoreThanIsFree, WantedAdjustment
from services.inventory.domain.inspection import InspectedTooMuch
from services.inventory.domain.returning import ReturnedTooMuch, ReturnTo, WantedReturn
from services.inventory.handlers.inspections import NoSuchInspection
from services.inventory.tests.builders import (
    answered,
    changed,
    figures,
    left,
    opened,
    order_line,
    po_line,
    sent,
    shipment,
    tied,
    voided,
)
from services.inventory.tests.scene import Scene
from shared.auth import Principal, Scope
from shared.contracts.inventory import GoodsReturned, InspectionCompleted, StockAllotted
from shared.contracts.orders import SalesOrderChanged
from shared.contracts.shipping import ShipmentShipped
from shared.testing import ALL_SCOPES


async def pegged(scene: Scene, *quantities: int) -> tuple[list[Any], Any]:
    """Special orders whose goods have arrived, and the inspection of these goods."""
    orders = [opened(order_line(qty, special=True), at=n) for n, qty in enumerate(quantities)]
    await scene.orders(*orders)
    po = sent(po_line(sum(quantities), *(tied(o, qty) for o, qty in zip(orders, quantities, strict=True))))
    await scene.buys(po)
    await scene.receives(po, {1: sum(quantities)})
    (inspection,) = await scene.bench.sql("SELECT * FROM inspections")
    return orders, inspection


@pytest.mark.rule("SO-9")
async def test_failed_units_are_quarantined_and_the_need_reopens(scene: Scene) -> None:
    (order,), inspection = await pegged(scene, 6)

    await scene.inspects(inspection.id, 4, 2)

    assert await scene.stock() == {"on_hand": 6, "allotted": 0, "pegged": 4, "quarantined": 2}
    assert await scene.granted(order) == [4]
    (told,) = await scene.bench.told(InspectionCompleted)
    assert [int(q) for q in (told.to_inspect, told.passed, told.failed)] == [6, 4, 2]
    assert (told.closed, told.reason, told.inspected_by) == (True, "scratched", "tester")
    assert [(int(a.passed), int(a.failed)) for a in told.allotments] == [(4, 2)]
    logged = await scene.bench.log("inspection", inspection.id)
    assert logged[-1].after == {"to_inspect": "6", "passed": "4", "failed": "2"}


@pytest.mark.rule("SO-9")
async def test_rounds_add_up_and_the_last_one_closes(scene: Scene) -> None:
    (first, second), inspection = await pegged(scene, 5, 5)

    await scene.inspects(inspection.id, 4)
    await scene.inspects(inspection.id, 3, 3)

    told = await scene.bench.told(InspectionCompleted)
    assert [(fact.version, int(fact.passed), int(fact.failed), fact.closed) for fact in told] == [
        (1, 4, 0, False),
        (2, 7, 3, True),
    ]
    assert await scene.granted(first, second) == [5, 2]
    assert [int(t.passed) for order in (first, second) for t in await scene.tickets(order)] == [5, 2]


@pytest.mark.rule("SO-9")
async def test_more_than_is_left_is_refused_and_changes_nothing(scene: Scene) -> None:
    _, inspection = await pegged(scene, 5)

    with pytest.raises(InspectedTooMuch):
        await scene.inspects(inspection.id, 4, 2)

    assert (await scene.stock())["quarantined"] == 0


@pytest.mark.rule("SO-9")
async def test_failed_units_of_an_order_as_needed_line_are_replaced_from_free_stock(scene: Scene) -> None:
    order = opened(order_line(6, kind="order_as_needed"))
    await scene.orders(order)
    po = sent(po_line(8, tied(order, 6)))
    await scene.buys(po)
    await scene.receives(po, {1: 8})
    (inspection,) = await scene.bench.sql("SELECT * FROM inspections")

    await scene.inspects(inspection.id, 4, 2)

    assert await scene.granted(order) == [6]
    assert await scene.available() == 0


@pytest.mark.rule("SO-9")
async def test_with_an_advisory_gate_units_may_leave_unseen_and_are_nobodys_to_inspect_then(
    scene: Scene,
) -> None:
    await scene.bench.write(
        'INSERT INTO preferences (chosen, version) VALUES (\'{"inspection_gate": "advisory"}\', 1)'
    )
    (order,), inspection = await pegged(scene, 6)
    (ticket,) = await scene.told_tickets(order)

    await scene.bench.hear(handlers.shipment_shipped, left(ticket, 4, 4))

    assert not ticket.gated
    (after,) = await scene.bench.sql("SELECT * FROM inspections")
    assert (after.to_inspect, after.state) == (2, "open")
    await scene.inspects(inspection.id, 0, 2)
    assert await scene.granted(order) == [4]


async def test_an_inspection_of_another_warehouse_is_not_there(scene: Scene) -> None:
    _, inspection = await pegged(scene, 5)
    scene.bench.principal = Principal("east", ALL_SCOPES, Scope(frozenset({"EAST"})))

    with pytest.raises(NoSuchInspection):
        await scene.inspects(inspection.id, 5)


# --- shipments --------------------------------------------------------------------------------------------------------


async def allotted(scene: Scene, ordered: int, there: int) -> tuple[Any, Any]:
    """An order with a claim ticket on what is there."""
    await scene.stocked(there)
    order = opened(order_line(ordered))
    await scene.orders(order)
    (ticket,) = await scene.told_tickets(order)
    await scene.bench.forget_told()
    return order, ticket


@pytest.mark.rule("SHIP-3")
async def test_533_expected_500_found_leaves_33_waiting_that_the_next_receipt_fills(scene: Scene) -> None:
    order, ticket = await allotted(scene, 533, 533)

    await scene.bench.hear(handlers.shipment_shipped, left(ticket, 533, 500, returned=33, missing=33))

    assert await scene.stock() == {"on_hand": 0, "allotted": 0, "pegged": 0, "quarantined": 0}
    line = await scene.line(order)
    assert (line.granted, line.shipped) == (500, 500)
    ledger = await scene.bench.sql(
        "SELECT kind, qty FROM stock_ledger WHERE kind <> 'adjustment' ORDER BY kind"
    )
    assert [tuple(row) for row in ledger] == [("issue", -500), ("missing", -33)]
    await scene.stocked(40)
    standing = await scene.last_standing(order)
    assert [int(a.qty) for a in standing.allotments] == [33]
    assert await scene.available() == 7


@pytest.mark.rule("SHIP-3")
async def test_units_that_were_left_return_to_the_line(scene: Scene) -> None:
    order, ticket = await allotted(scene, 10, 10)

    await scene.bench.hear(handlers.shipment_shipped, left(ticket, 10, 6, returned=4))

    assert await scene.granted(order) == [10]
    (standing,) = await scene.standings()
    assert [int(a.qty) for a in standing.allotments] == [4]
    assert (await scene.stock())["on_hand"] == 4


@pytest.mark.rule("BO-7")
async def test_a_voided_shipments_units_go_to_whoever_ranks_first(scene: Scene) -> None:
    order, ticket = await allotted(scene, 10, 10)
    vip = opened(order_line(4), at=5, priority=9)
    await scene.orders(vip)

    await scene.bench.hear(handlers.shipment_voided, voided(ticket, 10))

    assert await scene.granted(order, vip) == [6, 4]


@pytest.mark.rule("SO-10")
async def test_a_voided_shipments_pegs_stay_their_customers_and_good_units_are_not_inspected_again(
    scene: Scene,
) -> None:
    (order,), inspection = await pegged(scene, 10)
    await scene.inspects(inspection.id, 4)
    (ticket,) = await scene.told_tickets(order)
    vip = opened(order_line(4), at=5, priority=9)
    await scene.orders(vip)

    await scene.bench.hear(handlers.shipment_voided, voided(ticket, 10))

    assert await scene.granted(order, vip) == [10, 0]
    again = (await scene.tickets(order))[1:]
    assert [(int(t.qty), int(t.passed), t.gated, t.generation) for t in again] == [
        (4, 4, False, 1),
        (6, 0, True, 2),
    ]
    (after,) = await scene.bench.sql("SELECT * FROM inspections")
    assert (after.to_inspect, after.passed, after.state) == (10, 4, "open")
    await scene.inspects(inspection.id, 6)
    assert (await scene.bench.told(InspectionCompleted))[-1].closed


@pytest.mark.rule("SO-9")
@pytest.mark.rule("SO-10")
@pytest.mark.parametrize("rest_first", [True, False])
async def test_the_uninspected_rest_of_a_mixed_pick_comes_back_to_be_inspected_and_the_passed_part_does_not(
    scene: Scene, rest_first: bool
) -> None:
    (order,), inspection = await pegged(scene, 10)
    await scene.inspects(inspection.id, 6)
    (ticket,) = await scene.told_tickets(order)

    # 6 passed ones stand on one shipment, 4 uninspected ones on another; both are voided
    said = [(4, 4), (10, 4)] if rest_first else [(6, 0), (10, 4)]
    for returned, unproven in said:
        fact = voided(ticket, returned)
        told = fact.allotments[0].model_copy(update={"unproven": Decimal(unproven)})
        await scene.bench.hear(handlers.shipment_voided, fact.model_copy(update={"allotments": [told]}))
        (looked_at,) = await scene.bench.sql("SELECT * FROM inspections")
        assert (looked_at.to_inspect, looked_at.passed, looked_at.state) == (10, 6, "open")

    again = (await scene.tickets(order))[1:]
    born = [(int(t.qty), int(t.passed), t.gated) for t in again]
    assert born == ([(4, 0, True), (6, 6, False)] if rest_first else [(6, 6, False), (4, 0, True)])
    await scene.inspects(inspection.id, 4)
    assert (await scene.bench.told(InspectionCompleted))[-1].closed
    assert [int(t.passed) for t in (await scene.tickets(order))[1:]] == [t[0] for t in born]


@pytest.mark.rule("SO-10")
async def test_a_pegs_returned_units_are_free_when_their_line_needs_them_no_more(scene: Scene) -> None:
    (order,), _ = await pegged(scene, 10)
    (ticket,) = await scene.told_tickets(order)
    await scene.orders(changed(order, SalesOrderChanged, wanted={10: 7}))
    (question,) = await scene.questions()
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [0]))

    await scene.bench.hear(handlers.shipment_voided, voided(ticket, 10))

    assert await scene.granted(order) == [3]
    assert await scene.available() == 7


@pytest.mark.rule("SHIP-3")
async def test_a_missing_peg_reopens_the_need(scene: Scene) -> None:
    (order,), inspection = await pegged(scene, 10)
    await scene.inspects(inspection.id, 10)
    (ticket,) = await scene.told_tickets(order)

    await scene.bench.hear(handlers.shipment_shipped, left(ticket, 10, 8, returned=2, missing=2))

    line = await scene.line(order)
    assert (line.granted, line.shipped, line.need) == (8, 8, 10)
    assert (await scene.stock())["on_hand"] == 0


async def test_a_shipment_told_twice_and_two_in_reverse_are_booked_once_each(scene: Scene) -> None:
    order, ticket = await allotted(scene, 10, 10)
    first = left(ticket, 4, 4)
    second = left(ticket, 6, 6, in_all=10)

    await scene.bench.hear(handlers.shipment_shipped, second)
    assert (await scene.stock())["on_hand"] == 4
    await scene.bench.hear(handlers.shipment_shipped, first, second)
    await scene.bench.hear(handlers.shipment_shipped, first)

    assert await scene.stock() == {"on_hand": 0, "allotted": 0, "pegged": 0, "quarantined": 0}
    issues = await scene.bench.sql(
        "SELECT document, qty FROM stock_ledger WHERE kind = 'issue' ORDER BY document"
    )
    assert [(row.document, int(row.qty)) for row in issues] == [
        (first.shipment.number, -4),
        (second.shipment.number, -6),
    ]
    assert (await scene.line(order)).shipped == 10


@pytest.mark.parametrize("voided_first", [True, False])
async def test_a_part_that_left_and_a_part_that_was_voided_end_alike(
    scene: Scene, voided_first: bool
) -> None:
    order, ticket = await allotted(scene, 10, 10)
    facts: list[tuple[Any, Any]] = [
        (handlers.shipment_shipped, left(ticket, 4, 4)),
        (handlers.shipment_voided, voided(ticket, 6, shipped=4)),
    ]

    for handler, fact in reversed(facts) if voided_first else facts:
        await scene.bench.hear(handler, fact, fact)

    line = await scene.line(order)
    assert (line.granted, line.shipped) == (10, 4)
    assert [(int(t.qty), int(t.shipped), int(t.returned)) for t in await scene.tickets(order)] == [
        (10, 4, 6),
        (6, 0, 0),
    ]
    assert (await scene.stock())["on_hand"] == 6


async def test_a_void_told_twice_returns_once(scene: Scene) -> None:
    order, ticket = await allotted(scene, 10, 10)

    for _ in range(2):
        await scene.bench.hear(handlers.shipment_voided, voided(ticket, 10))

    assert await scene.granted(order) == [10]
    assert [int(t.qty) for t in await scene.tickets(order)] == [10, 10]


async def test_goods_that_left_are_booked_even_when_the_books_hold_less(scene: Scene) -> None:
    order, ticket = await allotted(scene, 10, 10)
    await scene.orders(changed(order, SalesOrderChanged, wanted={10: 3}))
    (question,) = await scene.questions()
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [3]))

    await scene.bench.hear(handlers.shipment_shipped, left(ticket, 10, 10))

    ledger = await scene.bench.sql(
        "SELECT kind, qty FROM stock_ledger WHERE kind <> 'adjustment' ORDER BY kind"
    )
    assert [tuple(row) for row in ledger] == [("discrepancy", 3), ("issue", -10)]
    assert await scene.stock() == {"on_hand": 3, "allotted": 0, "pegged": 0, "quarantined": 0}


async def test_a_shipment_of_tickets_nobody_knows_changes_nothing(scene: Scene) -> None:
    order, ticket = await allotted(scene, 10, 10)
    stranger = ticket.model_copy(update={"allotment_id": order.order_id})

    await scene.bench.hear(handlers.shipment_shipped, left(stranger, 10, 10))

    assert (await scene.stock())["on_hand"] == 10


async def test_one_shipment_of_several_orders_is_one_issue_each(scene: Scene) -> None:
    await scene.stocked(30)
    orders = [opened(order_line(10), at=n) for n in range(3)]
    await scene.orders(*orders)
    tickets = [(await scene.told_tickets(order))[0] for order in orders]

    fact = ShipmentShipped(
        shipment=shipment(*((t, 10, 10) for t in tickets)),
        shipped_at=orders[0].opened_at,
        shipped_by="packer",
        allotments=[figures(t, 10) for t in tickets],
    )
    await scene.bench.hear(handlers.shipment_shipped, fact)

    assert (await scene.stock())["on_hand"] == 0
    assert len(await scene.bench.sql("SELECT * FROM stock_ledger WHERE kind = 'issue'")) == 3


# --- by hand ----------------------------------------------------------------------------------------------------------


def brought(qty: int, to: ReturnTo, order: Any = None) -> WantedReturn:
    line_id = order.lines[0].line_id if order else None
    return WantedReturn(line_id, 0, "TABLE", "MAIN", Decimal(qty), to, "does not fit")


@pytest.mark.rule("SO-12")
async def test_a_saleable_return_fills_a_waiting_line(scene: Scene) -> None:
    order, ticket = await allotted(scene, 10, 10)
    await scene.bench.hear(handlers.shipment_shipped, left(ticket, 10, 10))
    waiting = opened(order_line(3), at=5)
    await scene.orders(waiting)

    await scene.bench.run(handlers.return_goods, brought(4, ReturnTo.STOCK, order))

    assert await scene.granted(waiting) == [3]
    assert await scene.available() == 1
    (told,) = await scene.bench.told(GoodsReturned)
    assert (told.order_id, int(told.qty), told.to_quarantine) == (order.order_id, 4, False)


@pytest.mark.rule("BO-7")
async def test_a_return_to_quarantine_fills_nobody(scene: Scene) -> None:
    waiting = opened(order_line(3))
    await scene.orders(waiting)

    await scene.bench.run(handlers.return_goods, brought(4, ReturnTo.QUARANTINE))

    assert await scene.granted(waiting) == [0]
    assert await scene.stock() == {"on_hand": 4, "allotted": 0, "pegged": 0, "quarantined": 4}


@pytest.mark.rule("SO-12")
async def test_a_line_cannot_give_back_more_than_it_shipped_in_all(scene: Scene) -> None:
    order, ticket = await allotted(scene, 10, 10)
    await scene.bench.hear(handlers.shipment_shipped, left(ticket, 10, 5, returned=5))
    await scene.bench.run(handlers.return_goods, brought(3, ReturnTo.STOCK, order))

    with pytest.raises(ReturnedTooMuch) as refused:
        await scene.bench.run(handlers.return_goods, brought(3, ReturnTo.STOCK, order))

    assert refused.value.facts["most"] == "2"


async def test_a_loss_beyond_what_is_there_is_refused_with_the_most_it_can_be(scene: Scene) -> None:
    await allotted(scene, 6, 10)

    with pytest.raises(MoreThanIsFree) as refused:
        await scene.stocked(-11)

    assert (refused.value.facts["free"], refused.value.facts["most"]) == ("4", "10")
    assert (await scene.stock())["on_hand"] == 10


async def test_a_batch_answers_row_by_row_and_a_reference_counts_once(scene: Scene) -> None:
    order = opened(order_line(8))
    await scene.orders(order)
    rows = [
        WantedAdjustment("TABLE", "MAIN", Decimal(10), "opening balance", "a-1"),
        WantedAdjustment("GHOST", "MAIN", Decimal(10), "opening balance", "a-2"),
        WantedAdjustment("CHAIR", "EAST", Decimal(7), "opening balance", "a-3"),
        WantedAdjustment("CHAIR", "WEST", Decimal(7), "opening balance"),
        WantedAdjustment("VISIT", "MAIN", Decimal(1), "opening balance"),
        WantedAdjustment("CHAIR", "EAST", Decimal(7), "opening balance", "a-3"),
    ]

    first = await scene.bench.run(handlers.adjust_many, rows)
    second = await scene.bench.run(handlers.adjust_many, rows[:3])

    codes = [result.refusal.code if result.refusal else None for result in first]
    assert codes == [None, "unknown-item", None, "unknown-warehouse", "not-inventoried", "reference-twice"]
    assert [result.is_repeated for result in second] == [True, False, True]
    assert (await scene.stock("CHAIR", "EAST"))["on_hand"] == 7
    assert await scene.granted(order) == [8]


@pytest.mark.rule("BO-7")
async def test_a_sweep_after_any_change_finds_nothing_to_do(scene: Scene) -> None:
    order = opened(order_line(8))
    await scene.orders(order)
    await scene.stocked(5)
    await scene.bench.forget_told()

    assert await scene.bench.run(handlers.sweep, None, None) == []
    assert await scene.bench.told(StockAllotted) == []


@pytest.mark.rule("BO-15")
async def test_a_sweep_fills_what_was_left_behind(scene: Scene) -> None:
    order = opened(order_line(8))
    await scene.orders(order)
    await scene.stocked(5)
    await scene.bench.write("UPDATE allotments SET withdrawn = 5")
    await scene.bench.write("UPDATE demand SET granted = 0")
    await scene.bench.write("UPDATE stock SET allotted = 0")

    grants = await scene.bench.run(handlers.sweep, "TABLE", "MAIN")

    assert [int(grant.allotment.qty) for grant in grants] == [5]
    assert await scene.granted(order) == [5]
