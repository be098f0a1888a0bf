"""One process of one service: REST, consumer, relay and housekeeping as tasks around one database.

`main.py` of a service is ten lines: `service = Service("orders", routers=…, subscriptions=…, preferences=…)`.
"""

import asyncio
import faulthandler
import gc
import os
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from types import FrameType
from typing import Any

import uvicorn
from aio_pika.abc import AbstractConnection
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import operations, web
from shared.auth import Verifier
from shared.broker import Consumer, Publisher, keep_connected
from shared.contracts import every_fact
from shared.database import make_engine
from shared.errors import Unavailable
from shared.heads import BoundedHeads
from shared.ids import new_id
from shared.inbox import Inbox, Subscriptions
from shared.load import Backlog, Measure
from shared.logging import configure_logging, get_logger
from shared.outbox import Relay
from shared.patience import patiently, pause
from shared.settings import Settings, load_settings
from shared.topology import Topology
from shared.unit_of_work import CLOCK, Committed, Origin, Tx, Work, run

log = get_logger(__name__)

RETRY_POLL = 1.0
LOOK_AGAIN_SECONDS = 15.0
"""So often at least the clock looks, for another process may have set it to another time."""
HOUSEKEEPING_SECONDS = 600.0
STOP_SECONDS = 10.0
GRACE_SECONDS = 15
WATCHDOG_SECONDS = 25.0
"""From the signal on; a process that has not ended by itself then is ended by force, whatever it hangs in."""
FORCED = 70
"""The exit status of such a process."""


Tick = Callable[[Tx], Awaitable[datetime]]
"""A handler of the clock: it does a bounded piece of what is due, if anything, and says when to come again."""


class Service:
    """A service's wiring: what it answers over REST and what it hears.

    `nice`: how far its process stands back when processors are short (0 to 19), for a service that nobody waits for.
    """

    def __init__(
        self,
        name: str,
        *,
        title: str,
        routers: Sequence[APIRouter],
        subscriptions: Subscriptions,
        preferences: type[Any],
        tick: Tick | None = None,
        nice: int = 0,
    ) -> None:
        every_fact()
        self.name = name
        self._nice = nice
        self.subscriptions = subscriptions
        self.tick = tick
        self.settings: Settings | None = None
        self.app = self._app(title, routers, preferences)

    def _app(self, title: str, routers: Sequence[APIRouter], preferences: type[Any]) -> FastAPI:
        app = FastAPIOffline(
            title=f"Tieline {self.name}",
            lifespan=self._lifespan,
            docs_url="/docs",
            redoc_url=None,
            static_url="/docs-assets",
        )
        web.install_problem_handlers(app)
        for router in (
            *routers,
            operations.preferences_router(self.name, preferences),
            operations.history_router(self.name),
            operations.parked_router(self.name, self.subscriptions),
        ):
            app.include_router(router)
        app.include_router(_health_router())
        document: dict[str, Any] = {}

        def openapi() -> dict[str, Any]:
            if not document:
                document.update(web.openapi_document(app, f"Tieline {self.name}", title))
            return document

        app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to complete the document
        app.add_middleware(web.Edge)
        return app

    def attach(self, settings: Settings, engine: AsyncEngine, readers: AsyncEngine | None = None) -> Work:
        """Give the app its database and key set; tests do this without the lifespan."""
        work = Work(self.name, engine, Committed(), readers=readers)
        self.app.state.work = work
        self.app.state.settings = settings
        self.app.state.verifier = Verifier(settings.jwks, settings.issuer, settings.audience)
        self.app.state.backlog = Backlog(
            engine, most_rows=settings.shed_outbox_rows, oldest_seconds=settings.shed_outbox_seconds
        )
        self.app.state.measure = Measure(settings.principal_rate, settings.principal_burst)
        self.app.state.ready = lambda: True
        self.app.state.stopping = asyncio.Event()
        return work

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        settings = self.settings or load_settings()
        url, patience = settings.database_url, settings.pool_timeout_seconds
        engine = make_engine(url, pool_size=settings.pool_size, pool_timeout=patience)
        readers = make_engine(url, pool_size=settings.read_pool_size, pool_timeout=patience, reads=True)
        work = self.attach(settings, engine, readers)
        tasks = Tasks(self, settings, engine, work)
        app.state.ready = tasks.ready
        tasks.start()
        try:
            yield
        finally:
            app.state.ready = lambda: False
            await tasks.stop()
            await work.under_way.ended(STOP_SECONDS)
            await engine.dispose()
            await readers.dispose()

    def serve(self) -> None:
        """Run the process until SIGTERM or SIGINT; ends gracefully, or by force after 25 s."""
        self.settings = settings = load_settings()
        configure_logging(settings.log_level, settings.log_format, service=self.name)
        if settings.cors_origins:
            self.app.add_middleware(
                CORSMiddleware, allow_origins=settings.cors_origins, allow_methods=["*"], allow_headers=["*"],
                expose_headers=["ETag", "Idempotency-Replayed", "X-Request-Id"],
            )  # fmt: skip
        config = uvicorn.Config(
            self.app, host=settings.host, port=settings.port, loop="uvloop", http=BoundedHeads, access_log=False,
            log_config=None, timeout_graceful_shutdown=GRACE_SECONDS, server_header=False,
            # nobody asks where a caller comes from, so no forwarded header is looked at
            proxy_headers=False,
        )  # fmt: skip
        _spare_the_collector()
        os.nice(self._nice)
        _Server(config, self.app).run()


def _spare_the_collector() -> None:
    """What is loaded by now stays for good: full collections need not walk it, which held everything up for 0.1 to 0.4 s.

    And they come less often: a batch of 2 000 orders is live data, not garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


class _Server(uvicorn.Server):
    """Tells held answers and live streams at the signal, not after them, that the process is stopping."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app
        # a thread of its own: what hangs may hold the event loop, and must not hold this
        self._watchdog = threading.Timer(WATCHDOG_SECONDS, _end_by_force)
        self._watchdog.daemon = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal has come: whoever waits for something may stop waiting."""
        if self._watchdog.ident is None:
            self._watchdog.start()
        self._app.state.stopping.set()
        self._app.state.work.committed.fire()
        super().handle_exit(sig, frame)


def _end_by_force() -> None:
    """Every transaction under way is rolled back by the server; what was not acknowledged is delivered again."""
    try:
        log.critical("the process did not end by itself; ended by force", after_seconds=WATCHDOG_SECONDS)
        faulthandler.dump_traceback()
    finally:
        os._exit(FORCED)


class Tasks:
    """The background work of one process, started after the database answers and stopped in order."""

    def __init__(self, service: Service, settings: Settings, engine: AsyncEngine, work: Work) -> None:
        self._settings = settings
        self._engine = engine
        self._stopping = asyncio.Event()
        topology = Topology.of({service.name: [fact.TYPE for fact in service.subscriptions]})
        self._inbox = Inbox(work, service.subscriptions, check_user=settings.broker_users == "own")
        self._consumer = Consumer(topology, service.name, self._inbox.take, self._inbox.give_up)
        self._publisher = Publisher(service.name, settings.amqp_url)
        self._relay = Relay(engine, self._publisher, work.fresh)
        self._name = service.name
        self._work = work
        self._tick = service.tick
        self._tasks: list[asyncio.Task[None]] = []
        self._relay_connected = False

    def ready(self) -> bool:
        """Whether this process can do its part: an API is ready without the broker, a worker is not."""
        return self._settings.role == "api" or (self._consumer.connected and self._relay_connected)

    def start(self) -> None:
        """Start what the role asks for."""
        if self._settings.role == "api":
            return
        url = self._settings.amqp_url
        self._spawn(
            "consumer", keep_connected(url, f"{self._name}.consumer", self._consume_on, self._stopping)
        )
        self._spawn("relay", keep_connected(url, f"{self._name}.relay", self._relay_on, self._stopping))
        self._spawn("retry", self._retry_parked())
        self._spawn("housekeeping", self._housekeeping())
        if self._tick is not None:
            self._spawn("clock", self._clock(self._tick))

    def _spawn(self, part: str, work: Awaitable[None]) -> None:
        async def supervised() -> None:
            try:
                await work
            except Exception as problem:
                log.critical(
                    "background work died; ending the process so that it is restarted",
                    part=part,
                    exc_info=problem,
                )
                os.kill(os.getpid(), 15)
                raise

        self._tasks.append(asyncio.create_task(supervised(), name=part))

    async def _consume_on(self, connection: AbstractConnection) -> None:
        """Take nothing before the database has shown that it could be carried out."""
        await patiently(self._inbox.self_check, self._stopping)
        await self._consumer.serve(connection)

    async def _relay_on(self, connection: AbstractConnection) -> None:
        await self._publisher.open(connection)
        self._relay_connected = True
        try:
            await patiently(self._relay.work, self._stopping)
        finally:
            self._relay_connected = False

    async def _retry_parked(self) -> None:
        await patiently(self._inbox.wake_newer, self._stopping)

        async def once() -> None:
            if not await self._inbox.retry_due():
                await pause(self._stopping, RETRY_POLL)

        while not self._stopping.is_set():
            await patiently(once, self._stopping)

    async def _clock(self, tick: Tick) -> None:
        """Carry out what is due and sleep until the next time; every process may, the handler sees that one does."""
        while not self._stopping.is_set():
            again = await keep_clock(self._work, tick, self._stopping)
            await pause(self._work.alarm, again)
            self._work.alarm.clear()

    async def _housekeeping(self) -> None:
        while not self._stopping.is_set():
            await patiently(self._tidy, self._stopping)
            await pause(self._stopping, HOUSEKEEPING_SECONDS)

    async def _tidy(self) -> None:
        """Make the event log's days ahead, drop what is past its time; each statement is its own transaction."""
        async with self._engine.connect() as db:
            await db.execution_options(isolation_level="AUTOCOMMIT")
            await db.execute(text("SELECT keep_event_log(60, 14)"))
            for table, column, days in (("inbox", "processed_at", 30), ("idempotency", "created_at", 7)):
                while (
                    await db.execute(text(_PURGE.format(table=table, column=column, days=days)))
                ).rowcount >= 5000:
                    pass

    async def stop(self) -> None:
        """Take no more, finish and acknowledge the batch at hand, let the relay finish its page, then end the rest."""
        self._stopping.set()
        self._work.alarm.set()
        self._consumer.stop()
        self._relay.stop()
        _, late = await asyncio.wait(self._tasks, timeout=STOP_SECONDS) if self._tasks else (set(), set())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def keep_clock(work: Work, tick: Tick, stopping: asyncio.Event) -> float:
    """Call the clock's handler once; the seconds to sleep until it is to be called again."""
    again = LOOK_AGAIN_SECONDS

    async def once() -> None:
        nonlocal again
        cause = str(new_id())
        coming = await run(work, tick, Origin(CLOCK, cause, cause), None)
        again = min(LOOK_AGAIN_SECONDS, max(0.0, (coming - work.now()).total_seconds()))

    try:
        await patiently(once, stopping)
    except Unavailable as busy:
        log.warning("too busy for what is due", error=str(busy))
    return again


_PURGE = (
    "DELETE FROM {table} WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} "
    "WHERE {column} < now() - interval '{days} days' LIMIT 5000))"
)


def _health_router() -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready")
    async def ready(request: Request) -> Response:
        work: Work = request.app.state.work
        try:
            async with work.engine.connect() as db:
                await db.execute(text("SELECT 1"))
            fine = bool(request.app.state.ready())
        except (DBAPIError, OSError, TimeoutError):
            fine = False
        body = b'{"status":"ready"}' if fine else b'{"status":"not ready"}'
        return Response(body, 200 if fine else 503, media_type="application/json")

    @router.get("/metrics")
    async def numbers() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router
