"""Inventory's own fixture: a scene whose books are checked when the test is over."""

from collections.abc import AsyncIterator

import pytest

from services.inventory.tests.scene import Scene
from shared.testing import Bench


@pytest.fixture
async def scene(db_inventory: Bench) -> AsyncIterator[Scene]:
    """A shop with two warehouses and a few items; every test must leave its books in order."""
    shop = Scene(db_inventory)
    await shop.set_up()
    yield shop
    assert await shop.broken() == {}
