"""Invoices as callers get them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from shared.quantity import Money, Qty, Rate
from shared.web import Output

from ..domain.invoicing import InvoiceKind, InvoiceState


class InvoiceLine(Output):
    """One order line on the invoice: net = qty x price x (1 - discount), tax = net x rate, each rounded half up."""

    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    sku: str
    description: str
    unit: str
    qty: Qty
    price: Money
    discount: Rate
    tax_rate: Rate
    net: Money
    tax: Money


class InvoiceRow(Output):
    """An invoice or credit note in a list; a draft has no number yet."""

    id: UUID
    number: str | None
    version: int
    kind: InvoiceKind = Field(description="A credit note gives its total back; it is final at once")
    state: InvoiceState
    shipment_id: UUID | None
    shipment_number: str | None
    return_id: UUID | None = Field(description="The customer return that a credit note is for")
    return_number: str | None
    customer: str
    currency: str
    net: Money
    tax: Money
    total: Money
    created_at: datetime
    finalised_at: datetime | None


class Invoice(InvoiceRow):
    """An invoice with its lines."""

    lines: list[InvoiceLine]


def invoice_row(row: Any) -> InvoiceRow:
    """One invoice of a list."""
    return InvoiceRow(**{name: getattr(row, name) for name in InvoiceRow.model_fields})


def invoice(found: Any) -> Invoice:
    """One invoice: a head with `lines`."""
    lines = [
        InvoiceLine(**{name: getattr(row, name) for name in InvoiceLine.model_fields}) for row in found.lines
    ]
    return Invoice(**{name: getattr(found.head, name) for name in InvoiceRow.model_fields}, lines=lines)
