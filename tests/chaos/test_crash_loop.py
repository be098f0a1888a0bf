"""A consumer that dies on the first message of every start: fault 10 of `reliability.md`.

Every start that ends in a crash costs what the process was handed one of its fifty deliveries. Sixty starts may give up
the message that kills and nothing else; what was given up is seen by people and takes effect once they have it tried again.
"""

import asyncio
import time
from pathlib import Path

import aio_pika
import pytest

from deploy.checking.queues import look_at_queues
from deploy.cli.client import Client
from shared.broker import PREFETCH
from shared.topology import DELIVERY_LIMIT
from tests.chaos.conftest import trading
from tests.chaos.test_crash_points import KILLED, becomes
from tests.houses import House

STARTS = 60
PARKED = "SELECT count(*) FROM parked WHERE state = 'dead'"


async def ready_in(house: House, name: str) -> int:
    queue = (await look_at_queues(house.amqp)).get(name)
    assert queue is not None
    return queue.ready


async def all_that_comes(house: House, name: str) -> int:
    """How many messages wait once no more have come for a second."""
    waiting, since = -1, time.monotonic()
    while time.monotonic() - since < 1:
        if (found := await ready_in(house, name)) != waiting:
            waiting, since = found, time.monotonic()
        await asyncio.sleep(0.1)
    return waiting


async def returned(house: House, name: str, messages: int) -> None:
    """Until the broker has noticed that the process is gone, and everything is back in the queues or given up."""
    async with asyncio.timeout(30):
        while await ready_in(house, name) < messages:  # noqa: ASYNC110  # a queue has a state, no event
            await asyncio.sleep(0.02)


@pytest.mark.fault(10)
@pytest.mark.slow
@pytest.mark.chaos
@pytest.mark.timeout(900)
async def test_10_sixty_starts_that_die_on_their_first_message_give_up_that_message_and_no_other(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path, seed=10) as trade:
        victim = house.processes["shipping"]
        await victim.stop()
        for _ in range(PREFETCH + 10):
            await trade.order(1, special=False)
        waiting = await all_that_comes(house, "shipping.inbox")
        assert waiting > PREFETCH, "the proof needs more messages than a process is handed at once"

        for _ in range(STARTS):
            await victim.start(CRASH_AT="on_first_message:1")
            assert await victim.ended() == KILLED
            given_up = await ready_in(house, "shipping.dead")
            await returned(house, "shipping.inbox", waiting - given_up)

        assert STARTS > DELIVERY_LIMIT
        assert await ready_in(house, "shipping.dead") == 1, "more was given up than the message that killed"
        assert await ready_in(house, "shipping.inbox") == waiting - 1

        await victim.start()
        await victim.ready()
        await becomes(house, "shipping", PARKED, 1)
        assert await ready_in(house, "shipping.dead") == 0
        report = await house.check(patience=20, only=["I-16"])
        assert "GivenUp" in report.violated["I-16"][0]

        async with Client(house.place) as operator:
            await operator.post("shipping", "/v1/ops/shipping/parked/replay", {"error": "GivenUp"})
        await becomes(house, "shipping", "SELECT count(*) FROM parked WHERE state = 'done'", 1)


@pytest.mark.fault(10)
async def test_10_a_start_that_meets_what_others_died_of_takes_one_message_at_a_time(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path) as trade:
        victim = house.processes["shipping"]
        await victim.stop()
        for _ in range(8):
            await trade.order(1, special=False)
        waiting = await all_that_comes(house, "shipping.inbox")
        await victim.start(CRASH_AT="on_first_message:1")
        assert await victim.ended() == KILLED
        await returned(house, "shipping.inbox", waiting)

        redelivered = await looked_at(house, "shipping.inbox")

        assert len(redelivered) == waiting
        assert redelivered.count(True) == 1, (
            "a start may cost the message it takes one delivery, and no other"
        )
        began = time.monotonic()
        await victim.start()
        await victim.ready()
        await becomes(house, "shipping", "SELECT count(*) FROM parked", 0)
        assert time.monotonic() - began < 60


async def looked_at(house: House, name: str) -> list[bool]:
    """Of each message in a queue whether it had been delivered before; all of them stay."""
    seen: list[bool] = []
    async with await aio_pika.connect(house.amqp) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(name)
        while (message := await queue.get(fail=False)) is not None:
            seen.append(bool(message.redelivered))
    return seen
