"""Purchase orders."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import APIRouter, Response

from services.purchasing import handlers, views
from services.purchasing.domain.purchase_order import State
from services.purchasing.schemas import purchase_orders as schemas
from services.purchasing.schemas.words import Because, Code, Sku
from shared.paging import PageParams
from shared.unit_of_work import Tx
from shared.web import Call, Page, WaitSeconds, allows, paging, problems

router = APIRouter(prefix="/purchase-orders", tags=["purchase orders"])


async def answer_with(call: Call, step: Callable[[Tx], Awaitable[UUID]], status: int = 200) -> Response:
    """Run a step that names a purchase order, and answer with that as it then stands."""

    async def shown(tx: Tx) -> schemas.PurchaseOrderOut | None:
        return await views.purchase_order(tx.db, await step(tx), tx.scope)

    def respond(found: schemas.PurchaseOrderOut | None) -> schemas.PurchaseOrderOut:
        assert found is not None  # noqa: S101  # the step has just written it
        return found

    return await call.run(shown, respond=respond, status=status)


@router.post(
    "",
    status_code=201,
    operation_id="createPurchaseOrder",
    response_model=schemas.PurchaseOrderOut,
    responses=problems(409),
)
async def create(body: schemas.NewPurchaseOrder, call: Call = allows("purchasing:write")) -> Response:
    """Order stock by hand; nonstock and special items are refused without a demand (BUY-3)."""
    lines = [line.wanted() for line in body.lines]
    return await answer_with(
        call,
        lambda tx: handlers.create_purchase_order(
            tx, body.vendor, body.warehouse, body.currency, lines, body.open
        ),
        status=201,
    )


@router.get("", operation_id="listPurchaseOrders", response_model=Page[schemas.PurchaseOrderRow])
async def list_orders(
    call: Call = allows("purchasing:read"),
    page: PageParams = paging(views.PURCHASE_ORDER_SORTS),
    vendor: Code | None = None,
    warehouse: Code | None = None,
    state: State | None = None,
    order_id: UUID | None = None,
    sku: Sku | None = None,
) -> Response:
    """Purchase orders, newest first; `order_id` finds those tied to a sales order."""
    query = views.purchase_orders_list(
        call.scope, vendor=vendor, warehouse=warehouse, state=state, order_id=order_id, sku=sku
    )
    return await call.list(query, page, schemas.purchase_order_row)


@router.get(
    "/{po_id}",
    operation_id="showPurchaseOrder",
    response_model=schemas.PurchaseOrderOut,
    responses=problems(404),
)
async def show(po_id: UUID, call: Call = allows("purchasing:read"), wait: WaitSeconds = 0) -> Response:
    """One purchase order with lines, ties and receipts; `wait` holds until it is not cancelling any more."""
    return await call.read(
        views.purchase_order,
        po_id,
        call.scope,
        respond=lambda found: found,
        wait=wait,
        until=views.is_settled,
    )


@router.post(
    "/{po_id}/open",
    operation_id="openPurchaseOrder",
    response_model=schemas.PurchaseOrderOut,
    responses=problems(404, 409),
)
async def open_order(po_id: UUID, call: Call = allows("purchasing:write")) -> Response:
    """Send it to the vendor (BUY-19)."""
    return await answer_with(call, lambda tx: handlers.open_purchase_order(tx, po_id))


@router.post(
    "/{po_id}/cancel",
    operation_id="cancelPurchaseOrder",
    response_model=schemas.PurchaseOrderOut,
    responses=problems(404, 409),
)
async def cancel(po_id: UUID, body: Because, call: Call = allows("purchasing:write")) -> Response:
    """Cancel it: unsent at once; sent, it is cancelling until inventory says what can no longer arrive (BUY-16)."""
    return await answer_with(call, lambda tx: handlers.cancel_purchase_order(tx, po_id, body.reason))


@router.post(
    "/{po_id}/close",
    operation_id="closePurchaseOrder",
    response_model=schemas.PurchaseOrderOut,
    responses=problems(404, 409),
)
async def close(po_id: UUID, body: Because, call: Call = allows("purchasing:write")) -> Response:
    """Finish it: at once when all has arrived; short when inventory says that no more can arrive (BUY-16)."""
    return await answer_with(call, lambda tx: handlers.close_purchase_order(tx, po_id, body.reason))


@router.patch(
    "/{po_id}/lines/{line_no}",
    operation_id="changePurchaseOrderLine",
    response_model=schemas.PurchaseOrderOut,
    responses=problems(404, 409, 412),
)
async def change_line(
    po_id: UUID,
    line_no: int,
    body: schemas.PurchaseOrderLineChange,
    call: Call = allows("purchasing:write", if_match=True),
) -> Response:
    """Change dates, cost or quantity; less of a sent line is asked of inventory (change table)."""
    return await answer_with(
        call, lambda tx: handlers.change_purchase_order_line(tx, po_id, call.version, line_no, body.wanted())
    )


@router.post(
    "/{po_id}/lines/{line_no}/cancel",
    operation_id="cancelPurchaseOrderLine",
    response_model=schemas.PurchaseOrderOut,
    responses=problems(404, 409),
)
async def cancel_line(
    po_id: UUID, line_no: int, body: Because, call: Call = allows("purchasing:write")
) -> Response:
    """Cancel what is outstanding of a line (BUY-16)."""
    return await answer_with(
        call, lambda tx: handlers.cancel_purchase_order_line(tx, po_id, line_no, body.reason)
    )
