"""Shipments with their lines and shares, read and locked."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Row,
    Text,
    Uuid,
    any_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shipping.domain.shipment import OPEN, Line, Shipment, State
from services.shipping.store.rows import as_line, as_shipment
from services.shipping.tables import shipment_lines, shipment_shares, shipments
from shared.auth import Scope

_ids = bindparam("ids", type_=ARRAY(Uuid))
_READ = (
    select(shipments)
    .where(shipments.c.id == _ids.any_())
    # one statement for every caller: what is built once goes straight to the driver
    .where(
        or_(
            bindparam("everywhere", type_=Boolean),
            shipments.c.warehouse == bindparam("warehouses", type_=ARRAY(Text)).any_(),
        )
    )
    .order_by(shipments.c.id)
)
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
_IS_OPEN: ColumnElement[bool] = literal_column(
    f"shipments.state IN ({', '.join(repr(state.value) for state in sorted(OPEN))})"
)
_LOCK_OPEN = (
    select(shipments)
    # an array, not IN: beside another condition the planner would read every shipment to test a hashed IN
    .where(shipments.c.id == any_(func.array(union(_holding, _pending).scalar_subquery())))
    .where(_IS_OPEN)
    .order_by(shipments.c.id)
    .with_for_update(key_share=True, of=shipments)
)
_of_customers = shipments.alias("of_customers")
_pending_of_customers = select(_of_customers.c.id).where(
    _of_customers.c.customer == bindparam("customers", type_=ARRAY(Text)).any_(),
    # written out, not bound: a prepared statement with a parameter could not use the index of the pending ones
    _of_customers.c.state == literal_column("'pending'"),
)
_LOCK_OPEN_ACROSS = (
    select(shipments)
    .where(shipments.c.id == any_(func.array(union(_holding, _pending_of_customers).scalar_subquery())))
    .where(_IS_OPEN)
    .order_by(shipments.c.id)
    .with_for_update(key_share=True, of=shipments)
)
_divided = shipment_lines.alias("divided")
_ORIGINALS = (
    select(shipment_lines.c.shipment_id)
    .distinct()
    .join(_divided, _divided.c.remainder_of == shipment_lines.c.id)
    .where(_divided.c.shipment_id == bindparam("shipment_id"))
)
_PENDING_UNITS = (
    select(shipment_shares.c.allotment_id, shipments.c.id.label("shipment_id"), shipment_shares.c.qty)
    .join(shipment_lines, shipment_lines.c.id == shipment_shares.c.shipment_line_id)
    .join(shipments, shipments.c.id == shipment_lines.c.shipment_id)
    .where(
        shipment_shares.c.allotment_id == bindparam("allotment_ids", type_=ARRAY(Uuid)).any_(),
        shipments.c.state == literal_column("'pending'"),
    )
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
    return await _with_lines(db, (await db.execute(_READ, _within(ids, scope))).all())


async def lock_shipments(db: AsyncConnection, ids: Iterable[UUID], scope: Scope) -> list[Shipment]:
    """The same, locked by id."""
    return await _with_lines(db, (await db.execute(_LOCK, _within(ids, scope))).all())


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


async def lock_pending_of_customers(
    db: AsyncConnection, *, holding: Iterable[UUID], customers: Iterable[str]
) -> list[Shipment]:
    """Open shipments that hold units of these allotments, and the pending ones of these customers, locked by id."""
    wanted = {"allotment_ids": sorted(set(holding)), "customers": sorted(set(customers))}
    if not any(wanted.values()):
        return []
    return await _with_lines(db, (await db.execute(_LOCK_OPEN_ACROSS, wanted)).all())


async def originals_of(db: AsyncConnection, shipment_id: UUID) -> set[UUID]:
    """The shipments that lines of this one were divided from by mixed picks."""
    return set((await db.execute(_ORIGINALS, {"shipment_id": shipment_id})).scalars())


async def pending_units(
    db: AsyncConnection, allotment_ids: Iterable[UUID]
) -> list[tuple[UUID, UUID, Decimal]]:
    """(allotment, shipment, units) of every pending shipment that holds units of these allotments."""
    rows = await db.execute(_PENDING_UNITS, {"allotment_ids": sorted(set(allotment_ids))})
    return [(row.allotment_id, row.shipment_id, row.qty) for row in rows]


def _within(ids: Iterable[UUID], scope: Scope) -> dict[str, Any]:
    everywhere = scope.warehouses is None
    return {"ids": list(ids), "everywhere": everywhere, "warehouses": sorted(scope.warehouses or ())}


async def _with_lines(db: AsyncConnection, rows: Sequence[Row[Any]]) -> list[Shipment]:
    if not rows:
        return []
    found = (await db.execute(_LINES, {"ids": [row.id for row in rows]})).all()
    lines: dict[UUID, list[Line]] = {}
    for _, group in groupby(found, key=lambda row: row.id):
        shares = list(group)
        lines.setdefault(shares[0].shipment_id, []).append(as_line(shares))
    return [as_shipment(row, tuple(lines.get(row.id, ()))) for row in rows]
