"""Who takes from whom (BO-9 to BO-11), on the real database; shipping's answers are played by the test."""

from collections.abc import Callable
from typing import Any

import pytest

from services.inventory import handlers
from services.inventory.tests.builders import (
    answered,
    changed,
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
from shared.contracts.inventory import StockAllotted, WithdrawalAsked
from shared.contracts.orders import SalesOrderChanged
from shared.contracts.shipping import ShipmentState, ShipmentUnpicked

Story = Any


class Shop:
    """Three orders of 60, 50 and 30 in this order, and shipping, which gives back whatever it is asked for."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.orders: list[Any] = []
        self.answered = 0

    async def open(self, *quantities: int, **other: Any) -> None:
        first = len(self.orders)
        fresh = [opened(order_line(qty, **other), at=first + n) for n, qty in enumerate(quantities)]
        self.orders += fresh
        await self.scene.orders(*fresh)

    async def prioritise(self, n: int, priority: int) -> None:
        self.orders[n] = changed(self.orders[n], SalesOrderChanged, priority=priority)
        await self.scene.orders(self.orders[n])
        await self.shipping_gives_back()

    async def cancel(self, n: int, qty: int) -> None:
        self.orders[n] = changed(self.orders[n], SalesOrderChanged, wanted={10: qty})
        await self.scene.orders(self.orders[n])
        await self.shipping_gives_back()

    async def shipping_gives_back(self) -> None:
        while fresh := (await self.scene.questions())[self.answered :]:
            self.answered += len(fresh)
            for question in fresh:
                given = answered(question, [ask.wanted for ask in question.asks])
                await self.scene.bench.hear(handlers.units_withdrawn, given)

    async def granted(self) -> list[int]:
        return await self.scene.granted(*self.orders)


@pytest.fixture
async def shop(scene: Scene) -> Shop:
    return Shop(scene)


def units(question: WithdrawalAsked) -> list[int]:
    return [int(ask.wanted) for ask in question.asks]


async def nothing(_: Shop) -> None: ...


async def raise_second(shop: Shop) -> None:
    await shop.prioritise(1, 5)


async def raise_and_lower_second(shop: Shop) -> None:
    await shop.prioritise(1, 5)
    await shop.prioritise(1, 0)


async def raise_third(shop: Shop) -> None:
    await shop.prioritise(2, 5)


async def raise_both(shop: Shop) -> None:
    await shop.prioritise(1, 5)
    await shop.prioritise(2, 5)


async def raise_both_in_the_other_order(shop: Shop) -> None:
    await shop.prioritise(2, 5)
    await shop.prioritise(1, 5)


async def receive_25(shop: Shop) -> None:
    po = sent(po_line(25))
    await shop.scene.buys(po)
    await shop.scene.receives(po, {1: 25})


async def cancel_first(shop: Shop) -> None:
    await shop.cancel(0, 60)


VARIANTS: list[tuple[str, Callable[[Shop], Any], list[int], list[int]]] = [
    ("as entered", nothing, [60, 40, 0], [60, 20, 0]),
    ("O2 raised", raise_second, [50, 50, 0], [30, 50, 0]),
    ("O2 raised and lowered", raise_and_lower_second, [60, 40, 0], [60, 20, 0]),
    ("O3 raised", raise_third, [60, 10, 30], [50, 0, 30]),
    ("both raised", raise_both, [20, 50, 30], [0, 50, 30]),
    ("both raised, O3 first", raise_both_in_the_other_order, [20, 50, 30], [0, 50, 30]),
    ("25 received", receive_25, [60, 50, 15], [60, 45, 0]),
    ("O1 cancelled", cancel_first, [0, 50, 30], [0, 50, 30]),
]


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-11")
@pytest.mark.parametrize(("change", "expected"), [v[1:3] for v in VARIANTS], ids=[v[0] for v in VARIANTS])
async def test_the_worked_example(shop: Shop, change: Callable[[Shop], Any], expected: list[int]) -> None:
    await shop.scene.stocked(100)
    await shop.open(60, 50, 30)

    await change(shop)

    assert await shop.granted() == expected
    assert await shop.scene.available() == sum([100, 25 * (change is receive_25)]) - sum(expected)


@pytest.mark.rule("BO-9")
@pytest.mark.rule("SO-10")
@pytest.mark.parametrize(
    ("change", "expected"), [(v[1], v[3]) for v in VARIANTS], ids=[v[0] for v in VARIANTS]
)
async def test_the_worked_example_with_20_pegged_to_a_special_order(
    shop: Shop, change: Callable[[Shop], Any], expected: list[int]
) -> None:
    special = opened(order_line(20, special=True), at=9)
    await shop.scene.orders(special)
    po = sent(po_line(20, tied(special, 20)))
    await shop.scene.buys(po)
    await shop.scene.receives(po, {1: 20})
    await shop.scene.stocked(80)
    await shop.open(60, 50, 30)

    await change(shop)

    assert await shop.granted() == expected
    assert await shop.scene.granted(special) == [20]


@pytest.mark.rule("BO-9")
async def test_an_order_opened_with_a_priority_takes_what_it_needs_and_no_more(shop: Shop) -> None:
    await shop.scene.stocked(100)
    await shop.open(60, 40)
    await shop.scene.bench.forget_told()

    await shop.scene.orders(vip := opened(order_line(25), at=9, priority=3))

    (question,) = await shop.scene.questions()
    assert (question.reason, units(question)) == ("priority", [25])
    assert question.asks[0].line_id == shop.orders[1].lines[0].line_id
    assert (question.asks[0].for_order_id, question.asks[0].for_order_number) == (vip.order_id, vip.number)
    await shop.shipping_gives_back()
    assert await shop.scene.granted(*shop.orders, vip) == [60, 15, 25]


@pytest.mark.rule("BO-9")
async def test_the_lowest_priority_gives_first_then_the_latest_rank(shop: Shop) -> None:
    await shop.scene.stocked(30)
    low, mid, late = (
        opened(order_line(10), at=1),
        opened(order_line(10), at=0, priority=1),
        opened(order_line(10), at=5),
    )
    await shop.scene.orders(low, mid, late)

    await shop.scene.orders(opened(order_line(25), at=9, priority=7))

    (question,) = await shop.scene.questions()
    assert [(a.order_id, int(a.wanted)) for a in question.asks] == [
        (late.order_id, 10),
        (low.order_id, 10),
        (mid.order_id, 5),
    ]


@pytest.mark.rule("BO-11")
async def test_among_equals_a_later_line_never_takes_from_an_earlier_one(shop: Shop) -> None:
    await shop.scene.stocked(10)
    await shop.open(10)

    await shop.open(10)

    assert await shop.scene.questions() == []
    assert await shop.granted() == [10, 0]


@pytest.mark.rule("BO-6")
async def test_an_earlier_order_that_is_heard_later_still_gets_what_its_rank_is_due(shop: Shop) -> None:
    await shop.scene.stocked(10)
    late, early = opened(order_line(10), at=5), opened(order_line(7), at=1)
    await shop.scene.orders(late)

    await shop.scene.orders(early)
    (question,) = await shop.scene.questions()
    await shop.shipping_gives_back()

    assert (question.reason, units(question)) == ("rank", [7])
    assert await shop.scene.granted(late, early) == [3, 7]


@pytest.mark.rule("BO-9")
async def test_the_victims_standing_says_what_was_taken_and_for_whom(shop: Shop) -> None:
    await shop.scene.stocked(10)
    await shop.open(10)
    vip = opened(order_line(4), at=9, priority=1)
    await shop.scene.orders(vip)

    await shop.shipping_gives_back()

    (standing,) = [s for s in await shop.scene.standings() if s.taken]
    (taken,) = standing.taken
    assert standing.line_id == shop.orders[0].lines[0].line_id
    assert (int(taken.qty), taken.reason, taken.for_order_number, int(taken.refused)) == (
        4,
        "priority",
        vip.number,
        0,
    )
    logged = await shop.scene.bench.log("demand", shop.orders[0].lines[0].line_id)
    assert [(row.action, row.reason) for row in logged] == [
        ("allotted", "order"),
        ("asked back", "priority"),
        ("given back", None),
    ]
    assert logged[-1].after["for"] == vip.number
    taker = await shop.scene.bench.log("demand", vip.lines[0].line_id)
    assert [(row.action, row.reason) for row in taker] == [
        ("asked for", "priority"),
        ("allotted", "priority"),
    ]
    assert taker[0].after["from"] == shop.orders[0].number


@pytest.mark.rule("BO-9")
async def test_units_that_were_asked_for_are_not_asked_for_again(shop: Shop) -> None:
    await shop.scene.stocked(10)
    await shop.open(10)
    await shop.scene.orders(opened(order_line(4), at=9, priority=1))

    await shop.open(5)
    await shop.scene.orders(opened(order_line(3), at=9, priority=1))

    assert [units(question) for question in await shop.scene.questions()] == [[4], [7]]


@pytest.mark.rule("BO-10")
async def test_freed_units_go_to_the_queue_and_not_to_the_asker(shop: Shop) -> None:
    await shop.scene.stocked(10)
    await shop.open(10)
    asker = opened(order_line(4), at=9, priority=1)
    await shop.scene.orders(asker)
    (question,) = await shop.scene.questions()
    better = opened(order_line(3), at=9, priority=2)
    await shop.scene.orders(better)

    await shop.scene.bench.hear(handlers.units_withdrawn, answered(question, [4]))

    assert await shop.scene.granted(*shop.orders, asker, better) == [6, 1, 3]
    await shop.shipping_gives_back()
    assert await shop.scene.granted(*shop.orders, asker, better) == [3, 4, 3]


@pytest.mark.rule("BO-10")
async def test_what_picking_holds_is_refused_and_the_next_holder_is_asked(shop: Shop) -> None:
    await shop.scene.stocked(20)
    await shop.open(10, 10)
    vip = opened(order_line(6), at=9, priority=1)
    await shop.scene.orders(vip)
    (question,) = await shop.scene.questions()

    await shop.scene.bench.hear(handlers.units_withdrawn, answered(question, [0]))

    assert [ask.order_id for q in await shop.scene.questions() for ask in q.asks] == [
        shop.orders[1].order_id,
        shop.orders[0].order_id,
    ]
    logged = await shop.scene.bench.log("demand", shop.orders[1].lines[0].line_id)
    assert logged[-1].action == "blocked by pick lock"
    assert (logged[-1].after["missing"], logged[-1].after["for"]) == ("6", vip.number)
    shop.answered = 1
    await shop.shipping_gives_back()
    assert await shop.scene.granted(*shop.orders, vip) == [4, 10, 6]


async def picked(scene: Scene, order: Any) -> ShipmentUnpicked:
    """A shipment of all that an order has, unpicked."""
    (ticket,) = await scene.told_tickets(order)
    return ShipmentUnpicked(shipment=shipment((ticket, ticket.qty, 0), state=ShipmentState.PENDING))


@pytest.mark.rule("BO-10")
async def test_refused_units_are_asked_for_again_when_their_shipment_is_unpicked(shop: Shop) -> None:
    await shop.scene.stocked(10)
    await shop.open(10)
    vip = opened(order_line(6), at=9, priority=1)
    await shop.scene.orders(vip)
    (question,) = await shop.scene.questions()
    unpicked = await picked(shop.scene, shop.orders[0])
    await shop.scene.bench.hear(handlers.units_withdrawn, answered(question, [0]))
    assert len(await shop.scene.questions()) == 1

    await shop.scene.bench.hear(handlers.shipment_unpicked, unpicked)
    await shop.scene.bench.hear(handlers.shipment_unpicked, unpicked)

    assert [units(q) for q in await shop.scene.questions()] == [[6], [6]]
    await shop.shipping_gives_back()
    assert await shop.scene.granted(*shop.orders, vip) == [4, 6]


@pytest.mark.rule("BO-10")
async def test_an_unpicking_that_is_told_again_unlocks_nothing_that_was_refused_since(shop: Shop) -> None:
    await shop.scene.stocked(10)
    await shop.open(10)
    await shop.scene.orders(opened(order_line(6), at=9, priority=1))
    unpicked = await picked(shop.scene, shop.orders[0])
    await shop.scene.bench.hear(handlers.units_withdrawn, answered((await shop.scene.questions())[-1], [0]))
    await shop.scene.bench.hear(handlers.shipment_unpicked, unpicked)
    await shop.scene.bench.hear(handlers.units_withdrawn, answered((await shop.scene.questions())[-1], [0]))

    await shop.scene.bench.hear(handlers.shipment_unpicked, unpicked)

    assert len(await shop.scene.questions()) == 2


@pytest.mark.rule("BO-10")
async def test_a_refusal_heard_after_its_shipment_was_unpicked_is_asked_again(shop: Shop) -> None:
    await shop.scene.stocked(10)
    await shop.open(10)
    await shop.scene.orders(opened(order_line(6), at=9, priority=1))
    (question,) = await shop.scene.questions()
    await shop.scene.bench.hear(handlers.shipment_unpicked, await picked(shop.scene, shop.orders[0]))
    assert len(await shop.scene.questions()) == 1

    await shop.scene.bench.hear(handlers.units_withdrawn, answered(question, [0]))

    assert len(await shop.scene.questions()) == 2


@pytest.mark.rule("BO-10")
async def test_a_voided_shipment_gives_its_refused_units_to_whoever_ranks_first(shop: Shop) -> None:
    await shop.scene.stocked(10)
    await shop.open(10)
    (ticket,) = await shop.scene.told_tickets(shop.orders[0])
    vip = opened(order_line(6), at=9, priority=1)
    await shop.scene.orders(vip)
    (question,) = await shop.scene.questions()
    await shop.scene.bench.hear(handlers.units_withdrawn, answered(question, [0]))

    await shop.scene.bench.hear(handlers.shipment_voided, voided(ticket, 10))

    assert await shop.scene.granted(*shop.orders, vip) == [4, 6]


@pytest.mark.rule("BO-10")
async def test_shipped_units_are_never_taken(shop: Shop) -> None:
    await shop.scene.stocked(10)
    await shop.open(10)
    (ticket,) = await shop.scene.told_tickets(shop.orders[0])
    await shop.scene.bench.hear(handlers.shipment_shipped, left(ticket, 7, 7))

    await shop.scene.orders(opened(order_line(6), at=9, priority=1))

    assert [units(q) for q in await shop.scene.questions()] == [[3]]


@pytest.mark.rule("BO-9")
async def test_units_that_were_not_found_are_made_good_by_those_who_rank_behind(shop: Shop) -> None:
    await shop.scene.stocked(20)
    await shop.open(10, 10)
    (ticket,) = await shop.scene.told_tickets(shop.orders[0])

    await shop.scene.bench.hear(handlers.shipment_shipped, left(ticket, 10, 6, returned=4, missing=4))
    await shop.shipping_gives_back()

    assert await shop.granted() == [10, 6]


@pytest.mark.rule("BO-9")
async def test_a_long_tail_of_holders_gives_only_as_many_lines_as_are_needed(shop: Shop) -> None:
    await shop.scene.stocked(150)
    await shop.open(*[1] * 150)

    await shop.scene.orders(vip := opened(order_line(100), at=999, priority=1))

    asks = [ask for question in await shop.scene.questions() for ask in question.asks]
    assert [ask.order_id for ask in asks] == [order.order_id for order in reversed(shop.orders[50:])]
    await shop.shipping_gives_back()
    assert await shop.scene.granted(vip) == [100]
    assert sum(await shop.granted()) == 50


@pytest.mark.rule("BO-13")
async def test_taking_from_many_is_told_in_parts_that_a_fact_can_carry(shop: Shop) -> None:
    await shop.scene.stocked(250)
    await shop.open(*[1] * 250)
    await shop.scene.bench.forget_told()

    await shop.scene.orders(opened(order_line(250), at=999, priority=1))

    assert [len(question.asks) for question in await shop.scene.questions()] == [200, 50]
    assert all(len(fact.lines) <= 200 for fact in await shop.scene.bench.told(StockAllotted))


async def settled(shop: Shop, order: Any) -> list[tuple[int, int]]:
    """What the order was told: (settled version, units of live allotments) of each of its standings."""
    return [
        (standing.settled_version, sum(int(a.qty - a.withdrawn) for a in standing.allotments))
        for standing in await shop.scene.standings()
        if standing.order_id == order.order_id
    ]


@pytest.mark.rule("BO-2")
@pytest.mark.rule("BO-9")
async def test_an_opening_that_takes_from_others_is_settled_when_they_have_answered(shop: Shop) -> None:
    await shop.scene.stocked(10)
    await shop.open(8)
    vip = opened(order_line(5), at=9, priority=1)

    await shop.scene.orders(vip)
    at_once = await settled(shop, vip)
    await shop.shipping_gives_back()

    assert at_once == [(0, 2)]
    assert (await settled(shop, vip))[-1] == (1, 5)
    assert (await shop.scene.line(vip)).settled_version == 1
    assert await shop.scene.granted(*shop.orders, vip) == [5, 5]


@pytest.mark.rule("BO-10")
async def test_what_is_refused_settles_the_opening_with_what_there_is(shop: Shop) -> None:
    await shop.scene.stocked(10)
    await shop.open(10)
    vip = opened(order_line(5), at=9, priority=1)
    await shop.scene.orders(vip)
    (question,) = await shop.scene.questions()

    await shop.scene.bench.hear(handlers.units_withdrawn, *([answered(question, [2])] * 2))

    assert await settled(shop, vip) == [(0, 0), (1, 2)]


@pytest.mark.rule("BO-10")
async def test_an_opening_is_not_settled_while_the_next_holder_is_asked_for_what_the_first_refused(
    shop: Shop,
) -> None:
    await shop.scene.stocked(10)
    await shop.open(5, 5)
    vip = opened(order_line(5), at=9, priority=1)
    await shop.scene.orders(vip)
    (first,) = await shop.scene.questions()

    await shop.scene.bench.hear(handlers.units_withdrawn, answered(first, [0]))
    meanwhile = await settled(shop, vip)
    _, second = await shop.scene.questions()
    await shop.scene.bench.hear(handlers.units_withdrawn, answered(second, [5]))

    assert [version for version, _ in meanwhile] == [0]
    assert (await settled(shop, vip))[-1] == (1, 5)


@pytest.mark.rule("BO-9")
async def test_units_that_a_still_higher_priority_gets_meanwhile_leave_the_opening_settled_with_less(
    shop: Shop,
) -> None:
    await shop.scene.stocked(5)
    await shop.open(5)
    vip, better = opened(order_line(5), at=9, priority=1), opened(order_line(3), at=10, priority=2)
    await shop.scene.orders(vip)
    await shop.scene.orders(better)

    await shop.shipping_gives_back()

    assert await shop.scene.granted(vip, better) == [2, 3]
    assert [(await shop.scene.line(order)).settled_version for order in (vip, better)] == [1, 1]


@pytest.mark.rule("BO-9")
async def test_a_change_of_an_order_that_still_waits_for_others_is_settled_with_its_opening(
    shop: Shop,
) -> None:
    await shop.scene.stocked(5)
    await shop.open(5)
    vip = opened(order_line(5), at=9, priority=1)
    await shop.scene.orders(vip)

    await shop.scene.orders(changed(vip, SalesOrderChanged, wanted={10: 1}))
    meanwhile = await settled(shop, vip)
    await shop.shipping_gives_back()

    assert [version for version, _ in meanwhile] == [0, 0]
    assert (await settled(shop, vip))[-1] == (2, 4)


@pytest.mark.rule("BO-9")
async def test_an_order_that_wants_no_more_of_others_is_settled_at_once(shop: Shop) -> None:
    await shop.scene.stocked(5)
    await shop.open(5)
    vip = opened(order_line(5), at=9, priority=1)
    await shop.scene.orders(vip)

    await shop.scene.orders(changed(vip, SalesOrderChanged, wanted={10: 5}))

    assert (await settled(shop, vip))[-1] == (2, 0)
    await shop.shipping_gives_back()
    assert await shop.scene.granted(*shop.orders, vip) == [5, 0]


@pytest.mark.rule("BO-9")
async def test_goods_that_come_meanwhile_do_not_settle_an_opening_before_its_answers(shop: Shop) -> None:
    await shop.scene.stocked(5)
    await shop.open(5)
    vip = opened(order_line(5), at=9, priority=1)
    await shop.scene.orders(vip)
    po = sent(po_line(5))
    await shop.scene.buys(po)
    await shop.scene.receives(po, {1: 5})
    filled = await shop.scene.line(vip)

    await shop.shipping_gives_back()

    assert (int(filled.granted), filled.settled_version) == (5, 0)
    assert (await shop.scene.line(vip)).settled_version == 1
    assert await shop.scene.granted(*shop.orders, vip) == [5, 5]
