"""Vendors, vendor prices and product lines."""

from uuid import UUID

from fastapi import APIRouter, Response

from services.purchasing import handlers, views
from services.purchasing.domain.vendor import PriceRecord, ProductLine, Vendor
from services.purchasing.schemas import catalogue as schemas
from services.purchasing.schemas.words import Code, Sku
from shared.ids import new_id
from shared.paging import PageParams
from shared.unit_of_work import Tx
from shared.web import Call, Page, allows, paging, problems

router = APIRouter()

# --- vendors ---


@router.post(
    "/vendors",
    tags=["vendors"],
    status_code=201,
    operation_id="createVendor",
    response_model=schemas.VendorOut,
    responses=problems(409),
)
async def create_vendor(body: schemas.NewVendor, call: Call = allows("vendors:write")) -> Response:
    """Add a vendor; requests that waited for it are bought (BUY-2)."""

    async def create(tx: Tx) -> Vendor:
        return await handlers.create_vendor(tx, Vendor(**dict(body), version=1, created_at=tx.now))

    return await call.run(create, respond=schemas.vendor, status=201)


@router.get("/vendors", tags=["vendors"], operation_id="listVendors", response_model=Page[schemas.VendorOut])
async def list_vendors(
    call: Call = allows("purchasing:read"),
    page: PageParams = paging(views.VENDOR_SORTS),
    active: bool | None = None,
) -> Response:
    """Vendors by code."""
    return await call.list(views.vendors_list(active=active), page, schemas.vendor_row)


@router.get(
    "/vendors/{code}",
    tags=["vendors"],
    operation_id="showVendor",
    response_model=schemas.VendorOut,
    responses=problems(404),
)
async def show_vendor(code: str, call: Call = allows("purchasing:read")) -> Response:
    """One vendor."""
    return await call.read(views.vendor_shown, code, respond=schemas.vendor_row)


@router.patch(
    "/vendors/{code}",
    tags=["vendors"],
    operation_id="changeVendor",
    response_model=schemas.VendorOut,
    responses=problems(404, 412),
)
async def change_vendor(
    code: str, body: schemas.VendorChange, call: Call = allows("vendors:write", if_match=True)
) -> Response:
    """Change a vendor; what waited for that is bought."""
    return await call.run(handlers.change_vendor, code, call.version, body.wanted(), respond=schemas.vendor)


# --- prices ---


def _record(tx: Tx, price: schemas.NewPrice) -> PriceRecord:
    return PriceRecord(id=new_id(), **dict(price), version=1, created_at=tx.now)


@router.post(
    "/vendor-prices",
    tags=["vendor prices"],
    status_code=201,
    operation_id="createVendorPrice",
    response_model=schemas.PriceOut,
    responses=problems(404, 409),
)
async def create_price(body: schemas.NewPrice, call: Call = allows("vendors:write")) -> Response:
    """Add a vendor's price for an item; requests that waited for a cost are bought (BUY-9)."""

    async def create(tx: Tx) -> PriceRecord:
        return await handlers.create_price(tx, _record(tx, body))

    return await call.run(create, respond=schemas.price, status=201)


@router.post(
    "/vendor-prices/batch",
    tags=["vendor prices"],
    operation_id="keepVendorPrices",
    response_model=schemas.PriceListResult,
)
async def keep_prices(body: schemas.PriceList, call: Call = allows("vendors:write")) -> Response:
    """Add or change up to 500 prices, with a result for each; sending the list again changes nothing."""

    async def keep(tx: Tx) -> list[handlers.PriceResult]:
        return await handlers.keep_prices(tx, [_record(tx, price) for price in body.prices])

    def respond(results: list[handlers.PriceResult]) -> schemas.PriceListResult:
        rows = [
            schemas.PriceListRow(
                index=index,
                result=row.result,
                id=row.id,
                problem=call.problem_of(row.refusal) if row.refusal else None,
            )
            for index, row in enumerate(results)
        ]
        return schemas.price_list_result(rows)

    return await call.run(keep, respond=respond)


@router.get(
    "/vendor-prices",
    tags=["vendor prices"],
    operation_id="listVendorPrices",
    response_model=Page[schemas.PriceOut],
)
async def list_prices(
    call: Call = allows("purchasing:read"),
    page: PageParams = paging(views.PRICE_SORTS),
    vendor: Code | None = None,
    sku: Sku | None = None,
    active: bool | None = None,
) -> Response:
    """Price records by vendor and item."""
    return await call.list(views.prices_list(vendor=vendor, sku=sku, active=active), page, schemas.price_row)


@router.get(
    "/vendor-prices/{price_id}",
    tags=["vendor prices"],
    operation_id="showVendorPrice",
    response_model=schemas.PriceOut,
    responses=problems(404),
)
async def show_price(price_id: UUID, call: Call = allows("purchasing:read")) -> Response:
    """One price record."""
    return await call.read(views.price_shown, price_id, respond=schemas.price_row)


@router.patch(
    "/vendor-prices/{price_id}",
    tags=["vendor prices"],
    operation_id="changeVendorPrice",
    response_model=schemas.PriceOut,
    responses=problems(404, 409, 412),
)
async def change_price(
    price_id: UUID, body: schemas.PriceChange, call: Call = allows("vendors:write", if_match=True)
) -> Response:
    """Change a price record; purchase orders keep the cost that they have."""
    return await call.run(handlers.change_price, price_id, call.version, body.wanted(), respond=schemas.price)


# --- product lines ---


@router.post(
    "/product-lines",
    tags=["product lines"],
    status_code=201,
    operation_id="createProductLine",
    response_model=schemas.ProductLineOut,
    responses=problems(409),
)
async def create_product_line(body: schemas.NewProductLine, call: Call = allows("vendors:write")) -> Response:
    """Add a product line."""

    async def create(tx: Tx) -> ProductLine:
        return await handlers.create_product_line(tx, ProductLine(**dict(body), version=1, created_at=tx.now))

    return await call.run(create, respond=schemas.product_line, status=201)


@router.get(
    "/product-lines",
    tags=["product lines"],
    operation_id="listProductLines",
    response_model=Page[schemas.ProductLineOut],
)
async def list_product_lines(
    call: Call = allows("purchasing:read"), page: PageParams = paging(views.PRODUCT_LINE_SORTS)
) -> Response:
    """Product lines by code."""
    return await call.list(views.product_lines_list(), page, schemas.product_line_row)


@router.get(
    "/product-lines/{code}",
    tags=["product lines"],
    operation_id="showProductLine",
    response_model=schemas.ProductLineOut,
    responses=problems(404),
)
async def show_product_line(code: str, call: Call = allows("purchasing:read")) -> Response:
    """One product line."""
    return await call.read(views.product_line_shown, code, respond=schemas.product_line_row)


@router.patch(
    "/product-lines/{code}",
    tags=["product lines"],
    operation_id="changeProductLine",
    response_model=schemas.ProductLineOut,
    responses=problems(404, 409, 412),
)
async def change_product_line(
    code: str, body: schemas.ProductLineChange, call: Call = allows("vendors:write", if_match=True)
) -> Response:
    """Change a product line."""
    return await call.run(
        handlers.change_product_line, code, call.version, body.wanted(), respond=schemas.product_line
    )
