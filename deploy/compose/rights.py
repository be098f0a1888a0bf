"""`python -m deploy.compose.rights`: what each role may do with every table, as PostgreSQL itself has it.

Whatever a migration makes gets its rights by default (`deploy/local/databases.py`). Here is seen that no table came with
more than that or less, that what was said can only be added to, and that nobody enters another's database.
"""

import asyncio
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import asyncpg

from deploy.compose.vault import Vault
from deploy.local.announcing import say
from deploy.local.databases import CHECKER, role_names
from deploy.local.definitions import SERVICES

ROWS = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"})
ADDS = frozenset({"SELECT", "INSERT"})
READS = frozenset({"SELECT"})
NEXT = frozenset({"SELECT", "USAGE"})
WRITES = {"record_log": ADDS, "event_log": ADDS, "alembic_version": READS, "kernel_version": READS}
"""Where the application does not write rows as it likes: logs only grow, and migrations keep their own books."""

HELD = """
    SELECT c.relname AS name, c.relkind = 'S' AS counts, pg_get_userbyid(c.relowner) AS owner,
           CASE WHEN a.grantee = 0 THEN 'everybody' ELSE pg_get_userbyid(a.grantee) END AS holder,
           array_agg(a.privilege_type) FILTER (WHERE a.privilege_type IS NOT NULL) AS rights
    FROM pg_class c LEFT JOIN aclexplode(c.relacl) a ON a.grantee <> c.relowner
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'S')
    GROUP BY 1, 2, 3, 4
"""
"""Of every table and sequence: its owner, and who beside the owner holds which rights (nobody: one row without)."""


def most(service: str, table: str, *, counts: bool) -> Mapping[str, frozenset[str]]:
    """What each role beside the owner holds of a table, or of the sequence that counts its rows."""
    _, app, reader = role_names(service)
    if counts:
        return {app: NEXT}
    if table.startswith("event_log_"):
        # a day of it: whoever may write there may rewrite what was told, whatever the whole table allows
        return {}
    return {app: WRITES.get(table, ROWS), reader: READS, CHECKER: READS}


def differences(service: str, held: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is not as it should be, in words."""
    owner, *_ = role_names(service)
    by_table: dict[tuple[str, bool], dict[str, frozenset[str]]] = {}
    wrong = []
    for row in held:
        if row["owner"] != owner:
            wrong.append(f"{row['name']} belongs to {row['owner']}")
        rights = by_table.setdefault((row["name"], row["counts"]), {})
        if row["rights"]:
            rights[row["holder"]] = frozenset(row["rights"])
    for (table, counts), rights in sorted(by_table.items()):
        wanted = most(service, table, counts=counts)
        wrong += [
            f"{role} holds {_told(rights.get(role))} of {table}, not {_told(wanted.get(role))}"
            for role in sorted(wanted.keys() | rights.keys())
            if rights.get(role) != wanted.get(role)
        ]
    return wrong


def _told(rights: frozenset[str] | None) -> str:
    return ", ".join(sorted(rights)) if rights else "nothing"


async def _look(vault: Vault, service: str) -> tuple[int, list[str]]:
    _, app, _ = role_names(service)
    db = await asyncpg.connect(vault.database_url(app, service), timeout=10)
    try:
        held = [dict(row) for row in await db.fetch(HELD)]
    finally:
        await db.close(timeout=10)
    return len({row["name"] for row in held}), differences(service, held)


async def _intruders(vault: Vault, service: str) -> list[str]:
    """Roles of the service that are let into another's database."""
    inside = []
    for role in role_names(service):
        for other in SERVICES:
            if other == service:
                continue
            try:
                db = await asyncpg.connect(vault.database_url(role, other), timeout=10)
            except asyncpg.InsufficientPrivilegeError:
                continue
            await db.close(timeout=10)
            inside.append(f"{role} is let into the database of {other}")
    return inside


async def look(vault: Vault, services: Sequence[str] = SERVICES) -> list[str]:
    """Everything that is not as it should be, in words."""
    wrong: list[str] = []
    for service in services:
        tables, found = await _look(vault, service)
        found += await _intruders(vault, service)
        say(f"{'WRONG' if found else 'ok   '} {service}: {tables} tables and sequences")
        wrong += found
    return wrong


def main() -> int:
    """0 when every role holds what it should, no more and no less."""
    wrong = asyncio.run(look(Vault()))
    for words in wrong:
        say(f"WRONG {words}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
