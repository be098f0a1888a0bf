"""Sales orders: entry, life, head, log, and the lists."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from shared.errors import TielineError
from shared.paging import PageParams
from shared.web import Call, Page, WaitSeconds, allows, paging, problems

from .. import handlers, schemas, views
from ..domain.order import OrderState
from ..domain.settlement import Picture
from ..domain.shortage import FiguresWanted
from .asking import figures_of, run_asking

router = APIRouter(tags=["sales orders"])
Days = Annotated[int | None, Query(ge=0, le=36500)]
Text64 = Annotated[str | None, Query(max_length=64)]


def _order(answer: handlers.Answer) -> schemas.SalesOrder:
    return schemas.sales_order(answer.picture, answer.in_the_way, answer.reminder)


@router.post(
    "/sales-orders",
    status_code=201,
    operation_id="createSalesOrder",
    response_model=schemas.SalesOrder,
    responses=problems(403, 409),
)
async def create(body: schemas.NewSalesOrder, call: Call = allows("orders:write")) -> Response:
    """Enter an order; with `open` it is demand at once: special lines are bought, stock is allotted (ORD-1, SO-1).

    A stock line of which only a part is there is answered with 409 `shortage-decision-required`, which lists the figures
    and the options: send the same order again with `shortage` on those lines (BO-1, BO-2).
    """
    try:
        return await call.gather(handlers.enter_orders, body, respond=_order, status=201)
    except FiguresWanted as unknown:
        figures = await figures_of(call, unknown)
    return await call.run(handlers.create_order, body, figures, respond=_order, status=201)


@router.post(
    "/sales-orders/batch",
    operation_id="createSalesOrders",
    response_model=schemas.BatchResults,
    responses=problems(413),
)
async def create_batch(body: schemas.OrderBatch, call: Call = allows("orders:write")) -> Response:
    """Enter up to 500 orders in one transaction; a bad one is answered with its problem and hinders no good one.

    An order that leaves a shortage unanswered gets `shortage-decision-required` as its result (BO-2).
    """
    orders = body.wanted

    def respond(made: list[Picture | TielineError]) -> schemas.BatchResults:
        outcomes = iter(made)
        rows = (one.problem if isinstance(one, schemas.Malformed) else next(outcomes) for one in orders)
        return schemas.batch_results(
            [row if isinstance(row, Picture) else call.problem_of(row) for row in rows]
        )

    valid = [one for one in orders if not isinstance(one, schemas.Malformed)]
    return await run_asking(call, handlers.create_orders, valid, respond=respond)


@router.get("/sales-orders", operation_id="listSalesOrders", response_model=Page[schemas.SalesOrderRow])
async def list_orders(
    call: Call = allows("orders:read"),
    page: PageParams = paging(views.ORDER_SORTS),
    state: OrderState | None = None,
    customer: Text64 = None,
    warehouse: Text64 = None,
    number: Text64 = None,
    reference: Annotated[str | None, Query(max_length=500)] = None,
    has_special: bool | None = None,
    is_backordered: bool | None = None,
    min_age_days: Days = None,
) -> Response:
    """The order list; `has_special` marks orders that include a special order (ORD-4)."""
    query = views.orders(
        scope=call.scope,
        state=state,
        customer=customer,
        warehouse=warehouse,
        number=number,
        reference=reference,
        has_special=has_special,
        is_backordered=is_backordered,
        min_age_days=min_age_days,
    )
    return await call.list(query, page, schemas.sales_order_row)


@router.get(
    "/sales-orders/{order_id}",
    operation_id="getSalesOrder",
    response_model=schemas.SalesOrder,
    responses=problems(404),
)
async def show(order_id: UUID, call: Call = allows("orders:read"), wait: WaitSeconds = 0) -> Response:
    """One order; with `wait` the answer is held until inventory has answered all that the order told."""
    return await call.read(
        views.sales_order,
        order_id,
        call.scope,
        respond=lambda found: schemas.sales_order(found.picture, found.in_the_way),
        wait=wait,
        until=views.is_settled,
    )


@router.patch(
    "/sales-orders/{order_id}",
    operation_id="changeSalesOrder",
    response_model=schemas.SalesOrder,
    responses=problems(403, 404, 409, 412, 428),
)
async def change(
    order_id: UUID,
    body: schemas.OrderChange,
    call: Call = allows("orders:write", "orders:priority", if_match=True),
) -> Response:
    """Change the head; a priority needs the scope orders:priority and a reason, and is answered with a reminder (ORD-3)."""
    return await call.run(handlers.change_order, order_id, call.version, body, respond=_order)


@router.post(
    "/sales-orders/{order_id}/open",
    operation_id="openSalesOrder",
    response_model=schemas.SalesOrder,
    responses=problems(403, 404, 409),
)
async def open_order(
    order_id: UUID, body: schemas.OpenOrder | None = None, call: Call = allows("orders:write")
) -> Response:
    """The order is demand from now on; opening an open order returns it (ORD-1, BO-3).

    A short stock line without an answer gets 409 `shortage-decision-required`; answer in the body and send it again.
    """
    return await run_asking(call, handlers.open_order, order_id, body, respond=_order)


@router.post(
    "/sales-orders/{order_id}/cancel",
    operation_id="cancelSalesOrder",
    response_model=schemas.SalesOrder,
    responses=problems(403, 404, 409),
)
async def cancel(order_id: UUID, body: schemas.Reason, call: Call = allows("orders:write")) -> Response:
    """Cancel what has not shipped; the order is cancelled, or filled, when inventory has freed what it can (ORD-1)."""
    return await call.run(handlers.cancel_order, order_id, body, respond=_order)


@router.post(
    "/sales-orders/{order_id}/close",
    operation_id="closeSalesOrder",
    response_model=schemas.SalesOrder,
    responses=problems(403, 404, 409),
)
async def close(order_id: UUID, call: Call = allows("orders:write")) -> Response:
    """Put a filled order away (ORD-1)."""
    return await call.run(handlers.close_order, order_id, respond=_order)


@router.post(
    "/sales-orders/{order_id}/release",
    operation_id="releaseSalesOrder",
    response_model=schemas.SalesOrder,
    responses=problems(403, 404, 409),
)
async def release(
    order_id: UUID, body: schemas.ReleaseByHand, call: Call = allows("orders:write")
) -> Response:
    """Release by hand: after a void by hand, or arrived goods while `auto_ship_on_receipt` is off (SO-6, SHIP-4)."""
    return await call.run(handlers.release_order, order_id, body, respond=_order)


@router.get(
    "/sales-orders/{order_id}/log", operation_id="getSalesOrderLog", response_model=Page[schemas.LogEntry]
)
async def log(
    order_id: UUID, call: Call = allows("orders:read"), page: PageParams = paging(views.LOG_SORTS)
) -> Response:
    """The record log: every change with time, actor, cause, before and after (ORD-5)."""
    return await call.list(views.order_log(order_id, call.scope), page, schemas.log_entry)


@router.get("/backorders", operation_id="listBackorders", response_model=Page[schemas.BackorderRow])
async def list_backorders(
    call: Call = allows("orders:read"),
    page: PageParams = paging(views.BACKORDER_SORTS),
    sku: Text64 = None,
    customer: Text64 = None,
    warehouse: Text64 = None,
    min_age_days: Days = None,
) -> Response:
    """All backordered lines by item, customer, warehouse and age (BO-16)."""
    query = views.backorders(
        scope=call.scope, sku=sku, customer=customer, warehouse=warehouse, min_age_days=min_age_days
    )
    return await call.list(query, page, schemas.backorder_row)
