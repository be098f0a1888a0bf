"""Fault 59: a migration while processes of the version before still run. Each may only add: what old statements name stays.

The schema of the first version is compared with the newest: an old process reads columns that are still there, and writes
rows that name no new column and still fit.
"""

import os
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from deploy.local import databases
from deploy.local.servers import Servers
from shared.migrate import SERVICES, alembic_config, as_asyncpg, migrate, service_metadata

FIRST = "0001"
WIDER = frozenset({"invoices_for_goods_or_a_return_check"})
"""New checks of old columns that allow all that a dropped one allowed, and more."""

_COLUMNS = """
SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.atthasdef OR a.attidentity <> '' FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relkind = 'r' AND NOT c.relispartition AND c.relnamespace = 'public'::regnamespace AND a.attnum > 0
  AND NOT a.attisdropped
"""
_RULES = """
SELECT c.relname, o.conname, false, array(SELECT a.attname::text FROM pg_attribute a
                                   WHERE a.attrelid = c.oid AND a.attnum = ANY(o.conkey))
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
WHERE o.contype IN ('c', 'f') AND c.relnamespace = 'public'::regnamespace
UNION ALL
SELECT c.relname, i.relname, true, array(SELECT a.attname::text FROM pg_attribute a
                                   WHERE a.attrelid = c.oid AND a.attnum = ANY(x.indkey))
FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
WHERE x.indisunique AND c.relnamespace = 'public'::regnamespace
"""


@dataclass(frozen=True)
class Column:
    """What a statement that was written earlier depends on."""

    kind: str
    is_required: bool
    has_default: bool


@dataclass(frozen=True)
class Rule:
    """What rows must obey, and the columns that it reads."""

    is_unique: bool
    reads: frozenset[str]

    def is_looser_than(self, other: "Rule") -> bool:
        """Whether it is a unique key over more columns."""
        return self.is_unique and other.is_unique and other.reads <= self.reads


@dataclass(frozen=True)
class Schema:
    """Columns and rules by table and name."""

    columns: Mapping[tuple[str, str], Column]
    rules: Mapping[tuple[str, str], Rule] = field(default_factory=dict)

    @property
    def tables(self) -> set[str]:
        return {table for table, _ in self.columns}


def narrowed(old: Schema, new: Schema) -> list[str]:
    """What the newer schema no longer lets the older code do."""
    found = []
    for (table, name), was in old.columns.items():
        now = new.columns.get((table, name))
        if now is None:
            found.append(f"{table}.{name} is gone")
        elif now.kind != was.kind:
            found.append(f"{table}.{name} was {was.kind} and is {now.kind}")
        elif now.is_required and not was.is_required:
            found.append(f"{table}.{name} must be given now")
    for (table, name), now in new.columns.items():
        is_new = (table, name) not in old.columns and table in old.tables
        if is_new and now.is_required and not now.has_default:
            found.append(f"{table}.{name} is new, must be given and has no default")
    return found + _stricter(old, new)


def _stricter(old: Schema, new: Schema) -> list[str]:
    found = []
    for (table, name), rule in new.rules.items():
        known = {column for where, column in old.columns if where == table}
        before = [was for (where, _), was in old.rules.items() if where == table]
        is_old = (table, name) in old.rules or any(rule.is_looser_than(was) for was in before)
        if rule.reads and rule.reads <= known and not is_old and name not in WIDER:
            found.append(f"{table}: {name} is new and asks something of old columns alone")
    return found


async def schema(engine: AsyncEngine) -> Schema:
    async with engine.connect() as db:
        columns = (await db.execute(text(_COLUMNS))).all()
        rules = (await db.execute(text(_RULES))).all()
    return Schema(
        {(table, name): Column(*rest) for table, name, *rest in columns},
        {(table, name): Rule(is_unique, frozenset(reads)) for table, name, is_unique, reads in rules},
    )


def _to_the_first(connection: Connection, service: str) -> None:
    config = alembic_config(service)
    config.attributes["connection"] = connection
    config.attributes["metadata"] = service_metadata(service)
    command.upgrade(config, FIRST)


@pytest.fixture(params=SERVICES)
async def first(request: pytest.FixtureRequest, test_servers: Servers) -> AsyncIterator[tuple[str, str]]:
    """A service, and its database as the first version made it."""
    service, suffix = request.param, f"_first_{os.getpid()}"
    names = await databases.ensure_databases(test_servers.postgres_url, suffix, [service])
    owner = test_servers.service_database_url(service, "owner", names[service])
    await migrate(service, owner, kernel_only=True)
    engine = create_async_engine(as_asyncpg(owner))
    async with engine.begin() as db:
        await db.run_sync(_to_the_first, service)
    await engine.dispose()
    try:
        yield service, owner
    finally:
        await databases.drop_databases(test_servers.postgres_url, suffix, [service])


@pytest.mark.fault(59)
async def test_what_the_first_version_may_do_the_newest_schema_lets_it_do(first: tuple[str, str]) -> None:
    service, owner = first
    engine = create_async_engine(as_asyncpg(owner))
    try:
        old = await schema(engine)
        await migrate(service, owner)
        new = await schema(engine)
    finally:
        await engine.dispose()

    assert narrowed(old, new) == []


def made(columns: Mapping[str, Column], **rules: Any) -> Schema:
    return Schema(
        {("stock", name): column for name, column in columns.items()},
        {("stock", name): Rule(False, frozenset(reads)) for name, reads in rules.items()},
    )


@pytest.mark.fault(59)
@pytest.mark.parametrize(
    ("after", "says"),
    [
        (made({}), ["stock.sku is gone"]),
        (made({"sku": Column("uuid", False, False)}), ["stock.sku was text and is uuid"]),
        (made({"sku": Column("text", True, False)}), ["stock.sku must be given now"]),
        (
            made({"sku": Column("text", False, False), "bin": Column("text", True, False)}),
            ["stock.bin is new, must be given and has no default"],
        ),
        (made({"sku": Column("text", False, False)}, short=["sku"]),
         ["stock: short is new and asks something of old columns alone"]),
        (made({"sku": Column("text", False, False), "bin": Column("text", True, True)}, either=["sku", "bin"]), []),
    ],
    ids=["dropped", "retyped", "required", "new and required", "a rule on the old", "only added"],
)  # fmt: skip
def test_a_migration_that_takes_something_away_is_named(after: Schema, says: list[str]) -> None:
    before = made({"sku": Column("text", False, False)})

    assert narrowed(before, after) == says
