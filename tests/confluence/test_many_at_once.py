"""Faults 36, 45 and 55: many people and several processes at once on one database each, on real PostgreSQL.

What they see is a refusal in the trade's words or success: never a deadlock, a lock timeout or a broken constraint.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast
from uuid import UUID

import pytest
from aio_pika.abc import AbstractIncomingMessage

from services.shipping import handlers as shipping
from shared.errors import TielineError
from shared.inbox import Inbox
from shared.testing import Bench
from tests.post import Message
from tests.world import MAIN, Letter, World, fresh_world
from tests.world_books import differences

SKUS = ("TABLE", "LAMP", "CHAIR", "SEAT", "STOOL")


async def _opened(five: Sequence[Bench]) -> World:
    world = await fresh_world(five)
    await world.opens()
    await world.item("STOOL")
    for sku in ("TABLE", "SEAT", "STOOL"):
        await world.on_the_shelf(sku, 60)
    await world.quiet()
    return world


async def _adds_up(world: World) -> None:
    for service in world.benches:
        await world.collect(service)
    await world.quiet()
    assert not (found := await differences(world)), "\n".join(found)


@pytest.mark.rule("BO-13")
async def test_sixteen_clients_with_many_line_orders_see_no_deadlock(five: list[Bench]) -> None:
    world = await _opened(five)
    dice = random.Random(36)

    async def client(nth: int) -> None:
        own = random.Random(nth)
        for _ in range(3):
            lines = [(sku, own.randint(1, 4)) for sku in own.sample(SKUS, 5)]
            order = await world.order(*lines)
            if own.random() < 0.4:
                await world.cancel_line(order, own.randint(1, 5))

    await asyncio.gather(*(client(nth) for nth in range(16)))
    # every order reaches inventory and purchasing by itself, sixteen at a time
    letters = list(world.waiting["inventory"])
    dice.shuffle(letters)
    await asyncio.gather(
        *(world.take(service, letters[n::16]) for service in ("inventory", "purchasing") for n in range(16))
    )

    await _adds_up(world)
    (count,) = await world.one("orders", "SELECT count(*) FROM sales_orders")
    assert count == 48


async def _two_consumers(
    world: World, service: str, letters: Sequence[Letter], dice: random.Random
) -> list[Any]:
    """Two inboxes of one service at once, each with all letters, in batches that overlap."""
    bench = world.benches[service]
    subscriptions = world.subscriptions(service)
    boxes = [Inbox(bench.work, subscriptions) for _ in range(2)]

    async def consume(box: Inbox, order: list[Letter]) -> None:
        while order:
            batch, order = order[:7], order[7:]
            messages = [Message(b"[" + own.body.encode() + b"]", own.producer) for own in batch]
            await box.take(cast("Sequence[AbstractIncomingMessage]", messages))

    orders = [list(letters), list(letters)]
    for order in orders:
        dice.shuffle(order)
    await asyncio.gather(*(consume(box, order) for box, order in zip(boxes, orders, strict=True)))
    return list(await bench.sql("SELECT type, last_error FROM parked"))


async def test_two_processes_of_each_service_take_the_same_facts_once(five: list[Bench]) -> None:
    world = await _opened(five)
    dice = random.Random(45)
    orders = [await world.order(("LAMP", 5), ("TABLE", 4), ("SEAT", 3)) for _ in range(6)]
    for order in orders[:3]:
        await world.cancel_line(order, 2, 1)
    while any(world.waiting.values()):
        for service in world.benches:
            if letters := world.waiting[service]:
                assert await _two_consumers(world, service, letters, dice) == []
                await world.taken(service, letters)
    assert not (found := await differences(world)), "\n".join(found)

    for incoming in await world.expected():
        lines = await world.to_come(incoming.id)
        await world.receive_shipment(incoming.id, *(line.expected for line in lines))
    while any(world.waiting.values()):
        for service in world.benches:
            if letters := world.waiting[service]:
                assert await _two_consumers(world, service, letters, dice) == []
                await world.taken(service, letters)
    assert not (found := await differences(world)), "\n".join(found)


@pytest.mark.rule("BO-13")
async def test_openings_receipts_cancellations_and_picks_race_on_one_item(five: list[Bench]) -> None:
    world = await _opened(five)
    refused: list[TielineError] = []

    async def worker(nth: int) -> None:
        dice = random.Random(nth)
        own: list[UUID] = []
        for _ in range(8):
            deeds: list[Callable[[], Awaitable[Any]]] = [
                lambda: _order(world, dice, own), lambda: _order(world, dice, own),
                lambda: world.on_the_shelf("TABLE", dice.choice([5, 3, -2])),
                lambda: _cancel(world, dice, own), lambda: _move(world, dice), lambda: _move(world, dice),
                lambda: world.change_order(dice.choice(own), priority=dice.randint(0, 3)) if own else _post(world),
                lambda: _post(world), lambda: _post(world),
            ]  # fmt: skip
            try:
                await dice.choice(deeds)()
            except TielineError as refusal:
                refused.append(refusal)

    await asyncio.gather(*(worker(nth) for nth in range(8)))

    await _adds_up(world)
    assert len(refused) < 40, refused[:5]


async def _order(world: World, dice: random.Random, own: list[UUID]) -> None:
    own.append(await world.order(("TABLE", dice.randint(1, 30)), warehouse=MAIN))


async def _cancel(world: World, dice: random.Random, own: list[UUID]) -> None:
    if own:
        await world.cancel_line(dice.choice(own), 1, dice.randint(1, 5))


async def _move(world: World, dice: random.Random) -> None:
    if found := await world.shipments(None, "pending", "picking"):
        shipment = dice.choice(found)
        if shipment.state == "picking":
            await world.move(shipment.id, dice.choice([shipping.unpick, shipping.pack]))
        elif dice.random() < 0.5:
            await world.move(shipment.id, shipping.pick)
        else:
            await world.move(shipment.id, shipping.ship, [])


async def _post(world: World) -> None:
    """Whatever waits anywhere is taken by this worker, while others take the same."""
    for service in world.benches:
        letters = list(world.waiting[service])
        if letters:
            await world.take(service, letters)
            await world.taken(service, letters)
