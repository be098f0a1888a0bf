"""Losses of units that lines hold (BO-12), on the real database; shipping's answers are played by the test."""

from decimal import Decimal
from typing import Any

import pytest

from services.inventory import handlers
from services.inventory.domain.adjustment import Adjustment, MoreThanIsFree, WantedAdjustment
from services.inventory.tests.builders import answered, changed, opened, order_line, po_line, sent, tied
from services.inventory.tests.scene import Scene
from shared.contracts.orders import SalesOrderChanged


async def lose(scene: Scene, qty: int, reference: str | None = None) -> Adjustment:
    wanted = WantedAdjustment("TABLE", "MAIN", Decimal(-qty), "broken", reference)
    made: Adjustment = await scene.bench.run(handlers.adjust_stock, wanted)
    return made


async def figures(scene: Scene) -> tuple[int, int, int]:
    """(qty, asking, refused) of the newest adjustment."""
    row = (await scene.bench.sql("SELECT qty, asking, refused FROM adjustments ORDER BY id DESC LIMIT 1"))[0]
    return int(row.qty), int(row.asking), int(row.refused)


async def stocked_with(scene: Scene, there: int, *quantities: int) -> list[Any]:
    await scene.stocked(there)
    orders = [opened(order_line(qty), at=n) for n, qty in enumerate(quantities)]
    await scene.orders(*orders)
    return orders


async def pegged(scene: Scene, *quantities: int) -> list[Any]:
    """Special orders whose goods have arrived."""
    orders = [opened(order_line(qty, special=True), at=n) for n, qty in enumerate(quantities)]
    await scene.orders(*orders)
    po = sent(po_line(sum(quantities), *(tied(o, qty) for o, qty in zip(orders, quantities, strict=True))))
    await scene.buys(po)
    await scene.receives(po, {1: sum(quantities)})
    return orders


@pytest.mark.rule("BO-12")
async def test_free_units_are_lost_at_once_and_the_last_rank_is_asked_for_the_rest(scene: Scene) -> None:
    first, second = await stocked_with(scene, 12, 5, 5)

    made = await lose(scene, 4)

    assert (made.state, int(made.booked), int(made.asking)) == ("asking", -2, 2)
    assert await scene.stock() == {"on_hand": 10, "allotted": 10, "pegged": 0, "quarantined": 0}
    (question,) = await scene.questions()
    assert question.reason == "loss"
    assert [(ask.order_id, int(ask.wanted)) for ask in question.asks] == [(second.order_id, 2)]
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [2]))
    assert await scene.granted(first, second) == [5, 3]
    assert await scene.stock() == {"on_hand": 8, "allotted": 8, "pegged": 0, "quarantined": 0}
    assert await figures(scene) == (-4, 0, 0)


@pytest.mark.rule("BO-12")
async def test_lost_units_never_pass_through_the_queue(scene: Scene) -> None:
    first, second = await stocked_with(scene, 10, 8, 8)
    await lose(scene, 5)
    questions = await scene.questions()

    for question in questions:
        await scene.bench.hear(
            handlers.units_withdrawn, answered(question, [ask.wanted for ask in question.asks])
        )

    assert await scene.granted(first, second) == [5, 0]
    assert await scene.available() == 0
    ledger = await scene.bench.sql("SELECT qty FROM stock_ledger WHERE qty < 0 ORDER BY qty")
    assert [int(row.qty) for row in ledger] == [-3, -2]


@pytest.mark.rule("BO-12")
async def test_the_line_that_lost_units_hears_why(scene: Scene) -> None:
    (order,) = await stocked_with(scene, 5, 5)
    await lose(scene, 2)
    (question,) = await scene.questions()

    await scene.bench.hear(handlers.units_withdrawn, answered(question, [2]))

    standing = await scene.last_standing(order)
    assert [(int(t.qty), t.reason, t.for_order_id) for t in standing.taken] == [(2, "loss", None)]
    assert [t.allotment_id for t in standing.taken] == [a.allotment_id for a in standing.allotments]
    logged = await scene.bench.log("demand", order.lines[0].line_id)
    assert logged[-1].after["why"] == "loss"


@pytest.mark.rule("BO-12")
async def test_pegs_are_lost_last_and_their_need_reopens(scene: Scene) -> None:
    early, late = await pegged(scene, 4, 4)
    (stock_order,) = await stocked_with(scene, 3, 3)

    made = await lose(scene, 5)

    (question,) = await scene.questions()
    assert int(made.asking) == 5
    assert [(ask.order_id, int(ask.wanted)) for ask in question.asks] == [
        (stock_order.order_id, 3),
        (late.order_id, 2),
    ]
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [3, 2]))
    assert await scene.granted(early, late, stock_order) == [4, 2, 0]
    assert await scene.stock() == {"on_hand": 6, "allotted": 0, "pegged": 6, "quarantined": 0}


@pytest.mark.rule("BO-12")
async def test_what_shipping_refuses_is_refused_with_the_most_it_can_be(scene: Scene) -> None:
    (order,) = await stocked_with(scene, 10, 10)
    made = await lose(scene, 6)
    (question,) = await scene.questions()

    await scene.bench.hear(handlers.units_withdrawn, answered(question, [4]))

    assert await figures(scene) == (-6, 0, 2)
    assert await scene.granted(order) == [6]
    assert (await scene.stock())["on_hand"] == 6
    logged = await scene.bench.log("adjustment", made.id)
    assert [row.action for row in logged] == ["adjusted", "lost"]
    assert logged[-1].after == {"booked": "-4", "asking": "0", "refused": "2"}
    with pytest.raises(MoreThanIsFree) as refused:
        await lose(scene, 1)
    assert refused.value.facts["most"] == "0"


@pytest.mark.rule("BO-12")
async def test_an_answer_about_a_loss_told_twice_books_once(scene: Scene) -> None:
    await stocked_with(scene, 10, 10)
    await lose(scene, 6)
    (question,) = await scene.questions()

    for _ in range(2):
        await scene.bench.hear(handlers.units_withdrawn, answered(question, [6]))

    assert (await scene.stock())["on_hand"] == 4
    assert await figures(scene) == (-6, 0, 0)


@pytest.mark.rule("BO-12")
async def test_a_loss_with_a_reference_is_asked_for_once(scene: Scene) -> None:
    await stocked_with(scene, 10, 10)

    first, again = await lose(scene, 6, "count-1"), await lose(scene, 6, "count-1")

    assert first.id == again.id
    assert len(await scene.questions()) == 1


@pytest.mark.rule("BO-12")
async def test_two_losses_never_want_the_same_unit(scene: Scene) -> None:
    await stocked_with(scene, 10, 10)

    await lose(scene, 6)
    with pytest.raises(MoreThanIsFree) as refused:
        await lose(scene, 5)

    assert refused.value.facts["most"] == "4"


@pytest.mark.rule("BO-12")
@pytest.mark.rule("BO-9")
async def test_a_higher_rank_that_lost_units_takes_them_from_those_behind_it(scene: Scene) -> None:
    first, second = await stocked_with(scene, 10, 5, 5)
    (_, late) = await scene.tickets(first) + await scene.tickets(second)
    await scene.bench.write("UPDATE allotments SET locked = true WHERE id = :id", id=late.id)
    await lose(scene, 2)
    (question,) = await scene.questions()
    await scene.bench.write("UPDATE allotments SET locked = false")

    await scene.bench.hear(handlers.units_withdrawn, answered(question, [2]))

    again = (await scene.questions())[-1]
    assert (again.reason, [(a.order_id, int(a.wanted)) for a in again.asks]) == (
        "rank",
        [(second.order_id, 2)],
    )


@pytest.mark.rule("BO-12")
async def test_units_that_are_asked_for_as_lost_are_not_counted_as_coming(scene: Scene) -> None:
    first, second = await stocked_with(scene, 10, 5, 5)
    await lose(scene, 2)

    raised = changed(first, SalesOrderChanged, priority=1)
    await scene.orders(raised, vip := opened(order_line(4), at=9, priority=2))

    assert [(q.reason, [int(a.wanted) for a in q.asks]) for q in await scene.questions()] == [
        ("loss", [2]),
        ("priority", [5, 1]),
    ]
    for question in await scene.questions():
        await scene.bench.hear(
            handlers.units_withdrawn, answered(question, [ask.wanted for ask in question.asks])
        )
    for question in (await scene.questions())[2:]:
        await scene.bench.hear(
            handlers.units_withdrawn, answered(question, [ask.wanted for ask in question.asks])
        )
    assert await scene.granted(first, second, vip) == [4, 0, 4]
