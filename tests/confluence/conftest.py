"""An empty world of five services for each test that asks for one."""

import pytest

from shared.migrate import SERVICES
from shared.testing import Bench
from tests.world import World, fresh_world


@pytest.fixture
async def five(benches) -> list[Bench]:  # type: ignore[no-untyped-def]  # the root conftest's own class
    """The five benches."""
    return [await benches.of(service) for service in SERVICES]


@pytest.fixture
async def world(five: list[Bench]) -> World:
    """A world with nothing in it."""
    return await fresh_world(five)
