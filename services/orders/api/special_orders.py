"""Special orders (SO-1)."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.paging import PageParams
from shared.web import Call, Page, WaitSeconds, allows, paging, problems

from .. import handlers, schemas, views
from ..domain.special import SpecialState

router = APIRouter(tags=["special orders"])
Text64 = Annotated[str | None, Query(max_length=64)]


@router.post(
    "/special-orders",
    status_code=201,
    operation_id="createSpecialOrder",
    response_model=schemas.SpecialOrder,
    responses=problems(403, 404, 409),
)
async def create(body: schemas.NewSpecialOrder, call: Call = allows("orders:write")) -> Response:
    """Make what waits of a stock line a special order; a part becomes a linked line (SO-1)."""
    return await call.run(
        handlers.make_special_order,
        body,
        respond=lambda made: schemas.special_order_of(made.special, made.line, made.order_number),
        status=201,
    )


@router.get("/special-orders", operation_id="listSpecialOrders", response_model=Page[schemas.SpecialOrder])
async def list_special_orders(
    call: Call = allows("orders:read"),
    page: PageParams = paging(views.SPECIAL_SORTS),
    state: SpecialState | None = None,
    order_id: UUID | None = None,
    customer: Text64 = None,
    sku: Text64 = None,
    vendor: Text64 = None,
    warehouse: Text64 = None,
    no_source: bool | None = None,
) -> Response:
    """Special orders, newest first."""
    query = views.special_orders(
        scope=call.scope,
        state=state,
        order_id=order_id,
        customer=customer,
        sku=sku,
        vendor=vendor,
        warehouse=warehouse,
        no_source=no_source,
    )
    return await call.list(query, page, schemas.special_order)


@router.get(
    "/special-orders/{special_order_id}",
    operation_id="getSpecialOrder",
    response_model=schemas.SpecialOrder,
    responses=problems(404),
)
async def show(special_order_id: UUID, call: Call = allows("orders:read"), wait: WaitSeconds = 0) -> Response:
    """One special order; with `wait` the answer is held until it is more than requested."""
    return await call.read(
        views.special_order,
        special_order_id,
        call.scope,
        respond=schemas.special_order,
        wait=wait,
        until=views.is_on_its_way,
    )
