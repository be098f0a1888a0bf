"""Five service processes on the real servers, with databases and a vhost of this test process's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.local.servers import Servers
from tests import houses
from tests.houses import House
from tests.integration.story import Story

__all__ = ["House"]


@pytest.fixture(scope="session")
async def house(
    test_servers: Servers, development_keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Migrated, declared, started and ready; ended with the tests."""
    async with houses.house(test_servers, development_keys, tmp_path_factory.mktemp("logs"), "story") as made:
        await made.start()
        yield made


@pytest.fixture
async def story(house: House) -> AsyncIterator[Story]:
    """A storyteller with words of its own, so that stories do not meet."""
    async with house.story() as teller:
        yield teller
