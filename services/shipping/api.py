"""REST of shipping: parse, run the handler, answer."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.shipping import handlers, schemas, views
from services.shipping.domain.departure import Count
from services.shipping.domain.shipment import Shipment, State
from shared.errors import TielineError
from shared.paging import PageParams
from shared.web import Call, Page, allows, paging, problems

router = APIRouter(prefix="/v1", tags=["shipments"])

Code = Annotated[str | None, Query(max_length=64)]


@router.get("/shipments", operation_id="listShipments", response_model=Page[schemas.ShipmentRow])
async def list_shipments(
    call: Call = allows("shipping:read"),
    page: PageParams = paging(views.SHIPMENT_SORTS),
    order_id: UUID | None = None,
    line_id: UUID | None = None,
    customer: Code = None,
    warehouse: Code = None,
    state: State | None = None,
    number: Code = None,
) -> Response:
    """Shipments, newest first; `order_id` and `line_id` find the shipments that carry their units."""
    query = views.shipment_list(
        call.scope,
        order_id=order_id,
        line_id=line_id,
        customer=customer,
        warehouse=warehouse,
        state=state,
        number=number,
    )
    return await call.list(query, page, schemas.shipment_row)


@router.get(
    "/shipments/{shipment_id}",
    operation_id="getShipment",
    response_model=schemas.Shipment,
    responses=problems(404),
)
async def show(shipment_id: UUID, call: Call = allows("shipping:read")) -> Response:
    """One shipment with its lines and the allotments on them."""
    return await call.read(views.shipment, shipment_id, call.scope, respond=schemas.shipment)


@router.patch(
    "/shipments/{shipment_id}",
    operation_id="changeShipment",
    response_model=schemas.Shipment,
    responses=problems(404, 409),
)
async def change(
    shipment_id: UUID, body: schemas.ShipmentChange, call: Call = allows("shipping:write", if_match=True)
) -> Response:
    """Set the carrier or the tracking number, until the shipment has left."""
    wanted = body.model_dump(exclude_unset=True)
    return await call.run(handlers.change, shipment_id, call.version, wanted, respond=schemas.shipment)


@router.post(
    "/shipments/ship-batch",
    operation_id="shipBatch",
    response_model=schemas.BatchResults,
    tags=["bulk"],
)
async def ship_batch(body: schemas.ShipBatch, call: Call = allows("shipping:write")) -> Response:
    """Ship up to 200 shipments, each as expected, with a result each."""

    def respond(
        results: list[tuple[UUID, Shipment | None, TielineError | None]],
    ) -> schemas.BatchResults:
        return schemas.batch_results(
            [(key, found, call.problem_of(refusal) if refusal else None) for key, found, refusal in results]
        )

    return await call.run(handlers.ship_batch, body.shipment_ids, respond=respond)


@router.post(
    "/shipments/{shipment_id}/pick",
    operation_id="pickShipment",
    response_model=schemas.Shipment,
    responses=problems(404, 409),
)
async def pick(shipment_id: UUID, call: Call = allows("shipping:write", if_match=True)) -> Response:
    """Start picking: from now on the shipment is locked. Refused while units wait for inspection."""
    return await call.run(handlers.pick, shipment_id, call.version, respond=schemas.shipment)


@router.post(
    "/shipments/{shipment_id}/unpick",
    operation_id="unpickShipment",
    response_model=schemas.Shipment,
    responses=problems(404, 409),
)
async def unpick(shipment_id: UUID, call: Call = allows("shipping:write", if_match=True)) -> Response:
    """Back to pending."""
    return await call.run(handlers.unpick, shipment_id, call.version, respond=schemas.shipment)


@router.post(
    "/shipments/{shipment_id}/pack",
    operation_id="packShipment",
    response_model=schemas.Shipment,
    responses=problems(404, 409),
)
async def pack(shipment_id: UUID, call: Call = allows("shipping:write", if_match=True)) -> Response:
    """Everything is picked and packed."""
    return await call.run(handlers.pack, shipment_id, call.version, respond=schemas.shipment)


@router.post(
    "/shipments/{shipment_id}/ship",
    operation_id="shipShipment",
    response_model=schemas.Shipment,
    responses=problems(404, 409),
)
async def ship(
    shipment_id: UUID, body: schemas.ShipRequest, call: Call = allows("shipping:write", if_match=True)
) -> Response:
    """The goods leave, with actual quantities; from pending it passes picking and packing."""
    counts = [Count(one.shipment_line_id, one.shipped, one.short, one.units) for one in body.lines]
    return await call.run(handlers.ship, shipment_id, call.version, counts, respond=schemas.shipment)


@router.post(
    "/shipments/{shipment_id}/void",
    operation_id="voidShipment",
    response_model=schemas.Shipment,
    responses=problems(404, 409),
)
async def void(
    shipment_id: UUID, body: schemas.VoidRequest, call: Call = allows("shipping:write", if_match=True)
) -> Response:
    """The shipment will not leave: its units go back to their lines."""
    return await call.run(handlers.void, shipment_id, call.version, body.reason, respond=schemas.shipment)
