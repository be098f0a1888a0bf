"""`run`: the only place that commits business writes, for REST and events alike.

The handler's writes, its announcements and its record log commit together or not at all; the relay is woken after the
transaction has ended. Nothing else in Tieline commits (a test looks for `.commit(` and `.begin(`).
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache, cached_property
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from shared import crashing, metrics
from shared.auth import Principal, Scope
from shared.closing import close
from shared.contracts import Fact
from shared.errors import Unavailable
from shared.idempotency import Kept
from shared.ids import new_id
from shared.logging import get_logger
from shared.outbox import Announcement, Fresh
from shared.quantity import plain
from shared.record_log import LogEntry

P = ParamSpec("P")
R = TypeVar("R")
F = TypeVar("F", bound=Fact)

log = get_logger(__name__)

MOST_TRIES = 4
RETRIED = frozenset({"40001", "40P01", "55P03"})
"""Serialization failure, deadlock, lock timeout: another try may well succeed."""
KERNEL = "kernel"
"""The actor of the kernel's own transactions: parking, trying again."""
CLOCK = "clock"
"""The actor of what is done because its time has come."""
NOBODYS = frozenset({KERNEL, CLOCK})
"""Neither a call nor a fact: no crash point counts them."""


@dataclass(frozen=True)
class Origin:
    """Who and what set a transaction off; it stands in every fact and log row of it."""

    actor: str
    cause: str
    correlation: str
    traceparent: str | None = None


@dataclass(frozen=True)
class Told(Generic[F]):
    """A fact as it was heard, with the envelope's words."""

    fact: F
    id: UUID
    time: datetime
    actor: str
    correlation: str
    cause: str | None = None
    traceparent: str | None = None

    @cached_property
    def origin(self) -> Origin:
        """What this fact sets off has it as its cause."""
        return Origin(self.actor, str(self.id), self.correlation, self.traceparent)


@dataclass
class Tx:
    """An open transaction and what will commit with it."""

    db: AsyncConnection
    now: datetime
    origin: Origin
    principal: Principal | None = None
    announced: list[Announcement] = field(default_factory=list)
    entries: list[LogEntry] = field(default_factory=list)
    kept: list[Kept] = field(default_factory=list)
    heard: list[UUID] = field(default_factory=list)
    """The events that this transaction carries out, taken for news: unless all are, nothing of it stays."""
    callers: tuple["Tx", ...] = ()
    """Of calls that were gathered: this transaction in the name of each, in their order (`each`)."""

    def as_(self, origin: Origin, principal: Principal | None) -> "Tx":
        """This same transaction in the name of one caller: whoever tells or records by it is that caller."""
        return replace(self, origin=origin, principal=principal, callers=())

    def each(self, count: int) -> "list[Tx]":
        """For each of so many wishes of a list, in its order: this transaction in the name of its caller."""
        if self.callers and len(self.callers) != count:
            raise AssertionError(f"{count} wishes of {len(self.callers)} callers")
        return list(self.callers) or [self] * count

    @property
    def actor(self) -> str:
        """The person, or the service, that set this off."""
        return self.origin.actor

    @property
    def cause(self) -> str:
        """The request id or the event id."""
        return self.origin.cause

    @property
    def scope(self) -> Scope:
        """The warehouses that the caller may see; events see all."""
        return self.principal.scope if self.principal else Scope()

    def announce(self, fact: Fact, because: Told[Any] | None = None) -> None:
        """Tell a fact: it commits with the writes and is published once they are there."""
        origin = because.origin if because else self.origin
        self.announced.append(Announcement(fact, new_id(), self.now, origin))

    def record(
        self,
        document: str,
        id: object,  # noqa: A002  # the trade's word; nothing here needs the builtin
        action: str,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        *,
        part: str = "",
        reason: str | None = None,
        because: Told[Any] | None = None,
    ) -> None:
        """Keep a change in the record log (ORD-5); nothing is written when before and after are equal."""
        if before == after and before is not None:
            return
        origin = because.origin if because else self.origin
        self.entries.append(
            LogEntry(
                document,
                str(id),
                part,
                action,
                _jsonable(before),
                _jsonable(after),
                reason,
                origin.actor,
                origin.cause,
            )
        )


class Committed:
    """Tells whoever waits in this process that something has been committed."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def fire(self) -> None:
        """Wake everybody who waits."""
        self._next.set()
        self._next = asyncio.Event()

    def mark(self) -> asyncio.Event:
        """Take it before looking: `wait` with it returns at once for what is committed while looking."""
        return self._next

    async def wait(self, seconds: float, since: asyncio.Event | None = None) -> bool:
        """Wait for the next commit (since the mark), at most so long; whether one came."""
        try:
            async with asyncio.timeout(seconds):
                await (since or self._next).wait()
        except TimeoutError:
            return False
        return True


class UnderWay:
    """Transactions and reads, each in a task of its own.

    A caller that goes away, a time limit, a closing channel: they only stop waiting, and what had begun ends by itself,
    whole. Cut off in the middle it would cost its session each time, and what reached the server would be anyone's guess.
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def carry(self, work: Coroutine[Any, Any, R]) -> R:
        """Do the work; its result, unless the caller stops waiting for it."""
        return await asyncio.shield(self.start(work))

    def start(self, work: Coroutine[Any, Any, R]) -> "asyncio.Task[R]":
        """Do the work, for nobody who waits."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def ended(self, seconds: float) -> None:
        """When all of it has ended, at the latest after so many seconds: what is not done by then is cut off."""
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=seconds)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


@dataclass(frozen=True)
class Work:
    """What `run` needs of a service: its database, and whom to wake after a commit."""

    service: str
    engine: AsyncEngine
    committed: Committed
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    fresh: Fresh = field(default_factory=Fresh)
    """What was announced and committed in this process, for its relay."""
    alarm: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by whoever has given this process's clock something to do before it would look by itself."""
    under_way: UnderWay = field(default_factory=UnderWay)
    """What somebody has begun, whether or not anybody still waits for it."""
    gathering: dict[Any, Any] = field(default_factory=dict)
    """{list handler: whoever gathers calls for it} (`shared.web`)."""
    readers: AsyncEngine | None = None
    """The pool of lists and single looks, where the service has one."""

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection to look with: each statement is a transaction of its own."""
        async with (self.readers or self.engine).connect() as db:
            if self.readers is None:
                await db.execution_options(isolation_level="AUTOCOMMIT")
            yield db


async def run(
    work: Work,
    handler: Callable[Concatenate[Tx, P], Awaitable[R]],
    origin: Origin,
    principal: Principal | None,
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Call the handler in a transaction; its announcements and log rows commit with its writes.

    Serialization failures, deadlocks and lock timeouts are tried again (at most 4 times in all, with jitter), and so is
    work whose connection the server has ended. A busy pool is `Unavailable`. A caller that is cancelled stops waiting;
    the transaction goes on and ends whole.
    """
    return await work.under_way.carry(_tried(work, handler, origin, principal, *args, **kwargs))


async def _tried(
    work: Work,
    handler: Callable[Concatenate[Tx, P], Awaitable[R]],
    origin: Origin,
    principal: Principal | None,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    for attempt in range(1, MOST_TRIES + 1):
        try:
            result = await _once(work, handler, origin, principal, *args, **kwargs)
        except PoolTimeout as busy:
            raise Unavailable("The service is busy; send the same request again", retry_after=1) from busy
        except DBAPIError as problem:
            if attempt == MOST_TRIES or not _may_succeed(problem):
                raise
            metrics.transaction_retries.labels(sqlstate(problem) or "connection").inc()
            await asyncio.sleep(random.uniform(0.02, 0.2) * attempt)  # noqa: S311  # jitter, not a secret
        else:
            work.committed.fire()
            return result
    raise AssertionError("unreachable: the last try returns or raises")


async def _once(
    work: Work,
    handler: Callable[Concatenate[Tx, P], Awaitable[R]],
    origin: Origin,
    principal: Principal | None,
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    async with work.engine.begin() as db:
        tx = Tx(db, work.now(), origin, principal)
        result = await handler(tx, *args, **kwargs)
        told = await close(db, work.service, tx.now, tx.announced, tx.entries, tx.kept, tx.heard)
        if origin.actor not in NOBODYS:
            crashing.reached("pre_commit" if principal else "batch_pre_commit")
    if origin.actor not in NOBODYS:
        crashing.reached("post_commit" if principal else "batch_committed")
    work.fresh.put(told)
    return result


def sqlstate(problem: DBAPIError) -> str | None:
    """The SQLSTATE of a database error: it decides, not the exception's class."""
    state = getattr(problem.orig, "sqlstate", None) or getattr(problem.orig, "pgcode", None)
    return str(state) if state else None


def constraint(problem: DBAPIError) -> str | None:
    """The name of the constraint that stopped a write."""
    return getattr(getattr(problem.orig, "__cause__", None), "constraint_name", None)


def _may_succeed(problem: DBAPIError) -> bool:
    """Whether another try may go better.

    After a connection that the server has ended it is safe even where COMMIT had reached it: an event is in the inbox by
    then, a POST's key is stored, and an update's version has moved on. A key that somebody else has stored since we
    looked for it has an answer now.
    """
    state = sqlstate(problem)
    answered = state == "23505" and constraint(problem) == "idempotency_pkey"
    return state in RETRIED or answered or problem.connection_invalidated


def changes(before: object, after: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs between two versions of a frozen dataclass: ({field: old}, {field: new}), for `tx.record`."""
    old: dict[str, Any] = {}
    new: dict[str, Any] = {}
    kind: Any = type(before)
    for name in _names(kind):
        was, now = getattr(before, name), getattr(after, name)
        if was is not now and was != now:
            old[name], new[name] = was, now
    return old, new


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field_.name for field_ in fields(kind))


def _jsonable(values: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if values is None else {name: _value(value) for name, value in values.items()}


def _value(value: Any) -> Any:
    if value is None or type(value) in _PLAIN:
        return value
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _value(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(inner) for inner in value]
    if isinstance(value, str | int):
        return value
    return str(value)


_PLAIN = frozenset({str, int, bool})
"""Most values by far, and the quickest to tell."""
