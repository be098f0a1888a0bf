"""Invoices (SO-14)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.paging import PageParams
from shared.web import Call, Page, allows, paging, problems

from .. import schemas, views
from ..domain.invoicing import InvoiceKind, InvoiceState

router = APIRouter(tags=["invoices"])
Text64 = Annotated[str | None, Query(max_length=64)]


@router.get("/invoices", operation_id="listInvoices", response_model=Page[schemas.InvoiceRow])
async def list_invoices(
    call: Call = allows("orders:read"),
    page: PageParams = paging(views.INVOICE_SORTS),
    order_id: UUID | None = None,
    customer: Text64 = None,
    shipment_id: UUID | None = None,
    return_id: UUID | None = None,
    warehouse: Text64 = None,
    number: Text64 = None,
    kind: InvoiceKind | None = None,
    state: InvoiceState | None = None,
) -> Response:
    """Invoices and credit notes; with `wait` the answer is held until there is one."""
    query = views.invoices(
        scope=call.scope,
        order_id=order_id,
        customer=customer,
        shipment_id=shipment_id,
        return_id=return_id,
        warehouse=warehouse,
        number=number,
        kind=kind,
        state=state,
    )
    return await call.list(query, page, schemas.invoice_row)


@router.get(
    "/invoices/{invoice_id}",
    operation_id="getInvoice",
    response_model=schemas.Invoice,
    responses=problems(404),
)
async def show(invoice_id: UUID, call: Call = allows("orders:read")) -> Response:
    """One invoice with its lines; amounts are rounded half up to 2 decimals per line."""
    return await call.read(views.invoice, invoice_id, call.scope, respond=schemas.invoice)
