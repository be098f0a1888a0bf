"""How much a process takes on: no more commands while what was told cannot get out, and nobody calls without measure."""

import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared.errors import TooMany, Unavailable

LOOK_SECONDS = 1.0
RETRY_AFTER = 10
MOST_CALLERS = 10_000


class Overloaded(Unavailable):
    """What was told waits too long for the broker: commands would only make it more. Reading still works."""


class CalledTooOften(TooMany):
    """This caller has used up its measure of requests."""


_LOOK = text(
    """
    SELECT min(seq), max(seq),
        CASE WHEN max(seq) - min(seq) < :most THEN 0
             ELSE (SELECT count(*) FROM (SELECT FROM outbox LIMIT :most + 1) AS counted) END,
        (SELECT extract(epoch FROM clock_timestamp() - event_at)::double precision FROM outbox
         WHERE quarantined_at IS NULL ORDER BY seq LIMIT 1)
    FROM outbox
    """
)


@dataclass(frozen=True)
class _Seen:
    """The outbox at one look: its first and last row, whether it is too long, and how old its first event says it is."""

    first: int = 0
    last: int = 0
    rows: int = 0
    age: float = 0.0


class Backlog:
    """Looks at the outbox at most once a second, when a command comes, and refuses while it is too full or too old.

    An event is as old as the clock of whoever told it says, which may be wrong: only one that was there at the look
    before counts as waiting. What the broker will not take (quarantined) makes nobody else wait.
    """

    def __init__(self, engine: AsyncEngine, *, most_rows: int, oldest_seconds: float) -> None:
        self._engine = engine
        self._most_rows = most_rows
        self._oldest_seconds = oldest_seconds
        self._next_look = 0.0
        self._seen = _Seen()
        self._has_waited = False

    async def admit(self) -> None:
        """Let a command in; raises `Overloaded` with the figures."""
        if time.monotonic() >= self._next_look:
            # set before the look: whoever comes meanwhile goes by the last one
            self._next_look = time.monotonic() + LOOK_SECONDS
            await self._look()
        seen = self._seen
        if seen.rows > self._most_rows or (self._has_waited and seen.age > self._oldest_seconds):
            raise Overloaded(
                "Too many events wait to be published; send the same request again later",
                retry_after=RETRY_AFTER, oldest_seconds=round(seen.age), most_rows=self._most_rows,
                most_seconds=round(self._oldest_seconds),
            )  # fmt: skip

    async def _look(self) -> None:
        async with self._engine.connect() as db:
            await db.execution_options(isolation_level="AUTOCOMMIT")
            first, last, rows, age = (await db.execute(_LOOK, {"most": self._most_rows})).one()
        self._has_waited = first is not None and first <= self._seen.last
        self._seen = _Seen(first or 0, last or 0, rows or 0, age or 0.0)


class Measure:
    """A token bucket per caller, in this process: `rate` requests a second, and `burst` at once. A rate of 0: no measure."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate = rate
        self._burst = max(burst, 1.0)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> None:
        """Count one request; raises `CalledTooOften` with the seconds to wait."""
        if not self._rate:
            return
        now = time.monotonic()
        left, at = self._buckets.pop(caller, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        if len(self._buckets) >= MOST_CALLERS:
            self._buckets.popitem(last=False)
        self._buckets[caller] = (left - 1 if left >= 1 else left, now)
        if left < 1:
            raise CalledTooOften(
                f"More than {self._rate:g} requests a second; slow down",
                retry_after=max(1, round((1 - left) / self._rate)), rate=str(self._rate), burst=str(self._burst),
            )  # fmt: skip
