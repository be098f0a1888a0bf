"""What a poll of the outbox costs while a report holds its snapshot (fault 40).

Deleted rows stay in the index for as long as the report might look at them, and a poll from zero reads each of them
again. The relay polls from its low-water mark, half a minute behind, and from zero every few seconds only.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from bench.broker import SERVICE, kernel_database
from bench.figures import spread
from deploy.local.servers import Servers
from shared.database import make_engine
from shared.outbox import _PAGE, LAG, PAGE, LowWater

ROWS, ROUNDS, POLLS = 200_000, 20, 200
SECONDS = 100.0
"""How long that took, as the low-water mark is told."""
_TELL = text(
    "INSERT INTO outbox (event_id, event_at) SELECT gen_random_uuid(), clock_timestamp() FROM generate_series(1, :rows)"
)
_CONFIRM = text("DELETE FROM outbox RETURNING seq")
_ENTRIES = """
    SELECT coalesce(sum(idx_tup_read), 0)::bigint FROM pg_stat_user_indexes WHERE relname = 'outbox'
"""


async def measure(servers: Servers, say: Callable[[str], None]) -> None:
    """Print times, index entries and pages of a poll, before and after so many rows were deleted."""
    async with kernel_database(servers) as database:
        engine = make_engine(servers.service_database_url(SERVICE, "app", database), pool_size=1)
        admin = urlunsplit(urlsplit(servers.postgres_url)._replace(path=f"/{database}"))
        try:
            async with engine.connect() as plain, _held(admin) as reader:
                db = await plain.execution_options(isolation_level="AUTOCOMMIT")
                say(
                    f"\nThe relay's poll while a report holds its snapshot; {POLLS} polls each, none finds a row"
                )
                await _polls(db, reader, "nothing deleted yet", 0, say)
                busy, idle = await _churn(db)
                say(
                    f"  {ROWS:,} rows inserted and deleted, in {SECONDS:.0f} s as the low-water mark knows it:"
                )
                await _polls(db, reader, "from the mark, rows of 30 s above it", busy, say)
                await _polls(db, reader, "from the mark, idle for 30 s", idle, say)
                await _polls(db, reader, "from zero, the sweep every 5 s", 0, say)
        finally:
            await engine.dispose()


@asynccontextmanager
async def _held(url: str) -> AsyncIterator[Any]:
    """A report's snapshot is held; a connection of the administrator's that reads the server's counters."""
    report, reader = await asyncpg.connect(url), await asyncpg.connect(url)
    try:
        # the administrator's sessions have no limit of time; a service's would be ended after 10 s
        async with report.transaction(isolation="repeatable_read", readonly=True):
            await report.fetchval("SELECT count(*) FROM outbox")
            yield reader
    finally:
        await report.close()
        await reader.close()


async def _churn(db: AsyncConnection) -> tuple[int, int]:
    """Insert and delete, round by round, and tell the mark of it as the relay does; where it polls from then, and idle."""
    water = LowWater()
    began = 1000.0
    for nth in range(ROUNDS):
        await db.execute(_TELL, {"rows": ROWS // ROUNDS})
        gone = (await db.execute(_CONFIRM)).scalars().all()
        water.confirmed(began + nth * SECONDS / ROUNDS, max(gone))
    return _mark(water, began + SECONDS), _mark(water, began + SECONDS + LAG + 1)


def _mark(water: LowWater, now: float) -> int:
    water.next(now)  # a sweep is due
    return water.next(now)


async def _polls(db: AsyncConnection, reader: Any, name: str, low: int, say: Callable[[str], None]) -> None:
    before = await _entries(db, reader)
    took: list[float] = []
    for _ in range(POLLS):
        began = time.perf_counter()
        found = (await db.execute(_PAGE, {"low": low, "page": PAGE})).all()
        took.append(time.perf_counter() - began)
        assert not found
    entries = (await _entries(db, reader) - before) / POLLS
    say(
        f"    {name:38} {spread(took, 2)}   {entries:9,.0f} index entries, {await _pages(db, low):6,} pages a poll"
    )


async def _entries(db: AsyncConnection, reader: Any) -> int:
    """Index entries of the outbox that were read so far; sessions tell their counts late unless they are asked to."""
    await db.execute(text("SELECT pg_stat_force_next_flush()"))
    await db.execute(text("SELECT 1"))
    return int(await reader.fetchval(_ENTRIES))


async def _pages(db: AsyncConnection, low: int) -> int:
    """How many pages PostgreSQL looks at for one poll."""
    explained = await db.execute(
        text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {_PAGE.text}"), {"low": low, "page": PAGE}
    )
    plan: dict[str, Any] = explained.scalar_one()[0]["Plan"]
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])
