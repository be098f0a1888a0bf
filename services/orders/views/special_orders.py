"""Special orders with the figures of their lines, as a back office lists them (SO-1)."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.auth import Scope
from shared.paging import Sorts

from ..domain.special import SpecialState
from ..tables import order_lines, sales_orders
from ..tables import special_orders as specials

SPECIAL_SORTS = Sorts(
    {"created_at": specials.c.created_at, "number": specials.c.number, "sku": specials.c.sku},
    default="-created_at",
    tie=specials.c.id,
)


def _all(scope: Scope) -> Select[Any]:
    return (
        select(
            *specials.c,
            sales_orders.c.number.label("order_number"),
            order_lines.c.line_no,
            order_lines.c.description,
            order_lines.c.unit,
            order_lines.c.granted,
            order_lines.c.shipped,
        )
        .join(order_lines, order_lines.c.id == specials.c.line_id)
        .join(sales_orders, sales_orders.c.id == specials.c.order_id)
        .where(scope.where(specials.c.warehouse))
    )


def special_orders(
    *,
    scope: Scope,
    state: str | None,
    order_id: UUID | None,
    customer: str | None,
    sku: str | None,
    vendor: str | None,
    warehouse: str | None,
    no_source: bool | None,
) -> Select[Any]:
    """The list, by state, order, customer, item, vendor, warehouse, and by having no source (BUY-2)."""
    query = _all(scope)
    filters = (
        (specials.c.state, state),
        (specials.c.order_id, order_id),
        (specials.c.customer, customer),
        (specials.c.sku, sku),
        (specials.c.source_vendor, vendor),
        (specials.c.warehouse, warehouse),
    )
    for column, value in filters:
        if value is not None:
            query = query.where(column == value)
    if no_source is not None:
        nowhere = specials.c.source_vendor.is_(None) & specials.c.source_warehouse.is_(None)
        query = query.where(nowhere if no_source else ~nowhere)
    return query


async def special_order(db: AsyncConnection, special_id: UUID, scope: Scope) -> Any:
    """One special order, or None."""
    return (await db.execute(_all(scope).where(specials.c.id == special_id))).first()


def is_on_its_way(found: Any) -> bool:
    """Whether something has happened with it since it was requested."""
    return bool(found.state != SpecialState.REQUESTED)
