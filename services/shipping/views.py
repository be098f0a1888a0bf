"""What callers may look at: read-only queries, each within the caller's warehouses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    Row,
    Select,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shipping.domain.allotment import ShipTo
from services.shipping.domain.inspection_gate import COMPLETE
from services.shipping.domain.packing import Content, Package, Printed
from services.shipping.domain.shipment import Line, Share, Shipment, State
from services.shipping.tables import (
    allotments,
    package_contents,
    packages,
    shipment_lines,
    shipment_shares,
    shipments,
)
from shared.auth import Scope
from shared.decimals import ZERO
from shared.paging import Sorts

SHIPMENT_SORTS = Sorts(
    {"created_at": shipments.c.created_at, "number": shipments.c.number},
    default="-created_at",
    tie=shipments.c.id,
)


@dataclass(frozen=True)
class Shown:
    """A shipment with what of each line still waits for inspection (SO-9)."""

    shipment: Shipment
    uninspected: Mapping[UUID, Decimal]

    @property
    def version(self) -> int:
        """For the ETag."""
        return self.shipment.version


@dataclass(frozen=True)
class Packed:
    """A shipment with its packages."""

    shipment: Shipment
    packages: Sequence[Package]

    @property
    def version(self) -> int:
        """For the ETag."""
        return self.shipment.version


_other_shares, _other_lines, _others = shipment_shares.alias(), shipment_lines.alias(), shipments.alias()
_on_newer = (
    select(func.coalesce(func.sum(_other_shares.c.qty), literal(ZERO)))
    .select_from(
        _other_shares.join(_other_lines, _other_lines.c.id == _other_shares.c.shipment_line_id)
        .join(_others, _others.c.id == _other_lines.c.shipment_id)
    )
    .where(
        _other_shares.c.allotment_id == shipment_shares.c.allotment_id,
        _others.c.state == State.PENDING.value,
        _others.c.id > shipments.c.id,
    )
    .correlate(shipment_shares, shipments)
    .scalar_subquery()
)  # fmt: skip
_not_passed = (
    allotments.c.qty
    - allotments.c.withdrawn
    - allotments.c.failed
    - allotments.c.passed
    - allotments.c.unproven
)
# nothing of an allotment that stands here whole is on another shipment: no need to look
_before_this = _not_passed - case(
    (allotments.c.standing > shipment_shares.c.qty, _on_newer), else_=literal(ZERO)
)
_uninspected = case(
    # the same rule as `domain.inspection_gate.waiting`
    (
        and_(allotments.c.gated, shipments.c.state == State.PENDING.value, _not_passed > ZERO),
        func.least(shipment_shares.c.qty, func.greatest(_before_this, literal(ZERO))),
    ),
    else_=literal(ZERO),
)
_shares_of_lines = (
    shipment_lines.join(shipment_shares, shipment_shares.c.shipment_line_id == shipment_lines.c.id)
    .join(allotments, allotments.c.allotment_id == shipment_shares.c.allotment_id)
)  # fmt: skip
_ONE = select(shipments).where(
    shipments.c.id == bindparam("shipment_id"),
    # one statement for every caller: what is built once goes straight to the driver
    or_(
        bindparam("everywhere", type_=Boolean),
        shipments.c.warehouse == bindparam("warehouses", type_=ARRAY(Text)).any_(),
    ),
)
_LINES = (
    select(
        shipment_lines,
        shipment_shares.c.allotment_id,
        shipment_shares.c.qty,
        shipment_shares.c.shipped,
        _uninspected.label("uninspected"),
    )
    .select_from(_shares_of_lines.join(shipments, shipments.c.id == shipment_lines.c.shipment_id))
    .where(shipment_lines.c.shipment_id == bindparam("shipment_id"))
    .order_by(
        shipment_lines.c.order_number,
        shipment_lines.c.line_no,
        shipment_lines.c.component,
        shipment_lines.c.id,
        shipment_shares.c.allotment_id,
    )
)


async def shipment(db: AsyncConnection, shipment_id: UUID, scope: Scope) -> Shown | None:
    """One shipment with its lines; None when it is not there or not in the scope."""
    within = {"everywhere": scope.warehouses is None, "warehouses": sorted(scope.warehouses or ())}
    row = (await db.execute(_ONE, {"shipment_id": shipment_id, **within})).first()
    if row is None:
        return None
    shares = (await db.execute(_LINES, {"shipment_id": shipment_id})).all()
    by_line = [list(group) for _, group in groupby(shares, key=lambda share: share.id)]
    waiting = {group[0].id: sum((share.uninspected for share in group), ZERO) for group in by_line}
    return Shown(_shipment(row, tuple(_line(group) for group in by_line)), waiting)


_PACKAGES = (
    select(packages, package_contents.c.shipment_line_id, package_contents.c.qty)
    .join(package_contents, package_contents.c.package_id == packages.c.id)
    .where(packages.c.shipment_id == bindparam("shipment_id"))
    .order_by(packages.c.package_no, package_contents.c.shipment_line_id)
)


async def packages_of(db: AsyncConnection, shipment_id: UUID) -> list[Package]:
    """The packages of a shipment, in the order of their numbers."""
    rows = (await db.execute(_PACKAGES, {"shipment_id": shipment_id})).all()
    return [_package(list(group)) for _, group in groupby(rows, key=lambda row: row.id)]


async def packed(db: AsyncConnection, shipment_id: UUID, scope: Scope) -> Packed | None:
    """One shipment with its packages; None when it is not there or not in the scope."""
    shown = await shipment(db, shipment_id, scope)
    return Packed(shown.shipment, await packages_of(db, shipment_id)) if shown else None


async def printed(db: AsyncConnection, shipment_id: UUID, scope: Scope) -> Printed | None:
    """All that its documents say; None when it is not there or not in the scope."""
    shown = await shipment(db, shipment_id, scope)
    if shown is None:
        return None
    return Printed(shown.shipment, dict(shown.uninspected), await packages_of(db, shipment_id))


_line_count = (
    select(func.count())
    .select_from(shipment_lines)
    .where(shipment_lines.c.shipment_id == shipments.c.id)
    .correlate(shipments)
    .scalar_subquery()
)
_late_lines, _late, _late_shares, _late_units = (
    table.alias() for table in (shipment_lines, shipments, shipment_shares, allotments)
)
# a complete order waits as a whole; not with EXISTS, or the planner might read what waits of all orders
_order_waits = (
    select(true())
    .select_from(
        _late_lines.join(_late, _late.c.id == _late_lines.c.shipment_id)
        .join(_late_shares, _late_shares.c.shipment_line_id == _late_lines.c.id)
        .join(_late_units, _late_units.c.allotment_id == _late_shares.c.allotment_id)
    )
    .where(
        _late_lines.c.order_id == shipment_lines.c.order_id,
        # what waits on this one is looked at anyway
        _late_lines.c.shipment_id != shipment_lines.c.shipment_id,
        _late.c.state == State.PENDING.value,
        _late_units.c.gated,
        # the same rule as `store.not_passed_of_orders`
        _late_units.c.qty
        - _late_units.c.withdrawn
        - _late_units.c.failed
        - _late_units.c.passed
        - _late_units.c.unproven
        > ZERO,
    )
    .correlate(shipment_lines)
    .limit(1)
    .scalar_subquery()
)  # fmt: skip
_waits_for_inspection = and_(
    shipments.c.state == State.PENDING.value,
    exists(
        select(literal(1))
        .select_from(_shares_of_lines)
        .where(
            shipment_lines.c.shipment_id == shipments.c.id,
            or_(_uninspected > ZERO, and_(allotments.c.ship_type == COMPLETE, _order_waits)),
        )
        .correlate(shipments)
    ),
)
_LIST = select(
    shipments, _line_count.label("line_count"), _waits_for_inspection.label("waits_for_inspection")
)


def shipment_list(
    scope: Scope,
    *,
    order_id: UUID | None = None,
    line_id: UUID | None = None,
    customer: str | None = None,
    warehouse: str | None = None,
    state: State | None = None,
    number: str | None = None,
) -> Select[Any]:
    """The shipments in the scope; `order_id` and `line_id` find those that carry units of them."""
    query = _LIST.where(scope.where(shipments.c.warehouse))
    plain = {"customer": customer, "warehouse": warehouse, "state": state, "number": number}
    for name, value in plain.items():
        if value is not None:
            query = query.where(shipments.c[name] == value)
    if order_id is not None:
        carrying = select(shipment_lines.c.shipment_id).where(shipment_lines.c.order_id == order_id)
        made_for = select(shipments.c.id).where(shipments.c.order_id == order_id)
        query = query.where(shipments.c.id.in_(union(carrying, made_for)))
    if line_id is not None:
        carrying = select(shipment_lines.c.shipment_id).where(shipment_lines.c.line_id == line_id)
        query = query.where(shipments.c.id.in_(carrying))
    return query


def _shipment(row: Row[Any], lines: tuple[Line, ...]) -> Shipment:
    said = {name: value for name, value in row._mapping.items() if name not in ("id", "state", "ship_to")}
    return Shipment(row.id, state=State(row.state), ship_to=ShipTo(**row.ship_to), lines=lines, **said)


def _package(rows: list[Row[Any]]) -> Package:
    head = rows[0]
    contents = tuple(Content(row.shipment_line_id, row.qty) for row in rows)
    return Package(head.id, head.package_no, head.tracking_number, head.weight, contents)


def _line(shares: list[Row[Any]]) -> Line:
    said = {column.name: getattr(shares[0], column.name) for column in shipment_lines.c}
    del said["id"], said["shipment_id"]
    return Line(
        shares[0].id, shares=tuple(Share(one.allotment_id, one.qty, one.shipped) for one in shares), **said
    )
