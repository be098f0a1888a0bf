"""Invoices with their lines."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Self
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..domain.copying import named
from ..domain.invoicing import BilledLine, InvoiceKind, InvoiceState
from ..tables import invoice_lines, invoices
from .rows import insert_rows, names_of, row_of, update_rows, write_together


@dataclass(frozen=True, slots=True)
class Invoice:
    """The head of an invoice (of a shipment, or of an order's services alone), or of a credit note for a return."""

    id: UUID
    number: str | None
    version: int
    state: InvoiceState
    shipment_id: UUID | None
    shipment_number: str | None
    order_id: UUID | None
    customer: str
    currency: str
    warehouses: tuple[str, ...]
    net: Decimal
    tax: Decimal
    total: Decimal
    created_at: datetime
    finalised_at: datetime | None = None
    kind: InvoiceKind = InvoiceKind.INVOICE
    return_id: UUID | None = None
    return_number: str | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """An invoice from its stored fields."""
        return named(
            cls,
            {
                **stored,
                "kind": InvoiceKind(stored["kind"]),
                "state": InvoiceState(stored["state"]),
                "warehouses": tuple(stored["warehouses"]),
            },
        )


_IDS = any_(bindparam("ids", type_=ARRAY(Uuid)))
_OF_SHIPMENTS = select(invoices).where(invoices.c.shipment_id == _IDS)
_OF_ORDERS = (
    select(invoice_lines.c.order_id.label("of_order"), *invoices.c)
    .join(invoices, invoices.c.id == invoice_lines.c.invoice_id)
    .where(invoice_lines.c.order_id == _IDS, invoices.c.state == "draft")
    .distinct()
    .order_by(invoices.c.created_at, invoices.c.id)
)
_FINAL = (
    select(invoice_lines.c.line_id)
    .join(invoices, invoices.c.id == invoice_lines.c.invoice_id)
    .where(invoice_lines.c.line_id == _IDS, invoices.c.state == "final", invoices.c.kind == "invoice")
)
_ORDERS_ON = (
    select(invoice_lines.c.invoice_id, invoice_lines.c.order_id)
    .where(invoice_lines.c.invoice_id == _IDS)
    .distinct()
)
_LINES_ON = select(invoice_lines).where(invoice_lines.c.invoice_id == _IDS)
_DROP_LINES = text(
    """
    DELETE FROM invoice_lines USING unnest(:invoice_ids, :line_ids) AS gone(invoice_id, line_id)
    WHERE invoice_lines.invoice_id = gone.invoice_id AND invoice_lines.line_id = gone.line_id
    """
).bindparams(
    bindparam("invoice_ids", type_=ARRAY(Uuid)),
    bindparam("line_ids", type_=ARRAY(Uuid)),
)
_DROP_SERVICES = delete(invoice_lines).where(
    invoice_lines.c.line_id == any_(bindparam("lines", type_=ARRAY(Uuid))),
    invoice_lines.c.invoice_id == _IDS,
)
_sums = (
    select(
        invoices.c.id,
        func.coalesce(func.sum(invoice_lines.c.net), 0).label("net"),
        func.coalesce(func.sum(invoice_lines.c.tax), 0).label("tax"),
    )
    .outerjoin(invoice_lines, invoice_lines.c.invoice_id == invoices.c.id)
    .where(invoices.c.id == _IDS)
    .group_by(invoices.c.id)
    .subquery()
)
_TOTALS = (
    update(invoices)
    .values(net=_sums.c.net, tax=_sums.c.tax, total=_sums.c.net + _sums.c.tax)
    .where(invoices.c.id == _sums.c.id)
)


ShipmentKey = tuple[UUID, UUID | None]
"""A shipment and an order that has lines on it: together they have one invoice. An old, emptied draft has no order."""


async def invoices_of_shipments(
    db: AsyncConnection, shipment_ids: Iterable[UUID]
) -> dict[ShipmentKey, Invoice]:
    """The invoices of these shipments by shipment and order."""
    rows = (await db.execute(_OF_SHIPMENTS, {"ids": sorted(shipment_ids)})).mappings()
    return {(row["shipment_id"], row["order_id"]): Invoice.of(dict(row)) for row in rows}


async def invoices_of_orders(db: AsyncConnection, order_ids: Iterable[UUID]) -> dict[UUID, list[Invoice]]:
    """The draft invoices that have lines of these orders, oldest first."""
    found: dict[UUID, list[Invoice]] = {}
    for row in (await db.execute(_OF_ORDERS, {"ids": sorted(order_ids)})).mappings():
        invoice = Invoice.of({name: value for name, value in row.items() if name != "of_order"})
        found.setdefault(row["of_order"], []).append(invoice)
    return found


async def orders_on_invoices(db: AsyncConnection, invoice_ids: Iterable[UUID]) -> dict[UUID, set[UUID]]:
    """Which orders each of these invoices has lines of."""
    found: dict[UUID, set[UUID]] = {}
    for row in await db.execute(_ORDERS_ON, {"ids": sorted(invoice_ids)}):
        found.setdefault(row.invoice_id, set()).add(row.order_id)
    return found


async def final_service_lines(db: AsyncConnection, line_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these lines stand on a final invoice."""
    return set((await db.execute(_FINAL, {"ids": sorted(line_ids)})).scalars())


async def insert_invoices(db: AsyncConnection, new: Sequence[tuple[Invoice, Sequence[BilledLine]]]) -> None:
    """New invoices with their lines, in one statement."""
    rows = [{"invoice_id": invoice.id, **row_of(line)} for invoice, lines in new for line in lines]
    await write_together(db, {invoices: [row_of(invoice) for invoice, _ in new], invoice_lines: rows}, {})


async def save_invoices(db: AsyncConnection, changed: Sequence[Invoice]) -> None:
    """Heads of known invoices."""
    fixed = {"kind", "shipment_id", "shipment_number", "order_id", "return_id", "return_number", "customer", "currency",
             "created_at"}  # fmt: skip
    rows = [
        {name: value for name, value in row_of(invoice).items() if name not in fixed} for invoice in changed
    ]
    await update_rows(db, invoices, sorted(rows, key=lambda row: row["id"]))


async def rewrite_lines(db: AsyncConnection, lines: Mapping[UUID, Sequence[BilledLine]]) -> None:
    """The lines of these invoices, replaced by others; those that stay as they are are not written.

    A shipment that leaves in full changes no line of its draft.
    """
    if not lines:
        return
    rows = (await db.execute(_LINES_ON, {"ids": sorted(lines)})).mappings()
    known = {(row["invoice_id"], row["line_id"]): _billed(row) for row in rows}
    wanted = {(invoice_id, line.line_id): line for invoice_id, own in lines.items() for line in own}
    gone = sorted(key for key, line in known.items() if wanted.get(key) != line)
    if gone:
        invoice_ids, line_ids = zip(*gone, strict=True)
        await db.execute(_DROP_LINES, {"invoice_ids": list(invoice_ids), "line_ids": list(line_ids)})
    fresh = [(key, line) for key, line in wanted.items() if known.get(key) != line]
    await insert_rows(
        db, invoice_lines, [{"invoice_id": invoice_id, **row_of(line)} for (invoice_id, _), line in fresh]
    )


def _billed(row: Mapping[Any, Any]) -> BilledLine:
    return BilledLine(**{name: row[name] for name in names_of(BilledLine)})


async def move_services(
    db: AsyncConnection, away_from: Iterable[UUID], to: Mapping[UUID, Sequence[BilledLine]]
) -> None:
    """Take services off these drafts and put them on those invoices; the totals of both follow."""
    services = sorted({line.line_id for lines in to.values() for line in lines})
    touched = sorted({*away_from, *to})
    if not touched:
        return
    await db.execute(_DROP_SERVICES, {"lines": services, "ids": touched})
    await insert_rows(
        db,
        invoice_lines,
        [{"invoice_id": invoice_id, **row_of(line)} for invoice_id, own in to.items() for line in own],
    )
    await db.execute(_TOTALS, {"ids": touched})
