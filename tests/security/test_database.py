"""What PostgreSQL refuses to a service's role: each thing is tried (reliability, section 2.5)."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from deploy.local.servers import Servers
from shared.migrate import SERVICES
from shared.testing import Bench

BEYOND = {
    "rewrites the record log": "UPDATE record_log SET actor = 'nobody'",
    "shortens the record log": "DELETE FROM record_log",
    "rewrites what was told": "UPDATE event_log SET body = '{}'",
    "forgets what was told": "DELETE FROM event_log",
    "rewrites a day of what was told": "UPDATE event_log_default SET body = '{}'",
    "forgets what is migrated": "DELETE FROM alembic_version",
    "forgets what the kernel has migrated": "DELETE FROM kernel_version",
    "empties a table": "TRUNCATE sales_orders",
    "drops a table": "DROP TABLE sales_orders",
    "changes a table": "ALTER TABLE sales_orders DROP COLUMN number",
    "makes a table": "CREATE TABLE mine (x int)",
    "makes a temporary table": "CREATE TEMP TABLE mine (x int)",
    "makes a function": "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "becomes the owner": "SET ROLE orders_owner",
    "reads password hashes": "SELECT rolpassword FROM pg_authid",
    "reads a file": "SELECT pg_read_file('/etc/passwd')",
    "runs a program": "COPY (SELECT 1) TO PROGRAM 'true'",
    "makes a role": "CREATE ROLE mine",
    "makes a database": "CREATE DATABASE mine",
    "ends another's session": "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'inventory_app'",
}


@pytest.mark.parametrize("statement", BEYOND.values(), ids=BEYOND)
async def test_the_database_refuses_to_a_service_what_it_never_needs(
    db_orders: Bench, db_inventory: Bench, statement: str
) -> None:
    await db_inventory.sql("SELECT 1")  # a session that could be ended

    with pytest.raises(DBAPIError, match=r"permission denied|must be (owner|a member|superuser)"):
        await db_orders.sql(statement)


@pytest.mark.parametrize("service", [s for s in SERVICES if s != "orders"])
async def test_no_service_enters_anothers_database(test_servers: Servers, benches: Any, service: str) -> None:
    database = (await benches.of(service)).engine.url.database
    url = test_servers.service_database_url("orders", "app", database, "postgresql")

    with pytest.raises(asyncpg.PostgresError, match="permission denied for database"):
        await asyncpg.connect(url)


@pytest.mark.parametrize("role", ["ro", "checker"])
async def test_readers_write_nothing(test_servers: Servers, db_orders: Bench, role: str) -> None:
    url = test_servers.service_database_url("orders", role, db_orders.engine.url.database, "postgresql")
    db = await asyncpg.connect(url)
    try:
        for statement in (
            "DELETE FROM outbox",
            "SET default_transaction_read_only = off; DELETE FROM outbox",
        ):
            with pytest.raises(asyncpg.PostgresError, match=r"read-only|permission denied"):
                await db.execute(statement)
    finally:
        await db.close()


async def test_a_service_does_not_wait_for_ever(db_orders: Bench) -> None:
    limits = (
        await db_orders.sql(
            "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
            "current_setting('idle_in_transaction_session_timeout'), current_setting('synchronous_commit')"
        )
    )[0]

    assert tuple(limits) == ("5s", "2s", "10s", "on")
