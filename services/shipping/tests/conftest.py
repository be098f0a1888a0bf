"""The shipping bench, whose books are checked after every test that uses it."""

from collections.abc import AsyncIterator

import pytest

from shared.testing import Bench

from .books import books_agree


@pytest.fixture
async def shipping(db_shipping: Bench) -> AsyncIterator[Bench]:
    """Shipping's handlers on their database; afterwards the figures must agree with what stands on shipments."""
    yield db_shipping
    await books_agree(db_shipping)
