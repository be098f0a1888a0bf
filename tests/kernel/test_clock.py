"""The clock of a service: it calls its handler when the time has come, sleeps until then, and outlives a database away."""

import asyncio
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from shared.errors import Unavailable
from shared.service import LOOK_AGAIN_SECONDS, keep_clock
from shared.testing import Bench
from shared.unit_of_work import CLOCK, Tx

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def test_it_sleeps_until_the_handler_wants_to_be_called_again(db_inventory: Bench) -> None:
    db_inventory.now = NOON

    async def in_four_seconds(tx: Tx) -> datetime:
        return tx.now + timedelta(seconds=4)

    assert await keep_clock(db_inventory.work, in_four_seconds, asyncio.Event()) == 4


async def test_it_comes_at_once_while_there_is_more_to_do(db_inventory: Bench) -> None:
    db_inventory.now = NOON

    async def overdue(tx: Tx) -> datetime:
        return tx.now - timedelta(hours=1)

    assert await keep_clock(db_inventory.work, overdue, asyncio.Event()) == 0


async def test_it_looks_again_now_and_then_for_others_may_have_set_it(db_inventory: Bench) -> None:
    async def tomorrow(tx: Tx) -> datetime:
        return tx.now + timedelta(days=1)

    assert await keep_clock(db_inventory.work, tomorrow, asyncio.Event()) == LOOK_AGAIN_SECONDS


async def test_what_it_does_commits_in_the_clocks_name(db_inventory: Bench) -> None:
    async def write(tx: Tx) -> datetime:
        tx.record("clock", "1", "struck", None, {"at": "noon"})
        return tx.now

    await keep_clock(db_inventory.work, write, asyncio.Event())

    (entry,) = await db_inventory.log("clock", "1")
    assert entry.actor == CLOCK


async def test_a_busy_service_is_called_again_later_and_a_failing_database_at_once(
    db_inventory: Bench,
) -> None:
    calls = []

    async def busy(tx: Tx) -> datetime:
        raise Unavailable("too much to do")

    async def fails_once(tx: Tx) -> datetime:
        calls.append(tx.now)
        if len(calls) == 1:
            await tx.db.execute(text("SELECT 1 / 0"))
        return tx.now

    assert await keep_clock(db_inventory.work, busy, asyncio.Event()) == LOOK_AGAIN_SECONDS
    await keep_clock(db_inventory.work, fails_once, asyncio.Event())
    assert len(calls) == 2
