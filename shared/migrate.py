"""Migrations of one service's database: the kernel's SQL steps, then the service's alembic versions; forward only.

`python -m shared.migrate SERVICE` upgrades as the owner role (`TIELINE_DATABASE_URL`).
`python -m shared.migrate SERVICE --new "what it does"` writes a version by comparing `tables.py` with the database.
"""

import argparse
import asyncio
import os
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.ext.asyncio import create_async_engine

STEPS = Path(__file__).parent / "migrations"
SERVICES = ("orders", "inventory", "purchasing", "shipping", "notifications")
MIGRATION_LOCK = 7_041_000


def main(arguments: list[str]) -> int:
    """The command line; 0 when the database is at the newest version."""
    parser = argparse.ArgumentParser(prog="python -m shared.migrate", description=__doc__)
    parser.add_argument("service", choices=SERVICES)
    parser.add_argument("--new", metavar="TEXT", help="write a new version from the difference to tables.py")
    chosen = parser.parse_args(arguments)
    asyncio.run(migrate(chosen.service, os.environ["TIELINE_DATABASE_URL"], new=chosen.new))
    return 0


async def migrate(service: str, url: str, *, new: str | None = None, kernel_only: bool = False) -> None:
    """Bring a database to the newest version; with `new`, write a further version as well.

    `kernel_only` leaves the service's own tables out, for tests of the kernel.
    """
    engine = create_async_engine(as_asyncpg(url))
    try:
        async with engine.begin() as db:
            await db.execute(text("SET LOCAL lock_timeout = '10s'"))
            await db.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
            await _kernel_steps(db)
            if not kernel_only:
                await db.run_sync(_service_versions, service, new)
            await _narrow_rights(db, service)
    finally:
        await engine.dispose()


def as_asyncpg(url: str) -> str:
    """The URL with its driver written out (SQLAlchemy's default driver is another one)."""
    scheme, rest = url.split("://", 1)
    return f"postgresql+asyncpg://{rest}" if scheme in {"postgresql", "postgres"} else url


async def _kernel_steps(db: Any) -> None:
    await db.execute(text("CREATE TABLE IF NOT EXISTS kernel_version (step text PRIMARY KEY)"))
    done = set((await db.execute(text("SELECT step FROM kernel_version"))).scalars())
    for step in sorted(STEPS.glob("*.sql")):
        if step.stem in done:
            continue
        raw = await db.get_raw_connection()
        # a script of several statements and dollar-quoted bodies: the driver's simple protocol takes it whole
        await raw.driver_connection.execute(step.read_text(encoding="utf-8"))
        await db.execute(text("INSERT INTO kernel_version VALUES (:step)"), {"step": step.stem})


def _service_versions(connection: Connection, service: str, new: str | None) -> None:
    config = alembic_config(service)
    config.attributes["connection"] = connection
    config.attributes["metadata"] = service_metadata(service)
    command.upgrade(config, "head")
    if new:
        command.revision(config, message=new, autogenerate=True, rev_id=_next_version(service))


def alembic_config(service: str) -> Config:
    """Alembic's configuration for one service: its `migrations/versions`, the kernel's environment."""
    versions = Path(import_module(f"services.{service}").__file__ or "").parent / "migrations" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic"))
    config.set_main_option("version_locations", str(versions))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    return config


def service_metadata(service: str) -> MetaData:
    """The tables that a service declares."""
    metadata: MetaData = import_module(f"services.{service}.tables").metadata
    return metadata


def _next_version(service: str) -> str:
    versions = Path(import_module(f"services.{service}").__file__ or "").parent / "migrations" / "versions"
    return f"{1 + sum(1 for _ in versions.glob('[0-9]*.py')):04d}"


async def _narrow_rights(db: Any, service: str) -> None:
    """The log may be added to, never edited; the event log is kept by the owner's function, versions by the owner alone."""
    role = f"{service}_app"
    if (
        await db.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
    ).first() is None:
        return
    await db.execute(text(f"REVOKE UPDATE, DELETE, TRUNCATE ON record_log FROM {role}"))
    await db.execute(text(f"REVOKE UPDATE, DELETE, TRUNCATE ON event_log FROM {role}"))
    await db.execute(text(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON kernel_version FROM {role}"))
    if (await db.execute(text("SELECT to_regclass('alembic_version')"))).scalar_one():
        await db.execute(text(f"REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON alembic_version FROM {role}"))
    await db.execute(text(f"GRANT EXECUTE ON FUNCTION keep_event_log(integer, integer) TO {role}"))


def difference(connection: Connection, service: str) -> list[Any]:
    """What `tables.py` declares and the migrated database lacks, or the reverse; empty when they agree."""
    from alembic.autogenerate import compare_metadata  # only tests need it

    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "include_object": include_object}
    )
    Operations(context)
    found: list[Any] = compare_metadata(context, service_metadata(service))
    return found


KERNEL_TABLES = frozenset(
    {
        "kernel_version",
        "outbox",
        "inbox",
        "parked",
        "idempotency",
        "record_log",
        "preferences",
        "alembic_version",
    }
)


def include_object(_object: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
    """Alembic compares a service's own tables only, not the kernel's."""
    if kind == "table" and name is not None:
        return name not in KERNEL_TABLES and not name.startswith("event_log")
    return True


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
