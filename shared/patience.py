"""Waiting for what comes back: the database after a restart, a stop signal that cuts a pause short."""

import asyncio
from collections.abc import Awaitable, Callable

from sqlalchemy.exc import DBAPIError

from shared.logging import get_logger

log = get_logger(__name__)

SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 5.0


async def patiently(body: Callable[[], Awaitable[None]], stopping: asyncio.Event) -> None:
    """Run `body`; while the database is away, wait and run it again, until it returns or we are stopped."""
    wait = SHORTEST_PAUSE
    while True:
        try:
            return await body()
        except (DBAPIError, OSError, TimeoutError) as problem:
            log.warning("database away", error=str(problem)[:300])
            if stopping.is_set():
                return None
            await pause(stopping, wait)
            wait = min(LONGEST_PAUSE, wait * 2)


async def pause(stopping: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until we are stopped."""
    try:
        async with asyncio.timeout(seconds):
            await stopping.wait()
    except TimeoutError:
        return
