"""Who is connected to a database and what they hold, as every role may see it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import asyncpg

RELAY_LOCK = 7_041_001
"""`shared.outbox.RELAY_LOCK`, written out: the checker looks from outside."""
# a session's own virtual transaction is locked while a transaction is open; its state is only for its owner to see
_OPEN = """
SELECT a.pid, a.usename, l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'virtualxid' AND l.granted AND a.datname = current_database() AND a.usename LIKE '%\\_app'
"""
_RELAYS = """
SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE l.locktype = 'advisory' AND l.granted AND l.objid = $1 AND d.datname = current_database()
"""
_BACKENDS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename LIKE '%\\_app'
"""


BETWEEN_LOOKS = 0.5
"""Seconds: far longer than a poll takes on a busy machine."""


@dataclass(frozen=True)
class Sessions:
    """The application's sessions in one database."""

    backends: int
    relays: int
    """How many sessions hold the relay's lock."""
    open: dict[str, str] = field(default_factory=dict)
    """Open transactions: {virtual transaction: who}."""


async def look_at_sessions(db: "asyncpg.Connection[Any]") -> Sessions:
    """The sessions as they are at this moment."""
    return Sessions(
        backends=await db.fetchval(_BACKENDS),
        relays=await db.fetchval(_RELAYS, RELAY_LOCK),
        open=await _still_open(db),
    )


async def _still_open(db: "asyncpg.Connection[Any]") -> dict[str, str]:
    """Transactions that are open at two looks: a relay's poll is one too, but the next poll is another."""
    first = await _open(db)
    if not first:
        return {}
    await asyncio.sleep(BETWEEN_LOOKS)
    second = await _open(db)
    return {id_: who for id_, who in first.items() if id_ in second}


async def _open(db: "asyncpg.Connection[Any]") -> dict[str, str]:
    rows = await db.fetch(_OPEN)
    return {row["virtualtransaction"]: f"{row['usename']} (backend {row['pid']})" for row in rows}
