"""Copies of items and warehouses, used at order entry only: open lines never follow them (ITEM-1)."""

from collections.abc import Sequence
from typing import Any

from shared.contracts.inventory import ItemSaved, WarehouseSaved
from shared.unit_of_work import Told, Tx

from .. import store


async def item_saved(tx: Tx, told: Sequence[Told[ItemSaved]]) -> None:
    """Items as they now stand."""
    await store.keep_items(tx.db, [_item(one.fact) for one in told])


def _item(fact: ItemSaved) -> dict[str, Any]:
    return {
        "sku": fact.sku,
        "version": fact.version,
        "description": fact.description,
        "kind": fact.kind.value,
        "unit": fact.unit,
        "precision": fact.precision,
        "product_line": fact.product_line,
        "special_order": fact.special_order,
        "drop_ship": fact.drop_ship,
        "price": fact.price,
        "currency": fact.currency,
        "sources": [
            {
                "warehouse": entry.warehouse,
                "vendor": entry.source.vendor,
                "source_warehouse": entry.source.warehouse,
            }
            for entry in fact.sources
        ],
        "kit": [line.model_dump(mode="json") for line in fact.kit],
    }


async def warehouse_saved(tx: Tx, told: Sequence[Told[WarehouseSaved]]) -> None:
    """Warehouses as they now stand."""
    rows = [
        {
            "code": one.fact.code,
            "version": one.fact.version,
            "name": one.fact.name,
            "company": one.fact.company,
            "time_zone": one.fact.time_zone,
        }
        for one in told
    ]
    await store.keep_warehouses(tx.db, rows)
