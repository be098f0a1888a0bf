"""Items with their sources and recipes, warehouses and replenishment levels."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.adjustment import ItemUnit
from services.inventory.domain.items import Component, Item, Levels, Source, Warehouse
from services.inventory.store.columns import INT, QTY, TEXT, columns, statement

_ITEM = """
    SELECT sku, version, description, kind, unit, precision, product_line, special_order, drop_ship, special_reason,
        price, currency FROM items WHERE sku = :sku
"""
_LOAD = text(_ITEM)
_LOCK = text(_ITEM + " FOR NO KEY UPDATE")
_SOURCES = text(
    "SELECT warehouse, vendor, from_warehouse FROM item_sources WHERE sku = :sku ORDER BY warehouse"
)
_KIT = text("SELECT seq, component, qty_per_kit FROM kit_lines WHERE kit = :sku ORDER BY seq")
_ADD = text(
    """
    INSERT INTO items (sku, version, description, kind, unit, precision, product_line, special_order, drop_ship,
        special_reason, price, currency, created_at)
    VALUES (:sku, :version, :description, :kind, :unit, :precision, :product_line, :special_order, :drop_ship,
        :special_reason, :price, :currency, :at)
    ON CONFLICT DO NOTHING RETURNING sku
    """
)
_CHANGE = text(
    """
    UPDATE items SET version = :version, description = :description, product_line = :product_line,
        special_order = :special_order, drop_ship = :drop_ship, special_reason = :special_reason, price = :price,
        currency = :currency
    WHERE sku = :sku
    """
)
_DROP_SOURCES = text("DELETE FROM item_sources WHERE sku = :sku")
_ADD_SOURCES = statement(
    """
    INSERT INTO item_sources (sku, warehouse, vendor, from_warehouse)
    SELECT :sku, warehouse, vendor, from_warehouse FROM unnest(:warehouses, :vendors, :from_warehouses)
        AS source(warehouse, vendor, from_warehouse)
    """,
    warehouses=TEXT,
    vendors=TEXT,
    from_warehouses=TEXT,
)
_DROP_KIT = text("DELETE FROM kit_lines WHERE kit = :sku")
_ADD_KIT = statement(
    """
    INSERT INTO kit_lines (kit, seq, component, qty_per_kit)
    SELECT :sku, seq, component, qty FROM unnest(:seqs, :components, :qty) AS line(seq, component, qty)
    """,
    seqs=INT,
    components=TEXT,
    qty=QTY,
)
_RECIPES_BELOW = statement(
    """
    WITH RECURSIVE below(kit, component) AS (
        SELECT kit, component FROM kit_lines WHERE kit = ANY(:skus)
        UNION SELECT k.kit, k.component FROM below b JOIN kit_lines k ON k.kit = b.component
    )
    SELECT kit, component FROM below
    """,
    skus=TEXT,
)
_KITS_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(7041100)")
_UNITS = statement("SELECT sku, kind, unit, precision FROM items WHERE sku = ANY(:skus)", skus=TEXT)
_KNOWN_WAREHOUSES = statement("SELECT code FROM warehouses WHERE code = ANY(:codes)", codes=TEXT)
_WAREHOUSE = text("SELECT code, version, name, company, time_zone FROM warehouses WHERE code = :code")
_LOCK_WAREHOUSE = text(
    "SELECT code, version, name, company, time_zone FROM warehouses WHERE code = :code FOR NO KEY UPDATE"
)
_ADD_WAREHOUSE = text(
    """
    INSERT INTO warehouses (code, version, name, company, time_zone) VALUES (:code, :version, :name, :company, :time_zone)
    ON CONFLICT DO NOTHING RETURNING code
    """
)
_CHANGE_WAREHOUSE = text(
    "UPDATE warehouses SET version = :version, name = :name, company = :company, time_zone = :time_zone WHERE code = :code"
)
_LEVELS = text(
    """
    SELECT sku, warehouse, version, minimum, target, safety, lead_time_days FROM replenishment_levels
    WHERE sku = :sku ORDER BY warehouse
    """
)
_SAVE_LEVELS = text(
    """
    INSERT INTO replenishment_levels (sku, warehouse, version, minimum, target, safety, lead_time_days)
    VALUES (:sku, :warehouse, 1, :minimum, :target, :safety, :lead_time_days)
    ON CONFLICT (sku, warehouse) DO UPDATE SET version = replenishment_levels.version + 1, minimum = excluded.minimum,
        target = excluded.target, safety = excluded.safety, lead_time_days = excluded.lead_time_days
    RETURNING version
    """
)


async def load_item(db: AsyncConnection, sku: str, *, lock: bool = False) -> Item | None:
    """An item with sources and recipe."""
    row = (await db.execute(_LOCK if lock else _LOAD, {"sku": sku})).first()
    if row is None:
        return None
    sources = tuple(Source(*source) for source in await db.execute(_SOURCES, {"sku": sku}))
    kit = tuple(Component(*line) for line in await db.execute(_KIT, {"sku": sku}))
    return Item(**row._mapping, sources=sources, kit=kit)


async def add_item(db: AsyncConnection, item: Item, at: datetime) -> bool:
    """Write a new item; False when its code is taken."""
    fixed = {"kind": item.kind, "unit": item.unit, "precision": item.precision, "at": at}
    if (await db.execute(_ADD, {**_head(item), **fixed})).first() is None:
        return False
    await _add_parts(db, item)
    return True


async def save_item(db: AsyncConnection, before: Item, item: Item) -> None:
    """Write a changed item; its code, kind, unit and precision never change."""
    await db.execute(_CHANGE, _head(item))
    if item.sources != before.sources:
        await db.execute(_DROP_SOURCES, {"sku": item.sku})
        await _add_sources(db, item)
    if item.kit != before.kit:
        await db.execute(_DROP_KIT, {"sku": item.sku})
        await _add_kit(db, item)


def _head(item: Item) -> dict[str, Any]:
    names = (
        "sku", "version", "description", "product_line", "special_order", "drop_ship", "special_reason", "price", "currency",
    )  # fmt: skip
    return {name: getattr(item, name) for name in names}


async def _add_parts(db: AsyncConnection, item: Item) -> None:
    await _add_sources(db, item)
    await _add_kit(db, item)


async def _add_sources(db: AsyncConnection, item: Item) -> None:
    if item.sources:
        rows = [(s.warehouse, s.vendor, s.from_warehouse) for s in item.sources]
        await db.execute(
            _ADD_SOURCES, {"sku": item.sku, **columns(rows, "warehouses", "vendors", "from_warehouses")}
        )


async def _add_kit(db: AsyncConnection, item: Item) -> None:
    if item.kit:
        rows = [(line.seq, line.sku, line.qty_per_kit) for line in item.kit]
        await db.execute(_ADD_KIT, {"sku": item.sku, **columns(rows, "seqs", "components", "qty")})


async def recipes_below(db: AsyncConnection, skus: Iterable[str]) -> dict[str, list[str]]:
    """The recipes of these kits and of all kits in them; recipes are written one transaction at a time from here on.

    Two recipes written at once could each be sound and together make a circle.
    """
    await db.execute(_KITS_ONE_BY_ONE)
    found: dict[str, list[str]] = {}
    for row in await db.execute(_RECIPES_BELOW, {"skus": list(skus)}):
        found.setdefault(row.kit, []).append(row.component)
    return found


async def units_of(db: AsyncConnection, skus: Iterable[str]) -> dict[str, ItemUnit]:
    """Kind and unit of these items, as far as they exist."""
    return {row.sku: ItemUnit(*row) for row in await db.execute(_UNITS, {"skus": sorted(set(skus))})}


async def known_warehouses(db: AsyncConnection, codes: Iterable[str]) -> set[str]:
    """Which of these warehouses exist."""
    return set((await db.execute(_KNOWN_WAREHOUSES, {"codes": sorted(set(codes))})).scalars())


async def load_warehouse(db: AsyncConnection, code: str, *, lock: bool = False) -> Warehouse | None:
    """A warehouse."""
    row = (await db.execute(_LOCK_WAREHOUSE if lock else _WAREHOUSE, {"code": code})).first()
    return None if row is None else Warehouse(*row)


async def add_warehouse(db: AsyncConnection, warehouse: Warehouse) -> bool:
    """Write a new warehouse; False when its code is taken."""
    return (await db.execute(_ADD_WAREHOUSE, _warehouse(warehouse))).first() is not None


async def save_warehouse(db: AsyncConnection, warehouse: Warehouse) -> None:
    """Write a changed warehouse."""
    await db.execute(_CHANGE_WAREHOUSE, _warehouse(warehouse))


def _warehouse(warehouse: Warehouse) -> dict[str, Any]:
    return {name: getattr(warehouse, name) for name in ("code", "version", "name", "company", "time_zone")}


async def levels_of(db: AsyncConnection, sku: str) -> dict[str, Levels]:
    """An item's replenishment levels by warehouse."""
    return {row.warehouse: Levels(*row) for row in await db.execute(_LEVELS, {"sku": sku})}


async def save_levels(db: AsyncConnection, levels: Levels) -> int:
    """Write levels; their version comes back."""
    names = ("sku", "warehouse", "minimum", "target", "safety", "lead_time_days")
    version: int = (
        await db.execute(_SAVE_LEVELS, {name: getattr(levels, name) for name in names})
    ).scalar_one()
    return version
