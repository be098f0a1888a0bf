"""The books of all services as one reads them at a moment: every row of every table, and what stands in the queues."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import orjson

from deploy.checking.journal import Journal
from deploy.checking.queues import Queue, look_at_queues
from deploy.checking.sessions import Sessions, look_at_sessions
from deploy.local.definitions import SERVICES

Row: TypeAlias = Mapping[str, Any]
Key: TypeAlias = tuple[Any, ...]
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

ZERO = Decimal(0)
CHUNK = 5000
KERNEL = frozenset({"event_log", "kernel_version", "alembic_version"})


@dataclass(frozen=True)
class Logins:
    """Where the checker reads: a login per database, and the broker's administrator (none: queues are not looked at)."""

    databases: Mapping[str, str]
    amqp: str | None = None


@dataclass(frozen=True)
class Event:
    """A told event, without its data but for what the invariants ask."""

    service: str
    id: UUID
    at: datetime
    type: str
    subject: str
    version: int | None
    shipments: tuple[tuple[UUID, int, str], ...] = ()
    """(shipment, version, state) of each snapshot in it."""


@dataclass
class Books:
    """All rows by service and table, all told events, and what is known of sessions and queues."""

    tables: dict[str, dict[str, list[Row]]]
    events: list[Event] = field(default_factory=list)
    queues: dict[str, Queue] | None = None
    """None: nobody looked at the broker."""
    sessions: dict[str, Sessions] = field(default_factory=dict)
    journal: Journal | None = None
    injected: frozenset[UUID] = frozenset()
    """Events that were made unreadable on purpose: they may be dead."""
    are_running: bool = True
    """Whether service processes are expected to run."""

    def rows(self, service: str, table: str) -> list[Row]:
        """The rows of a table."""
        return self.tables[service][table]

    def by(self, service: str, table: str, *columns: str) -> dict[Key, Row]:
        """The rows of a table by key."""
        return {tuple(row[name] for name in columns): row for row in self.rows(service, table)}

    def grouped(self, service: str, table: str, *columns: str) -> dict[Key, list[Row]]:
        """The rows of a table that share these columns."""
        return grouped(self.rows(service, table), *columns)

    def preference(self, service: str, name: str, default: str) -> str:
        """What an organisation has chosen, or the default."""
        for row in self.rows(service, "preferences"):
            return str(row["chosen"].get(name, default))
        return default

    # --- names for people -------------------------------------------------------------------------------------------

    @cached_property
    def lines(self) -> dict[UUID, Row]:
        """Orders' lines by id."""
        return {row["id"]: row for row in self.rows("orders", "order_lines")}

    @cached_property
    def orders(self) -> dict[UUID, Row]:
        """Orders by id."""
        return {row["id"]: row for row in self.rows("orders", "sales_orders")}

    @cached_property
    def claims(self) -> dict[UUID, Row]:
        """Inventory's allotments by id."""
        return {row["id"]: row for row in self.rows("inventory", "allotments")}

    def line_name(self, line_id: UUID) -> str:
        """`SO-000012 line 2 (WIDGET)`."""
        line = self.lines.get(line_id)
        if line is None:
            return f"line {line_id}, which orders does not know"
        order = self.orders.get(line["order_id"])
        return f"{order['number'] if order else line['order_id']} line {line['line_no']} ({line['sku']})"

    def claim_name(self, allotment_id: UUID) -> str:
        """`SO-000012 line 2 (WIDGET), allotment 0190…`."""
        claim = self.claims.get(allotment_id)
        name = self.line_name(claim["line_id"]) if claim else "a line that inventory does not know"
        return f"{name}, allotment {allotment_id}"

    @cached_property
    def _po_lines(self) -> dict[UUID, str]:
        heads = self.by("purchasing", "purchase_orders", "id")
        return {
            row["id"]: f"{heads[row['po_id'],]['number']} line {row['line_no']} ({row['sku']})"
            for row in self.rows("purchasing", "purchase_order_lines")
            if (row["po_id"],) in heads
        }

    def po_line_name(self, po_line_id: UUID) -> str:
        """`PO-000004 line 1 (WIDGET)`."""
        return self._po_lines.get(po_line_id, f"PO line {po_line_id}, which purchasing does not know")


def grouped(rows: Iterable[Row], *columns: str) -> dict[Key, list[Row]]:
    """Rows that share these columns."""
    found: dict[Key, list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in columns)].append(row)
    return found


def total(rows: Iterable[Row], value: Callable[[Row], Decimal]) -> Decimal:
    """A sum over rows."""
    return sum((value(row) for row in rows), ZERO)


def plain(value: Any) -> str:
    """A figure as a person writes it: `10`, not `10.000000`."""
    if isinstance(value, Decimal):
        text = format(value, "f")
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


async def read_books(logins: Logins) -> Books:
    """Read everything: each database in one snapshot of its own."""
    found = await asyncio.gather(*(_read_service(service, logins.databases[service]) for service in SERVICES))
    books = Books({service: tables for service, tables, _, _ in found})
    for service, _, events, sessions in found:
        books.events += events
        books.sessions[service] = sessions
    if logins.amqp:
        books.queues = await look_at_queues(logins.amqp)
    return books


async def _read_service(service: str, login: str) -> tuple[str, dict[str, list[Row]], list[Event], Sessions]:
    db = await connect(login)
    try:
        sessions = await look_at_sessions(db)
        async with db.transaction(isolation="repeatable_read", readonly=True):
            names = await _table_names(db)
            tables = {name: await _rows(db, f'TABLE "{name}"') for name in names}
            events = [
                _event(service, row)
                for row in await _rows(
                    db, "SELECT event_id, created_at, routing_key, subject, body FROM event_log"
                )
            ]
    finally:
        await db.close(timeout=5)
    return service, tables, events, sessions


async def connect(login: str) -> Connection:
    """A connection that reads jsonb as values."""
    db: Connection = await asyncpg.connect(
        re.sub(r"^postgresql\+asyncpg", "postgresql", login), timeout=10, command_timeout=60
    )
    for kind in ("json", "jsonb"):
        await db.set_type_codec(kind, encoder=_dumps, decoder=orjson.loads, schema="pg_catalog")
    return db


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


async def _table_names(db: Connection) -> list[str]:
    rows = await db.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition"
        " AND relnamespace = 'public'::regnamespace"
    )
    return [row["relname"] for row in rows if row["relname"] not in KERNEL]


async def _rows(db: Connection, query: str) -> list[Row]:
    rows: list[Row] = []
    async for row in db.cursor(query, prefetch=CHUNK):
        rows.append(dict(row))  # noqa: PERF401  # an asynchronous comprehension would type it as a record
    return rows


def _event(service: str, row: Row) -> Event:
    body = orjson.loads(row["body"])
    data = body["data"]
    snapshots: Sequence[Any] = ()
    if service == "shipping":
        snapshots = [data["shipment"]] if "shipment" in data else data.get("shipments", [])
    return Event(
        service,
        row["event_id"],
        row["created_at"],
        row["routing_key"],
        row["subject"],
        body.get("version"),
        tuple((UUID(s["shipment_id"]), s["version"], s["state"]) for s in snapshots),
    )
