"""Facts that crossed on their way and once broke something: each found by a random world, told here in short."""

import pytest

from tests.world import World
from tests.world_books import differences


async def _adds_up(world: World) -> None:
    await world.quiet()
    assert not (found := await differences(world)), "\n".join(found)


@pytest.mark.rule("SO-9")
@pytest.mark.parametrize("first", ["inspection", "shipping"])
async def test_units_that_fail_while_their_shipment_is_voided_have_one_fate(world: World, first: str) -> None:
    await world.opens()
    order = await world.order(("LAMP", 6))
    await world.quiet()
    await world.receive(order, 6)
    await world.quiet()

    await world.inspect_all(failed=2)
    await world.void(order)
    for service in ("orders", "purchasing"):
        letters = sorted(
            world.waiting[service], key=lambda letter: (first in letter.type, letter.nth), reverse=True
        )
        await world.deliver(service, letters)

    await _adds_up(world)
    line = await world.line(order)
    assert (line.granted, line.shipped) == (4, 0)
    (claim,) = await world.rows("orders", "SELECT * FROM allotments WHERE failed > 0")
    assert (claim.failed, claim.returned) == (2, 4)


@pytest.mark.rule("BO-8")
async def test_a_fill_heard_before_the_answer_to_the_opening_does_not_decide_the_shortage(
    world: World,
) -> None:
    await world.opens()
    await world.on_the_shelf("TABLE", 20)
    await world.on_the_shelf("SEAT", 20)
    order = await world.order(("TABLE", 25), ("SEAT", 25))
    await world.deliver("inventory", world.waiting["inventory"])
    await world.on_the_shelf("TABLE", 3)
    await world.on_the_shelf("SEAT", 3)

    for service in ("orders", "purchasing"):
        for letter in sorted(world.waiting[service], key=lambda letter: letter.nth, reverse=True):
            await world.deliver(service, [letter])

    await _adds_up(world)
    lines = await world.rows(
        "orders", "SELECT ordered, granted FROM order_lines WHERE order_id = :id ORDER BY line_no", id=order
    )
    assert [(line.ordered, line.granted) for line in lines] == [(23, 23), (23, 23), (2, 0), (2, 0)]
    (bought,) = await world.rows("purchasing", "SELECT sum(ordered) AS qty FROM purchase_order_lines")
    assert bought.qty == 2


@pytest.mark.rule("ORD-6")
async def test_a_later_answer_heard_first_does_not_cancel_what_was_granted(world: World) -> None:
    await world.opens()
    await world.customer("BETA", no_backorders=True)
    await world.on_the_shelf("TABLE", 20)
    order = await world.order(("TABLE", 25), customer="BETA")
    await world.deliver("inventory", world.waiting["inventory"])
    await world.change_order(order, priority=3)
    await world.deliver("inventory", world.waiting["inventory"])

    for letter in sorted(world.waiting["orders"], key=lambda letter: letter.nth, reverse=True):
        await world.deliver("orders", [letter])

    await _adds_up(world)
    line = await world.line(order)
    assert (line.granted, line.cancelled) == (20, 5)


@pytest.mark.rule("BUY-16")
async def test_units_taken_back_before_their_cancellation_is_heard_are_not_bought_again(world: World) -> None:
    await world.opens()
    order = await world.order(("LAMP", 5))
    await world.quiet()
    await world.receive(order, 5)
    await world.quiet()
    await world.cancel_line(order, 1, 2)
    for service in ("inventory", "shipping", "inventory"):
        await world.deliver(service, world.waiting[service])

    for letter in sorted(world.waiting["purchasing"], key=lambda letter: letter.nth, reverse=True):
        await world.deliver("purchasing", [letter])

    await _adds_up(world)
    (bought,) = await world.rows("purchasing", "SELECT sum(ordered) AS qty FROM purchase_order_lines")
    assert bought.qty == 5
