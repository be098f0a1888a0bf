"""What orders knows of why a line waits (BO-18)."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.auth import Scope

from ..domain.explaining import Situation, Standing
from ..domain.order import Line, Order
from ..domain.special import SpecialOrder, Tie
from ..tables import line_exceptions, order_lines, sales_orders, special_orders, ties
from .trace import NOT_LEFT, shipments_of, tickets_of


async def situation(db: AsyncConnection, order_id: UUID, line_no: int, scope: Scope) -> Situation | None:
    """Line `line_no` with everything around it, or None if there is none in the caller's warehouses."""
    own = select(order_lines).where(order_lines.c.order_id == order_id).order_by(order_lines.c.line_no)
    lines = [Line.of(dict(row)) for row in (await db.execute(own)).mappings()]
    visible = frozenset(line.id for line in lines if scope.allows(line.warehouse))
    line = next((line for line in lines if line.line_no == line_no and line.id in visible), None)
    if line is None:
        return None
    head = select(sales_orders).where(sales_orders.c.id == order_id)
    order = Order.of(dict((await db.execute(head)).mappings().one()))
    tied = await _ties(db, line.id)
    return Situation(
        order,
        line,
        lines,
        await tickets_of(db, line.id),
        list(tied),
        {tie.id: expected_on for tie, expected_on in tied.items()},
        await _special(db, line),
        await _obstacles(db, line.id),
        _standings(await shipments_of(db, line.id)),
        visible,
    )


async def _ties(db: AsyncConnection, line_id: UUID) -> Mapping[Tie, Any]:
    query = select(ties).where(ties.c.line_id == line_id).order_by(ties.c.po_number, ties.c.po_line_no)
    rows = (await db.execute(query)).mappings().all()
    return {Tie(**{field.name: row[field.name] for field in fields(Tie)}): row["expected_on"] for row in rows}


async def _special(db: AsyncConnection, line: Line) -> SpecialOrder | None:
    query = select(special_orders).where(special_orders.c.line_id == line.id, special_orders.c.component == 0)
    row = (await db.execute(query)).mappings().first()
    return SpecialOrder.of(dict(row)) if row else None


async def _obstacles(db: AsyncConnection, line_id: UUID) -> list[Any]:
    own = line_exceptions.c
    of_order = select(order_lines.c.order_id).where(order_lines.c.id == line_id).scalar_subquery()
    query = (
        select(line_exceptions)
        .where(own.order_id == of_order, own.line_id == line_id, ~own.cleared)
        .order_by(own.first_seen_at, own.id)
    )
    return list((await db.execute(query)).all())


def _standings(shares: list[dict[str, Any]]) -> list[Standing]:
    found: dict[UUID, Standing] = {}
    for share in shares:
        if share["state"] in NOT_LEFT and share["qty"] > 0:
            known = found.get(share["shipment_id"])
            qty = share["qty"] + (known.qty if known else 0)
            found[share["shipment_id"]] = Standing(share["shipment_id"], share["number"], share["state"], qty)
    return list(found.values())
