"""The copies of items and warehouses that order entry reads, kept by version."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ARRAY, Text, bindparam, column, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from ..domain.catalogue import Item
from ..tables import catalogue_items, warehouses
from .rows import Row, replace_older


@dataclass(frozen=True)
class CatalogueEntry:
    """What orders knows of an item and a warehouse that a line names."""

    item: Item | None
    warehouse_known: bool


_wanted = (
    func.unnest(bindparam("skus", type_=ARRAY(Text)), bindparam("places", type_=ARRAY(Text)))
    .table_valued(column("wanted_sku", Text), column("wanted_warehouse", Text), name="wanted")
    .render_derived()
)
_ENTRIES = (
    select(
        _wanted.c.wanted_sku,
        _wanted.c.wanted_warehouse,
        warehouses.c.code.is_not(None).label("warehouse_known"),
        *(catalogue_items.c[field.name] for field in fields(Item)),
    )
    .select_from(_wanted)
    .outerjoin(catalogue_items, catalogue_items.c.sku == _wanted.c.wanted_sku)
    .outerjoin(warehouses, warehouses.c.code == _wanted.c.wanted_warehouse)
)


async def catalogue_entries(
    db: AsyncConnection, pairs: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], CatalogueEntry]:
    """What is known of each (sku, warehouse), in one statement."""
    wanted = sorted(set(pairs))
    if not wanted:
        return {}
    rows = await db.execute(
        _ENTRIES, {"skus": [sku for sku, _ in wanted], "places": [place for _, place in wanted]}
    )
    return {(row["wanted_sku"], row["wanted_warehouse"]): _entry(row) for row in rows.mappings()}


def _entry(row: Any) -> CatalogueEntry:
    item = (
        Item.of({field.name: row[field.name] for field in fields(Item)}) if row["sku"] is not None else None
    )
    return CatalogueEntry(item, row["warehouse_known"])


async def keep_items(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Item snapshots; a higher version replaces a lower one."""
    await replace_older(db, catalogue_items, rows)


async def keep_warehouses(db: AsyncConnection, rows: Sequence[Row]) -> None:
    """Warehouse snapshots; a higher version replaces a lower one."""
    await replace_older(db, warehouses, rows)
