"""Stock counts."""

from dataclasses import fields
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.counting import StockCount

_FIELDS = tuple(field.name for field in fields(StockCount))
_ADD = text(
    """
    INSERT INTO stock_counts (id, number, reference, sku, warehouse, expected, counted, adjustment_id, reason, counted_by,
        counted_at)
    VALUES (:id, :number, :reference, :sku, :warehouse, :expected, :counted, :adjustment_id, :reason, :counted_by, :at)
    """
)
_BY_REFERENCE = text(
    """
    SELECT id, number, reference, sku, warehouse, expected, counted, adjustment_id, reason, counted_by FROM stock_counts
    WHERE reference = :reference
    """
)


async def add_count(db: AsyncConnection, count: StockCount, at: datetime) -> None:
    """Write a count."""
    await db.execute(_ADD, {**{name: getattr(count, name) for name in _FIELDS}, "at": at})


async def count_by_reference(db: AsyncConnection, reference: str) -> StockCount | None:
    """The count that was made under this reference."""
    row = (await db.execute(_BY_REFERENCE, {"reference": reference})).first()
    return None if row is None else StockCount(*row)
