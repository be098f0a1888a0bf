"""Items, replenishment levels and warehouses."""

from fastapi import APIRouter, Response

from services.inventory import handlers
from services.inventory.schemas import items as schemas
from services.inventory.schemas.words import Code
from services.inventory.views import items as views
from shared.contracts.base import ItemKind
from shared.paging import PageParams
from shared.web import Call, Page, allows, paging, problems

router = APIRouter(prefix="/v1", tags=["items"])


@router.post(
    "/items",
    status_code=201,
    operation_id="createItem",
    response_model=schemas.ItemOut,
    responses=problems(409),
)
async def create_item(body: schemas.NewItem, call: Call = allows("items:write")) -> Response:
    """Create an item; its code, kind, unit and precision never change."""
    return await call.run(
        handlers.create_item,
        body.as_item(),
        body.special_order,
        body.drop_ship,
        respond=schemas.item,
        status=201,
    )


@router.get("/items", operation_id="listItems", response_model=Page[schemas.ItemRow], responses=problems(400))
async def list_items(
    call: Call = allows("inventory:read"),
    page: PageParams = paging(views.ITEM_SORTS),
    kind: ItemKind | None = None,
    special_order: bool | None = None,
    drop_ship: bool | None = None,
    product_line: Code | None = None,
) -> Response:
    """All items."""
    query = views.items(
        kind=kind, special_order=special_order, drop_ship=drop_ship, product_line=product_line
    )
    return await call.list(query, page, schemas.item_row)


@router.get("/items/{sku}", operation_id="getItem", response_model=schemas.ItemOut, responses=problems(404))
async def show_item(sku: Code, call: Call = allows("inventory:read")) -> Response:
    """One item with its sources, recipe and replenishment."""
    return await call.read(views.item, sku, call.scope, respond=schemas.item)


@router.patch(
    "/items/{sku}",
    operation_id="changeItem",
    response_model=schemas.ItemOut,
    responses=problems(404, 409, 412, 428),
)
async def change_item(
    sku: Code, body: schemas.ItemChange, call: Call = allows("items:write", if_match=True)
) -> Response:
    """Change an item; setting `special_order` clears `drop_ship`, and the reverse (ITEM-1)."""
    return await call.run(handlers.change_item, sku, call.version, body.wanted(), respond=schemas.item)


@router.put(
    "/items/{sku}/replenishment/{warehouse}",
    operation_id="setReplenishment",
    response_model=schemas.LevelsOut,
    responses=problems(404, 409, 412, 428),
)
async def set_levels(
    sku: Code, warehouse: Code, body: schemas.NewLevels, call: Call = allows("items:write", if_match=True)
) -> Response:
    """Set replenishment levels; `If-Match: "0"` when there are none yet. Inactive for special-order items (ITEM-2)."""
    return await call.run(
        handlers.set_levels, call.version, body.as_levels(sku, warehouse), respond=schemas.levels
    )


@router.post(
    "/warehouses",
    status_code=201,
    operation_id="createWarehouse",
    response_model=schemas.WarehouseOut,
    responses=problems(409),
)
async def create_warehouse(body: schemas.NewWarehouse, call: Call = allows("items:write")) -> Response:
    """Create a warehouse or store."""
    return await call.run(
        handlers.create_warehouse, body.as_warehouse(), respond=schemas.warehouse, status=201
    )


@router.get(
    "/warehouses",
    operation_id="listWarehouses",
    response_model=Page[schemas.WarehouseOut],
    responses=problems(400),
)
async def list_warehouses(
    call: Call = allows("inventory:read"), page: PageParams = paging(views.WAREHOUSE_SORTS)
) -> Response:
    """The caller's warehouses."""
    return await call.list(views.warehouses(call.scope), page, schemas.warehouse)


@router.get(
    "/warehouses/{code}",
    operation_id="getWarehouse",
    response_model=schemas.WarehouseOut,
    responses=problems(404),
)
async def show_warehouse(code: Code, call: Call = allows("inventory:read")) -> Response:
    """One warehouse."""
    return await call.read(views.warehouse, code, call.scope, respond=schemas.warehouse)


@router.patch(
    "/warehouses/{code}",
    operation_id="changeWarehouse",
    response_model=schemas.WarehouseOut,
    responses=problems(404, 412, 428),
)
async def change_warehouse(
    code: Code, body: schemas.WarehouseChange, call: Call = allows("items:write", if_match=True)
) -> Response:
    """Change a warehouse's name, company or time zone."""
    return await call.run(
        handlers.change_warehouse, code, call.version, body.wanted(), respond=schemas.warehouse
    )
