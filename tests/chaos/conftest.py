"""Houses to break: one on the tests' servers, where only its own processes are hurt, and one on servers of its own."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests import houses
from tests.chaos.load import Trade
from tests.chaos.servers import Mortal, mortal_servers
from tests.houses import House


@pytest.fixture(scope="module")
async def house(
    test_servers: Servers, development_keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Started and ready on the tests' servers."""
    logs = tmp_path_factory.mktemp("logs")
    async with houses.house(test_servers, development_keys, logs, "crash") as made:
        await made.start()
        yield made


@pytest.fixture(scope="session")
def mortal() -> Iterator[Mortal]:
    """Servers that may be killed."""
    with mortal_servers() as found:
        yield found


@pytest.fixture(scope="module")
async def mortal_house(
    mortal: Mortal, development_keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Started and ready on servers that may be killed."""
    logs = tmp_path_factory.mktemp("logs")
    async with houses.house(mortal.servers, development_keys, logs, "mortal") as made:
        await made.start()
        yield made


@asynccontextmanager
async def trading(house: House, folder: Path, *, seed: int = 1) -> AsyncIterator[Trade]:
    """A trade that is open for the block; afterwards the books must add up, its journal too."""
    trade = Trade(house, folder, seed)
    await trade.opens()
    try:
        yield trade
    finally:
        await trade.stop()
    await house.must_add_up(steady=1.0, journal=trade.journal)
    faults = {what: times for what, times in trade.met.items() if what.startswith("500")}
    assert not faults, f"a caller met our fault: {faults}; logs: {house.logs}"
