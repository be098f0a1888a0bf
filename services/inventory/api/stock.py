"""Stock, demand, adjustments and customer returns."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.inventory import handlers
from services.inventory.schemas import stock as schemas
from services.inventory.schemas.words import Code
from services.inventory.views import stock as views
from shared.paging import PageParams
from shared.web import Call, Page, allows, paging, problems

router = APIRouter(prefix="/v1", tags=["stock"])


@router.get(
    "/stock", operation_id="listStock", response_model=Page[schemas.StockFigures], responses=problems(400)
)
async def list_stock(
    call: Call = allows("inventory:read"),
    page: PageParams = paging(views.STOCK_SORTS),
    sku: Code | None = None,
    warehouse: Code | None = None,
) -> Response:
    """What lies where, and whose it is."""
    return await call.list(views.stock(sku=sku, warehouse=warehouse, scope=call.scope), page, schemas.stock)


@router.get(
    "/stock/adjustments",
    operation_id="listAdjustments",
    response_model=Page[schemas.AdjustmentListed],
    responses=problems(400),
)
async def list_adjustments(
    call: Call = allows("inventory:read"),
    page: PageParams = paging(views.ADJUSTMENT_SORTS),
    sku: Code | None = None,
    warehouse: Code | None = None,
) -> Response:
    """Changes of stock by hand, newest first."""
    query = views.adjustments(sku=sku, warehouse=warehouse, scope=call.scope)
    return await call.list(query, page, schemas.adjustment_row)


@router.post(
    "/stock/adjustments",
    status_code=201,
    operation_id="adjustStock",
    response_model=schemas.AdjustmentOut,
    responses=problems(409),
)
async def adjust(body: schemas.NewAdjustment, call: Call = allows("stock:adjust")) -> Response:
    """Change stock by hand; more than is free is refused, with the most it can be. A gain fills waiting lines."""
    return await call.run(handlers.adjust_stock, body.wanted(), respond=schemas.adjustment, status=201)


@router.post(
    "/stock/adjustments/batch",
    operation_id="adjustStockBatch",
    response_model=schemas.AdjustmentAnswers,
    responses=problems(409),
)
async def adjust_many(body: schemas.AdjustmentBatch, call: Call = allows("stock:adjust")) -> Response:
    """Up to 500 changes in one transaction, a result each; a refused row does not hinder the others."""
    rows = [row.wanted() for row in body.adjustments]
    return await call.run(
        handlers.adjust_many, rows, respond=lambda results: schemas.adjustments(results, call.problem_of)
    )


@router.get(
    "/stock/{sku}/{warehouse}",
    operation_id="getStock",
    response_model=schemas.StockFigures,
    responses=problems(404),
)
async def show_stock(sku: Code, warehouse: Code, call: Call = allows("inventory:read")) -> Response:
    """The figures of one item in one warehouse."""
    return await call.read(views.stock_of, sku, warehouse, call.scope, respond=schemas.stock)


@router.get(
    "/stock/{sku}/{warehouse}/ledger",
    operation_id="listLedger",
    response_model=Page[schemas.LedgerRow],
    responses=problems(400),
)
async def list_ledger(
    sku: Code,
    warehouse: Code,
    call: Call = allows("inventory:read"),
    page: PageParams = paging(views.LEDGER_SORTS),
) -> Response:
    """Every movement, newest first; their sum is what is on hand."""
    return await call.list(views.ledger(sku, warehouse, call.scope), page, schemas.ledger)


@router.get(
    "/demand", operation_id="listDemand", response_model=Page[schemas.DemandRow], responses=problems(400)
)
async def list_demand(
    call: Call = allows("inventory:read"),
    page: PageParams = paging(views.DEMAND_SORTS),
    sku: Code | None = None,
    warehouse: Code | None = None,
    order_id: UUID | None = None,
    waiting: bool | None = None,
    special: bool | None = None,
) -> Response:
    """The lines that make up an item's demand (BO-16).

    Sort by `-priority,ranked_at,order,line_no,component` for the queue's order (BO-6). `open` sums to the demand of
    GET /v1/stock/{sku}/{warehouse}, `backordered` to its backordered figure.
    """
    query = views.demand(
        sku=sku, warehouse=warehouse, order_id=order_id, waiting=waiting, special=special, scope=call.scope
    )
    return await call.list(query, page, schemas.demand)


@router.post("/demand/allot", operation_id="runQueue", response_model=schemas.Swept)
async def run_queue(body: schemas.Sweep, call: Call = allows("stock:adjust")) -> Response:
    """Run the queue now: a sweep that finds nothing when every change has been acted on (BO-7)."""
    return await call.run(handlers.sweep, body.sku, body.warehouse, respond=schemas.swept)


@router.post(
    "/customer-returns",
    status_code=201,
    operation_id="returnGoods",
    response_model=schemas.ReturnOut,
    responses=problems(409),
)
async def return_goods(body: schemas.NewReturn, call: Call = allows("returns:write")) -> Response:
    """Goods come back to stock, where they may fill waiting lines, or to quarantine, where they may not (SO-12)."""
    return await call.run(handlers.return_goods, body.wanted(), respond=schemas.customer_return, status=201)


@router.get(
    "/customer-returns",
    operation_id="listCustomerReturns",
    response_model=Page[schemas.ReturnListed],
    responses=problems(400),
)
async def list_returns(
    call: Call = allows("inventory:read"),
    page: PageParams = paging(views.RETURN_SORTS),
    sku: Code | None = None,
    warehouse: Code | None = None,
    line_id: UUID | None = None,
) -> Response:
    """Customer returns, newest first."""
    query = views.customer_returns(sku=sku, warehouse=warehouse, line_id=line_id, scope=call.scope)
    return await call.list(query, page, schemas.return_row)
