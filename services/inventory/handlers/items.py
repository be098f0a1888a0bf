"""Items, kits, warehouses and replenishment levels (ITEM-1 to ITEM-7)."""

from dataclasses import replace
from typing import Any

from services.inventory.domain.items import (
    EVERYWHERE,
    Component,
    Item,
    ItemView,
    Levels,
    LevelsView,
    Source,
    Warehouse,
    flags,
    must_be_sound,
    must_not_contain_itself,
)
from services.inventory.handlers.replenishment import replenish_keys
from services.inventory.store import items as store
from services.inventory.store import stock as stock_rows
from services.inventory.store.replenishment import mark_levels
from shared.contracts import base
from shared.contracts.inventory import ItemSaved, KitRecipeLine, WarehouseSaved, WarehouseSource
from shared.errors import NotFound, Refused, Stale
from shared.unit_of_work import Tx, changes


class ItemExists(Refused):
    """The code is taken."""


class NoSuchItem(NotFound):
    """There is no such item."""


class ItemChanged(Stale):
    """The item has moved on since it was read."""


class UnknownItem(Refused):
    """A code that names no item."""


class UnknownWarehouse(Refused):
    """A code that names no warehouse."""


class WarehouseExists(Refused):
    """The code is taken."""


class NoSuchWarehouse(NotFound):
    """There is no such warehouse in the caller's scope."""


class WarehouseChanged(Stale):
    """The warehouse has moved on since it was read."""


class LevelsChanged(Stale):
    """The levels have moved on since they were read."""


class LevelsOutOfOrder(Refused):
    """A target below the minimum."""


async def create_item(tx: Tx, item: Item, special_order: bool, drop_ship: bool) -> ItemView:
    """A new item, told to everybody."""
    item = flags(item, special_order=special_order, drop_ship=drop_ship)
    must_be_sound(item)
    await _must_exist(tx, item)
    if not await store.add_item(tx.db, item, tx.now):
        raise ItemExists(
            f"There is already an item {item.sku}; change it, or choose another code", sku=item.sku
        )
    tx.record("item", item.sku, "created", None, _loggable(item))
    tx.announce(_saved(item))
    return ItemView(item, ())


async def change_item(tx: Tx, sku: str, version: int, wanted: dict[str, Any]) -> ItemView:
    """Change an item; setting one of its two flags clears the other in the same write (ITEM-1).

    Open order lines never follow: the order's snapshot holds what was resolved when the line was made.
    """
    before = await store.load_item(tx.db, sku, lock=True)
    if before is None:
        raise NoSuchItem(f"There is no item {sku}", sku=sku)
    if before.version != version:
        raise ItemChanged(
            f"{sku} has changed since you read it; read it again", current=before.version, given=version
        )
    plain = {name: value for name, value in wanted.items() if name not in ("special_order", "drop_ship")}
    after = replace(before, **plain)
    after = flags(after, special_order=wanted.get("special_order"), drop_ship=wanted.get("drop_ship"))
    levels = tuple((await store.levels_of(tx.db, sku)).values())
    if after == before:
        return ItemView(before, levels)
    must_be_sound(after)
    await _must_exist(tx, after)
    after = replace(after, version=before.version + 1)
    await store.save_item(tx.db, before, after)
    tx.record("item", sku, "changed", *_differences(before, after))
    tx.announce(_saved(after))
    await replenish_keys(tx, ((sku, place) for place in sorted(own.warehouse for own in levels)))
    return ItemView(after, levels)


async def _must_exist(tx: Tx, item: Item) -> None:
    """Components and warehouses that an item names must exist; no kit contains itself (ITEM-7)."""
    components = {component.sku for component in item.kit} - {item.sku}
    if missing := components - (await store.units_of(tx.db, components)).keys():
        raise UnknownItem(
            f"There is no item {', '.join(sorted(missing))}: create components first", missing=sorted(missing)
        )
    places = {place for s in item.sources for place in (s.warehouse, s.from_warehouse) if place} - {
        EVERYWHERE
    }
    await _warehouses_must_exist(tx, places)
    if item.kit:
        recipes = await store.recipes_below(tx.db, components)
        must_not_contain_itself(item.sku, {**recipes, item.sku: [component.sku for component in item.kit]})


async def _warehouses_must_exist(tx: Tx, codes: set[str]) -> None:
    if missing := codes - await store.known_warehouses(tx.db, codes):
        raise UnknownWarehouse(f"There is no warehouse {', '.join(sorted(missing))}", missing=sorted(missing))


def _saved(item: Item) -> ItemSaved:
    return ItemSaved(
        sku=item.sku,
        version=item.version,
        description=item.description,
        kind=base.ItemKind(item.kind),
        unit=item.unit,
        precision=item.precision,
        product_line=item.product_line,
        special_order=item.special_order,
        drop_ship=item.drop_ship,
        price=item.price,
        currency=item.currency,
        sources=[
            WarehouseSource(
                warehouse=s.warehouse, source=base.Source(vendor=s.vendor, warehouse=s.from_warehouse)
            )
            for s in item.sources
        ],
        kit=[KitRecipeLine(seq=c.seq, sku=c.sku, qty_per_kit=c.qty_per_kit) for c in item.kit],
    )


def _differences(before: Item, after: Item) -> tuple[dict[str, Any], dict[str, Any]]:
    old, new = changes(before, after)
    return _parts_as_values(old), _parts_as_values(new)


def _loggable(item: Item) -> dict[str, Any]:
    return _parts_as_values({name: getattr(item, name) for name in Item.__dataclass_fields__})


def _parts_as_values(values: dict[str, Any]) -> dict[str, Any]:
    """Sources and components as plain values, so that the log can be read without our classes."""

    def value(part: Any) -> Any:
        if isinstance(part, Source | Component):
            return {name: getattr(part, name) for name in part.__dataclass_fields__}
        return part

    return {
        name: [value(v) for v in held] if isinstance(held, tuple) else held for name, held in values.items()
    }


async def set_levels(tx: Tx, version: int, wanted: Levels) -> LevelsView:
    """Replenishment levels of an item in a warehouse; version 0 says that there are none yet.

    They are kept while the item is a special order, but inactive (ITEM-2).
    """
    item = await store.load_item(tx.db, wanted.sku, lock=True)
    if item is None:
        raise NoSuchItem(f"There is no item {wanted.sku}", sku=wanted.sku)
    if not tx.scope.allows(wanted.warehouse) or not await store.known_warehouses(tx.db, [wanted.warehouse]):
        raise NoSuchWarehouse(
            f"There is no warehouse {wanted.warehouse} in your scope", warehouse=wanted.warehouse
        )
    if wanted.target < wanted.minimum:
        raise LevelsOutOfOrder(
            f"The target {wanted.target} is below the minimum {wanted.minimum}: raise the target",
            minimum=wanted.minimum,
            target=wanted.target,
        )
    before = (await store.levels_of(tx.db, wanted.sku)).get(wanted.warehouse)
    if (before.version if before else 0) != version:
        current = before.version if before else 0
        raise LevelsChanged(
            "The levels have changed since you read them; read them again", current=current, given=version
        )
    key = wanted.sku, wanted.warehouse
    await stock_rows.lock_stock(tx.db, [key])
    after = replace(wanted, version=await store.save_levels(tx.db, wanted))
    await mark_levels(tx.db, key)
    old, new = changes(before, after) if before else (None, _levels(after))
    tx.record("item", wanted.sku, "replenishment", old, new, part=wanted.warehouse)
    await replenish_keys(tx, [key])
    return LevelsView(after, item.is_replenished)


def _levels(levels: Levels) -> dict[str, Any]:
    return {name: getattr(levels, name) for name in ("minimum", "target", "safety", "lead_time_days")}


# --- warehouses -------------------------------------------------------------------------------------------------------


async def create_warehouse(tx: Tx, warehouse: Warehouse) -> Warehouse:
    """A new warehouse or store, told to everybody."""
    if not tx.scope.allows(warehouse.code) or not await store.add_warehouse(tx.db, warehouse):
        raise WarehouseExists(
            f"There is already a warehouse {warehouse.code}, or it is not yours to make", code_=warehouse.code
        )
    tx.record("warehouse", warehouse.code, "created", None, _place(warehouse))
    tx.announce(_warehouse_saved(warehouse))
    return warehouse


async def change_warehouse(tx: Tx, code: str, version: int, wanted: dict[str, Any]) -> Warehouse:
    """Change a warehouse's name, company or time zone."""
    before = await store.load_warehouse(tx.db, code, lock=True) if tx.scope.allows(code) else None
    if before is None:
        raise NoSuchWarehouse(f"There is no warehouse {code} in your scope", warehouse=code)
    if before.version != version:
        raise WarehouseChanged(
            f"{code} has changed since you read it; read it again", current=before.version, given=version
        )
    if replace(before, **wanted) == before:
        return before
    after = replace(before, **wanted, version=before.version + 1)
    await store.save_warehouse(tx.db, after)
    tx.record("warehouse", code, "changed", *changes(before, after))
    tx.announce(_warehouse_saved(after))
    return after


def _place(warehouse: Warehouse) -> dict[str, Any]:
    return {name: getattr(warehouse, name) for name in ("name", "company", "time_zone")}


def _warehouse_saved(warehouse: Warehouse) -> WarehouseSaved:
    return WarehouseSaved(version=warehouse.version, code=warehouse.code, **_place(warehouse))
