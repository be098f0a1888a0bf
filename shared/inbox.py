"""The inbox: what was heard takes effect once, in the transaction that remembers its id.

A batch of messages is one transaction: the handlers by type, then inbox, outbox and log, then COMMIT; only after that
the acknowledgement. Its events are taken for news, as nearly all are, so their inbox rows are written in the closing
statement. If one was no news, or anything fails, all of it is rolled back and done the careful way: inbox rows first
(sorted, so that two workers with the same duplicates cannot deadlock), and only what is news is handled. A batch that
fails then is halved until the failing event is alone; that one is parked in the consumer's own database (5 s, 30 s,
2 min, 10 min, 1 h, 6 h, then dead), its neighbours go on.
"""

import asyncio
import hashlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError
from sqlalchemy import ARRAY, Double, Integer, Row, Text, Uuid, bindparam, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared import metrics
from shared.closing import HeardBefore
from shared.contracts import Fact
from shared.errors import TielineError, Unavailable
from shared.logging import get_logger
from shared.unit_of_work import Origin, Told, Tx, Work, run, sqlstate

log = get_logger(__name__)

FactHandler = Callable[[Tx, Any], Awaitable[None]]
Subscriptions = Mapping[type[Fact], FactHandler]
"""A service's `{fact: handler}`; a handler takes the transaction and a list of `Told`."""

WAITS = (5.0, 30.0, 120.0, 600.0, 3600.0, 6 * 3600.0)
"""Seconds before each further try of a parked event, give or take 20 %; after the last one it is dead."""
BREAKER_AFTER = 10
GONE = frozenset({"57P01", "57P02", "57P03", "08000", "08003", "08006", "25006", "53100", "53200", "53300"})
"""The database is shutting down, starting, read-only, or out of disk, memory or connections: nobody's event is to blame."""
MOST_LOSSES = 5
"""How often in a row the same events may lose a database that answers again: after that it is them who lose it."""
REPLAYER = "tieline_admin"


class Unreadable(Exception):
    """A message, or an event in it, that is not what our envelope says it should be."""


class NewerMajor(Exception):
    """An event of a major version that this process does not know yet: it waits until it does."""


class GivenUp(Exception):
    """The broker delivered it as often as it may, and nobody ever acknowledged it: whoever took it died."""


@dataclass(frozen=True)
class Heard:
    """One event of a message: readable (`told`), of a newer major, or not readable at all."""

    event_id: UUID
    type: str | None
    subject: str | None
    raw: bytes
    told: Told[Any] | None = None
    problem: Exception | None = None


_CLAIM = text(
    """
    INSERT INTO inbox (consumer, event_id)
    SELECT :consumer, event_id FROM unnest(:ids) AS heard(event_id)
    WHERE NOT EXISTS (SELECT 1 FROM parked p WHERE p.consumer = :consumer AND p.event_id = heard.event_id
                      -- both majors of a change have one id: the one we know need not wait for the other
                      AND p.error_code IS DISTINCT FROM 'NewerMajor')
    ORDER BY event_id ON CONFLICT DO NOTHING RETURNING event_id
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))
_CLAIM_PARKED = text(
    "INSERT INTO inbox (consumer, event_id) VALUES (:consumer, :id) ON CONFLICT DO NOTHING RETURNING event_id"
)
_PARK = text(
    """
    INSERT INTO parked (consumer, event_id, type, subject, body, raw, state, attempts, next_at, error_code, last_error)
    SELECT :consumer, :id, :type, :subject, CAST(:body AS jsonb), :raw, :state, 1,
           clock_timestamp() + make_interval(secs => CAST(:wait AS double precision)), :code, :error
    WHERE NOT EXISTS (SELECT 1 FROM inbox WHERE consumer = :consumer AND event_id = :id)
    ON CONFLICT (consumer, event_id) DO UPDATE SET type = excluded.type, subject = excluded.subject, body = excluded.body,
        raw = excluded.raw, state = excluded.state, next_at = excluded.next_at, error_code = excluded.error_code,
        last_error = excluded.last_error, updated_at = clock_timestamp()
    WHERE parked.error_code = 'NewerMajor' AND parked.state = 'retry' AND excluded.error_code <> 'NewerMajor'
    """
)
_LEASE = text(
    """
    WITH due AS (
        SELECT consumer, event_id, error_code, last_error, attempts + 1 AS attempt,
               error_code IS DISTINCT FROM 'NewerMajor' OR type = ANY(:known) AS is_known
        FROM parked WHERE consumer = :consumer AND state = 'retry' AND next_at <= clock_timestamp()
        ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    UPDATE parked SET attempts = due.attempt, updated_at = clock_timestamp(),
        next_at = clock_timestamp()
            + make_interval(secs => (CAST(:waits AS double precision[]))[least(due.attempt, :most)]),
        state = CASE WHEN due.is_known AND due.attempt > :most THEN 'dead' ELSE 'retry' END,
        error_code = CASE WHEN due.is_known THEN 'Unfinished' ELSE due.error_code END,
        last_error = CASE WHEN due.is_known
            THEN left('try ' || due.attempt || ' began and never ended; before it: '
                      || coalesce(substring(due.last_error FROM 'before it: (.*)'), due.last_error, ''), 2000)
            ELSE due.last_error END
    FROM due WHERE parked.consumer = due.consumer AND parked.event_id = due.event_id
    RETURNING parked.event_id, parked.body, parked.attempts, parked.updated_at, due.error_code, due.last_error
    """
).bindparams(
    bindparam("known", type_=ARRAY(Text)),
    bindparam("waits", type_=ARRAY(Double)),
    bindparam("most", type_=Integer),
)
_STILL = text(
    "SELECT 1 FROM parked WHERE consumer = :consumer AND event_id = :id AND updated_at = :seen FOR UPDATE"
)
_DONE = text(
    """
    UPDATE parked SET state = 'done', error_code = :code, last_error = :error, updated_at = clock_timestamp()
    WHERE consumer = :consumer AND event_id = :id
    """
)
_AGAIN = text(
    """
    UPDATE parked SET state = :state, error_code = :code, last_error = :error, updated_at = clock_timestamp(),
        next_at = clock_timestamp() + make_interval(secs => CAST(:wait AS double precision))
    WHERE consumer = :consumer AND event_id = :id AND updated_at = :seen
    """
)
_WAKE = text(
    """
    UPDATE parked SET next_at = clock_timestamp() WHERE consumer = :consumer AND state = 'retry'
    AND error_code = 'NewerMajor' AND type = ANY(:known)
    """
).bindparams(bindparam("known", type_=ARRAY(Text)))


class Reader:
    """Turns message bodies into facts that this service hears."""

    def __init__(self, subscriptions: Subscriptions, *, check_user: bool) -> None:
        self._facts = {fact.TYPE: fact for fact in subscriptions}
        self._families = {fact.TYPE.rsplit(".", 1)[0] for fact in subscriptions}
        self._check_user = check_user

    def read(self, body: bytes, user: str | None) -> list[Heard]:
        """All events of a message; what cannot be read comes back as such, alone, and hinders no neighbour."""
        try:
            events = orjson.loads(body)
            if not isinstance(events, list) or not events:
                raise Unreadable("a message must be a non-empty JSON array of CloudEvents")
        except (orjson.JSONDecodeError, Unreadable, RecursionError) as problem:
            return [Heard(_id_of(body), None, None, body[:1_000_000], problem=Unreadable(str(problem)))]
        heard = (self._one(event, user) for event in events)
        return [one for one in heard if one is not None]

    def _one(self, event: Any, user: str | None) -> Heard | None:
        try:
            raw = orjson.dumps(event)
        except orjson.JSONEncodeError as problem:  # it reads deeper nesting than it writes
            raw = repr(event)[:1_000_000].encode()
            return Heard(_id_of(raw), None, None, raw, problem=Unreadable(str(problem)))
        try:
            event_id, kind = UUID(str(event["id"])), str(event["type"])
        except (KeyError, TypeError, ValueError) as problem:
            return Heard(
                _id_of(raw), None, None, raw, problem=Unreadable(f"no CloudEvents envelope: {problem!r}")
            )
        subject = str(event.get("subject", ""))
        if self._check_user and user not in (kind.split(".", 1)[0], REPLAYER):
            metrics.foreign_events.inc()
            log.error(
                "an event of another service's was published by a stranger",
                type=kind,
                user=user,
                event_id=str(event_id),
            )
            # under an id of its own: the true event of that id must not find its place taken
            return Heard(
                _id_of(raw),
                kind,
                subject,
                raw,
                problem=Unreadable(f"published by {user!r}, not by its owner"),
            )
        fact = self._facts.get(kind)
        if fact is None:
            return self._strange(event_id, kind, subject, raw)
        try:
            return Heard(event_id, kind, subject, raw, told=_told(fact, event_id, event))
        except (ValidationError, KeyError, TypeError, ValueError) as problem:
            return Heard(
                event_id, kind, subject, raw, problem=Unreadable(f"not a valid {kind}: {_brief(problem)}")
            )

    def _strange(self, event_id: UUID, kind: str, subject: str, raw: bytes) -> Heard | None:
        if kind.rsplit(".", 1)[0] in self._families:
            return Heard(
                event_id, kind, subject, raw, problem=NewerMajor(f"{kind} is newer than this process")
            )
        metrics.unknown_events.labels(kind[:80]).inc()
        return None


def _id_of(raw: bytes) -> UUID:
    """An id for what has none to be trusted; the same bytes come to the same, so what comes twice parks once."""
    return UUID(bytes=hashlib.sha256(raw).digest()[:16], version=5)


def _told(fact: type[Fact], event_id: UUID, event: dict[str, Any]) -> Told[Any]:
    at = datetime.fromisoformat(event["time"])
    if at.tzinfo is None:
        raise ValueError("time: says no offset from UTC")
    return Told(
        fact.model_validate(event["data"]),
        event_id,
        at,
        str(event.get("actor", "unknown")),
        str(event.get("correlationid", event_id)),
        event.get("causationid"),
        event.get("traceparent"),
    )


def _brief(problem: Exception) -> str:
    if isinstance(problem, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in problem.errors(include_input=False)[:5]
        )
    return repr(problem)


class Inbox:
    """One service's consumer of facts: effects once, failures parked, nothing lost."""

    def __init__(self, work: Work, subscriptions: Subscriptions, *, check_user: bool = True) -> None:
        self._work = work
        self._handlers = dict(subscriptions)
        self._reader = Reader(subscriptions, check_user=check_user)
        self._failures = 0

    async def take(self, messages: Sequence[AbstractIncomingMessage]) -> None:
        """Carry out what a few messages say; returns once everything is committed or parked, so they may be acked."""
        heard = [event for m in messages for event in self._reader.read(m.body, m.user_id)]
        metrics.batch_events.observe(len(heard))
        await self._carry_out(heard, is_news=not any(m.redelivered for m in messages))

    async def give_up(self, message: AbstractIncomingMessage) -> None:
        """Park as dead what the broker has given up; operators see it, and `replay` tries it again."""
        for event in self._reader.read(message.body, message.user_id):
            await self._park(
                event, event.problem or GivenUp("the broker gave it up: nobody ever acknowledged it")
            )

    async def self_check(self) -> None:
        """Whether a batch could be carried out; raises what PostgreSQL says against it (no tables, no right, read-only)."""
        async with self._work.engine.connect() as db:
            await db.execute(_CLAIM, {"consumer": self._work.service, "ids": []})
            await db.rollback()

    async def _carry_out(self, heard: Sequence[Heard], *, is_news: bool) -> None:
        if not heard:
            return
        unreadable = [event for event in heard if event.told is None]
        for event in unreadable:
            await self._park(event, event.problem or Unreadable("unreadable"))
        readable = [event for event in heard if event.told is not None]
        if readable and not (is_news and await self._as_news(readable)):
            await self._halving(readable)

    async def _as_news(self, events: Sequence[Heard]) -> bool:
        """Carry out a batch of events that nobody has heard before; False when that failed, and nothing was done."""
        ids = [event.event_id for event in events]
        if len(set(ids)) < len(ids):
            return False
        try:
            await self._once(events, is_news=True)
        except HeardBefore:
            return False
        except Exception as problem:  # whatever it is: the careful way meets it again, and deals with it
            log.info(
                "a batch is carried out again the careful way", events=len(events), error=str(problem)[:300]
            )
            return False
        self._succeeded()
        return True

    async def _halving(self, events: Sequence[Heard], losses: int = 0) -> None:
        try:
            await self._once(events, is_news=False)
        except Exception as problem:  # whatever a handler raises: it is halved, then parked
            if infrastructure(problem) and losses < MOST_LOSSES:
                await self._wait_for_database(problem)
                await self._halving(events, losses + 1)
            elif len(events) > 1:
                middle = len(events) // 2
                await self._halving(events[:middle])
                await self._halving(events[middle:])
            else:
                await self._failed(events[0], problem)
        else:
            self._succeeded()

    def _succeeded(self) -> None:
        self._failures = 0
        metrics.breaker_open.set(0)

    async def _once(self, events: Sequence[Heard], *, is_news: bool) -> None:
        told = [event.told for event in events if event.told]
        first = told[0]
        origin = Origin(f"service:{self._work.service}", str(first.id), first.correlation, first.traceparent)
        await run(self._work, self._batch if is_news else self._careful_batch, origin, None, told)

    async def _batch(self, tx: Tx, told: Sequence[Told[Any]]) -> None:
        """Handle what is taken for news; closing finds out whether it was."""
        tx.heard = [t.id for t in told]
        await self._handle_all(tx, told)

    async def _careful_batch(self, tx: Tx, told: Sequence[Told[Any]]) -> None:
        """Find out first what is news, and handle that."""
        ids = [t.id for t in told]
        claimed = await tx.db.execute(_CLAIM, {"consumer": self._work.service, "ids": ids})
        new = {row.event_id for row in claimed}
        metrics.inbox_duplicates.inc(len(ids) - len(new))
        fresh = {t.id: t for t in told if t.id in new}
        await self._handle_all(tx, list(fresh.values()))

    async def _handle_all(self, tx: Tx, told: Sequence[Told[Any]]) -> None:
        groups: dict[type[Fact], list[Told[Any]]] = {}
        for t in told:
            groups.setdefault(type(t.fact), []).append(t)
        for fact, group in groups.items():
            await self._handle(tx, fact, group)

    async def _handle(self, tx: Tx, fact: type[Fact], group: list[Told[Any]]) -> None:
        started = time.perf_counter()
        # what the handler announces or logs without naming its cause has the first fact of its group as the cause
        tx.origin = group[0].origin
        await self._handlers[fact](tx, group)
        metrics.handler_seconds.labels(fact.TYPE).observe(time.perf_counter() - started)
        for told in group:
            metrics.consumer_lag_seconds.observe(max(0.0, (tx.now - told.time).total_seconds()))

    async def _failed(self, event: Heard, problem: Exception) -> None:
        """Park the event; while many different ones fail in a row, slow down to one a pause (the breaker)."""
        self._failures += 1
        if self._failures > BREAKER_AFTER:
            metrics.breaker_open.set(1)
            await asyncio.sleep(min(30.0, 2.0 ** (self._failures - BREAKER_AFTER)))
        await self._park(event, problem)

    async def _park(self, event: Heard, problem: Exception) -> None:
        # PostgreSQL keeps no NUL, neither in text nor in jsonb: such an event is kept as the bytes that came
        has_nul = b"\\u0000" in event.raw
        readable = not has_nul and (event.told is not None or isinstance(problem, NewerMajor))
        state = "dead" if has_nul else state_after(problem, 1)
        log.error(
            "event parked",
            event_id=str(event.event_id),
            type=event.type,
            state=state,
            error=str(problem)[:500],
            exc_info=None if event.told is None else problem,
        )
        row = {
            "consumer": self._work.service, "id": event.event_id, "type": _storable(event.type),
            "subject": _storable(event.subject),
            "body": event.raw.decode() if readable else None, "raw": None if readable else event.raw,
            "state": state, "wait": wait_before(1), "code": error_code(problem), "error": _storable(str(problem)[:2000]),
        }  # fmt: skip
        await self._until_stored(row)
        metrics.parked_events.labels(state).inc()

    async def _until_stored(self, row: dict[str, Any]) -> None:
        async def store(tx: Tx) -> None:
            await tx.db.execute(_PARK, row)

        while True:
            try:
                await run(self._work, store, Origin("kernel", str(row["id"]), str(row["id"])), None)
            except Exception as problem:  # without its row the message must not be acknowledged
                if not infrastructure(problem):
                    raise
                await self._wait_for_database(problem)
            else:
                return

    async def _wait_for_database(self, problem: Exception) -> None:
        """Hold the messages and probe: neither nack nor park, for nobody's event is to blame."""
        log.warning("database is away; holding what was taken", error=str(problem)[:300])
        pause = 0.2
        while True:
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # jitter
            try:
                async with self._work.engine.connect() as db:
                    read_only = (await db.execute(text("SHOW transaction_read_only"))).scalar_one()
            except (DBAPIError, OSError, PoolTimeout):
                read_only = "on"
            if read_only == "off":
                return
            pause = min(5.0, pause * 2)

    async def wake_newer(self) -> None:
        """What waited for a version that this process knows is due now: called once, when a process starts."""
        known = {"consumer": self._work.service, "known": [fact.TYPE for fact in self._handlers]}

        async def wake(tx: Tx) -> None:
            await tx.db.execute(_WAKE, known)

        await run(self._work, wake, Origin("kernel", "start", "start"), None)

    async def retry_due(self) -> bool:
        """Try one parked event that is due; whether there was one.

        The try is counted, and the next one set, before it is made: one that kills the process backs off as one that
        fails does, and ends dead. The last one is dead while it lasts.
        """
        due = await run(self._work, self._lease, Origin("kernel", "retry", "retry"), None)
        if due is None:
            return False
        try:
            await run(self._work, self._retry, Origin("kernel", "retry", "retry"), None, due)
        except _RetryFailed as failed:
            await self._put_off(failed)
        return True

    async def _lease(self, tx: Tx) -> Row[Any] | None:
        waits = [wait_before(attempt) for attempt in range(1, len(WAITS) + 1)]
        known = [fact.TYPE for fact in self._handlers]
        leased = await tx.db.execute(
            _LEASE, {"consumer": self._work.service, "known": known, "waits": waits, "most": len(WAITS)}
        )
        return leased.first()

    async def _retry(self, tx: Tx, due: Row[Any]) -> None:
        row = {"consumer": self._work.service, "id": due.event_id}
        if (await tx.db.execute(_STILL, {**row, "seen": due.updated_at})).first() is None:
            return  # an operator has decided otherwise since
        event = self._reader.read(b"[" + orjson.dumps(due.body) + b"]", REPLAYER)
        if not event or event[0].told is None:
            raise _RetryFailed(due, event[0].problem if event else Unreadable("not heard here"))
        told = event[0].told
        if (await tx.db.execute(_CLAIM_PARKED, row)).first() is not None:
            try:
                await self._handle(tx, type(told.fact), [told])
            except Exception as problem:
                raise _RetryFailed(due, problem) from problem
        await tx.db.execute(_DONE, {**row, "code": due.error_code, "error": due.last_error})

    async def _put_off(self, failed: "_RetryFailed") -> None:
        state = state_after(failed.problem, failed.attempts)

        async def again(tx: Tx) -> None:
            await tx.db.execute(
                _AGAIN,
                {
                    "consumer": self._work.service, "id": failed.event_id, "state": state,
                    "seen": failed.seen, "wait": wait_before(failed.attempts), "code": error_code(failed.problem),
                    "error": _storable(str(failed.problem)[:2000]),
                },
            )  # fmt: skip

        log.error(
            "parked event failed again",
            event_id=str(failed.event_id),
            state=state,
            error=str(failed.problem)[:500],
        )
        await run(self._work, again, Origin("kernel", "retry", "retry"), None)


class _RetryFailed(Exception):
    """Rolls the retry's transaction back and carries what is needed to put the event off."""

    def __init__(self, due: Row[Any], problem: Exception | None) -> None:
        super().__init__(str(problem))
        self.event_id: UUID = due.event_id
        self.attempts: int = due.attempts
        self.seen: datetime = due.updated_at
        """Whoever changed the row since then, an operator or another process, is not overruled."""
        self.problem = problem or Unreadable("unreadable")


def _storable(words: str | None) -> str | None:
    return words and words.replace("\x00", "")


def infrastructure(problem: Exception) -> bool:
    """Whether the database or the network is away, so that no event is to blame."""
    if isinstance(problem, PoolTimeout | ConnectionError | OSError | Unavailable):
        return True
    if isinstance(problem, DBAPIError):
        return problem.connection_invalidated or sqlstate(problem) in GONE or _lost(problem)
    return False


def _lost(problem: DBAPIError) -> bool:
    return isinstance(problem, InterfaceError | OperationalError) and sqlstate(problem) is None


def permanent(problem: Exception) -> bool:
    """Whether trying again cannot help: unreadable, refused (our bug: a valid fact is never refused), or a constraint."""
    return isinstance(problem, Unreadable | GivenUp | TielineError | IntegrityError)


def state_after(problem: Exception, attempts: int) -> str:
    """`dead` at once for what cannot heal by itself, else `retry` until the waits are used up."""
    if isinstance(problem, NewerMajor):
        return "retry"
    return "dead" if permanent(problem) or attempts > len(WAITS) else "retry"


def wait_before(attempt: int) -> float:
    """Seconds before the next try: 5, 30, 120, 600, 3600, 21600, each give or take 20 %."""
    return WAITS[min(attempt, len(WAITS)) - 1] * random.uniform(0.8, 1.2)  # noqa: S311  # jitter


def error_code(problem: Exception) -> str:
    """A short stable word for the problem: an error's code, a SQLSTATE, or the class name."""
    if isinstance(problem, TielineError):
        return problem.code
    if isinstance(problem, DBAPIError):
        return sqlstate(problem) or type(problem).__name__
    return type(problem).__name__
