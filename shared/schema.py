"""Table vocabulary of all services and the kernel's own tables."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

_NAMES = {
    "ix": "%(table_name)s_%(column_0_N_name)s_ix",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


def new_metadata() -> MetaData:
    """A service's metadata, with constraint names that say what they guard."""
    return MetaData(naming_convention=_NAMES)


def qty(name: str, *, nullable: bool = False, default: str | None = "0", **options: Any) -> Column[Decimal]:
    """A quantity in the item's unit: numeric(18,6)."""
    return Column(
        name, Numeric(18, 6), nullable=nullable, server_default=None if nullable else default, **options
    )


def money(name: str, *, nullable: bool = True, **options: Any) -> Column[Decimal]:
    """An amount of money: numeric(19,4); its currency stands beside it."""
    return Column(name, Numeric(19, 4), nullable=nullable, **options)


def code(name: str, *args: Any, nullable: bool = False, **options: Any) -> Column[str]:
    """A business code such as a sku or a warehouse: text."""
    return Column(name, Text, *args, nullable=nullable, **options)


def instant(name: str, *, nullable: bool = False, **options: Any) -> Column[datetime]:
    """A moment in UTC (`…_at`)."""
    return Column(name, DateTime(timezone=True), nullable=nullable, **options)


def document_id(name: str = "id", *args: Any, **options: Any) -> Column[Any]:
    """A UUIDv7."""
    return Column(name, Uuid(as_uuid=True), *args, **options)


_NEXT = text("SELECT nextval(CAST(:sequence AS regclass)) FROM generate_series(1, :count)")


async def next_numbers(db: AsyncConnection, sequence: str, prefix: str, count: int = 1) -> list[str]:
    """The next human numbers of a document kind: `["SO-000123", …]`. Gaps are normal: a rolled-back one is not reused."""
    if count < 1:
        return []
    rows = await db.execute(_NEXT, {"sequence": sequence, "count": count})
    return [f"{prefix}-{number:06d}" for (number,) in rows]


kernel = MetaData()
"""The kernel's tables. They are created by `shared/migrations/*.sql`; these definitions are for statements."""

event_log = Table(
    "event_log",
    kernel,
    Column("event_id", Uuid, primary_key=True),
    Column("created_at", DateTime(timezone=True), primary_key=True),
    Column("routing_key", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
)
outbox = Table(
    "outbox",
    kernel,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False),
    Column("event_at", DateTime(timezone=True), nullable=False),
    Column("quarantined_at", DateTime(timezone=True)),
    Column("last_error", Text),
)
inbox = Table(
    "inbox",
    kernel,
    Column("consumer", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("processed_at", DateTime(timezone=True), nullable=False),
)
parked = Table(
    "parked",
    kernel,
    Column("consumer", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("type", Text),
    Column("subject", Text),
    Column("body", JSONB),
    Column("raw", LargeBinary),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", DateTime(timezone=True)),
    Column("error_code", Text),
    Column("last_error", Text),
    Column("edited_by", Text),
    Column("original_body", JSONB),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False),
)
idempotency = Table(
    "idempotency",
    kernel,
    Column("principal", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("status", Integer),
    Column("etag", Text),
    Column("body", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False),
)
record_log = Table(
    "record_log",
    kernel,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("document", Text, nullable=False),
    Column("document_id", Text, nullable=False),
    Column("part", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", JSONB),
    Column("after", JSONB),
    Column("reason", Text),
    Column("actor", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
)
preferences = Table(
    "preferences",
    kernel,
    Column("single", Integer, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("chosen", JSONB, nullable=False),
)
