"""The connection pool of a process, and when a connection in it is no longer any good."""

from typing import Any

import orjson
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

GONE = frozenset({"57P01", "57P02", "57P03", "25006"})
"""Ended by an administrator, crashed, starting up, or read-only after a failover: the session is of no more use."""


def make_engine(url: str, *, pool_size: int = 10, pool_timeout: float = 2.0, **options: Any) -> AsyncEngine:
    """A bounded pool on asyncpg; a checkout that waits longer than `pool_timeout` seconds fails."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=pool_timeout,
        connect_args={"server_settings": {"application_name": "tieline", "jit": "off"}, "timeout": 5},
        json_serializer=lambda value: orjson.dumps(value).decode(),
        json_deserializer=orjson.loads,
        **options,
    )
    event.listen(engine.sync_engine, "handle_error", _drop_dead_connection)
    return engine


def _drop_dead_connection(context: ExceptionContext) -> None:
    """The driver reports an ended session as an ordinary error: its SQLSTATE says that the connection is dead."""
    if getattr(context.original_exception, "sqlstate", None) in GONE:
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False
