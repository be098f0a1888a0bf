"""Test benches on the real database and the real app; the root `conftest.py` makes fixtures of them."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.auth import DEVELOPMENT_ISSUER, Principal, development_token
from shared.contracts import Fact, every_fact
from shared.database import make_engine
from shared.ids import new_id
from shared.migrate import as_asyncpg
from shared.preferences import forget_kept
from shared.service import Service
from shared.settings import Settings
from shared.unit_of_work import Committed, Origin, Told, Work, run

R = TypeVar("R")
F = TypeVar("F", bound=Fact)

ALL_SCOPES = frozenset(
    {
        "orders:read", "orders:write", "orders:priority", "customers:write",
        "inventory:read", "inventory:write", "items:write", "stock:adjust", "receiving:write", "inspections:write",
        "returns:write",
        "purchasing:read", "purchasing:write", "vendors:write", "approve:nonstock", "approve:special", "approve:kit",
        "shipping:read", "shipping:write", "notices:read", "teams:write",
        "preferences:read", "preferences:write", "ops:read", "ops:parked",
    }
)  # fmt: skip
"""Every scope that a route asks for (a test compares)."""

_EMPTY = text(
    """
    DO $$ DECLARE name text; filled boolean; BEGIN
        FOR name IN SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
                    AND c.relnamespace = 'public'::regnamespace
                    AND c.relname NOT IN ('alembic_version', 'kernel_version', 'event_log') LOOP
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', name) INTO filled;
            IF filled THEN EXECUTE format('TRUNCATE %I CASCADE', name); END IF;
        END LOOP;
        DELETE FROM event_log;
    END $$
    """
)


class Bench:
    """One service's handlers on its real database, as its application role."""

    def __init__(self, service: str, app_url: str, owner_url: str) -> None:
        self.service = service
        self.now: datetime | None = None
        """Set it to run handlers at another time."""
        self.engine: AsyncEngine = make_engine(as_asyncpg(app_url), pool_size=30, pool_timeout=30)
        self._owner = create_async_engine(as_asyncpg(owner_url), pool_size=1)
        self.work = Work(service, self.engine, Committed(), lambda: self.now or datetime.now(UTC))
        self.principal = Principal("tester", ALL_SCOPES)

    async def empty(self) -> None:
        """Forget everything."""
        self.now = None
        self.principal = Principal("tester", ALL_SCOPES)
        async with self._owner.begin() as db:
            await db.execute(_EMPTY)
        forget_kept()

    async def close(self) -> None:
        """Give all connections back."""
        await self.engine.dispose()
        await self._owner.dispose()

    async def run(self, handler: Callable[..., Awaitable[R]], *args: Any, **kwargs: Any) -> R:
        """A handler as a REST call of the tester."""
        request = str(new_id())
        return await run(
            self.work, handler, Origin("tester", request, request), self.principal, *args, **kwargs
        )

    async def hear(self, handler: Callable[..., Awaitable[None]], *facts: Fact) -> None:
        """A fact handler on a batch of facts, each as a new event, in one transaction."""
        await self.hear_told(handler, [self.tell(fact) for fact in facts])

    async def hear_told(self, handler: Callable[..., Awaitable[None]], told: Sequence[Told[Any]]) -> None:
        """The same with envelopes of your own, to hear one event twice."""
        await run(self.work, handler, told[0].origin, None, list(told))

    def tell(self, fact: F) -> Told[F]:
        """A fact in a fresh envelope, passed through its JSON as on the wire."""
        read = type(fact).model_validate_json(fact.model_dump_json())
        return Told(read, new_id(), self.now or datetime.now(UTC), "tester", str(new_id()))

    async def read(self, view: Callable[..., Awaitable[R]], *args: Any, **kwargs: Any) -> R:
        """A view on an autocommit connection."""
        async with self.engine.connect() as db:
            await db.execution_options(isolation_level="AUTOCOMMIT")
            return await view(db, *args, **kwargs)

    async def told(self, kind: type[F]) -> list[F]:
        """What was announced of one kind (or all its subclasses), in order."""
        kinds = {t: fact for t, fact in every_fact().items() if issubclass(fact, kind)}
        rows = await self.sql(
            "SELECT e.routing_key, e.body FROM outbox o JOIN event_log e "
            "ON e.event_id = o.event_id AND e.created_at = o.event_at ORDER BY o.seq"
        )
        return [
            kinds[row.routing_key].model_validate(orjson.loads(row.body)["data"])
            for row in rows
            if row.routing_key in kinds
        ]

    async def forget_told(self) -> None:
        """Forget what was announced so far."""
        await self.write("DELETE FROM outbox")

    async def sql(self, statement: str, **values: Any) -> Sequence[Row[Any]]:
        """Rows of a query, for reading back."""

        async def query(db: AsyncConnection) -> Sequence[Row[Any]]:
            return (await db.execute(text(statement), values)).all()

        return await self.read(query)

    async def write(self, statement: str, **values: Any) -> None:
        """Change something behind the service's back, to set a scene."""

        async def change(db: AsyncConnection) -> None:
            await db.execute(text(statement), values)

        await self.read(change)

    async def log(self, document: str, document_id: object) -> Sequence[Row[Any]]:
        """The record log of one document."""
        return await self.sql(
            "SELECT * FROM record_log WHERE document = :document AND document_id = :id ORDER BY id",
            document=document,
            id=str(document_id),
        )


@dataclass
class Api:
    """An httpx client on a service's real app; every POST gets an Idempotency-Key unless it brings one."""

    client: httpx.AsyncClient
    keys: Path
    headers: dict[str, str] = field(default_factory=dict)

    def token(
        self, *, scopes: Sequence[str] | frozenset[str] = ALL_SCOPES, warehouses: Sequence[str] | None = None,
        subject: str = "tester", seconds: int = 3600,
    ) -> str:  # fmt: skip
        """A development token."""
        return development_token(self.keys, subject, scopes, warehouses=warehouses, seconds=seconds)

    def as_(self, **token: Any) -> "Api":
        """The same client as another caller: `api.as_(scopes=["orders:read"], warehouses=["MAIN"])`."""
        return replace(self, headers={**self.headers, "Authorization": f"Bearer {self.token(**token)}"})

    async def request(self, method: str, url: str, **options: Any) -> httpx.Response:
        """Send a request with the standing headers; `headers=None` values leave one out."""
        own = {"Idempotency-Key": str(new_id())} if method == "POST" else {}
        headers = {**self.headers, **own, **options.pop("headers", {})}
        return await self.client.request(
            method, url, headers={k: v for k, v in headers.items() if v is not None}, **options
        )

    async def get(self, url: str, **options: Any) -> httpx.Response:
        """GET."""
        return await self.request("GET", url, **options)

    async def post(self, url: str, **options: Any) -> httpx.Response:
        """POST, with a fresh Idempotency-Key."""
        return await self.request("POST", url, **options)

    async def put(self, url: str, **options: Any) -> httpx.Response:
        """PUT."""
        return await self.request("PUT", url, **options)

    async def patch(self, url: str, **options: Any) -> httpx.Response:
        """PATCH; say `headers={"If-Match": …}`."""
        return await self.request("PATCH", url, **options)

    async def delete(self, url: str, **options: Any) -> httpx.Response:
        """DELETE."""
        return await self.request("DELETE", url, **options)


def make_api(service: Service, bench: Bench, keys: Path) -> Api:
    """A client on the service's app, over the bench's database."""
    settings = Settings(
        database_url="unused", amqp_url="unused", jwks=str(keys / "jwks.json"), issuer=DEVELOPMENT_ISSUER
    )
    service.attach(settings, bench.engine)
    service.app.state.work = bench.work
    transport = httpx.ASGITransport(app=service.app, raise_app_exceptions=False)
    api = Api(httpx.AsyncClient(transport=transport, base_url=f"http://{service.name}"), keys)
    return api.as_()
