"""What a settling or a departure has changed, written in one statement: what is new whole, of what is known what differs.

A statement of the parts that are there: foreign keys are looked at when it ends, so that new allotments, shipments, their
lines and shares may come together. No row is in two parts. What goes, goes before, in a statement of its own, because a
line may come back under its shipment's demand as another one.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Text, TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shipping.domain.allotment import Allotment
from services.shipping.domain.shipment import Line, Share, Shipment
from services.shipping.store.allotments import ALLOTMENT, KEYED_FIGURES, allotment_row, figures_row
from services.shipping.store.rows import LINE, MOVED, NEW, SHARE, given, line_row, moved_row, new_row, written
from services.shipping.tables import allotments, shipment_lines, shipment_shares, shipments

NUMBER = "FM999999999999000000"
"""Six digits at least, as `next_numbers` writes them, and more when they are used up."""


def _insert(part: str, names: Sequence[str], rows: str) -> str:
    columns = ", ".join(names)
    return f"INSERT INTO {part} ({columns}) SELECT {columns} FROM {rows}"  # noqa: S608  # constants of this module


def _update(part: str, names: Sequence[str], rows: str) -> str:
    key, *others = names
    values = ", ".join(f"{name} = given.{name}" for name in others)
    return f"UPDATE {part} SET {values} FROM {rows} WHERE {part}.{key} = given.{key}"  # noqa: S608  # the same


_PARTS = {
    "new_allotments": _insert("allotments", ALLOTMENT, given("new_allotments", allotments, ALLOTMENT)),
    "restated": _update("allotments", ALLOTMENT, given("restated", allotments, ALLOTMENT)),
    # of an allotment only its figures change, but for a release anew with other terms
    "figures": _update("allotments", KEYED_FIGURES, given("figures", allotments, KEYED_FIGURES)),
    "new_shipments": f"""
        INSERT INTO shipments (number, {", ".join(NEW)})
        SELECT 'SH-' || to_char(nextval('shipment_numbers'), '{NUMBER}'), {", ".join(NEW)}
        FROM {given("new_shipments", shipments, NEW)} RETURNING id, number
    """,  # noqa: S608  # constants
    "moved": _update("shipments", MOVED, given("moved", shipments, MOVED)),
    "lines": _insert("shipment_lines", LINE, given("lines", shipment_lines, LINE)),
    "new_shares": _insert("shipment_shares", SHARE, given("new_shares", shipment_shares, SHARE)),
    "shares": f"""
        UPDATE shipment_shares SET qty = given.qty, shipped = given.shipped
        FROM {given("shares", shipment_shares, SHARE)}
        WHERE shipment_shares.shipment_line_id = given.shipment_line_id
          AND shipment_shares.allotment_id = given.allotment_id
    """,  # noqa: S608  # constants
}
_DROP = text(
    f"""
    WITH gone AS (
        DELETE FROM shipment_shares USING {given("shares", shipment_shares, SHARE[:2])}
        WHERE shipment_shares.shipment_line_id = given.shipment_line_id
          AND shipment_shares.allotment_id = given.allotment_id
    )
    DELETE FROM shipment_lines USING {given("lines", shipment_lines, LINE[:1])} WHERE shipment_lines.id = given.id
    """  # noqa: S608  # constants of this module
).bindparams(bindparam("shares", type_=Text), bindparam("lines", type_=Text))


@cache
def _statement(parts: tuple[str, ...]) -> TextClause:
    """All these parts at once; the rows of it are the new shipments."""
    tables = ", ".join(f"{part} AS ({_PARTS[part]})" for part in parts)
    answer = "SELECT id, number FROM new_shipments" if "new_shipments" in parts else "SELECT"
    return text(f"WITH {tables} {answer}").bindparams(*(bindparam(part, type_=Text) for part in parts))


async def save(
    db: AsyncConnection,
    changed: Sequence[tuple[Shipment | None, Shipment]],
    before: Mapping[UUID, Allotment] | None = None,
    after: Mapping[UUID, Allotment] | None = None,
) -> dict[UUID, str]:
    """Write shipments, before and after, and the allotments that are new or differ; the numbers of new shipments."""
    new = [now for was, now in changed if was is None]
    moved = [(was, now) for was, now in changed if was is not None]
    await _drop(db, moved)
    parts = {
        **_of_allotments(before or {}, after or {}),
        "new_shipments": [new_row(one) for one in new],
        "moved": [moved_row(now) for _, now in moved],
        "lines": [line_row(now, line) for was, now in changed for line in _lines_added(was, now)],
        **_of_shares(changed),
    }
    there = {name: written(rows) for name, rows in parts.items() if rows}
    if not there:
        return {}
    rows = await db.execute(_statement(tuple(there)), there)
    return {row.id: row.number for row in rows} if new else {}


async def _drop(db: AsyncConnection, moved: Sequence[tuple[Shipment, Shipment]]) -> None:
    shares = [share for was, now in moved for share in sorted(_shares(was).keys() - _shares(now).keys())]
    if shares:
        lines = [(line_id,) for was, now in moved for line_id in sorted(_line_ids(was) - _line_ids(now))]
        await db.execute(_DROP, {"shares": written(shares), "lines": written(lines)})


def _of_allotments(
    before: Mapping[UUID, Allotment], after: Mapping[UUID, Allotment]
) -> dict[str, list[tuple[Any, ...]]]:
    parts: dict[str, list[tuple[Any, ...]]] = {"new_allotments": [], "restated": [], "figures": []}
    for key, allotment in after.items():
        was = before.get(key)
        if was is None:
            parts["new_allotments"].append(allotment_row(allotment))
        elif was is not allotment and was != allotment:
            if was.terms == allotment.terms:
                parts["figures"].append(figures_row(allotment))
            else:
                parts["restated"].append(allotment_row(allotment))
    return parts


def _lines_added(before: Shipment | None, after: Shipment) -> list[Line]:
    known = _line_ids(before)
    return [line for line in after.lines if line.shipment_line_id not in known]


def _of_shares(changed: Sequence[tuple[Shipment | None, Shipment]]) -> dict[str, list[tuple[Any, ...]]]:
    parts: dict[str, list[tuple[Any, ...]]] = {"new_shares": [], "shares": []}
    for before, after in changed:
        known = _shares(before)
        for key, share in _shares(after).items():
            was = known.get(key)
            if was != share:
                parts["shares" if was else "new_shares"].append((*key, share.qty, share.shipped))
    return parts


def _line_ids(shipment: Shipment | None) -> set[UUID]:
    return {line.shipment_line_id for line in shipment.lines} if shipment else set()


def _shares(shipment: Shipment | None) -> Mapping[tuple[UUID, UUID], Share]:
    if shipment is None:
        return {}
    return {
        (line.shipment_line_id, share.allotment_id): share for line in shipment.lines for share in line.shares
    }
