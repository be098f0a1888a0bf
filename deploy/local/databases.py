"""Databases and roles with the least privilege that works.

Per service `orders`: a database `orders` with
- `orders_owner`: owns it and everything in it; migrations only
- `orders_app`: reads and writes rows, nothing else; what the service itself logs in as
- `orders_ro`: reads
and once for all services `checker_ro`, which reads everywhere (the whole-system checker).
Nobody else may even connect.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.local.definitions import SERVICES

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

CHECKER = "checker_ro"
ROLES = ("owner", "app", "ro")
# hanging is worse than failing: the handler that fails is tried again
LIMITS = {
    "statement_timeout": "5s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "10s",
}
# roles belong to the whole server: two runs that alter them at once would fail each other
TURN = "SELECT pg_advisory_lock(hashtext('tieline roles and databases'))"


def role_names(service: str) -> tuple[str, str, str]:
    """Owner, application and reader of a service."""
    owner, app, reader = (f"{service}_{role}" for role in ROLES)
    return owner, app, reader


def database_name(service: str, suffix: str = "") -> str:
    """The service's name, and for tests a suffix that makes it theirs."""
    return _plain(f"{service}{suffix}")


def role_statements(
    password: Callable[[str], str], existing: Iterable[str], services: Sequence[str] = SERVICES
) -> list[str]:
    """What makes the roles as they should be, whatever of them exists."""
    there = set(existing)
    statements = []
    for role in (*(role for service in services for role in role_names(service)), CHECKER):
        verb = "ALTER" if role in there else "CREATE"
        statements.append(
            f"{verb} ROLE {_plain(role)} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE"
            f" PASSWORD '{_secret(password(role))}'"
        )
    for service in services:
        _, app, reader = role_names(service)
        statements += [f"ALTER ROLE {app} SET {limit} = '{value}'" for limit, value in LIMITS.items()]
        statements.append(f"ALTER ROLE {reader} SET default_transaction_read_only = on")
    statements.append(f"ALTER ROLE {CHECKER} SET default_transaction_read_only = on")
    return statements


def connect_statements(service: str, database: str) -> list[str]:
    """Who may connect to a database; a copy of a template does not inherit it."""
    _, app, reader = role_names(service)
    return [
        f"REVOKE ALL ON DATABASE {_plain(database)} FROM PUBLIC",
        f"GRANT CONNECT ON DATABASE {database} TO {app}, {reader}, {CHECKER}",
    ]


def content_statements(service: str) -> list[str]:
    """What the roles may do in the database with whatever the owner makes there later.

    Never with what is there already: migrations take some rights back (no log is edited), and a grant
    on all tables would return them.
    """
    owner, app, reader = role_names(service)
    default = f"ALTER DEFAULT PRIVILEGES FOR ROLE {owner}"
    return [
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT ALL ON SCHEMA public TO {owner}",
        f"GRANT USAGE ON SCHEMA public TO {app}, {reader}, {CHECKER}",
        f"{default} GRANT USAGE ON SCHEMAS TO {app}, {reader}, {CHECKER}",
        f"{default} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {app}",
        f"{default} GRANT USAGE, SELECT ON SEQUENCES TO {app}",
        f"{default} GRANT SELECT ON TABLES TO {reader}, {CHECKER}",
        # a function of the owner may run with the owner's rights: only who serves calls it
        f"{default} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        f"{default} GRANT EXECUTE ON FUNCTIONS TO {app}",
    ]


async def ensure_roles(admin_url: str, password: Callable[[str], str]) -> None:
    """Create or correct every role; safe to repeat and to race."""
    async with _connected(admin_url) as db:
        await db.execute(TURN)
        existing = [row["rolname"] for row in await db.fetch("SELECT rolname FROM pg_roles")]
        for statement in role_statements(password, existing):
            await db.execute(statement)
        if not await db.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
            # who is no superuser must belong to a role to give it a database
            owners = ", ".join(role_names(service)[0] for service in SERVICES)
            await db.execute(f"GRANT {owners} TO current_user")


async def ensure_databases(
    admin_url: str, suffix: str = "", services: Sequence[str] = SERVICES, template: str | None = None
) -> dict[str, str]:
    """Create what is missing of the services' databases and set their privileges: {service: database}.

    `template` ends the names of the databases to copy: `ensure_databases(url, "_gw0", template="_template")`
    makes `orders_gw0` from `orders_template`, with the tables in it.
    """
    names = {service: database_name(service, suffix) for service in services}
    async with _connected(admin_url) as db:
        await db.execute(TURN)
        existing = {row["datname"] for row in await db.fetch("SELECT datname FROM pg_database")}
        for service, database in names.items():
            if database not in existing:
                copied = f" TEMPLATE {database_name(service, template)}" if template is not None else ""
                await db.execute(f"CREATE DATABASE {database} OWNER {role_names(service)[0]}{copied}")
            for statement in connect_statements(service, database):
                await db.execute(statement)
    if template is None:  # a copy has its template's privileges
        await asyncio.gather(*(_grant(admin_url, service, name) for service, name in names.items()))
    return names


async def _grant(admin_url: str, service: str, database: str) -> None:
    async with _connected(with_database(admin_url, database)) as db:
        for statement in content_statements(service):
            await db.execute(statement)


async def drop_databases(admin_url: str, suffix: str = "", services: Sequence[str] = SERVICES) -> None:
    """Drop the services' databases of this suffix, sessions in them ended."""
    async with _connected(admin_url) as db:
        for service in services:
            await db.execute(f"DROP DATABASE IF EXISTS {database_name(service, suffix)} WITH (FORCE)")


async def drop_every_database(admin_url: str) -> None:
    """Drop what earlier runs left; only for a server that is ours alone."""
    async with _connected(admin_url) as db:
        left = await db.fetch(
            "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
        )
        for row in left:
            await db.execute(f'DROP DATABASE IF EXISTS "{row["datname"]}" WITH (FORCE)')


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    db: Connection = await asyncpg.connect(url, timeout=10)
    try:
        yield db
    finally:
        await db.close(timeout=10)


def with_database(url: str, database: str) -> str:
    """The same server and login, another database."""
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _plain(name: str) -> str:
    """A name that needs no quotes: ours never do, and anything else is a mistake or worse."""
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", name):
        raise ValueError(f"{name!r} is no plain database or role name: small letters, digits and _ only")
    return name


def _secret(password: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]+", password):
        raise ValueError("a generated password holds letters, digits, - and _ only")
    return password
