"""A process may die anywhere: faults 1 to 9 of `reliability.md`, each followed by the whole-system checker."""

import asyncio
import signal
from pathlib import Path

import asyncpg
import pytest

from shared.crashing import POINTS, armed
from shared.outbox import RELAY_LOCK
from tests.chaos.conftest import trading
from tests.chaos.load import Trade
from tests.houses import House, ServiceProcess

KILLED = -signal.SIGKILL
ORDERS = 12


async def dies_at(house: House, service: str, point: str, trade: Trade, orders: int = ORDERS) -> None:
    """Under orders the service dies at the point, is started again, and the clients send again what was not answered."""
    process = house.processes[service]
    await process.stop()
    await process.start(CRASH_AT=point)
    await process.ready()
    work = asyncio.gather(*(trade.order() for _ in range(orders)))

    code = await process.ended()
    assert code == KILLED
    await process.start()
    await work


async def one_of(house: House, service: str, query: str) -> int:
    """A number from a service's database."""
    db = await asyncpg.connect(house.logins.databases[service])
    try:
        found: int = await db.fetchval(query)
        return found
    finally:
        await db.close()


async def becomes(house: House, service: str, query: str, expected: int, patience: float = 20) -> float:
    """Wait until a query gives a number; how many seconds it took."""
    clock = asyncio.get_running_loop()
    began = clock.time()
    while (found := await one_of(house, service, query)) != expected:
        assert clock.time() - began < patience, f"{service}: {query} gives {found}, not {expected}"
        await asyncio.sleep(0.02)
    return clock.time() - began


@pytest.mark.fault(1)
async def test_1_an_api_that_dies_before_its_commit_leaves_nothing_and_the_same_key_makes_one(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path) as trade:
        before = await one_of(house, "orders", "SELECT count(*) FROM sales_orders")
        await dies_at(house, "orders", "pre_commit:3", trade)

        assert await one_of(house, "orders", "SELECT count(*) FROM sales_orders") == before + ORDERS
        assert trade.met["lost orders"] > 0


@pytest.mark.fault(2)
async def test_2_an_api_that_dies_before_it_answers_answers_the_same_request_with_what_it_did(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path) as trade:
        before = await one_of(house, "orders", "SELECT count(*) FROM sales_orders")
        await dies_at(house, "orders", "post_commit:3", trade)

        assert await one_of(house, "orders", "SELECT count(*) FROM sales_orders") == before + ORDERS
        assert trade.met["201 orders"] == ORDERS


@pytest.mark.fault(3)
async def test_3_what_a_relay_had_only_read_is_published_by_another_within_seconds(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path) as trade, two_processes(house, "orders", "relay_selected:2") as first:
        work = asyncio.gather(*(trade.order() for _ in range(ORDERS)))
        assert await first.ended() == KILLED

        # the second stands by and asks for the lock each second
        assert await becomes(house, "orders", "SELECT count(*) FROM outbox", 0) < 5
        await first.start()
        await work


@pytest.mark.fault(4)
async def test_4_what_was_confirmed_and_not_deleted_is_published_twice_and_takes_effect_once(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path) as trade:
        await dies_at(house, "orders", "relay_confirmed:2", trade)


@pytest.mark.fault(5)
@pytest.mark.chaos
@pytest.mark.slow
async def test_5_a_relay_killed_with_its_lock_frees_it_and_the_other_goes_on(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path) as trade, two_processes(house, "orders") as first:
        for _ in range(3):
            await asyncio.gather(*(trade.order() for _ in range(3)))
            victim = first if await holds_the_lock(house, "orders", first) else house.processes["orders-2"]
            await victim.kill()
            await becomes(house, "orders", "SELECT count(*) FROM outbox", 0)
            await victim.start()
            await victim.ready()


@pytest.mark.fault(6)
async def test_6_a_relay_that_wakes_up_late_has_lost_its_lock_and_can_only_publish_twice(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path) as trade, two_processes(house, "orders") as first:
        await trade.order()
        frozen = first if await holds_the_lock(house, "orders", first) else house.processes["orders-2"]
        frozen.tell(signal.SIGSTOP)
        try:
            await cut_the_relay(house, "orders")
            # requests go to the first process, frozen or not: another service's events show the relay at work
            await becomes(house, "orders", "SELECT count(*) FROM outbox", 0)
            await becomes_relayed(house, "orders")
        finally:
            frozen.tell(signal.SIGCONT)
        await asyncio.gather(*(trade.order() for _ in range(5)))


@pytest.mark.fault(7)
async def test_7_a_consumer_that_dies_before_its_commit_hears_it_again_and_acts_once(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path) as trade:
        await dies_at(house, "inventory", "batch_pre_commit:2", trade)


@pytest.mark.fault(8)
async def test_8_a_consumer_that_dies_before_it_acknowledges_hears_it_again_and_drops_it(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path) as trade:
        await dies_at(house, "purchasing", "batch_committed:2", trade)


@pytest.mark.fault(8)
async def test_8_a_consumer_that_dies_on_its_first_message_is_none_the_worse(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path) as trade:
        await dies_at(house, "shipping", "on_first_message:1", trade, orders=6)


@pytest.mark.fault(9)
@pytest.mark.chaos
@pytest.mark.slow
async def test_9_a_consumer_killed_at_any_moment_acknowledges_nothing_that_it_has_not_done(
    house: House, tmp_path: Path
) -> None:
    async with trading(house, tmp_path, seed=9) as trade:
        trade.start(customers=4, pause=0.1)
        for _ in range(3):
            for service in ("inventory", "purchasing"):
                await asyncio.sleep(0.7)
                await house.processes[service].kill()
                await house.processes[service].start()
        await house.start()


class two_processes:  # noqa: N801  # it reads as words in `async with`
    """A second process of a service beside the first for the block."""

    def __init__(self, house: House, service: str, crash_at: str = "") -> None:
        self._house, self._service, self._crash_at = house, service, crash_at

    async def __aenter__(self) -> ServiceProcess:
        first = self._house.processes[self._service]
        if self._crash_at:
            await first.stop()
            await first.start(CRASH_AT=self._crash_at)
            await first.ready()
        second = await self._house.second(self._service)
        # the second is not ready before it works as relay: it is up when it answers at all
        await becomes_live(second)
        return first

    async def __aexit__(self, *_: object) -> None:
        second = self._house.processes.pop(f"{self._service}-2")
        await second.stop()
        await self._house.start()


async def becomes_live(process: ServiceProcess) -> None:
    """Until the process has taken its place at the database."""
    import httpx

    async with httpx.AsyncClient(trust_env=False) as client:
        for _ in range(300):
            try:
                await client.get(f"{process.url}/health/live", timeout=2)
            except httpx.TransportError:
                await asyncio.sleep(0.1)
            else:
                return
    raise AssertionError(f"{process.service} does not answer:\n{process.tail()}")


async def holds_the_lock(house: House, service: str, process: ServiceProcess) -> bool:
    """Whether the relay's lock is held by a session of this process: its metrics say so."""
    import httpx

    async with httpx.AsyncClient(trust_env=False) as client:
        metrics = (await client.get(f"{process.url}/metrics", timeout=5)).text
    return any(line.startswith("tieline_relay_active 1") for line in metrics.splitlines())


async def cut_the_relay(house: House, service: str) -> None:
    """End the database session that holds the relay's lock, as a server does with one that has gone silent."""
    db = await asyncpg.connect(
        house.servers.service_database_url(service, "app", house.names[service], "postgresql")
    )
    try:
        await db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
            f" WHERE locktype = 'advisory' AND objid = {RELAY_LOCK} AND datname = current_database()"
        )
    finally:
        await db.close()


async def becomes_relayed(house: House, service: str) -> None:
    """Until a session holds the relay's lock again."""
    await becomes(
        house,
        service,
        "SELECT count(*)::int FROM pg_locks l JOIN pg_database d ON d.oid = l.database"
        f" WHERE locktype = 'advisory' AND objid = {RELAY_LOCK} AND datname = current_database()",
        1,
    )


def test_an_unknown_point_is_refused_and_none_costs_nothing() -> None:
    with pytest.raises(ValueError, match="pre_commit"):
        armed("pre_comit:1")
    assert armed(None) is armed("")
    assert "relay_confirmed" in POINTS
