"""Servers fail under load: faults 11 to 18 and 32 to 34 of `reliability.md`, on servers of the tests' own.

Each test is followed by the whole-system checker, the clients' journal included.
"""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import asyncpg
import httpx
import pytest

from deploy.checking.queues import look_at_queues
from tests.chaos.conftest import trading
from tests.chaos.load import Trade
from tests.chaos.servers import Mortal
from tests.chaos.sessions import end_sessions
from tests.chaos.test_crash_points import becomes, one_of
from tests.houses import House

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.servers, pytest.mark.timeout(300)]

OUTBOX = "SELECT count(*) FROM outbox"


@asynccontextmanager
async def under_load(house: House, folder: Path, seed: int = 1) -> AsyncIterator[Trade]:
    """A busy trade before, during and after the block."""
    async with trading(house, folder, seed=seed) as trade:
        trade.start(customers=3, pause=0.1)
        await asyncio.sleep(2)
        yield trade
        await asyncio.sleep(2)


async def all_ready(house: House, seconds: float) -> float:
    """Until every process is ready again, none of them restarted; how long it took."""
    began = time.monotonic()
    await asyncio.gather(*(process.ready(seconds) for process in house.processes.values()))
    return time.monotonic() - began


async def slowest_answer(house: House, seconds: float) -> float:
    """The longest that a reader of orders waits meanwhile."""
    slowest, until = 0.0, time.monotonic() + seconds
    headers = {"Authorization": f"Bearer {house.place.token}"}
    async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=30) as client:
        while time.monotonic() < until:
            began = time.monotonic()
            answer = await client.get(f"{house.place.urls['orders']}/v1/sales-orders?limit=1")
            assert answer.status_code == 200
            slowest = max(slowest, time.monotonic() - began)
            await asyncio.sleep(0.05)
    return slowest


@pytest.mark.fault(11)
async def test_11_all_services_killed_at_once(mortal_house: House, tmp_path: Path) -> None:
    async with under_load(mortal_house, tmp_path, 11):
        await asyncio.gather(*(process.kill() for process in mortal_house.processes.values()))
        await mortal_house.start()


@pytest.mark.fault(12)
async def test_12_the_broker_is_killed_and_comes_back(
    mortal: Mortal, mortal_house: House, tmp_path: Path
) -> None:
    async with under_load(mortal_house, tmp_path, 12) as trade:
        await mortal.kill_broker()
        before = len(trade.orders)
        await asyncio.sleep(2)
        assert len(trade.orders) > before, "orders are taken without a broker"
        await mortal.start_broker()

        # pauses have grown up to 10 s meanwhile
        assert await all_ready(mortal_house, 20) < 15
        await becomes(
            mortal_house, "orders", "SELECT count(*) FROM outbox WHERE event_at < now() - interval '10 s'", 0
        )


@pytest.mark.fault(13)
async def test_13_the_broker_stops_in_order_and_starts_again(
    mortal: Mortal, mortal_house: House, tmp_path: Path
) -> None:
    async with under_load(mortal_house, tmp_path, 13):
        await mortal.control_broker("stop_app")
        await asyncio.sleep(1)
        await mortal.control_broker("start_app")
        await all_ready(mortal_house, 30)


@pytest.mark.fault(14)
async def test_14_a_frozen_broker_delays_no_answer_and_ends_no_task(
    mortal: Mortal, mortal_house: House, tmp_path: Path
) -> None:
    async with under_load(mortal_house, tmp_path, 14) as trade:
        before = len(trade.orders)
        mortal.tell_broker(signal.SIGSTOP)
        try:
            slowest = await slowest_answer(mortal_house, 15)
        finally:
            mortal.tell_broker(signal.SIGCONT)

        assert slowest < 2
        assert len(trade.orders) > before + 10
        assert all(process.is_running for process in mortal_house.processes.values())
        await all_ready(mortal_house, 30)


@pytest.mark.fault(15)
async def test_15_a_memory_alarm_stops_publishing_and_nothing_else(
    mortal: Mortal, mortal_house: House, tmp_path: Path
) -> None:
    raised = ("set_vm_memory_high_watermark", "absolute", "1MB")
    cleared = ("set_vm_memory_high_watermark", "0.4")
    await _alarm(mortal, mortal_house, tmp_path, raised, cleared)


@pytest.mark.fault(16)
async def test_16_a_disk_alarm_stops_publishing_and_nothing_else(
    mortal: Mortal, mortal_house: House, tmp_path: Path
) -> None:
    raised, cleared = ("set_disk_free_limit", "900000GB"), ("set_disk_free_limit", "200MB")
    await _alarm(mortal, mortal_house, tmp_path, raised, cleared)


async def _alarm(
    mortal: Mortal, house: House, folder: Path, raised: tuple[str, ...], cleared: tuple[str, ...]
) -> None:
    async with under_load(house, folder, 15) as trade:
        await mortal.control_broker(*raised)
        try:
            before = len(trade.orders)
            await asyncio.sleep(8)
            assert len(trade.orders) > before
            assert await one_of(house, "orders", OUTBOX) > 0, "the alarm has stopped nobody"
        finally:
            await mortal.control_broker(*cleared)
        await becomes(
            house, "orders", "SELECT count(*) FROM outbox WHERE event_at < now() - interval '8 s'", 0
        )


@pytest.mark.fault(17)
async def test_17_a_full_queue_refuses_and_what_it_refused_waits_in_the_outbox(
    mortal: Mortal, mortal_house: House, tmp_path: Path
) -> None:
    full = '{"max-length": 1, "overflow": "reject-publish"}'
    async with trading(mortal_house, tmp_path) as trade:
        await mortal_house.processes["purchasing"].stop()
        await mortal.control_broker(
            "set_policy", "-p", mortal_house.vhost, "full", "^purchasing.inbox$", full, "--apply-to", "queues"
        )
        try:
            for _ in range(8):
                await trade.order()
            await asyncio.sleep(1)
            waiting = await one_of(mortal_house, "orders", OUTBOX)
            set_aside = await one_of(
                mortal_house, "orders", "SELECT count(*) FROM outbox WHERE quarantined_at IS NOT NULL"
            )
            assert waiting > 0, "nothing was refused"
            assert set_aside == 0, "a full queue is no reason to set events aside"
        finally:
            await mortal.control_broker("clear_policy", "-p", mortal_house.vhost, "full")
            await mortal_house.start()
        await becomes(mortal_house, "orders", OUTBOX, 0)


@pytest.mark.fault(18)
async def test_18_a_queue_deleted_under_its_consumer_is_declared_again(
    mortal_house: House, tmp_path: Path
) -> None:
    async with trading(mortal_house, tmp_path) as trade:
        async with await aio_pika.connect(mortal_house.amqp) as connection:
            channel = await connection.channel()
            await channel.queue_delete("inventory.inbox")
        # what is told in this moment another queue takes, and the broker confirms it: I-14 names it as lost to this
        # one, and `tieline events replay` brings it; so nothing is told in this moment
        await consumed_again(mortal_house, "inventory.inbox")

        for _ in range(3):
            await trade.order()
        await becomes(mortal_house, "orders", OUTBOX, 0, patience=60)


async def consumed_again(house: House, name: str) -> None:
    """Until the queue is there and has its consumer, who has bound it before."""
    async with asyncio.timeout(20):
        while not ((queue := (await look_at_queues(house.amqp)).get(name)) and queue.consumers):  # noqa: ASYNC110  # the broker has a state, no event
            await asyncio.sleep(0.1)


@pytest.mark.fault(32)
@pytest.mark.parametrize(
    "demand", [signal.SIGINT, signal.SIGQUIT, signal.SIGKILL], ids=["fast", "immediate", "killed"]
)
async def test_32_the_database_ends_and_comes_back(
    mortal: Mortal, mortal_house: House, tmp_path: Path, demand: signal.Signals
) -> None:
    async with under_load(mortal_house, tmp_path, 32):
        await mortal.end_postgres(demand)
        await asyncio.sleep(1)
        await mortal.start_postgres()

        assert await all_ready(mortal_house, 20) < 10
        assert all(process.is_running for process in mortal_house.processes.values())


@pytest.mark.fault(34)
async def test_34_a_database_that_only_reads_puts_commands_off_and_consumers_wait_until_it_writes(
    mortal: Mortal, mortal_house: House, tmp_path: Path
) -> None:
    async with under_load(mortal_house, tmp_path, 34) as trade:
        await only_reads(mortal, True)
        try:
            await asyncio.sleep(1)
            before, parked = len(trade.orders), await _parked(mortal_house)
            await asyncio.sleep(5)

            # each of the three customers may have had an answer on its way
            assert len(trade.orders) <= before + 3, "an order was answered that was not stored"
            assert trade.met["503 orders"] > 0
            assert await _parked(mortal_house) == parked, "nobody's event is to blame"
        finally:
            await only_reads(mortal, False)
        await all_ready(mortal_house, 20)
        before = len(trade.orders)
        await asyncio.sleep(6)
        assert len(trade.orders) > before


async def only_reads(mortal: Mortal, is_so: bool) -> None:
    """As a server is that another has taken over from: it answers, and refuses to write."""
    db = await asyncpg.connect(mortal.servers.postgres_url)
    try:
        await db.execute("SET default_transaction_read_only = off")
        await db.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if is_so else 'off'}")
        await db.execute("SELECT pg_reload_conf()")
    finally:
        await db.close()


async def _parked(house: House) -> int:
    return sum([await one_of(house, service, "SELECT count(*) FROM parked") for service in house.names])


@pytest.mark.fault(33)
async def test_33_database_sessions_are_ended_at_random(mortal_house: House, tmp_path: Path) -> None:
    chance = random.Random(33)
    async with under_load(mortal_house, tmp_path, 33):
        for _ in range(8):
            await end_sessions(mortal_house, chance, 0.3)
            await asyncio.sleep(1)

        await all_ready(mortal_house, 20)
