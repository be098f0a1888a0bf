"""Customers and the catalogue as order entry knows it."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from shared.paging import PageParams
from shared.web import Call, Page, WaitSeconds, allows, paging, problems

from .. import handlers, schemas, views
from ..domain.order import ItemKind
from ..schemas.words import Code

router = APIRouter()
CodePath = Annotated[str, Path(max_length=64)]


@router.post(
    "/customers",
    status_code=201,
    tags=["customers"],
    operation_id="createCustomer",
    response_model=schemas.Customer,
    responses=problems(409),
)
async def create(body: schemas.NewCustomer, call: Call = allows("customers:write")) -> Response:
    """Create a customer with its terms and ship-to locations (ORD-6)."""
    return await call.run(handlers.create_customer, body, respond=schemas.customer, status=201)


@router.get(
    "/customers", tags=["customers"], operation_id="listCustomers", response_model=Page[schemas.CustomerRow]
)
async def list_customers(
    call: Call = allows("orders:read"),
    page: PageParams = paging(views.CUSTOMER_SORTS),
    name: Annotated[str | None, Query(max_length=200, description="The start of the name")] = None,
    credit_hold: bool | None = None,
) -> Response:
    """Customers."""
    return await call.list(views.customers(name=name, credit_hold=credit_hold), page, schemas.customer_row)


@router.get(
    "/customers/{customer}",
    tags=["customers"],
    operation_id="getCustomer",
    response_model=schemas.Customer,
    responses=problems(404),
)
async def show(customer: CodePath, call: Call = allows("orders:read")) -> Response:
    """One customer."""
    return await call.read(views.customer, customer, respond=schemas.customer)


@router.patch(
    "/customers/{customer}",
    tags=["customers"],
    operation_id="changeCustomer",
    response_model=schemas.Customer,
    responses=problems(404, 409, 412, 428),
)
async def change(
    customer: CodePath, body: schemas.CustomerChange, call: Call = allows("customers:write", if_match=True)
) -> Response:
    """Change terms; setting a credit hold takes back what has not left, lifting it releases (ORD-6)."""
    return await call.run(handlers.change_customer, customer, call.version, body, respond=schemas.customer)


@router.put(
    "/customers/{customer}/ship-tos/{ship_to}",
    tags=["customers"],
    operation_id="putShipTo",
    response_model=schemas.Customer,
    responses=problems(404, 409, 412, 428),
)
async def put_ship_to(
    customer: CodePath,
    ship_to: Annotated[Code, Path()],
    body: schemas.ShipToFields,
    call: Call = allows("customers:write", if_match=True),
) -> Response:
    """Add or change a ship-to location; `If-Match` is the customer's ETag."""
    return await call.run(
        handlers.put_ship_to, customer, ship_to, call.version, body, respond=schemas.customer
    )


@router.get(
    "/catalogue-items",
    tags=["catalogue"],
    operation_id="listCatalogueItems",
    response_model=Page[schemas.CatalogueItem],
)
async def list_items(
    call: Call = allows("orders:read"),
    page: PageParams = paging(views.ITEM_SORTS),
    kind: ItemKind | None = None,
    product_line: Annotated[str | None, Query(max_length=64)] = None,
    special_order: bool | None = None,
) -> Response:
    """Items as order entry knows them; their owner is inventory."""
    query = views.catalogue_items(kind=kind, product_line=product_line, special_order=special_order)
    return await call.list(query, page, schemas.catalogue_item)


@router.get(
    "/catalogue-items/{sku:path}",
    tags=["catalogue"],
    operation_id="getCatalogueItem",
    response_model=schemas.CatalogueItem,
    responses=problems(404),
)
async def show_item(sku: CodePath, call: Call = allows("orders:read"), wait: WaitSeconds = 0) -> Response:
    """One item; with `wait` the answer is held until order entry has heard of it."""
    return await call.read(
        views.catalogue_item,
        sku,
        respond=schemas.catalogue_item,
        wait=wait,
        until=lambda found: found is not None,
    )
