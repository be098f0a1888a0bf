"""The network fails between a service and its servers: faults 21 to 23 and 46 of `reliability.md`, by a proxy of ours."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.conftest import trading
from tests.chaos.proxy import Proxy, proxy
from tests.chaos.test_crash_points import becomes
from tests.houses import House

OUTBOX = "SELECT count(*) FROM outbox"


@asynccontextmanager
async def behind_proxies(house: House, service: str) -> AsyncIterator[tuple[Proxy, Proxy]]:
    """The service starts again with a proxy before its broker and one before its database."""
    process = house.processes[service]
    environment = house.environment(service, int(process.url.rpartition(":")[2]))
    async with AsyncExitStack() as proxies:
        broker = await proxies.enter_async_context(proxy(environment["TIELINE_AMQP_URL"]))
        database = await proxies.enter_async_context(proxy(environment["TIELINE_DATABASE_URL"]))
        await process.stop()
        await process.start(
            TIELINE_AMQP_URL=broker.through(environment["TIELINE_AMQP_URL"]),
            TIELINE_DATABASE_URL=database.through(environment["TIELINE_DATABASE_URL"]),
        )
        await process.ready()
        try:
            yield broker, database
        finally:
            await process.stop()
            await process.start()
            await process.ready()


@pytest.mark.fault(22)
async def test_22_a_connection_reset_in_the_middle_of_a_frame(house: House, tmp_path: Path) -> None:
    async with trading(house, tmp_path) as trade, behind_proxies(house, "orders") as (broker, database):
        for _ in range(4):
            broker.reset_after(900)
            database.reset_after(5000)
            await asyncio.gather(*(trade.order() for _ in range(4)))
            await becomes(house, "orders", OUTBOX, 0)

        assert broker.opened > 2
        assert database.opened > 2


@pytest.mark.fault(21)
@pytest.mark.chaos
@pytest.mark.slow
async def test_21_a_black_hole_before_the_broker_is_noticed_and_left(house: House, tmp_path: Path) -> None:
    async with trading(house, tmp_path) as trade, behind_proxies(house, "orders") as (broker, _):
        broker.weather.is_black_hole = True
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(trade.order() for _ in range(4)))
        answered = asyncio.get_running_loop().time() - began
        opened = broker.opened
        await asyncio.sleep(8)

        assert answered < 3, "an answer waited for the broker"
        assert broker.opened > opened, "the silent connection was kept"
        broker.weather.is_black_hole = False
        await becomes(house, "orders", OUTBOX, 0, patience=30)


@pytest.mark.fault(21)
@pytest.mark.chaos
@pytest.mark.slow
async def test_21_a_half_closed_connection_is_left(house: House, tmp_path: Path) -> None:
    async with trading(house, tmp_path) as trade, behind_proxies(house, "inventory") as (broker, _):
        await trade.order()
        broker.half_close()
        await trade.order()

        await becomes(house, "orders", OUTBOX, 0)


@pytest.mark.fault(23)
@pytest.mark.chaos
@pytest.mark.slow
async def test_23_a_slow_network_makes_nobody_swell(house: House, tmp_path: Path) -> None:
    async with trading(house, tmp_path) as trade, behind_proxies(house, "inventory") as (broker, _):
        process = house.processes["inventory"]
        before = resident(process.pid)
        broker.weather.delay = 0.2
        broker.weather.bytes_per_second = 20_000
        for _ in range(5):
            await asyncio.gather(*(trade.order() for _ in range(8)))

        assert resident(process.pid) < before + 60
        broker.weather.delay = 0
        broker.weather.bytes_per_second = None


def resident(pid: int) -> int:
    """Megabytes of memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * 4096 // 1_000_000


@pytest.mark.fault(46)
@pytest.mark.chaos
@pytest.mark.slow
@pytest.mark.parametrize("cut", ["database", "broker", "both"])
async def test_46_a_service_cut_off_from_its_servers_goes_on_when_they_are_back(
    house: House, tmp_path: Path, cut: str
) -> None:
    async with trading(house, tmp_path) as trade, behind_proxies(house, "inventory") as (broker, database):
        trade.start(customers=2, pause=0.1)
        await asyncio.sleep(1)
        chosen = {"broker": [broker], "database": [database], "both": [broker, database]}[cut]
        for one in chosen:
            one.weather.refuses = True
            one.reset_all()
        await asyncio.sleep(6)
        for one in chosen:
            one.weather.refuses = False
        await house.processes["inventory"].ready(30)
        await asyncio.sleep(1)
