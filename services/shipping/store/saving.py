"""Shipments with their lines and shares, written: what is new whole, of what is known what has changed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Table, Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shipping.domain.shipment import Line, Share, Shipment
from services.shipping.store.rows import FIXED, LINE, MOVING, moving_of, row_of, row_of_line
from services.shipping.tables import shipment_lines, shipment_shares, shipments
from shared.schema import next_numbers

_SHARE = ("shipment_line_id", "allotment_id", "qty", "shipped")


def _given(names: Sequence[str]) -> str:
    return f"unnest({', '.join(f':{name}' for name in names)}) AS given({', '.join(names)})"


def _arrays(table: Table, names: Sequence[str]) -> list[Any]:
    return [bindparam(name, type_=ARRAY(Text if name == "ship_to" else table.c[name].type)) for name in names]


def _renamed(names: Sequence[str], prefix: str) -> str:
    return f"unnest({', '.join(f':{prefix}{name}' for name in names)}) AS given({', '.join(names)})"


def _renamed_arrays(table: Table, names: Sequence[str], prefix: str) -> list[Any]:
    return [
        bindparam(f"{prefix}{name}", type_=ARRAY(Text if name == "ship_to" else table.c[name].type))
        for name in names
    ]


_NEW = FIXED + MOVING
_PUT = f"""
    INSERT INTO shipment_shares ({", ".join(_SHARE)}) SELECT * FROM {_renamed(_SHARE, "share_")}
    ON CONFLICT (shipment_line_id, allotment_id) DO UPDATE SET qty = excluded.qty, shipped = excluded.shipped
"""  # noqa: S608  # constants of this module
_INSERT = text(
    f"""
    WITH new AS (
        INSERT INTO shipments ({", ".join(_NEW)})
        SELECT {", ".join(_NEW).replace("ship_to", "CAST(ship_to AS jsonb)")} FROM {_given(_NEW)}
    ), lines AS (
        INSERT INTO shipment_lines ({", ".join(LINE)}) SELECT * FROM {_renamed(LINE, "line_")}
    )
    {_PUT}
    """  # noqa: S608  # constants of this module
).bindparams(
    *_arrays(shipments, _NEW),
    *_renamed_arrays(shipment_lines, LINE, "line_"),
    *_renamed_arrays(shipment_shares, _SHARE, "share_"),
)
"""New shipments whole, in one statement: foreign keys are looked at when it ends."""
_UPDATE = text(
    f"""
    WITH moved AS (
        UPDATE shipments SET {", ".join(f"{name} = given.{name}" for name in MOVING)}
        FROM {_given(("id", *MOVING))} WHERE shipments.id = given.id
    )
    {_PUT}
    """  # noqa: S608  # constants of this module
).bindparams(*_arrays(shipments, ("id", *MOVING)), *_renamed_arrays(shipment_shares, _SHARE, "share_"))
_INSERT_LINES = text(
    f"INSERT INTO shipment_lines ({', '.join(LINE)}) SELECT * FROM {_given(LINE)}"  # noqa: S608  # constants
).bindparams(*_arrays(shipment_lines, LINE))
_DROP_SHARES = text(
    """
    DELETE FROM shipment_shares USING unnest(:shipment_line_id, :allotment_id) AS given(shipment_line_id, allotment_id)
    WHERE shipment_shares.shipment_line_id = given.shipment_line_id
      AND shipment_shares.allotment_id = given.allotment_id
    """
).bindparams(*_arrays(shipment_shares, _SHARE[:2]))
_DROP_LINES = text("DELETE FROM shipment_lines WHERE id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(Uuid))
)


async def number_shipments(db: AsyncConnection, unnumbered: Sequence[Shipment]) -> dict[UUID, Shipment]:
    """New shipments with their human numbers."""
    if not unnumbered:
        return {}
    numbers = await next_numbers(db, "shipment_numbers", "SH", len(unnumbered))
    return {
        shipment.shipment_id: replace(shipment, number=number)
        for shipment, number in zip(unnumbered, numbers, strict=True)
    }


async def save_shipments(db: AsyncConnection, changed: Sequence[tuple[Shipment | None, Shipment]]) -> None:
    """Write shipments, before and after: at most five statements, however many there are."""
    new = [after for before, after in changed if before is None]
    moved = [(before, after) for before, after in changed if before is not None]
    if new:
        rows = _columns(_NEW, [row_of(one) for one in new])
        lines = [row_of_line(one, line) for one in new for line in one.lines]
        shares = [share for one in new for share in _shares_put(None, one)]
        await db.execute(
            _INSERT, {**rows, **_columns(LINE, lines, "line_"), **_columns(_SHARE, shares, "share_")}
        )
    if moved:
        await _save_moved(db, moved)


async def _save_moved(db: AsyncConnection, moved: Sequence[tuple[Shipment, Shipment]]) -> None:
    added = [row_of_line(after, line) for before, after in moved for line in _lines_added(before, after)]
    put = [share for before, after in moved for share in _shares_put(before, after)]
    dropped = [share for before, after in moved for share in _shares_dropped(before, after)]
    gone = [line for before, after in moved for line in _lines_dropped(before, after)]
    if added:
        await db.execute(_INSERT_LINES, _columns(LINE, added))
    rows = _columns(("id", *MOVING), [moving_of(after) for _, after in moved])
    await db.execute(_UPDATE, {**rows, **_columns(_SHARE, put, "share_")})
    if dropped:
        await db.execute(_DROP_SHARES, _columns(_SHARE[:2], dropped))
    if gone:
        await db.execute(_DROP_LINES, {"ids": gone})


def _columns(names: Sequence[str], rows: Sequence[Mapping[str, Any]], prefix: str = "") -> dict[str, Any]:
    return {f"{prefix}{name}": [row[name] for row in rows] for name in names}


def _lines_added(before: Shipment | None, after: Shipment) -> list[Line]:
    known = _line_ids(before)
    return [line for line in after.lines if line.shipment_line_id not in known]


def _lines_dropped(before: Shipment | None, after: Shipment) -> list[UUID]:
    return sorted(_line_ids(before) - _line_ids(after))


def _shares_put(before: Shipment | None, after: Shipment) -> list[dict[str, Any]]:
    known = _shares(before)
    return [
        {
            "shipment_line_id": line_id,
            "allotment_id": share.allotment_id,
            "qty": share.qty,
            "shipped": share.shipped,
        }
        for (line_id, _), share in _shares(after).items()
        if known.get((line_id, share.allotment_id)) != share
    ]


def _shares_dropped(before: Shipment | None, after: Shipment) -> list[dict[str, Any]]:
    gone = _shares(before).keys() - _shares(after).keys()
    return [
        {"shipment_line_id": line_id, "allotment_id": allotment_id} for line_id, allotment_id in sorted(gone)
    ]


def _line_ids(shipment: Shipment | None) -> set[UUID]:
    return {line.shipment_line_id for line in shipment.lines} if shipment else set()


def _shares(shipment: Shipment | None) -> Mapping[tuple[UUID, UUID], Share]:
    if shipment is None:
        return {}
    return {
        (line.shipment_line_id, share.allotment_id): share for line in shipment.lines for share in line.shares
    }
