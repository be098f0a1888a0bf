"""A shop whose catalogue is there once per test; each history empties the rest."""

import pytest

from shared.testing import Bench
from tests.allotment.shop import Shop, empty_shop, stock_catalogue


@pytest.fixture
async def counter(db_inventory: Bench) -> Bench:
    """Inventory on its database, with a catalogue."""
    await stock_catalogue(db_inventory)
    return db_inventory


@pytest.fixture
async def shop(counter: Bench) -> Shop:
    """A shop in which nothing has happened yet."""
    return await empty_shop(counter)
