"""Shipments with their lines and shares: rows and values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, Row, Table, Text, Uuid, any_, bindparam, func, select, text, union
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shipping.domain.allotment import ShipTo
from services.shipping.domain.shipment import OPEN, Line, Share, Shipment, State
from services.shipping.tables import shipment_lines, shipment_shares, shipments
from shared.auth import Scope
from shared.schema import next_numbers

_FIXED = (
    "id",
    "number",
    "order_id",
    "order_number",
    "customer",
    "warehouse",
    "currency",
    "ship_to",
    "created_at",
)
_MOVING = (
    "version",
    "told",
    "state",
    "carrier",
    "tracking_number",
    "shipped_at",
    "shipped_by",
    "void_reason",
)
_LINE = (
    *("id", "shipment_id", "order_id", "order_number", "line_id", "line_no", "component"),
    *("sku", "description", "unit", "precision"),
)
_SHARE = ("shipment_line_id", "allotment_id", "qty", "shipped")


def _given(names: Sequence[str]) -> str:
    return f"unnest({', '.join(f':{name}' for name in names)}) AS given({', '.join(names)})"


def _arrays(table: Table, names: Sequence[str]) -> list[Any]:
    return [bindparam(name, type_=ARRAY(Text if name == "ship_to" else table.c[name].type)) for name in names]


_INSERT = text(
    f"""
    INSERT INTO shipments ({", ".join(_FIXED + _MOVING)})
    SELECT {", ".join(_FIXED + _MOVING).replace("ship_to", "CAST(ship_to AS jsonb)")}
    FROM {_given(_FIXED + _MOVING)}
    """  # noqa: S608  # constants of this module
).bindparams(*_arrays(shipments, _FIXED + _MOVING))
_UPDATE = text(
    f"""
    UPDATE shipments SET {", ".join(f"{name} = given.{name}" for name in _MOVING)}
    FROM {_given(("id", *_MOVING))} WHERE shipments.id = given.id
    """  # noqa: S608  # constants of this module
).bindparams(*_arrays(shipments, ("id", *_MOVING)))
_INSERT_LINES = text(
    f"INSERT INTO shipment_lines ({', '.join(_LINE)}) SELECT * FROM {_given(_LINE)}"  # noqa: S608  # constants
).bindparams(*_arrays(shipment_lines, _LINE))
_PUT_SHARES = text(
    f"""
    INSERT INTO shipment_shares ({", ".join(_SHARE)}) SELECT * FROM {_given(_SHARE)}
    ON CONFLICT (shipment_line_id, allotment_id) DO UPDATE SET qty = excluded.qty, shipped = excluded.shipped
    """  # noqa: S608  # constants of this module
).bindparams(*_arrays(shipment_shares, _SHARE))
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

_ids = bindparam("ids", type_=ARRAY(Uuid))
_READ = select(shipments).where(shipments.c.id == _ids.any_()).order_by(shipments.c.id)
_LOCK = _READ.with_for_update(key_share=True)
_holding = (
    select(shipment_lines.c.shipment_id)
    .join(shipment_shares, shipment_shares.c.shipment_line_id == shipment_lines.c.id)
    .where(shipment_shares.c.allotment_id == bindparam("allotment_ids", type_=ARRAY(Uuid)).any_())
)
_of_orders = shipments.alias("of_orders")
_pending = select(_of_orders.c.id).where(
    _of_orders.c.order_id == bindparam("order_ids", type_=ARRAY(Uuid)).any_(),
    _of_orders.c.state == State.PENDING.value,
)
_LOCK_OPEN = (
    select(shipments)
    # an array, not IN: beside another condition the planner would read every shipment to test a hashed IN
    .where(shipments.c.id == any_(func.array(union(_holding, _pending).scalar_subquery())))
    .where(shipments.c.state.in_(sorted(OPEN)))
    .order_by(shipments.c.id)
    .with_for_update(key_share=True, of=shipments)
)
_LINES = (
    select(shipment_lines, shipment_shares.c.allotment_id, shipment_shares.c.qty, shipment_shares.c.shipped)
    .join(shipment_shares, shipment_shares.c.shipment_line_id == shipment_lines.c.id)
    .where(shipment_lines.c.shipment_id == _ids.any_())
    .order_by(
        shipment_lines.c.shipment_id,
        shipment_lines.c.order_number,
        shipment_lines.c.line_no,
        shipment_lines.c.component,
        shipment_lines.c.id,
        shipment_shares.c.allotment_id,
    )
)


async def read_shipments(db: AsyncConnection, ids: Iterable[UUID], scope: Scope) -> list[Shipment]:
    """These shipments as far as they are in the scope, by id; not locked."""
    rows = (await db.execute(_READ.where(scope.where(shipments.c.warehouse)), {"ids": list(ids)})).all()
    return await _with_lines(db, rows)


async def lock_shipments(db: AsyncConnection, ids: Iterable[UUID], scope: Scope) -> list[Shipment]:
    """The same, locked by id."""
    rows = (await db.execute(_LOCK.where(scope.where(shipments.c.warehouse)), {"ids": list(ids)})).all()
    return await _with_lines(db, rows)


async def lock_open_shipments(
    db: AsyncConnection, *, holding: Iterable[UUID], of_orders: Iterable[UUID] = ()
) -> list[Shipment]:
    """Open shipments that hold units of these allotments, and the pending ones of these orders, locked by id.

    One that is picked while its lock is waited for comes back as it is by then, so its order gets a new one (SHIP-2).
    """
    wanted = {"allotment_ids": sorted(set(holding)), "order_ids": sorted(set(of_orders))}
    if not any(wanted.values()):
        return []
    return await _with_lines(db, (await db.execute(_LOCK_OPEN, wanted)).all())


async def number_shipments(db: AsyncConnection, unnumbered: Sequence[Shipment]) -> dict[UUID, Shipment]:
    """New shipments with their human numbers."""
    numbers = await next_numbers(db, "shipment_numbers", "SH", len(unnumbered))
    return {
        shipment.shipment_id: replace(shipment, number=number)
        for shipment, number in zip(unnumbered, numbers, strict=True)
    }


async def save_shipments(db: AsyncConnection, changed: Sequence[tuple[Shipment | None, Shipment]]) -> None:
    """Write shipments, before and after: at most seven statements, however many there are."""
    new = [_written(after) for before, after in changed if before is None]
    moved = [_written(after) for before, after in changed if before is not None]
    lines = [_written_line(after, line) for before, after in changed for line in _lines_added(before, after)]
    put = [share for before, after in changed for share in _shares_put(before, after)]
    dropped = [share for before, after in changed for share in _shares_dropped(before, after)]
    gone = [line for before, after in changed for line in _lines_dropped(before, after)]
    for statement, names, rows in (
        (_INSERT, _FIXED + _MOVING, new),
        (_UPDATE, ("id", *_MOVING), moved),
        (_INSERT_LINES, _LINE, lines),
        (_PUT_SHARES, _SHARE, put),
        (_DROP_SHARES, _SHARE[:2], dropped),
    ):
        if rows:
            await db.execute(statement, {name: [row[name] for row in rows] for name in names})
    if gone:
        await db.execute(_DROP_LINES, {"ids": gone})


async def _with_lines(db: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Shipment]:
    if not rows:
        return []
    found = (await db.execute(_LINES, {"ids": [row.id for row in rows]})).all()
    lines: dict[UUID, list[Line]] = {}
    for _, group in groupby(found, key=lambda row: row.id):
        shares = list(group)
        lines.setdefault(shares[0].shipment_id, []).append(_line(shares))
    return [_shipment(row, tuple(lines.get(row.id, ()))) for row in rows]


def _shipment(row: Row[Any], lines: tuple[Line, ...]) -> Shipment:
    plain = {name: getattr(row, name) for name in _FIXED + _MOVING if name not in ("id", "ship_to", "state")}
    return Shipment(row.id, state=State(row.state), ship_to=ShipTo(**row.ship_to), lines=lines, **plain)


def _line(rows: Sequence[Row[Any]]) -> Line:
    said = {name: getattr(rows[0], name) for name in _LINE[2:]}
    return Line(
        rows[0].id, shares=tuple(Share(row.allotment_id, row.qty, row.shipped) for row in rows), **said
    )


def _written(shipment: Shipment) -> dict[str, Any]:
    plain = {
        name: getattr(shipment, name) for name in _FIXED + _MOVING if name not in ("id", "ship_to", "state")
    }
    address = orjson.dumps(shipment.ship_to).decode()
    return {**plain, "id": shipment.shipment_id, "ship_to": address, "state": shipment.state.value}


def _written_line(shipment: Shipment, line: Line) -> dict[str, Any]:
    said = {name: getattr(line, name) for name in _LINE[2:]}
    return {"id": line.shipment_line_id, "shipment_id": shipment.shipment_id, **said}


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
