# ruff: noqa: S608  # every statement is put together from constants of this module
"""Keeping what was heard, under the stream's lock, in one statement; only newer words and greater figures replace.

Every row that is written is joined with the lock, so nothing is written before the lock is held; and an upsert meets the
newest row whatever its statement's snapshot is. What is read to decide, or to delete, is read in later statements: their
snapshots are of after the lock. What is kept depends on the facts alone, not on what was heard before.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, TextClause, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain.inspection import Finding
from shared.decimals import ZERO

from .sets import packed, rows_of

Columns = Mapping[str, Any]

STREAM_LOCK = 8005
_TEAM = ("order_id", "version", "team")
_WISH = (
    *("line_id", "component", "order_id", "version", "order_number", "line_no", "sku", "unit", "warehouse"),
    *("wanted", "is_open", "from_stock"),
)
_ANSWER = ("line_id", "component", "order_id", "settled_version", "first_version", "first_granted")
_FIGURES = ("withdrawn", "failed", "passed", "shipped", "returned", "unproven")
_CLAIM = ("allotment_id", "line_id", "component", "gated", "qty", *_FIGURES)
_TAKING = ("line_id", "component", "for_order_number", "reason", "qty")
_SHIPMENT = ("id", "number", "version", "state", "warehouse")
_SHARE = (
    *("shipment_id", "allotment_id", "order_id", "order_number", "line_id", "line_no", "component"),
    *("sku", "unit", "qty"),
)
_LOCK = (
    *("question_id", "allotment_id", "shipment_id", "shipment_number", "version", "order_id", "order_number"),
    *("line_id", "line_no", "component", "sku", "warehouse", "qty"),
)
_FINDING = ("inspection_id", "version", "passed", "failed", "closed")


@dataclass(frozen=True)
class News:
    """What of the words was news."""

    shipments: set[UUID] = field(default_factory=set)
    """Newer snapshots of these shipments."""
    orders: set[UUID] = field(default_factory=set)
    """Orders whose stock lines were answered, or that want something else than before."""
    undecided: set[UUID] = field(default_factory=set)
    """Orders of which a stock line, as just heard, has no answer of inventory's yet."""
    findings: dict[UUID, Finding] = field(default_factory=dict)
    """Where the inspections stand by now."""


def _newer(names: Sequence[str]) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in names)


def _insert(table: str, names: Sequence[str], source: str, conflict: str) -> str:
    columns = ", ".join(names)
    return f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source} ON CONFLICT {conflict}"


def _given(table: str, part: str) -> str:
    return f"locked, {rows_of(table, part)}"


_NEWER_TEAM = """(order_id) DO UPDATE SET version = excluded.version, team = excluded.team
    WHERE order_teams.version < excluded.version RETURNING order_id"""
_TEAMS = _insert("order_teams", _TEAM, f"{_given('order_teams', 'teams')} ORDER BY order_id", _NEWER_TEAM)
_ONLY_TEAMS = _insert(
    "order_teams", _TEAM, f"{rows_of('order_teams', 'teams')} ORDER BY order_id", _NEWER_TEAM
)
_WISHES = _insert(
    "demands",
    _WISH,
    f"locked, {rows_of('demands', 'wishes')} JOIN kept_teams USING (order_id)",
    f"""(line_id, component) DO UPDATE SET {_newer(_WISH[2:])} WHERE demands.version < excluded.version
        RETURNING order_id, from_stock AND is_open AND wanted > 0 AND settled_version = 0 AS waits""",
)
_ANSWERS = _insert(
    "demands",
    _ANSWER,
    _given("demands", "answers"),
    """(line_id, component) DO UPDATE SET
        settled_version = greatest(demands.settled_version, excluded.settled_version),
        first_granted = CASE
            WHEN demands.first_version IS NULL OR excluded.first_version < demands.first_version
            THEN excluded.first_granted
            WHEN excluded.first_version = demands.first_version
            THEN least(demands.first_granted, excluded.first_granted)
            ELSE demands.first_granted END,
        first_version = least(demands.first_version, excluded.first_version)
       RETURNING order_id, from_stock AND version > 0 AS is_known""",
)
_CLAIMS = _insert(
    "claims",
    _CLAIM,
    _given("claims", "claims"),
    f"""(allotment_id) DO UPDATE SET gated = claims.gated OR excluded.gated, qty = coalesce(claims.qty, excluded.qty),
        {", ".join(f"{name} = greatest(claims.{name}, excluded.{name})" for name in _FIGURES)}""",
)
_TAKINGS = _insert(
    "takings",
    _TAKING,
    _given("takings", "takings"),
    """(line_id, component, for_order_number) DO UPDATE SET
        reason = least(takings.reason, excluded.reason), qty = greatest(takings.qty, excluded.qty)""",
)
_SHIPMENTS = _insert(
    "shipments",
    _SHIPMENT,
    _given("shipments", "shipments"),
    f"(id) DO UPDATE SET {_newer(_SHIPMENT[1:])} WHERE shipments.version < excluded.version RETURNING id",
)
_NEW_SHARES = f"""
    SELECT s.* FROM {rows_of("shipment_shares", "shares")} AS s JOIN kept_shipments ON kept_shipments.id = s.shipment_id
"""
LEFT_SHARES = """
    FROM shipment_shares AS s WHERE s.shipment_id = ANY(:renewed)
        AND (s.shipment_id, s.allotment_id) NOT IN (SELECT * FROM unnest(:on_shipments, :of_allotments))
"""
"""What newer snapshots of shipments have no more."""
_SHARES = _insert(
    "shipment_shares", _SHARE, "new_shares", "(shipment_id, allotment_id) DO UPDATE SET qty = excluded.qty"
)
_FINDINGS = _insert(
    "findings",
    _FINDING,
    _given("findings", "findings"),
    f"""(inspection_id) DO UPDATE SET version = greatest(findings.version, excluded.version),
        {
        ", ".join(
            f"{name} = CASE WHEN findings.version < excluded.version THEN excluded.{name} ELSE findings.{name} END"
            for name in _FINDING[2:]
        )
    } RETURNING {", ".join(_FINDING)}""",
)
_LOCKS = _insert("pick_locks", _LOCK, _given("pick_locks", "locks"), "DO NOTHING")
_NO_FINDING = ", NULL, NULL, NULL, NULL"
_PARTS: dict[str, str] = {
    "teams": f"kept_teams AS ({_TEAMS})",
    "wishes": f"kept_wishes AS ({_WISHES})",
    "answers": f"kept_answers AS ({_ANSWERS})",
    "claims": f"kept_claims AS ({_CLAIMS})",
    "takings": f"kept_takings AS ({_TAKINGS})",
    "shipments": f"kept_shipments AS ({_SHIPMENTS})",
    "shares": f"new_shares AS ({_NEW_SHARES}), kept_shares AS ({_SHARES})",
    "findings": f"kept_findings AS ({_FINDINGS})",
    "locks": f"kept_locks AS ({_LOCKS})",
}
_NEWS: dict[str, str] = {
    "findings": f"SELECT 'finding' AS what, {', '.join(_FINDING)} FROM kept_findings",
    "shipments": f"SELECT 'shipment', id{_NO_FINDING} FROM kept_shipments",
    "answers": f"SELECT DISTINCT 'order', order_id{_NO_FINDING} FROM kept_answers WHERE is_known",
    "teams": f"SELECT 'order', order_id{_NO_FINDING} FROM kept_teams",
    "wishes": f"SELECT DISTINCT 'undecided', order_id{_NO_FINDING} FROM kept_wishes WHERE waits",
}


async def lock_stream(db: AsyncConnection) -> None:
    """From here to the commit no other transaction changes notices.

    So the stream's positions are taken in the order in which they become visible: whoever has read position n has
    missed nothing before it. A sequence alone would not do: 7 may commit before 6, and a reader at 7 never sees 6.
    Taken before anything else is locked, so it cannot deadlock. Notices come in batches; one writer is enough.
    """
    await db.execute(_LOCK_STREAM)


_LOCK_STREAM = text(f"SELECT pg_advisory_xact_lock({STREAM_LOCK})")


async def keep(db: AsyncConnection, **heard: Collection[Columns]) -> News:
    """Take the stream's lock (`lock_stream`) and keep these rows, by what they are; which of them were news.

    `teams` and `wishes` of orders go together: wishes are kept where the order's version was news. So do `shipments` and
    their `shares`. Whose an order is stands in no notice: without wishes it is kept without the lock.
    """
    parts = tuple(part for part in _PARTS if heard.get("shipments" if part == "shares" else part))
    if not parts:
        await lock_stream(db)
        return News()
    news = News()
    for row in await db.execute(_keeping(parts), {part: packed(heard[part]) for part in parts}):
        what, key, *found = row
        if what == "finding":
            news.findings[key] = Finding(key, *found)
        elif what == "shipment":
            news.shipments.add(key)
        elif what == "order":
            news.orders.add(key)
        else:
            news.undecided.add(key)
    return news


@cache
def _keeping(parts: tuple[str, ...]) -> TextClause:
    said = " UNION ALL ".join(_NEWS[part] for part in _NEWS if part in parts) or "SELECT 1 WHERE false"
    writes = ", ".join([f"locked AS MATERIALIZED ({_LOCK_STREAM.text})", *(_PARTS[part] for part in parts)])
    if parts == ("teams",):
        writes = f"kept_teams AS ({_ONLY_TEAMS})"
    statement = f"WITH {writes} {said}"
    return text(statement).bindparams(*(bindparam(part, type_=Text) for part in parts))


def shares_now(renewed: Iterable[UUID], shares: Collection[Columns]) -> dict[str, list[UUID]]:
    """What newer snapshots of shipments have, for `LEFT_SHARES`."""
    return {
        "renewed": list(renewed),
        "on_shipments": [share["shipment_id"] for share in shares],
        "of_allotments": [share["allotment_id"] for share in shares],
    }


SHARES_NOW = tuple(bindparam(name, type_=ARRAY(Uuid)) for name in shares_now((), ()))
_DROP_LEFT = text(f"DELETE {LEFT_SHARES}").bindparams(*SHARES_NOW)


async def drop_left_shares(db: AsyncConnection, renewed: Iterable[UUID], shares: Collection[Columns]) -> None:
    """Newer snapshots of these shipments are kept with these shares: others of theirs are gone.

    In a statement after the lock: one whose snapshot is older would miss what was added while it waited.
    """
    await db.execute(_DROP_LEFT, shares_now(renewed, shares))


def claim(row: Columns) -> dict[str, Any]:
    """A claim ticket's row; figures that a fact does not know are zero, the birth quantity unknown."""
    return {**dict.fromkeys(_FIGURES, ZERO), "qty": None, "gated": False, **row}
