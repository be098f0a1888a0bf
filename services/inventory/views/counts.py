"""Stock counts."""

from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory import tables as t
from shared.auth import Scope
from shared.paging import Sorts

COUNT_SORTS = Sorts({"counted_at": t.stock_counts.c.id}, default="-counted_at", tie=t.stock_counts.c.id)


def stock_counts(
    *, sku: str | None, warehouse: str | None, with_discrepancy: bool | None, scope: Scope
) -> Select[Any]:
    """Counts in the caller's warehouses."""
    c = t.stock_counts.c
    query = select(t.stock_counts).where(scope.where(c.warehouse))
    if sku is not None:
        query = query.where(c.sku == sku)
    if warehouse is not None:
        query = query.where(c.warehouse == warehouse)
    if with_discrepancy is not None:
        query = query.where((c.discrepancy != 0) == with_discrepancy)
    return query


async def stock_count(db: AsyncConnection, count_id: UUID, scope: Scope) -> Any:
    """One count."""
    c = t.stock_counts.c
    query = select(t.stock_counts).where(c.id == count_id, scope.where(c.warehouse))
    return (await db.execute(query)).first()
