"""A shop that is set up, for handler tests."""

import pytest

from shared.testing import Bench

from .shop import Shop


@pytest.fixture
async def shop(db_orders: Bench) -> Shop:
    """Warehouses, a few items and a customer, on the emptied database."""
    return await Shop(db_orders).set_up()
