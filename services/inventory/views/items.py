"""Items and warehouses, as lists and one by one."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory import tables as t
from services.inventory.domain.items import Component, Item, ItemView, Levels, Source, Warehouse
from shared.auth import Scope
from shared.paging import Sorts

ITEM_SORTS = Sorts(
    {"sku": t.items.c.sku, "created_at": t.items.c.created_at}, default="sku", tie=t.items.c.sku
)
WAREHOUSE_SORTS = Sorts({"code": t.warehouses.c.code}, default="code", tie=t.warehouses.c.code)


def items(
    *, kind: str | None, special_order: bool | None, drop_ship: bool | None, product_line: str | None
) -> Select[Any]:
    """Items; they belong to no warehouse."""
    query = select(t.items)
    for column, value in (
        (t.items.c.kind, kind),
        (t.items.c.special_order, special_order),
        (t.items.c.drop_ship, drop_ship),
        (t.items.c.product_line, product_line),
    ):
        if value is not None:
            query = query.where(column == value)
    return query


_ITEM = select(*(t.items.c[field.name] for field in fields(Item) if field.name not in ("sources", "kit")))
_SOURCES = select(t.item_sources.c.warehouse, t.item_sources.c.vendor, t.item_sources.c.from_warehouse)
_KIT = select(t.kit_lines.c.seq, t.kit_lines.c.component, t.kit_lines.c.qty_per_kit)
_LEVELS = select(*(t.replenishment_levels.c[field.name] for field in fields(Levels)))
_WAREHOUSE = select(*(t.warehouses.c[field.name] for field in fields(Warehouse)))


async def item(db: AsyncConnection, sku: str, scope: Scope) -> ItemView | None:
    """One item, with the levels of the warehouses that the caller may see."""
    row = (await db.execute(_ITEM.where(t.items.c.sku == sku))).first()
    if row is None:
        return None
    sources = await db.execute(
        _SOURCES.where(t.item_sources.c.sku == sku).order_by(t.item_sources.c.warehouse)
    )
    kit = await db.execute(_KIT.where(t.kit_lines.c.kit == sku).order_by(t.kit_lines.c.seq))
    c = t.replenishment_levels.c
    levels = await db.execute(_LEVELS.where(c.sku == sku, scope.where(c.warehouse)).order_by(c.warehouse))
    found = Item(
        **row._mapping,
        sources=tuple(Source(*s) for s in sources),
        kit=tuple(Component(*line) for line in kit),
    )
    return ItemView(found, tuple(Levels(*own) for own in levels))


def warehouses(scope: Scope) -> Select[Any]:
    """The caller's warehouses."""
    return select(t.warehouses).where(scope.where(t.warehouses.c.code))


async def warehouse(db: AsyncConnection, code: str, scope: Scope) -> Warehouse | None:
    """One warehouse."""
    c = t.warehouses.c
    row = (await db.execute(_WAREHOUSE.where(c.code == code, scope.where(c.code)))).first()
    return None if row is None else Warehouse(*row)
