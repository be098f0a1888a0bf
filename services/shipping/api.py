"""REST of shipping: parse, run the handler, answer."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import HTMLResponse

from services.shipping import handlers, schemas, views
from services.shipping.domain.departure import Count
from services.shipping.domain.packing import Content, Printed, printable
from services.shipping.domain.shipment import Shipment, State
from services.shipping.schemas import printed
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
    """Start picking: from now on the shipment is locked. Units that wait for inspection stay on a new pending shipment;
    refused while nothing may be picked."""
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
    override = body.override_complete.reason if body.override_complete else None
    wish = handlers.Leaving(shipment_id, call.version, counts, override)
    return await call.gather(handlers.ship_many, wish, respond=schemas.shipment)


@router.post(
    "/shipments/{shipment_id}/void",
    operation_id="voidShipment",
    response_model=schemas.Shipment,
    responses=problems(404, 409),
)
async def void(
    shipment_id: UUID, body: schemas.VoidRequest, call: Call = allows("shipping:write", if_match=True)
) -> Response:
    """The shipment will not leave: its units go back to their lines, and wait there until they are released by hand."""
    return await call.run(handlers.void, shipment_id, call.version, body.reason, respond=schemas.shipment)


@router.get(
    "/shipments/{shipment_id}/packages",
    operation_id="listPackages",
    response_model=schemas.Packages,
    responses=problems(404),
)
async def show_packages(shipment_id: UUID, call: Call = allows("shipping:read")) -> Response:
    """The packages of a shipment with their contents, and what is in none yet."""
    return await call.read(views.packed, shipment_id, call.scope, respond=schemas.packages)


@router.post(
    "/shipments/{shipment_id}/packages",
    status_code=201,
    operation_id="packPackage",
    response_model=schemas.Packages,
    responses=problems(404, 409),
)
async def pack_package(
    shipment_id: UUID, body: schemas.PackageRequest, call: Call = allows("shipping:write", if_match=True)
) -> Response:
    """Put units of a packed shipment into one more package; unpicking or voiding it unpacks them."""
    contents = tuple(Content(one.shipment_line_id, one.qty) for one in body.contents)
    new = handlers.NewPackage(contents, body.tracking_number, body.weight)
    return await call.run(
        handlers.pack_package, shipment_id, call.version, new, respond=schemas.packages, status=201
    )


@router.delete(
    "/shipments/{shipment_id}/packages/{package_no}",
    operation_id="unpackPackage",
    response_model=schemas.Packages,
    responses=problems(404, 409),
)
async def unpack_package(
    shipment_id: UUID,
    package_no: Annotated[int, Path(ge=1, le=100_000)],
    call: Call = allows("shipping:write", if_match=True),
) -> Response:
    """Take a package apart again."""
    return await call.run(
        handlers.unpack_package, shipment_id, call.version, package_no, respond=schemas.packages
    )


_PAPER: dict[int | str, dict[str, Any]] = {
    200: {"description": "A page for paper", "content": {"text/html": {"schema": {"type": "string"}}}}
}


@router.get(
    "/shipments/{shipment_id}/pick-list",
    operation_id="printPickList",
    response_class=HTMLResponse,
    responses=_PAPER | problems(404, 409),
    tags=["documents"],
)
async def pick_list(shipment_id: UUID, call: Call = allows("shipping:read")) -> Response:
    """What to take from the shelves, to be printed."""
    return _paper(printed.pick_list(await _printed(call, shipment_id)))


@router.get(
    "/shipments/{shipment_id}/packing-slip",
    operation_id="printPackingSlip",
    response_class=HTMLResponse,
    responses=_PAPER | problems(404, 409),
    tags=["documents"],
)
async def packing_slip(shipment_id: UUID, call: Call = allows("shipping:read")) -> Response:
    """What the customer finds in the boxes, to be printed."""
    return _paper(printed.packing_slip(await _printed(call, shipment_id)))


async def _printed(call: Call, shipment_id: UUID) -> Printed:
    return printable(await call.look(views.printed, shipment_id, call.scope))


def _paper(page: str) -> Response:
    # nothing in it comes from elsewhere or runs, and a browser is told so
    policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    return HTMLResponse(page, headers={"Content-Security-Policy": policy, "Cache-Control": "no-store"})
