"""Stock counts."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.inventory import handlers
from services.inventory.schemas import counts as schemas
from services.inventory.schemas.words import Code
from services.inventory.views import counts as views
from shared.paging import PageParams
from shared.web import Call, Page, allows, paging, problems

router = APIRouter(prefix="/v1/stock-counts", tags=["stock"])


@router.post(
    "",
    status_code=201,
    operation_id="countStock",
    response_model=schemas.StockCountOut,
    responses=problems(409),
)
async def count_stock(body: schemas.NewStockCount, call: Call = allows("stock:adjust")) -> Response:
    """Say what is really there. A difference is booked as an adjustment: a gain fills waiting lines, a loss asks (BO-12)."""
    return await call.run(handlers.count_stock, body.wanted(), respond=schemas.stock_count, status=201)


@router.get(
    "",
    operation_id="listStockCounts",
    response_model=Page[schemas.StockCountListed],
    responses=problems(400),
)
async def list_counts(
    call: Call = allows("inventory:read"),
    page: PageParams = paging(views.COUNT_SORTS),
    sku: Code | None = None,
    warehouse: Code | None = None,
    with_discrepancy: bool | None = None,
) -> Response:
    """Stock counts, newest first."""
    query = views.stock_counts(
        sku=sku, warehouse=warehouse, with_discrepancy=with_discrepancy, scope=call.scope
    )
    return await call.list(query, page, schemas.stock_count_row)


@router.get(
    "/{count_id}",
    operation_id="getStockCount",
    response_model=schemas.StockCountListed,
    responses=problems(404),
)
async def show_count(count_id: UUID, call: Call = allows("inventory:read")) -> Response:
    """One stock count."""
    return await call.read(views.stock_count, count_id, call.scope, respond=schemas.stock_count_row)
