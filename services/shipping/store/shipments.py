"""Shipments with their lines and shares, read and locked."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Select,
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

from services.shipping.domain.shipment import OPEN, Line, Share, Shipment, State
from services.shipping.store.rows import LINE, SHARE, SHIPMENT, as_line, as_shipment
from services.shipping.tables import allotments, shipment_lines, shipment_shares, shipments
from shared.auth import Scope

_ids = bindparam("ids", type_=ARRAY(Uuid))
_VERSION, _SEEN = SHIPMENT.index("version"), len(SHIPMENT)
_LINE_AT, _SHARE_AT = len(SHIPMENT) + 1, len(LINE)
_seen = shipments.alias("seen")
_head = [shipments.c[name] for name in SHIPMENT]
_units = [
    *(shipment_lines.c[name].label(f"line_{name}") for name in LINE),
    *(shipment_shares.c[name].label(f"share_{name}") for name in SHARE[1:]),
]
_in_order = (
    *(shipment_lines.c[name] for name in ("order_number", "line_no", "component", "id")),
    shipment_shares.c.allotment_id,
)
_LINES = (
    select(shipment_lines.c.shipment_id, *_units)
    .join(shipment_shares, shipment_shares.c.shipment_line_id == shipment_lines.c.id)
    .where(shipment_lines.c.shipment_id == _ids.any_())
    .order_by(shipment_lines.c.shipment_id, *_in_order)
)
_WHOLE = (
    # `seen` is not locked: it says at which version the lines were read
    select(*_head, _seen.c.version.label("seen"), *_units)
    .select_from(
        shipments.join(_seen, _seen.c.id == shipments.c.id)
        .outerjoin(shipment_lines, shipment_lines.c.shipment_id == shipments.c.id)
        .outerjoin(shipment_shares, shipment_shares.c.shipment_line_id == shipment_lines.c.id)
    )
    .order_by(shipments.c.id, *_in_order)
)  # fmt: skip
_READ = (
    _WHOLE.where(shipments.c.id == _ids.any_())
    # one statement for every caller: what is built once goes straight to the driver
    .where(
        or_(
            bindparam("everywhere", type_=Boolean),
            shipments.c.warehouse == bindparam("warehouses", type_=ARRAY(Text)).any_(),
        )
    )
)
_LOCK = _READ.with_for_update(key_share=True, of=shipments)
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
    _WHOLE
    # an array, not IN: beside another condition the planner would read every shipment to test a hashed IN
    .where(shipments.c.id == any_(func.array(union(_holding, _pending).scalar_subquery())))
    .where(_IS_OPEN)
    .with_for_update(key_share=True, of=shipments)
)
_of_customers = shipments.alias("of_customers")
_pending_of_customers = select(_of_customers.c.id).where(
    _of_customers.c.customer == bindparam("customers", type_=ARRAY(Text)).any_(),
    # written out, not bound: a prepared statement with a parameter could not use the index of the pending ones
    _of_customers.c.state == literal_column("'pending'"),
)
_LOCK_OPEN_ACROSS = (
    _WHOLE.where(shipments.c.id == any_(func.array(union(_holding, _pending_of_customers).scalar_subquery())))
    .where(_IS_OPEN)
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
_uninspected = (
    allotments.c.qty
    - allotments.c.withdrawn
    - allotments.c.failed
    - allotments.c.passed
    - allotments.c.unproven
)
_NOT_PASSED = (
    select(shipment_lines.c.order_id, shipments.c.number, shipments.c.warehouse)
    .distinct()
    .join(shipments, shipments.c.id == shipment_lines.c.shipment_id)
    .join(shipment_shares, shipment_shares.c.shipment_line_id == shipment_lines.c.id)
    .join(allotments, allotments.c.allotment_id == shipment_shares.c.allotment_id)
    .where(
        shipment_lines.c.order_id == bindparam("order_ids", type_=ARRAY(Uuid)).any_(),
        shipments.c.state == literal_column("'pending'"),
        allotments.c.gated,
        # the same rule as `Allotment.uninspected`
        _uninspected > literal_column("0"),
    )
    .order_by(shipments.c.number)
)


async def read_shipments(db: AsyncConnection, ids: Iterable[UUID], scope: Scope) -> list[Shipment]:
    """These shipments as far as they are in the scope, by id; not locked."""
    return await _whole(db, _READ, _within(ids, scope))


async def lock_shipments(db: AsyncConnection, ids: Iterable[UUID], scope: Scope) -> list[Shipment]:
    """The same, locked by id."""
    return await _whole(db, _LOCK, _within(ids, scope))


async def lock_open_shipments(
    db: AsyncConnection, *, holding: Iterable[UUID], of_orders: Iterable[UUID] = ()
) -> list[Shipment]:
    """Open shipments that hold units of these allotments, and the pending ones of these orders, locked by id.

    One that is picked while its lock is waited for comes back as it is by then, so its order gets a new one (SHIP-2).
    """
    wanted = {"allotment_ids": sorted(set(holding)), "order_ids": sorted(set(of_orders))}
    if not any(wanted.values()):
        return []
    return await _whole(db, _LOCK_OPEN, wanted)


async def lock_pending_of_customers(
    db: AsyncConnection, *, holding: Iterable[UUID], customers: Iterable[str]
) -> list[Shipment]:
    """Open shipments that hold units of these allotments, and the pending ones of these customers, locked by id."""
    wanted = {"allotment_ids": sorted(set(holding)), "customers": sorted(set(customers))}
    if not any(wanted.values()):
        return []
    return await _whole(db, _LOCK_OPEN_ACROSS, wanted)


async def originals_of(db: AsyncConnection, shipment_id: UUID) -> set[UUID]:
    """The shipments that lines of this one were divided from by mixed picks."""
    return set((await db.execute(_ORIGINALS, {"shipment_id": shipment_id})).scalars())


async def pending_units(
    db: AsyncConnection, allotment_ids: Iterable[UUID]
) -> list[tuple[UUID, UUID, Decimal]]:
    """(allotment, shipment, units) of every pending shipment that holds units of these allotments."""
    rows = await db.execute(_PENDING_UNITS, {"allotment_ids": sorted(set(allotment_ids))})
    return [(row.allotment_id, row.shipment_id, row.qty) for row in rows]


async def not_passed_of_orders(db: AsyncConnection, order_ids: Iterable[UUID]) -> list[tuple[UUID, str, str]]:
    """(order, shipment number, warehouse) of the pending shipments with units of these that nobody has passed (SO-9)."""
    rows = await db.execute(_NOT_PASSED, {"order_ids": sorted(set(order_ids))})
    return [(row.order_id, row.number, row.warehouse) for row in rows]


def _within(ids: Iterable[UUID], scope: Scope) -> dict[str, Any]:
    everywhere = scope.warehouses is None
    return {"ids": list(ids), "everywhere": everywhere, "warehouses": sorted(scope.warehouses or ())}


async def _whole(db: AsyncConnection, statement: Select[Any], wanted: Mapping[str, Any]) -> list[Shipment]:
    """Shipments with their lines: heads and lines in one statement.

    A shipment whose lock was waited for comes as it is by then, but its lines as they were when the statement began. Every
    change of lines is a new version, so the lines are read again when one has moved on.
    """
    found = [tuple(row) for row in (await db.execute(statement, wanted)).all()]
    by_id = {key: list(rows) for key, rows in groupby(found, key=itemgetter(0))}
    lines = {key: _lines([row[_LINE_AT:] for row in rows]) for key, rows in by_id.items()}
    if any(row[_VERSION] != row[_SEEN] for row in found):
        again = [tuple(row) for row in (await db.execute(_LINES, {"ids": list(by_id)})).all()]
        lines = {key: _lines([row[1:] for row in rows]) for key, rows in groupby(again, key=itemgetter(0))}
    return [as_shipment(rows[0][:_SEEN], lines.get(key, ())) for key, rows in by_id.items()]


def _lines(rows: Iterable[tuple[Any, ...]]) -> list[Line]:
    """The lines of one shipment from the rows of its shares; an outer join has one empty row for none."""
    by_line = groupby((row for row in rows if row[0] is not None), key=itemgetter(0))
    groups = (list(group) for _, group in by_line)
    return [as_line(group[0][:_SHARE_AT], (Share(*row[_SHARE_AT:]) for row in group)) for group in groups]
