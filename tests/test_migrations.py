"""What `tables.py` declares and what the migrations make are the same, service by service."""

from typing import Any

from shared.migrate import difference
from shared.testing import Bench


async def differing(bench: Bench, service: str) -> list[Any]:
    """What the tables of a service declare and the bench's database lacks, or the reverse."""
    async with bench.engine.connect() as db:
        return await db.run_sync(difference, service)


async def test_migrations_make_exactly_the_declared_tables(
    db_orders: Bench, db_inventory: Bench, db_purchasing: Bench, db_shipping: Bench, db_notifications: Bench
) -> None:
    for bench in (db_orders, db_inventory, db_purchasing, db_shipping, db_notifications):
        assert await differing(bench, bench.service) == [], bench.service


async def test_a_database_that_was_made_otherwise_is_noticed(db_orders: Bench) -> None:
    assert await differing(db_orders, "shipping") != []
