"""A house of its own for the checker: a history is told in it, then rows are changed behind its back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.checking import Report
from deploy.local.servers import Servers
from tests import houses
from tests.checking import history
from tests.houses import House


@pytest.fixture(scope="module")
async def house(
    test_servers: Servers, development_keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Started and ready."""
    logs = tmp_path_factory.mktemp("logs")
    async with houses.house(test_servers, development_keys, logs, "checking") as made:
        await made.start()
        yield made


@pytest.fixture(scope="module")
async def lived(house: House) -> Report:
    """The checker's report after a history was told; the house goes on running."""
    async with house.story() as story:
        await history.told(story)
    return await house.check(patience=60, steady=1)


@pytest.fixture(scope="module")
async def stopped(lived: Report, house: House) -> House:
    """The house after its history, its processes stopped: its databases can be copied."""
    await house.stop()
    return house
