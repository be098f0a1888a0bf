"""Adjustments and customer returns."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.adjustment import Adjustment
from services.inventory.domain.demand import Key
from services.inventory.domain.returning import CustomerReturn
from services.inventory.store.columns import ID, QTY, TEXT, columns, spread, statement

_ADD_ADJUSTMENTS = statement(
    """
    INSERT INTO adjustments (id, number, reference, sku, warehouse, qty, reason, adjusted_by, asking, refused, adjusted_at)
    SELECT id, number, reference, sku, warehouse, qty, reason, adjusted_by, asking, refused, :at
    FROM unnest(:id, :number, :reference, :sku, :warehouse, :qty, :reason, :adjusted_by, :asking, :refused)
        AS a(id, number, reference, sku, warehouse, qty, reason, adjusted_by, asking, refused)
    """,
    id=ID,
    number=TEXT,
    reference=TEXT,
    sku=TEXT,
    warehouse=TEXT,
    qty=QTY,
    reason=TEXT,
    adjusted_by=TEXT,
    asking=QTY,
    refused=QTY,
)
_SETTLE = statement(
    """
    UPDATE adjustments a SET asking = a.asking - answered.units, refused = a.refused + answered.refused
    FROM unnest(:id, :units, :refused) AS answered(id, units, refused) WHERE a.id = answered.id
    RETURNING a.id, a.number, a.reference, a.sku, a.warehouse, a.qty, a.reason, a.adjusted_by, a.asking, a.refused
    """,
    id=ID,
    units=QTY,
    refused=QTY,
)
_BY_REFERENCE = statement(
    """
    SELECT id, number, reference, sku, warehouse, qty, reason, adjusted_by, asking, refused FROM adjustments
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
_BEING_WRITTEN_OFF = text(
    """
    SELECT coalesce(sum(asking), 0) FROM adjustments WHERE sku = :sku AND warehouse = :warehouse AND asking > 0
    """
)


async def add_adjustments(db: AsyncConnection, adjustments: Sequence[Adjustment], at: datetime) -> None:
    """Write adjustments."""
    if adjustments:
        await db.execute(
            _ADD_ADJUSTMENTS, {**spread(adjustments, *(f.name for f in fields(Adjustment))), "at": at}
        )


async def settle_adjustments(
    db: AsyncConnection, answered: Mapping[UUID, tuple[Decimal, Decimal]]
) -> dict[UUID, Adjustment]:
    """So many units of these losses have been answered, and so many of them refused; they come back as they stand now."""
    rows = [(id_, *figures) for id_, figures in sorted(answered.items())]
    found = await db.execute(_SETTLE, columns(rows, "id", "units", "refused"))
    return {row.id: Adjustment(*row) for row in found}


async def adjustments_by_reference(db: AsyncConnection, references: Iterable[str]) -> dict[str, Adjustment]:
    """Adjustments that were made before under these references."""
    wanted = sorted(set(references))
    if not wanted:
        return {}
    rows = await db.execute(_BY_REFERENCE, {"references": wanted})
    return {row.reference: Adjustment(*row) for row in rows}


async def being_written_off(db: AsyncConnection, key: Key) -> Decimal:
    """Units of this key that losses still ask for (BO-12): on the books, but known not to be there."""
    found: Decimal = (await db.execute(_BEING_WRITTEN_OFF, {"sku": key[0], "warehouse": key[1]})).scalar_one()
    return found


async def add_return(db: AsyncConnection, returned: CustomerReturn, at: datetime) -> None:
    """Write a customer return."""
    await db.execute(
        _ADD_RETURN, {**{f.name: getattr(returned, f.name) for f in fields(CustomerReturn)}, "at": at}
    )


async def returned_of_line(db: AsyncConnection, line_id: UUID, component: int) -> Decimal:
    """What a line has given back so far."""
    found: Decimal = (await db.execute(_RETURNED, {"line_id": line_id, "component": component})).scalar_one()
    return found
