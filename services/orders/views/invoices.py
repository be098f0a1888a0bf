"""Invoices with their lines."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.auth import Scope
from shared.paging import Sorts

from ..tables import invoice_lines, sales_orders
from ..tables import invoices as heads
from .scoping import any_of, lies_in

INVOICE_SORTS = Sorts(
    {"created_at": heads.c.created_at, "total": heads.c.total}, default="-created_at", tie=heads.c.id
)


@dataclass(frozen=True)
class InvoiceView:
    """An invoice as somebody may see it."""

    head: Any
    lines: tuple[Any, ...]

    @property
    def version(self) -> int:
        """The row version."""
        return int(self.head.version)


def invoices(
    *,
    scope: Scope,
    order_id: UUID | None,
    customer: str | None,
    shipment_id: UUID | None,
    warehouse: str | None,
    return_id: UUID | None,
    number: str | None,
    kind: str | None,
    state: str | None,
) -> Select[Any]:
    """The list, by order, customer, shipment, return, warehouse, kind and state."""
    query = select(heads).where(any_of(heads.c.warehouses, scope))
    filters = (
        (heads.c.customer, customer),
        (heads.c.shipment_id, shipment_id),
        (heads.c.return_id, return_id),
        (heads.c.number, number),
        (heads.c.kind, kind),
        (heads.c.state, state),
    )
    for column, value in filters:
        if value is not None:
            query = query.where(column == value)
    if warehouse is not None:
        query = query.where(lies_in(heads.c.warehouses, [warehouse]))
    if order_id is not None:
        of_order = select(invoice_lines.c.invoice_id).where(invoice_lines.c.order_id == order_id)
        query = query.where(heads.c.id.in_(of_order))
    return query


async def invoice(db: AsyncConnection, invoice_id: UUID, scope: Scope) -> InvoiceView | None:
    """One invoice with its lines, or None."""
    query = select(heads).where(heads.c.id == invoice_id, any_of(heads.c.warehouses, scope))
    head = (await db.execute(query)).first()
    if head is None:
        return None
    lines = (
        select(*invoice_lines.c, sales_orders.c.number.label("order_number"))
        .join(sales_orders, sales_orders.c.id == invoice_lines.c.order_id)
        .where(invoice_lines.c.invoice_id == invoice_id)
        .order_by(sales_orders.c.number, invoice_lines.c.line_no)
    )
    return InvoiceView(head, tuple((await db.execute(lines)).all()))
