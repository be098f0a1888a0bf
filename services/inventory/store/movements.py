"""Adjustments and customer returns."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.adjustment import Adjustment
from services.inventory.domain.returning import CustomerReturn
from services.inventory.store.columns import ID, QTY, TEXT, spread, statement

_ADD_ADJUSTMENTS = statement(
    """
    INSERT INTO adjustments (id, number, reference, sku, warehouse, qty, reason, adjusted_by, adjusted_at)
    SELECT id, number, reference, sku, warehouse, qty, reason, adjusted_by, :at
    FROM unnest(:id, :number, :reference, :sku, :warehouse, :qty, :reason, :adjusted_by)
        AS a(id, number, reference, sku, warehouse, qty, reason, adjusted_by)
    """,
    id=ID,
    number=TEXT,
    reference=TEXT,
    sku=TEXT,
    warehouse=TEXT,
    qty=QTY,
    reason=TEXT,
    adjusted_by=TEXT,
)
_BY_REFERENCE = statement(
    """
    SELECT id, number, reference, sku, warehouse, qty, reason, adjusted_by FROM adjustments
    WHERE reference = ANY(:references)
    """,
    references=TEXT,
)
_ADD_RETURN = text(
    """
    INSERT INTO customer_returns (id, number, order_id, line_id, component, sku, warehouse, qty, return_to, reason,
        returned_by, returned_at)
    VALUES (:id, :number, :order_id, :line_id, :component, :sku, :warehouse, :qty, :return_to, :reason, :returned_by, :at)
    """
)
_RETURNED = text(
    "SELECT coalesce(sum(qty), 0) FROM customer_returns WHERE line_id = :line_id AND component = :component"
)


async def add_adjustments(db: AsyncConnection, adjustments: Sequence[Adjustment], at: datetime) -> None:
    """Write adjustments."""
    if adjustments:
        await db.execute(
            _ADD_ADJUSTMENTS, {**spread(adjustments, *(f.name for f in fields(Adjustment))), "at": at}
        )


async def adjustments_by_reference(db: AsyncConnection, references: Iterable[str]) -> dict[str, Adjustment]:
    """Adjustments that were made before under these references."""
    wanted = sorted(set(references))
    if not wanted:
        return {}
    rows = await db.execute(_BY_REFERENCE, {"references": wanted})
    return {row.reference: Adjustment(*row) for row in rows}


async def add_return(db: AsyncConnection, returned: CustomerReturn, at: datetime) -> None:
    """Write a customer return."""
    await db.execute(
        _ADD_RETURN, {**{f.name: getattr(returned, f.name) for f in fields(CustomerReturn)}, "at": at}
    )


async def returned_of_line(db: AsyncConnection, line_id: UUID, component: int) -> Decimal:
    """What a line has given back so far."""
    found: Decimal = (await db.execute(_RETURNED, {"line_id": line_id, "component": component})).scalar_one()
    return found
