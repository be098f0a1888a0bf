"""Pickers against the queue, with the real shipping and orders: each unit ends in exactly one hand."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from services.shipping import handlers as shipping
from shared.errors import TielineError
from shared.migrate import SERVICES
from tests.world import World, fresh_world
from tests.world_books import differences

TRIALS = range(2)
LOCKED = ("picking", "packed")


@pytest.fixture
async def world(benches) -> World:  # type: ignore[no-untyped-def]  # the root conftest's own class
    """Five services in one process, with nothing in them."""
    return await fresh_world([await benches.of(service) for service in SERVICES])


async def _opened(world: World, shelf: int) -> None:
    await world.opens()
    await world.customer("RICH", shortage_answer="split")
    await world.on_the_shelf("TABLE", shelf)
    await world.quiet()


async def _at_once(world: World, shipment: UUID, after: float) -> bool:
    """Somebody picks while what waits for shipping arrives; whether the pick was made."""
    letters = list(world.waiting["shipping"])

    async def pick() -> bool:
        await asyncio.sleep(after)
        try:
            await world.move(shipment, shipping.pick)
        except TielineError:
            return False
        return True

    picked, _ = await asyncio.gather(pick(), world.take("shipping", letters))
    await world.taken("shipping", letters)
    await world.quiet()
    assert not (found := await differences(world)), "\n".join(found)
    return picked


async def _units(world: World, order: UUID, *states: str) -> int:
    shipments = await world.shipments(order, *states)
    lines: Sequence[Any] = [line for own in shipments for line in await world.shipment_lines(own.id)]
    return sum(int(line.qty) for line in lines)


@pytest.mark.rule("BO-10")
@pytest.mark.parametrize("trial", TRIALS)
async def test_a_raised_priority_against_a_pick_ends_with_the_units_in_one_hand(
    world: World, trial: int
) -> None:
    await _opened(world, 10)
    victim = await world.order(("TABLE", 10), customer="RICH")
    await world.quiet()
    urgent = await world.order(("TABLE", 4), customer="RICH")
    await world.quiet()
    await world.change_order(urgent, priority=1)
    await world.deliver("inventory", world.waiting["inventory"])
    (parcel,) = await world.shipments(victim)

    await _at_once(world, parcel.id, trial * 0.008)

    kept, got = await _units(world, victim, *LOCKED), await _units(world, urgent)
    assert (kept, got) in ((10, 0), (6, 4), (0, 4))
    (blocked,) = await world.one(
        "inventory", "SELECT count(*) FROM record_log WHERE action = 'blocked by pick lock'"
    )
    assert blocked == (kept == 10)
    assert await _units(world, victim, "pending", *LOCKED) + got == 10


@pytest.mark.rule("SHIP-2")
@pytest.mark.parametrize("trial", TRIALS)
async def test_an_append_against_a_pick_ends_on_the_picked_shipment_or_on_a_new_one(
    world: World, trial: int
) -> None:
    await _opened(world, 4)
    order = await world.order(("TABLE", 10), customer="RICH")
    await world.quiet()
    await world.on_the_shelf("TABLE", 6)
    await world.deliver("orders", world.waiting["orders"])
    (parcel,) = await world.shipments(order)

    picked = await _at_once(world, parcel.id, trial * 0.008)

    on_it, on_others = await _units(world, order, *LOCKED), await _units(world, order)
    assert (on_it, on_others) in ((10, 0), (4, 6), (0, 10))
    assert picked == (on_it > 0)


@pytest.mark.rule("SO-6")
@pytest.mark.rule("BO-7")
@pytest.mark.parametrize("trial", TRIALS)
async def test_a_receipt_against_the_cancellation_of_its_order_ends_with_the_goods_on_the_shelf(
    world: World, trial: int
) -> None:
    await world.opens()
    order = await world.order(("LAMP", 10))
    await world.quiet()

    async def cancel() -> None:
        await asyncio.sleep(trial * 0.008)
        await world.cancel(order)
        letters = list(world.waiting["inventory"])
        await world.take("inventory", letters)
        await world.taken("inventory", letters)

    await asyncio.gather(cancel(), world.receive(order, 10))
    await world.quiet()

    assert not (found := await differences(world)), "\n".join(found)
    stock = await world.one("inventory", "SELECT * FROM stock WHERE sku = 'LAMP'")
    assert (int(stock.on_hand), int(stock.pegged), int(stock.allotted)) == (10, 0, 0)
    assert (await world.order_row(order)).state == "cancelled"
    assert await _units(world, order, "pending", *LOCKED) == 0
