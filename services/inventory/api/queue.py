"""The queue: what an order could get, why a line waits, a line filled by hand, a loss that is being asked for."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.inventory import handlers
from services.inventory.schemas import queue as schemas
from services.inventory.schemas import stock as stock_schemas
from services.inventory.schemas.words import Code
from services.inventory.views import stock as stock_views
from services.inventory.views import waiting as views
from shared.web import Call, WaitSeconds, allows, problems

router = APIRouter(prefix="/v1", tags=["stock"])


@router.get(
    "/stock/availability",
    operation_id="getAvailability",
    response_model=schemas.Availabilities,
    responses=problems(404),
)
async def availability(
    warehouse: Code,
    sku: Annotated[list[Code], Query(min_length=1, max_length=schemas.MOST_SKUS)],
    priority: Annotated[int, Query(ge=-1000, le=1000, description="As orders have it (ORD-3)")] = 0,
    call: Call = allows("inventory:read", "orders:write"),
) -> Response:
    """What an order of this priority would get of up to 100 items at once: free units, and units it could take (BO-1)."""
    return await call.read(
        views.availability,
        warehouse,
        sku,
        priority,
        call.scope,
        respond=lambda rows: schemas.availabilities(rows, warehouse),
    )


@router.get(
    "/stock/adjustments/{adjustment_id}",
    operation_id="getAdjustment",
    response_model=stock_schemas.AdjustmentListed,
    responses=problems(404),
)
async def show_adjustment(
    adjustment_id: UUID, call: Call = allows("inventory:read"), wait: WaitSeconds = 0
) -> Response:
    """An adjustment as it stands; `wait` until shipping has answered for what a loss asks of lines (BO-12)."""
    return await call.read(
        stock_views.adjustment,
        adjustment_id,
        call.scope,
        respond=stock_schemas.adjustment_row,
        wait=wait,
        until=lambda row: row.asking == 0,
    )


@router.get(
    "/demand/{line_id}/explain",
    operation_id="explainDemand",
    response_model=schemas.Explanation,
    responses=problems(404),
)
async def explain(
    line_id: UUID,
    component: Annotated[int, Query(ge=0, le=9999)] = 0,
    call: Call = allows("inventory:read"),
) -> Response:
    """Why the line is waiting (BO-18): what it has, who ranks ahead, what is held or locked, what comes, what is missing."""
    return await call.read(views.waiting, line_id, component, call.scope, respond=schemas.explanation)


@router.post(
    "/demand/{line_id}/allot",
    operation_id="allotLine",
    response_model=schemas.AllottedLine,
    responses=problems(404, 409),
)
async def allot_line(
    line_id: UUID, body: schemas.LineToAllot, call: Call = allows("inventory:write")
) -> Response:
    """Fill one waiting line by hand from what is free (BO-14); with backorder management on, in its turn."""
    return await call.run(handlers.allot_line, line_id, body.component, respond=schemas.allotted)
