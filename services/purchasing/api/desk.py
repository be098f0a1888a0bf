"""Procurement requests, the exception desk and the buyers' tasks."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response

from services.purchasing import handlers, views
from services.purchasing.api.purchase_orders import answer_with
from services.purchasing.domain.obstacles import ExceptionKind
from services.purchasing.schemas import desk as schemas
from services.purchasing.schemas.purchase_orders import PurchaseOrderOut
from services.purchasing.schemas.words import Because, Code, Sku, Words
from shared.paging import PageParams
from shared.unit_of_work import Tx
from shared.web import Call, Page, allows, paging, problems

router = APIRouter()

# --- procurement requests ---


@router.get(
    "/procurement-requests",
    tags=["procurement requests"],
    operation_id="listProcurementRequests",
    response_model=Page[schemas.ProcurementRequest],
)
async def list_requests(
    call: Call = allows("purchasing:read"),
    page: PageParams = paging(views.REQUEST_SORTS),
    state: Literal["open", "exception"] | None = None,
    vendor: Code | None = None,
    warehouse: Code | None = None,
    sku: Sku | None = None,
    order_id: UUID | None = None,
) -> Response:
    """What is to be bought, oldest first (BUY-1)."""
    query = views.requests_list(
        call.scope, state=state, vendor=vendor, warehouse=warehouse, sku=sku, order_id=order_id
    )
    return await call.list(query, page, schemas.procurement_request)


@router.get(
    "/procurement-requests/{request_id}",
    tags=["procurement requests"],
    operation_id="showProcurementRequest",
    response_model=schemas.ProcurementRequest,
    responses=problems(404),
)
async def show_request(request_id: UUID, call: Call = allows("purchasing:read")) -> Response:
    """One request, as long as something is to be bought for it."""
    return await call.read(
        views.procurement_request_shown, request_id, call.scope, respond=lambda found: found
    )


@router.post(
    "/procurement-requests/{request_id}/order",
    tags=["procurement requests"],
    operation_id="orderProcurementRequest",
    response_model=PurchaseOrderOut,
    responses=problems(404, 409),
)
async def order_request(
    request_id: UUID, body: schemas.OrderNow, call: Call = allows("purchasing:write")
) -> Response:
    """Buy it now, from its own vendor or another one (SO-3); the purchase order is the answer."""
    return await answer_with(call, lambda tx: handlers.order_request(tx, request_id, body.vendor))


# --- exceptions ---


@router.get(
    "/exceptions",
    tags=["exceptions"],
    operation_id="listExceptions",
    response_model=Page[schemas.ExceptionOut],
)
async def list_exceptions(
    call: Call = allows("purchasing:read"),
    page: PageParams = paging(views.EXCEPTION_SORTS),
    kind: ExceptionKind | None = None,
    state: Literal["open", "cleared"] | None = None,
    warehouse: Code | None = None,
    order_id: UUID | None = None,
    report: Literal["sales"] | None = None,
) -> Response:
    """What stands in the way, newest first; `report=sales` is the Sales exceptions report (BUY-2)."""
    query = views.exceptions_list(
        call.scope, kind=kind, state=state, warehouse=warehouse, order_id=order_id, report=report
    )
    return await call.list(query, page, schemas.exception_out)


@router.get(
    "/exceptions/{exception_id}",
    tags=["exceptions"],
    operation_id="showException",
    response_model=schemas.ExceptionOut,
    responses=problems(404),
)
async def show_exception(exception_id: UUID, call: Call = allows("purchasing:read")) -> Response:
    """One exception."""
    return await call.read(views.exception_shown, exception_id, call.scope, respond=lambda found: found)


@router.post(
    "/exceptions/{exception_id}/close",
    tags=["exceptions"],
    operation_id="closeException",
    response_model=schemas.ExceptionOut,
    responses=problems(404, 409),
)
async def close_exception(
    exception_id: UUID, body: Because, call: Call = allows("purchasing:write")
) -> Response:
    """Close an over-receipt; the other exceptions clear themselves when they are mended."""

    async def close(tx: Tx) -> schemas.ExceptionOut | None:
        closed = await handlers.close_exception(tx, exception_id, body.reason)
        return await views.exception_shown(tx.db, closed.id, tx.scope)

    return await call.run(close, respond=_there)


def _there(found: schemas.ExceptionOut | None) -> schemas.ExceptionOut:
    assert found is not None  # noqa: S101  # the handler has just written it
    return found


# --- tasks ---


@router.get("/tasks", tags=["tasks"], operation_id="listTasks", response_model=Page[schemas.TaskOut])
async def list_tasks(
    call: Call = allows("purchasing:read"),
    page: PageParams = paging(views.TASK_SORTS),
    state: Literal["open", "done"] | None = None,
    buyer: Words | None = None,
    warehouse: Code | None = None,
    po_id: UUID | None = None,
) -> Response:
    """What changes after a tie left for a buyer to look at (BUY-16)."""
    query = views.tasks_list(call.scope, state=state, buyer=buyer, warehouse=warehouse, po_id=po_id)
    return await call.list(query, page, schemas.task_out)


@router.post(
    "/tasks/{task_id}/done",
    tags=["tasks"],
    operation_id="finishTask",
    response_model=schemas.TaskOut,
    responses=problems(404),
)
async def finish_task(task_id: UUID, call: Call = allows("purchasing:write")) -> Response:
    """Mark a task done."""

    async def finish(tx: Tx) -> schemas.TaskOut | None:
        return await views.task_shown(tx.db, await handlers.finish_task(tx, task_id), tx.scope)

    def respond(found: schemas.TaskOut | None) -> schemas.TaskOut:
        assert found is not None  # noqa: S101  # the handler has just written it
        return found

    return await call.run(finish, respond=respond)
