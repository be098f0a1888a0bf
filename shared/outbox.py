"""The transactional outbox: a fact is written with the state change and deleted once the broker has confirmed it.

`event_log` keeps the final JSON of every event, written once; `outbox` is a thin row per unpublished event. There is no
cursor: a row stays until it is confirmed, so one that commits late is found by the next poll (a cursor over the
identity column would lose it). Rows that the broker will not take are set aside and tried again every half minute.
"""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, BigInteger, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared import crashing, metrics
from shared.contracts.base import FACTS, Fact
from shared.logging import get_logger

if TYPE_CHECKING:
    from shared.broker import Publisher
    from shared.unit_of_work import Origin

log = get_logger(__name__)

MOST_EVENTS_A_MESSAGE = 50
MOST_BYTES_A_MESSAGE = 256 * 1024
PAGE = 1000
MOST_FRESH = 5000
RELAY_LOCK = 7_041_001
"""The advisory lock of the one active relay; a database belongs to one service, so one number serves all."""
BUSY_POLL, IDLE_POLL = 0.05, 0.25
LAG = 30.0
SWEEP_EVERY = 5.0
GAUGE_EVERY = 2.0


@dataclass(frozen=True)
class Announcement:
    """A fact on its way into the outbox."""

    fact: Fact
    event_id: UUID
    at: datetime
    origin: "Origin"


def envelope(service: str, told: Announcement) -> str:
    """The CloudEvents 1.0 JSON of an announcement; the data is spliced in, so it is serialised once."""
    fact = told.fact
    head: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(told.event_id),
        "type": fact.TYPE,
        "source": f"/tieline/{service}",
        "subject": fact.subject,
        "time": told.at.isoformat(),
        "datacontenttype": "application/json",
        "correlationid": told.origin.correlation,
        "causationid": told.origin.cause,
        "actor": told.origin.actor,
    }
    if told.origin.traceparent:
        head["traceparent"] = told.origin.traceparent
    if (version := getattr(fact, "version", None)) is not None:
        head["version"] = version
    return f'{orjson.dumps(head).decode()[:-1]},"data":{fact.model_dump_json()}}}'


Bodies = dict[UUID, tuple[str, str]]
"""{event id: (routing key, body)}."""


def bodies(service: str, announced: Sequence[Announcement]) -> Bodies:
    """What the announcements of a transaction look like on the wire."""
    return {one.event_id: (one.fact.TYPE, envelope(service, one)) for one in announced}


@dataclass(frozen=True, slots=True)
class Row:
    """An unpublished event."""

    seq: int
    routing_key: str
    body: str


class Fresh:
    """What this process has announced and committed: the relay is woken, and need not look for it.

    Only a memory: what is not here, or was lost on its way, the relay finds in the outbox, for the row goes when the
    broker has confirmed.
    """

    def __init__(self) -> None:
        self._rows: dict[int, Row] = {}
        self._seen: dict[int, None] = {}
        self._news = asyncio.Event()

    def put(self, told: Sequence[Row]) -> None:
        """After the commit: keep them (some 5 000, for another process may be the relay) and wake the relay.

        The relay may have seen some of them in the outbox before this process heard that its commit was done.
        """
        news = {row.seq: row for row in told if row.seq not in self._seen}
        for row in told:
            self._seen.pop(row.seq, None)
        if not news:
            return
        if len(self._rows) > MOST_FRESH:
            self._rows.clear()
        self._rows |= news
        self._news.set()

    def page(self, most: int) -> list[Row]:
        """So many of the oldest, handed over once."""
        return [self._rows.pop(seq) for seq in list(islice(self._rows, most))]

    def take(self, seq: int) -> Row | None:
        """The one of this number, which the relay has seen in the outbox, handed over once."""
        found = self._rows.pop(seq, None)
        if found is None:
            self._seen[seq] = None
            if len(self._seen) > MOST_FRESH:
                del self._seen[next(iter(self._seen))]
        return found

    def forget(self) -> None:
        """Remember nothing: the outbox has it all."""
        self._rows.clear()
        self._seen.clear()

    def looks(self) -> None:
        """The relay is about to look: only what is announced from now on wakes it again."""
        self._news.clear()

    def wake(self) -> None:
        """Have the relay look."""
        self._news.set()

    async def wait(self, seconds: float) -> bool:
        """Until something was announced since the last look, at most so long; whether something was."""
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        return True


@dataclass(frozen=True)
class Batch:
    """One message: 1 to 50 events of one routing key."""

    routing_key: str
    rows: tuple[Row, ...]

    @property
    def body(self) -> bytes:
        """A JSON array of CloudEvents (`application/cloudevents-batch+json`)."""
        return f"[{','.join(row.body for row in self.rows)}]".encode()

    @property
    def mandatory(self) -> bool:
        """Whether the broker must find a queue: not for facts that are only for outsiders."""
        fact = FACTS.get(self.routing_key)
        return fact is None or not fact.OUTSIDE


def batches(rows: Sequence[Row]) -> list[Batch]:
    """Group a page by routing key into messages of at most 50 events and 256 KiB."""
    found: list[Batch] = []
    for key, group in groupby(
        sorted(rows, key=lambda row: (row.routing_key, row.seq)), lambda row: row.routing_key
    ):
        held: list[Row] = []
        size = 0
        for row in group:
            length = len(row.body.encode())
            if held and (len(held) == MOST_EVENTS_A_MESSAGE or size + length > MOST_BYTES_A_MESSAGE):
                found.append(Batch(key, tuple(held)))
                held, size = [], 0
            held.append(row)
            size += length
        found.append(Batch(key, tuple(held)))
    return found


_PAGE = text(
    """
    SELECT seq, event_id, event_at FROM outbox
    WHERE seq > :low AND (quarantined_at IS NULL OR quarantined_at < clock_timestamp() - interval '30 seconds')
    ORDER BY seq LIMIT :page
    """
)
# apart from the poll: looking into the event log opens each of its 60 days, four times what the poll itself costs, and
# while deleted rows cannot be cleared away (an old snapshot) a join would read all of them at each poll (15 ms, not 0.2)
_BODIES = text(
    """
    SELECT event_id, routing_key, body FROM event_log
    WHERE event_id = ANY(:ids) AND created_at BETWEEN :first AND :last
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))
_CONFIRM = text("DELETE FROM outbox WHERE seq = ANY(:seqs)").bindparams(
    bindparam("seqs", type_=ARRAY(BigInteger))
)
_QUARANTINE = text(
    "UPDATE outbox SET quarantined_at = clock_timestamp(), last_error = :error WHERE seq = ANY(:seqs)"
).bindparams(bindparam("seqs", type_=ARRAY(BigInteger)))
_GAUGES = text(
    """
    SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(event_at)), 0), count(quarantined_at) FROM outbox
    """
)


class LowWater:
    """Spares the poll the index entries of rows deleted long ago; lags so far that no open transaction can be below it.

    A sweep from 0 every few seconds finds whatever committed later than that all the same.
    """

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self._low = 0
        self._swept = 0.0

    def next(self, now: float) -> int:
        """The sequence number to read from, exclusive."""
        while self._seen and self._seen[0][0] < now - LAG:
            self._low = max(self._low, self._seen.popleft()[1])
        if now - self._swept > SWEEP_EVERY:
            self._swept = now
            return 0
        return self._low

    def confirmed(self, now: float, seq: int) -> None:
        """Remember how far rows have been deleted, at most once a second."""
        if not self._seen or now - self._seen[-1][0] > 1:
            self._seen.append((now, seq))


class _Looks:
    """When the relay looks into the outbox itself: often while it finds what it has no memory of, else more seldom."""

    def __init__(self) -> None:
        self.water = LowWater()
        self._next = 0.0
        self._pause = BUSY_POLL

    def due_in(self, now: float) -> float:
        """Seconds until it should."""
        return self._next - now

    def had(self, now: float, strangers: int, *, is_full: bool) -> None:
        """It has, and found so many that only the outbox knew of; there may be more than one page."""
        self._pause = BUSY_POLL if strangers else min(self._pause * 1.5, IDLE_POLL)
        self._next = now if is_full else now + self._pause


class Relay:
    """Publishes a service's outbox. Several processes may run one; the one whose session holds the lock works.

    The lock is not trusted for correctness: a relay that lost it can at worst publish twice, and consumers drop that.
    """

    def __init__(self, engine: AsyncEngine, publisher: "Publisher", fresh: Fresh) -> None:
        self._engine = engine
        self._publisher = publisher
        self._fresh = fresh
        self._page = PAGE
        self._gauged = 0.0
        self._stopping = False

    async def work(self) -> None:
        """Until stopped: hold the lock's session, publish what waits, wait for the next commit."""
        async with self._engine.connect() as plain_db:
            db = await plain_db.execution_options(isolation_level="AUTOCOMMIT")
            if not await self._lock(db):
                return
            # while another one worked, it has published what this process remembers
            self._fresh.forget()
            metrics.relay_active.set(1)
            try:
                await self._publish_while_locked(db)
            finally:
                metrics.relay_active.set(0)
                # a session that goes back to the pool must not keep the lock; a dead one has lost it already
                if not plain_db.invalidated:
                    await plain_db.invalidate()

    def stop(self) -> None:
        """Finish the page at hand and return."""
        self._stopping = True
        self._fresh.wake()

    async def _lock(self, db: AsyncConnection) -> bool:
        while not self._stopping:
            if (
                await db.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": RELAY_LOCK})
            ).scalar_one():
                return True
            await asyncio.sleep(1)
        return False

    async def _publish_while_locked(self, db: AsyncConnection) -> None:
        looks = _Looks()
        while not self._stopping:
            now = time.monotonic()
            self._fresh.looks()
            if looks.due_in(now) > 0 and self._page == PAGE:
                rows = self._fresh.page(PAGE)
                if not rows:
                    await self._fresh.wait(looks.due_in(now))
                    continue
            else:
                await self._gauge(db, now)
                rows, strangers = await self._next_page(db, looks.water.next(now))
                looks.had(now, strangers, is_full=len(rows) == self._page)
                if not rows:
                    self._page = PAGE
                    continue
            crashing.reached("relay_selected")
            sent = await self._publish(db, rows)
            if sent:
                looks.water.confirmed(now, max(sent))

    async def _gauge(self, db: AsyncConnection, now: float) -> None:
        """Count what waits, every other second."""
        if now - self._gauged > GAUGE_EVERY:
            self._gauged = now
            await _gauge(db)

    async def _next_page(self, db: AsyncConnection, low: int) -> tuple[list[Row], int]:
        """What waits in the outbox, oldest first, and of how many this process had no memory: another wrote them."""
        waiting = (await db.execute(_PAGE, {"low": low, "page": self._page})).all()
        known = {row.seq: fresh for row in waiting if (fresh := self._fresh.take(row.seq))}
        missing = [row for row in waiting if row.seq not in known]
        if missing:
            days = [row.event_at for row in missing]
            ids = [row.event_id for row in missing]
            found = await db.execute(_BODIES, {"ids": ids, "first": min(days), "last": max(days)})
            bodies = {row.event_id: (row.routing_key, row.body) for row in found}
            known |= {
                row.seq: Row(row.seq, *bodies[row.event_id]) for row in missing if row.event_id in bodies
            }
        return [known[row.seq] for row in waiting if row.seq in known], len(missing)

    async def _publish(self, db: AsyncConnection, rows: Sequence[Row]) -> list[int]:
        """Publish a page; delete what was confirmed, set aside what was refused, leave the rest for the next try."""
        started = time.perf_counter()
        page = batches(rows)
        outcome = await self._publisher.publish([(b.routing_key, b.body, b.mandatory) for b in page])
        sent = [
            row.seq
            for batch, result in zip(page, outcome, strict=True)
            if result is None
            for row in batch.rows
        ]
        if sent:
            crashing.reached("relay_confirmed")
            await db.execute(_CONFIRM, {"seqs": sent})
            metrics.relay_events.inc(len(sent))
            metrics.relay_publish_seconds.observe(time.perf_counter() - started)
            for batch in page:
                metrics.events_per_message.observe(len(batch.rows))
        for batch, result in zip(page, outcome, strict=True):
            if result is not None:
                await self._set_aside(db, batch, result)
        if not sent:
            await asyncio.sleep(BUSY_POLL)
        return sent

    async def _set_aside(self, db: AsyncConnection, batch: Batch, problem: Exception) -> None:
        """A refused message of one row is quarantined; a larger one is first read again row by row."""
        if not self._publisher.is_refusal(problem):
            return
        if len(batch.rows) > 1 and not self._publisher.is_unroutable(problem):
            self._page = 1
            return
        self._page = PAGE
        log.error(
            "events set aside", routing_key=batch.routing_key, events=len(batch.rows), error=str(problem)
        )
        await db.execute(_QUARANTINE, {"seqs": [row.seq for row in batch.rows], "error": str(problem)[:500]})


async def _gauge(db: AsyncConnection) -> None:
    rows, oldest, quarantined = (await db.execute(_GAUGES)).one()
    metrics.outbox_rows.set(rows)
    metrics.outbox_oldest_seconds.set(float(oldest))
    metrics.outbox_quarantined.set(quarantined)
