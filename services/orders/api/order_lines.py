"""The lines of an order, and the trace of one."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from shared.web import Call, allows, problems

from .. import handlers, schemas, views

router = APIRouter(tags=["sales orders"])
LineNo = Annotated[int, Path(ge=1, le=10_000)]


def _order(answer: handlers.Answer) -> schemas.SalesOrder:
    return schemas.sales_order(answer.picture, answer.in_the_way, answer.reminder)


@router.post(
    "/sales-orders/{order_id}/lines",
    status_code=201,
    operation_id="addOrderLine",
    response_model=schemas.SalesOrder,
    responses=problems(403, 404, 409),
)
async def add(order_id: UUID, body: schemas.NewLine, call: Call = allows("orders:write")) -> Response:
    """Add a line; of an open order it is demand at once, ranked by its own time (BO-6)."""
    return await call.run(handlers.add_line, order_id, body, respond=_order, status=201)


@router.patch(
    "/sales-orders/{order_id}/lines/{line_no}",
    operation_id="changeOrderLine",
    response_model=schemas.SalesOrder,
    responses=problems(403, 404, 409, 412, 428),
)
async def change(
    order_id: UUID,
    line_no: LineNo,
    body: schemas.LineChange,
    call: Call = allows("orders:write", if_match=True),
) -> Response:
    """Change a line. Open: less is a wish to cancel, more a linked line (BO-4); the source may be filled (BUY-2)."""
    return await call.run(handlers.change_line, order_id, line_no, call.version, body, respond=_order)


@router.delete(
    "/sales-orders/{order_id}/lines/{line_no}",
    operation_id="removeOrderLine",
    response_model=schemas.SalesOrder,
    responses=problems(403, 404, 409, 412, 428),
)
async def remove(
    order_id: UUID, line_no: LineNo, call: Call = allows("orders:write", if_match=True)
) -> Response:
    """Take a line off a draft."""
    return await call.run(handlers.remove_line, order_id, line_no, call.version, respond=_order)


@router.post(
    "/sales-orders/{order_id}/lines/{line_no}/cancel",
    operation_id="cancelOrderLine",
    response_model=schemas.SalesOrder,
    responses=problems(403, 404, 409),
)
async def cancel(
    order_id: UUID, line_no: LineNo, body: schemas.LineCancel, call: Call = allows("orders:write")
) -> Response:
    """Cancel a line or a part of it; it cannot go below what was shipped (ORD-1)."""
    return await call.run(handlers.cancel_line, order_id, line_no, body, respond=_order)


@router.post(
    "/sales-orders/{order_id}/lines/{line_no}/use-stock",
    operation_id="useStockInstead",
    response_model=schemas.SalesOrder,
    responses=problems(403, 404, 409),
)
async def use_stock(
    order_id: UUID, line_no: LineNo, body: schemas.Reason, call: Call = allows("orders:write")
) -> Response:
    """Use stock instead: the special line becomes a stock line, its tie and peg are freed (SO-5)."""
    return await call.run(handlers.use_stock_instead, order_id, line_no, body, respond=_order)


@router.get(
    "/sales-orders/{order_id}/lines/{line_no}/trace",
    operation_id="traceOrderLine",
    response_model=schemas.Trace,
    responses=problems(404),
)
async def trace(order_id: UUID, line_no: LineNo, call: Call = allows("orders:read")) -> Response:
    """From the line through ties, receipts, inspections and shipments to the invoice; every hop adds up."""
    return await call.read(views.trace, order_id, line_no, call.scope, respond=schemas.trace)
