"""Ending database sessions."""

import random

import asyncpg

from tests.houses import House


async def end_sessions(house: House, chance: random.Random, share: float) -> int:
    """End this share of the services' database sessions; how many."""
    db = await asyncpg.connect(house.servers.postgres_url)
    try:
        names = list(house.names.values())
        pids = await db.fetch("SELECT pid FROM pg_stat_activity WHERE datname = ANY($1)", names)
        chosen = [row["pid"] for row in pids if chance.random() < share]
        await db.execute("SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) AS ended(pid)", chosen)
    finally:
        await db.close()
    return len(chosen)
