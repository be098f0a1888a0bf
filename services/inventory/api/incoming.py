"""Incoming shipments and inspections."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response

from services.inventory import handlers
from services.inventory.domain.incoming import IncomingState
from services.inventory.domain.receiving import Receiving
from services.inventory.schemas import incoming as schemas
from services.inventory.schemas import incoming_batches as batches
from services.inventory.schemas.words import Code
from services.inventory.views import incoming as views
from shared.paging import PageParams
from shared.web import Call, Page, allows, paging, problems

router = APIRouter(prefix="/v1", tags=["incoming"])


@router.get(
    "/incoming-shipments",
    operation_id="listIncomingShipments",
    response_model=Page[schemas.IncomingRow],
    responses=problems(400),
)
async def list_incoming(
    call: Call = allows("inventory:read"),
    page: PageParams = paging(views.INCOMING_SORTS),
    po_id: UUID | None = None,
    po_number: Code | None = None,
    state: IncomingState | None = None,
    warehouse: Code | None = None,
    vendor: Code | None = None,
) -> Response:
    """What is expected, being counted, and what has arrived; newest first."""
    query = views.incoming_shipments(
        po_id=po_id, po_number=po_number, state=state, warehouse=warehouse, vendor=vendor, scope=call.scope
    )
    return await call.list(query, page, schemas.incoming_row)


@router.get(
    "/incoming-shipments/{shipment_id}",
    operation_id="getIncomingShipment",
    response_model=schemas.IncomingOut,
    responses=problems(404),
)
async def show_incoming(shipment_id: UUID, call: Call = allows("inventory:read")) -> Response:
    """One incoming shipment, its lines, and for whom they come."""
    return await call.read(views.incoming_shipment, shipment_id, call.scope, respond=schemas.incoming)


@router.post(
    "/incoming-shipments/receive-batch",
    operation_id="receiveBatch",
    response_model=batches.ReceiptAnswers,
    tags=["bulk"],
)
async def receive_batch(body: batches.ReceivingBatch, call: Call = allows("receiving:write")) -> Response:
    """Receive up to 200 incoming shipments in one transaction, a result each; a refused one hinders no other."""
    rows = [row.wanted for row in body.receipts]
    return await call.run(
        handlers.receive_many, rows, respond=lambda done: batches.receipts(done, call.problem_of)
    )


@router.post(
    "/incoming-shipments/{shipment_id}/receive",
    operation_id="receive",
    response_model=schemas.ReceiptOut,
    responses=problems(404, 409, 412, 428),
)
async def receive(
    shipment_id: UUID, body: schemas.Count, call: Call = allows("receiving:write", if_match=True)
) -> Response:
    """Receive what was counted; the answer lists the special orders that arrived (SO-16)."""
    wanted = Receiving(shipment_id, call.version, body.counted, body.complete)
    return await call.gather(handlers.receive_many, wanted, respond=schemas.receipt)


@router.get(
    "/inspections",
    operation_id="listInspections",
    response_model=Page[schemas.InspectionRow],
    responses=problems(400),
)
async def list_inspections(
    call: Call = allows("inventory:read"),
    page: PageParams = paging(views.INSPECTION_SORTS),
    state: Literal["open", "closed"] | None = None,
    order_id: UUID | None = None,
    order_number: Code | None = None,
    sku: Code | None = None,
    warehouse: Code | None = None,
    receipt_id: UUID | None = None,
) -> Response:
    """Special-order goods to inspect, or inspected; newest first."""
    query = views.inspections(
        state=state,
        order_id=order_id,
        order_number=order_number,
        sku=sku,
        warehouse=warehouse,
        receipt_id=receipt_id,
        scope=call.scope,
    )
    return await call.list(query, page, schemas.inspection_row)


@router.get(
    "/inspections/{inspection_id}",
    operation_id="getInspection",
    response_model=schemas.InspectionOut,
    responses=problems(404),
)
async def show_inspection(inspection_id: UUID, call: Call = allows("inventory:read")) -> Response:
    """One inspection, and for whom its units are."""
    return await call.read(views.inspection, inspection_id, call.scope, respond=schemas.inspection)


@router.post(
    "/inspections/complete-batch",
    operation_id="completeInspections",
    response_model=batches.InspectionAnswers,
    tags=["bulk"],
)
async def complete_batch(body: batches.RoundBatch, call: Call = allows("inspections:write")) -> Response:
    """Up to 200 rounds in one transaction, a result each; rounds of one inspection follow each other."""
    rounds = [row.wanted(row.inspection_id) for row in body.rounds]
    return await call.run(
        handlers.complete_inspections,
        rounds,
        respond=lambda done: batches.inspections_done(done, call.problem_of),
    )


@router.post(
    "/inspections/{inspection_id}/complete",
    operation_id="completeInspection",
    response_model=schemas.InspectionDone,
    responses=problems(404, 409),
)
async def complete(
    inspection_id: UUID, body: schemas.Round, call: Call = allows("inspections:write")
) -> Response:
    """One round: how many passed, how many failed; failed units are quarantined and their need reopens (SO-9)."""
    return await call.gather(
        handlers.complete_inspections, body.wanted(inspection_id), respond=schemas.inspection_done
    )
