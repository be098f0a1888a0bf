"""Sales orders, their log, and backordered lines."""

from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.auth import Scope
from shared.paging import Sorts
from shared.schema import record_log

from ..domain.order import Line, Order
from ..domain.settlement import Picture
from ..domain.special import SpecialOrder
from ..tables import customers, line_exceptions, order_lines, sales_orders, special_orders
from .scoping import any_of, lies_in

ORDER_SORTS = Sorts(
    {
        "created_at": sales_orders.c.created_at,
        "priority": sales_orders.c.priority,
        "customer": sales_orders.c.customer,
        "number": sales_orders.c.number,
    },
    default="-created_at",
    tie=sales_orders.c.id,
)
BACKORDER_SORTS = Sorts(
    {
        "backordered_at": order_lines.c.backordered_at,
        "sku": order_lines.c.sku,
        "customer": order_lines.c.customer,
    },
    default="backordered_at",
    tie=order_lines.c.id,
)
LOG_SORTS = Sorts({"id": record_log.c.id}, default="id", tie=record_log.c.id)


@dataclass(frozen=True)
class OrderView:
    """An order as somebody may see it: lines of other warehouses are left out."""

    picture: Picture
    in_the_way: tuple[Any, ...] = ()

    @property
    def version(self) -> int:
        """The row version."""
        return self.picture.order.version


def orders(
    *,
    scope: Scope,
    state: str | None,
    customer: str | None,
    warehouse: str | None,
    number: str | None,
    reference: str | None,
    has_special: bool | None,
    is_backordered: bool | None,
    min_age_days: int | None,
) -> Select[Any]:
    """The order list with its marks (ORD-4)."""
    found = sales_orders.c
    query = (
        select(*found, customers.c.name.label("customer_name"))
        .join(customers, customers.c.code == found.customer)
        .where(any_of(found.warehouses, scope))
    )
    for column, value in ((found.state, state), (found.customer, customer), (found.number, number)):
        if value is not None:
            query = query.where(column == value)
    if reference is not None:
        query = query.where(found.reference == reference)
    if warehouse is not None:
        query = query.where(lies_in(found.warehouses, [warehouse]))
    if has_special is not None:
        query = query.where(found.has_special.is_(has_special))
    if is_backordered is not None:
        query = query.where(found.is_backordered.is_(is_backordered))
    if min_age_days is not None:
        query = query.where(found.created_at <= func.now() - timedelta(days=min_age_days))
    return query


async def sales_order(db: AsyncConnection, order_id: UUID, scope: Scope) -> OrderView | None:
    """One order with its lines, special orders and what is in their way."""
    head = select(sales_orders).where(sales_orders.c.id == order_id, any_of(sales_orders.c.warehouses, scope))
    row = (await db.execute(head)).mappings().first()
    if row is None:
        return None
    lines = (
        select(order_lines)
        .where(order_lines.c.order_id == order_id, scope.where(order_lines.c.warehouse))
        .order_by(order_lines.c.line_no)
    )
    picture = Picture(
        Order.of(dict(row)), tuple(Line.of(dict(r)) for r in (await db.execute(lines)).mappings())
    )
    if not picture.order.has_special:
        return OrderView(picture)
    own = select(special_orders).where(special_orders.c.order_id == order_id)
    specials = tuple(SpecialOrder.of(dict(r)) for r in (await db.execute(own)).mappings())
    obstacles = (
        select(line_exceptions)
        .where(line_exceptions.c.order_id == order_id, ~line_exceptions.c.cleared)
        .order_by(line_exceptions.c.first_seen_at, line_exceptions.c.id)
    )
    return OrderView(replace(picture, specials=specials), tuple((await db.execute(obstacles)).all()))


def is_settled(found: OrderView) -> bool:
    """Whether inventory has answered everything that the order told."""
    return found.picture.order.is_settled


def order_log(order_id: UUID, scope: Scope) -> Select[Any]:
    """The record log of one order (ORD-5)."""
    visible = (
        select(sales_orders.c.id)
        .where(sales_orders.c.id == order_id, any_of(sales_orders.c.warehouses, scope))
        .exists()
    )
    return select(record_log).where(
        record_log.c.document == "sales-order", record_log.c.document_id == str(order_id), visible
    )


def backorders(
    *,
    scope: Scope,
    sku: str | None,
    customer: str | None,
    warehouse: str | None,
    min_age_days: int | None,
) -> Select[Any]:
    """All backordered lines (BO-16), by item, customer, warehouse and age."""
    found = order_lines.c
    kept = [found[field.name] for field in fields(Line) if field.name not in {"id", "special_order"}]
    query = (
        select(
            found.id.label("line_id"),
            sales_orders.c.number.label("order_number"),
            sales_orders.c.priority,
            *kept,
            (found.ordered - found.cancelled - found.granted).label("backordered"),
            (found.special_order | (found.kind == "nonstock")).label("special_order"),
        )
        .join(sales_orders, sales_orders.c.id == found.order_id)
        .where(found.is_backordered, scope.where(found.warehouse))
    )
    for column, value in ((found.sku, sku), (found.customer, customer), (found.warehouse, warehouse)):
        if value is not None:
            query = query.where(column == value)
    if min_age_days is not None:
        query = query.where(found.backordered_at <= func.now() - timedelta(days=min_age_days))
    return query
