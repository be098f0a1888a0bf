"""The lines of an order, and the trace of one."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response

from shared.preferences import read_preferences
from shared.web import Call, allows, problems

from .. import handlers, schemas, views
from ..domain.explaining import Situation
from ..domain.preferences import Preferences
from .asking import reads_of, run_asking, token_of
from .inventory import Told

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
    """Add a line; of an open order it is demand at once, ranked by its own time (BO-6), and asks like an opening."""
    return await run_asking(call, handlers.add_line, order_id, body, respond=_order, status=201)


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
    """Change a line of a draft; of an open order its quantity, source, cost, date and comments (BO-4, BUY-2).

    More is a linked line, which asks the shortage question like an opening (409 `shortage-decision-required`, answered by
    `shortage`). Less is a wish to cancel: what was split off the line and still waits goes first, then the line's own
    waiting part, then what it was granted.
    """
    return await run_asking(call, handlers.change_line, order_id, line_no, call.version, body, respond=_order)


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


@router.get(
    "/sales-orders/{order_id}/lines/{line_no}/explain",
    operation_id="explainOrderLine",
    response_model=schemas.Explanation,
    responses=problems(404),
)
async def explain(order_id: UUID, line_no: LineNo, call: Call = allows("orders:read")) -> schemas.Explanation:
    """Why is this line waiting (BO-18)? Orders' own reasons around inventory's, in order, with quantities and references.

    Inventory is asked with the caller's token; when it does not answer, the document says so and has the rest.
    """
    situation = await call.look(views.situation, order_id, line_no, call.scope)
    told = await _inventorys(call, situation)
    chosen, _ = await call.look(read_preferences, Preferences)
    return schemas.explanation(
        situation, told.reasons, told.how, auto_ship_on_receipt=chosen.auto_ship_on_receipt == "on"
    )


async def _inventorys(call: Call, situation: Situation) -> Told:
    reads = reads_of(call.request.app)
    if reads is None or not situation.is_with_inventory:
        return Told("not asked")
    return await reads.explanation(situation.line.id, 0, token_of(call))
