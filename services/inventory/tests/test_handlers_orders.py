"""Sales orders as demand, on the real database (BO-3, BO-6, BO-7, BO-8, BO-13)."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from services.inventory import handlers
from services.inventory.tests.builders import answered, changed, left, opened, order_line, voided
from services.inventory.tests.scene import Scene, snapshot
from shared.contracts.base import ItemKind
from shared.contracts.inventory import StockAllotted
from shared.contracts.orders import KitComponent, SalesOrderCancelled, SalesOrderChanged
from shared.contracts.shipping import ShipmentState, ShipmentUnpicked


@pytest.mark.rule("BO-3")
async def test_two_orders_of_20_on_20_opened_together_leave_exactly_one_waiting(scene: Scene) -> None:
    await scene.stocked(20)
    first, second = opened(order_line(20), at=1), opened(order_line(20), at=2)

    await scene.orders(second, first)

    assert await scene.granted(first, second) == [20, 0]
    assert await scene.stock() == {"on_hand": 20, "allotted": 20, "pegged": 0, "quarantined": 0}


@pytest.mark.rule("BO-3")
async def test_a_standing_is_told_for_every_line_even_with_nothing(scene: Scene) -> None:
    await scene.stocked(5)
    order = opened(order_line(8), order_line(3, "LAMP", line_no=20, kind="nonstock"))

    await scene.orders(order)

    fact = (await scene.bench.told(StockAllotted))[-1]
    assert fact.reason == "opened"
    assert [
        (line.line_no, line.settled_version, [int(a.qty) for a in line.allotments]) for line in fact.lines
    ] == [
        (10, 1, [5]),
        (20, 1, []),
    ]


@pytest.mark.rule("BO-6")
async def test_a_batch_is_served_by_rank_whatever_order_it_comes_in(scene: Scene) -> None:
    await scene.stocked(100)
    o1, o2, o3 = opened(order_line(60), at=1), opened(order_line(50), at=2), opened(order_line(30), at=3)

    await scene.orders(o3, o2, o1)

    assert await scene.granted(o1, o2, o3) == [60, 40, 0]


@pytest.mark.rule("BO-6")
async def test_a_higher_priority_is_served_first(scene: Scene) -> None:
    await scene.stocked(20)
    early, vip = opened(order_line(20), at=1), opened(order_line(20), at=2, priority=5)

    await scene.orders(early, vip)

    assert await scene.granted(early, vip) == [0, 20]


@pytest.mark.rule("SO-5")
async def test_a_special_line_gets_nothing_although_stock_is_free(scene: Scene) -> None:
    await scene.stocked(20)
    special = opened(order_line(5, special=True))

    await scene.orders(special)

    assert await scene.granted(special) == [0]
    assert await scene.available() == 20


@pytest.mark.rule("ITEM-4")
async def test_services_and_drop_ships_are_no_demand_of_inventory(scene: Scene) -> None:
    order = opened(order_line(1, "VISIT", kind="service"), order_line(2, line_no=20, drop_ship=True))

    await scene.orders(order)

    assert await scene.bench.sql("SELECT * FROM demand") == []
    assert await scene.bench.told(StockAllotted) == []


@pytest.mark.rule("ITEM-7")
async def test_a_kit_lines_components_are_demands_of_their_own(scene: Scene) -> None:
    await scene.stocked(10, "CHAIR")
    parts = [
        KitComponent(seq=10, sku="TABLE", description="", kind=ItemKind.STOCKED, unit="EA", precision=0,
                     qty_per_kit=Decimal(1), special_order=True),
        KitComponent(seq=20, sku="CHAIR", description="", kind=ItemKind.STOCKED, unit="EA", precision=0,
                     qty_per_kit=Decimal(4)),
    ]  # fmt: skip
    order = opened(order_line(3, "SET", kind="kit", components=parts))

    await scene.orders(order)

    rows = await scene.bench.sql("SELECT component, need, granted, special FROM demand ORDER BY component")
    assert [tuple(row) for row in rows] == [(10, 3, 0, True), (20, 12, 10, False)]


@pytest.mark.rule("BO-7")
@pytest.mark.rule("BO-8")
async def test_found_stock_goes_to_the_line_that_waits_and_the_log_says_why(scene: Scene) -> None:
    order = opened(order_line(10))
    await scene.orders(order)

    await scene.stocked(12)

    assert await scene.granted(order) == [10]
    assert await scene.available() == 2
    assert [s.allotments[0].qty for s in await scene.standings() if s.allotments] == [10]
    logged = await scene.bench.log("demand", order.lines[0].line_id)
    assert [(row.action, row.reason, row.before["granted"], row.after["granted"]) for row in logged] == [
        ("allotted", "adjustment", "0", "10")
    ]


@pytest.mark.rule("ITEM-4")
async def test_stock_of_another_warehouse_fills_nobody_here(scene: Scene) -> None:
    order = opened(order_line(10))
    await scene.orders(order)

    await scene.stocked(10, warehouse="EAST")

    assert await scene.granted(order) == [0]


@pytest.mark.rule("ORD-1")
async def test_a_cancelled_order_is_asked_for_its_units_and_they_go_to_the_next_in_line(scene: Scene) -> None:
    await scene.stocked(100)
    o1, o2, o3 = opened(order_line(60), at=1), opened(order_line(50), at=2), opened(order_line(30), at=3)
    await scene.orders(o1, o2, o3)

    await scene.orders(changed(o1, SalesOrderChanged, wanted={10: 60}))
    (question,) = await scene.questions()
    assert [int(ask.wanted) for ask in question.asks] == [60]
    assert (await scene.last_standing(o1)).settled_version == 1
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [60]))

    assert await scene.granted(o1, o2, o3) == [0, 50, 30]  # BO worked example: O1 cancelled
    assert await scene.available() == 20
    standing = await scene.last_standing(o1)
    assert standing.settled_version == 2
    assert standing.allotments[0].withdrawn == 60


@pytest.mark.rule("BO-4")
async def test_a_decrease_of_a_waiting_line_asks_nobody_and_is_settled_at_once(scene: Scene) -> None:
    await scene.stocked(4)
    order = opened(order_line(10))
    await scene.orders(order)

    await scene.orders(changed(order, SalesOrderChanged, wanted={10: 6}))

    assert await scene.questions() == []
    assert await scene.granted(order) == [4]
    assert (await scene.last_standing(order)).settled_version == 2


async def test_only_the_excess_is_asked_back_and_the_newest_units_go_first(scene: Scene) -> None:
    await scene.stocked(6)
    order = opened(order_line(10))
    await scene.orders(order)
    await scene.stocked(4)
    older, newer = await scene.tickets(order)

    await scene.orders(changed(order, SalesOrderChanged, wanted={10: 5}))

    (question,) = await scene.questions()
    assert {ask.allotment_id: int(ask.wanted) for ask in question.asks} == {newer.id: 4, older.id: 1}


@pytest.mark.rule("BO-10")
async def test_what_picking_holds_is_refused_stays_granted_and_is_logged(scene: Scene) -> None:
    await scene.stocked(10)
    order = opened(order_line(10))
    await scene.orders(order)
    await scene.orders(changed(order, SalesOrderChanged, wanted={10: 10}))
    (question,) = await scene.questions()

    await scene.bench.hear(handlers.units_withdrawn, answered(question, [0]))

    assert await scene.granted(order) == [10]
    assert (await scene.last_standing(order)).settled_version == 2
    (ticket,) = await scene.tickets(order)
    assert (ticket.asked, ticket.withdrawn) == (0, 0)
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [0]))
    actions = [row.action for row in await scene.bench.log("demand", order.lines[0].line_id)]
    assert actions == ["allotted", "blocked by pick lock"]


async def test_an_unpicked_shipment_is_asked_again(scene: Scene) -> None:
    await scene.stocked(10)
    order = opened(order_line(10))
    await scene.orders(order)
    (ticket,) = await scene.told_tickets(order)
    await scene.orders(changed(order, SalesOrderChanged, wanted={10: 10}))
    (question,) = await scene.questions()
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [0]))

    on_shipment = voided(ticket, 10).shipment.model_copy(update={"state": ShipmentState.PENDING})
    for _ in range(2):
        await scene.bench.hear(handlers.shipment_unpicked, ShipmentUnpicked(shipment=on_shipment))

    assert len(await scene.questions()) == 2
    again = (await scene.questions())[-1]
    assert again.question_id != question.question_id
    assert [int(ask.wanted) for ask in again.asks] == [10]
    await scene.bench.hear(handlers.units_withdrawn, answered(again, [10]))
    assert await scene.granted(order) == [0]


async def test_a_further_reduction_while_a_question_is_open_asks_only_for_the_rest(scene: Scene) -> None:
    await scene.stocked(10)
    order = opened(order_line(10))
    await scene.orders(order)
    less = changed(order, SalesOrderChanged, wanted={10: 3})
    await scene.orders(less)
    await scene.orders(changed(less, SalesOrderChanged, wanted={10: 5}))

    first, second = await scene.questions()
    assert ([int(a.wanted) for a in first.asks], [int(a.wanted) for a in second.asks]) == ([3], [5])
    await scene.bench.hear(handlers.units_withdrawn, answered(second, [5]), answered(first, [3]))

    assert await scene.granted(order) == [5]
    (ticket,) = await scene.tickets(order)
    assert (ticket.withdrawn, ticket.asked) == (5, 0)
    assert (await scene.last_standing(order)).settled_version == 3


async def test_a_line_is_not_settled_before_its_last_question_is_answered(scene: Scene) -> None:
    await scene.stocked(10)
    order = opened(order_line(10))
    await scene.orders(order)
    less = changed(order, SalesOrderChanged, wanted={10: 3})
    await scene.orders(less)
    await scene.orders(changed(less, SalesOrderChanged, wanted={10: 5}))
    first, _second = await scene.questions()

    await scene.bench.hear(handlers.units_withdrawn, answered(first, [3]))

    assert (await scene.last_standing(order)).settled_version == 1
    (ticket,) = await scene.tickets(order)
    assert (ticket.withdrawn, ticket.asked) == (3, 2)


async def test_an_answer_told_twice_frees_once(scene: Scene) -> None:
    await scene.stocked(10)
    order = opened(order_line(10))
    await scene.orders(order)
    await scene.orders(changed(order, SalesOrderChanged, wanted={10: 4}))
    (question,) = await scene.questions()

    for _ in range(2):
        await scene.bench.hear(handlers.units_withdrawn, answered(question, [4]))

    assert await scene.granted(order) == [6]
    assert await scene.available() == 4


async def test_an_answer_to_a_question_nobody_knows_changes_nothing(scene: Scene) -> None:
    await scene.stocked(10)
    order = opened(order_line(10))
    await scene.orders(order)
    await scene.orders(changed(order, SalesOrderChanged, wanted={10: 4}))
    (question,) = await scene.questions()
    stranger = question.model_copy(
        update={"asks": [question.asks[0].model_copy(update={"allotment_id": order.order_id})]}
    )

    await scene.bench.hear(handlers.units_withdrawn, answered(stranger, [4]))

    assert await scene.granted(order) == [10]


async def test_a_line_that_its_order_no_longer_names_is_wanted_no_more(scene: Scene) -> None:
    await scene.stocked(5)
    order = opened(order_line(5), order_line(5, "CHAIR", line_no=20))
    await scene.orders(order)

    await scene.orders(
        SalesOrderChanged.model_validate({**order.model_dump(), "version": 2, "lines": order.lines[1:]})
    )

    assert (await scene.line(order)).need == 0
    assert len(await scene.questions()) == 1


@pytest.mark.rule("BO-6")
async def test_a_raised_priority_changes_the_rank_for_what_comes_next(scene: Scene) -> None:
    early, late = opened(order_line(10), at=1), opened(order_line(10), at=2)
    await scene.orders(early, late)

    await scene.orders(changed(late, SalesOrderChanged, priority=3))
    await scene.stocked(10)

    assert await scene.granted(early, late) == [0, 10]


def _story(order: Any) -> list[Any]:
    less = changed(order, SalesOrderChanged, wanted={10: 4})
    return [order, less, changed(less, SalesOrderCancelled, wanted={10: 10}, state="cancelled")]


async def test_snapshots_in_any_order_twice_and_together_end_in_the_same_books(scene: Scene) -> None:
    ends: list[dict[str, list[str]]] = []
    line = order_line(10)
    for arrival in itertools.permutations(range(3)):
        await scene.bench.empty()
        await scene.set_up()
        story = _story(opened(line))
        for n in (*arrival, arrival[0]):
            await scene.orders(story[n])
        await scene.orders(*story)
        ends.append(await snapshot(scene.bench))

    assert all(end == ends[0] for end in ends)
    row = await scene.bench.sql("SELECT need, granted, heard_version, settled_version FROM demand")
    assert [tuple(r) for r in row] == [(0, 0, 3, 3)]


async def test_an_older_snapshot_heard_later_changes_nothing(scene: Scene) -> None:
    order = opened(order_line(10))
    await scene.orders(changed(order, SalesOrderChanged, wanted={10: 10}))
    await scene.bench.forget_told()

    await scene.orders(order)

    assert (await scene.line(order)).need == 0
    assert await scene.bench.told(StockAllotted) == []


@pytest.mark.rule("BO-7")
async def test_shipped_units_leave_the_books_and_free_nothing(scene: Scene) -> None:
    await scene.stocked(10)
    order = opened(order_line(10))
    await scene.orders(order)
    (ticket,) = await scene.told_tickets(order)
    await scene.bench.forget_told()

    await scene.bench.hear(handlers.shipment_shipped, left(ticket, 10, 10))

    assert await scene.stock() == {"on_hand": 0, "allotted": 0, "pegged": 0, "quarantined": 0}
    line = await scene.line(order)
    assert (line.granted, line.shipped) == (10, 10)
    assert await scene.bench.told(StockAllotted) == []  # orders hears of the shipment itself
    await scene.stocked(3)
    assert await scene.available() == 3
