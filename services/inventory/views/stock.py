"""Stock figures, the ledger, demand, adjustments and returns."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, case, func, select, true
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import LateralFromClause

from services.inventory import tables as t
from shared.auth import Scope
from shared.paging import Sorts

STOCK_SORTS = Sorts(
    {"sku": t.stock.c.sku, "warehouse": t.stock.c.warehouse}, default="sku,warehouse", tie=t.stock.c.warehouse
)
LEDGER_SORTS = Sorts({"at": t.stock_ledger.c.id}, default="-at", tie=t.stock_ledger.c.id)
DEMAND_SORTS = Sorts(
    {
        "line": t.demand.c.line_id,
        "component": t.demand.c.component,
        "priority": t.demand.c.priority,
        "ranked_at": t.demand.c.ranked_at,
        "order": t.demand.c.order_id,
        "line_no": t.demand.c.line_no,
    },
    default="line,component",
    tie=t.demand.c.line_id,
)
ADJUSTMENT_SORTS = Sorts({"adjusted_at": t.adjustments.c.id}, default="-adjusted_at", tie=t.adjustments.c.id)
RETURN_SORTS = Sorts(
    {"returned_at": t.customer_returns.c.id}, default="-returned_at", tie=t.customer_returns.c.id
)


def _sum(value: ColumnElement[Any], where: ColumnElement[bool] | None = None) -> ColumnElement[Any]:
    total = func.sum(value) if where is None else func.sum(value).filter(where)
    return func.coalesce(total, 0)


def _demanded() -> LateralFromClause:
    d, s = t.demand.c, t.stock.c
    lacking = func.greatest(d.need - d.granted, 0)
    return (
        select(
            _sum(d.need - d.shipped).label("demand"),
            _sum(lacking).label("backordered"),
            _sum(lacking, ~d.special).label("queued"),
        )
        .where(d.sku == s.sku, d.warehouse == s.warehouse, d.need > d.shipped)
        .lateral("demanded")
    )


def _expected() -> LateralFromClause:
    line, s = t.incoming_lines.c, t.stock.c
    return (
        select(_sum(line.expected).label("incoming"))
        .where(line.sku == s.sku, line.warehouse == s.warehouse, line.open)
        .lateral("expected")
    )


def _uninspected() -> LateralFromClause:
    i, s = t.inspections.c, t.stock.c
    return (
        select(_sum(i.to_inspect - i.passed - i.failed).label("quality_control"))
        .where(i.sku == s.sku, i.warehouse == s.warehouse, i.state == "open")
        .lateral("uninspected")
    )


def stock(*, sku: str | None, warehouse: str | None, scope: Scope) -> Select[Any]:
    """Figures as users know them; the sums read open rows only."""
    s, demanded, expected, uninspected = t.stock.c, _demanded(), _expected(), _uninspected()
    available = s.on_hand - s.allotted - s.pegged - s.arrived - s.quarantined
    query = (
        select(
            s.sku,
            s.warehouse,
            s.on_hand,
            s.allotted,
            s.pegged,
            s.quarantined,
            (s.allotted + s.pegged).label("committed"),
            available.label("available"),
            demanded.c.demand,
            demanded.c.backordered,
            (available - demanded.c.queued).label("open_stock"),
            expected.c.incoming,
            uninspected.c.quality_control,
        )
        .select_from(t.stock.join(demanded, true()).join(expected, true()).join(uninspected, true()))
        .where(scope.where(s.warehouse))
    )
    return _narrowed(query, (s.sku, sku), (s.warehouse, warehouse))


def _narrowed(query: Select[Any], *filters: tuple[ColumnElement[Any], Any]) -> Select[Any]:
    for column, value in filters:
        if value is not None:
            query = query.where(column == value)
    return query


async def stock_of(db: AsyncConnection, sku: str, warehouse: str, scope: Scope) -> Any:
    """The figures of one item in one warehouse."""
    return (await db.execute(stock(sku=sku, warehouse=warehouse, scope=scope))).first()


def ledger(sku: str, warehouse: str, scope: Scope) -> Select[Any]:
    """Every movement of one item in one warehouse."""
    c = t.stock_ledger.c
    return select(t.stock_ledger).where(c.sku == sku, c.warehouse == warehouse, scope.where(c.warehouse))


def demand(
    *,
    sku: str | None,
    warehouse: str | None,
    order_id: UUID | None,
    waiting: bool | None,
    special: bool | None,
    scope: Scope,
) -> Select[Any]:
    """BO-16: the open lines that make up a demand figure: their `open` sums to it, their `backordered` likewise."""
    d = t.demand.c
    query = select(
        t.demand,
        (d.need - d.shipped).label("open"),
        func.greatest(d.need - d.granted, 0).label("backordered"),
    ).where(d.need > d.shipped, scope.where(d.warehouse))
    if waiting is not None:
        query = query.where(d.need > d.granted if waiting else d.need <= d.granted)
    return _narrowed(
        query, (d.sku, sku), (d.warehouse, warehouse), (d.order_id, order_id), (d.special, special)
    )


def adjustments(*, sku: str | None, warehouse: str | None, scope: Scope) -> Select[Any]:
    """Adjustments by hand."""
    c = t.adjustments.c
    return _narrowed(_adjustments(scope), (c.sku, sku), (c.warehouse, warehouse))


def _adjustments(scope: Scope) -> Select[Any]:
    c = t.adjustments.c
    booked = (c.qty + c.asking + c.refused).label("booked")
    state = case((c.asking > 0, "asking"), else_="done").label("state")
    return select(t.adjustments, booked, state).where(scope.where(c.warehouse))


async def adjustment(db: AsyncConnection, adjustment_id: UUID, scope: Scope) -> Any:
    """One adjustment."""
    return (await db.execute(_adjustments(scope).where(t.adjustments.c.id == adjustment_id))).first()


def customer_returns(
    *, sku: str | None, warehouse: str | None, line_id: UUID | None, scope: Scope
) -> Select[Any]:
    """Customer returns."""
    c = t.customer_returns.c
    query = select(t.customer_returns).where(scope.where(c.warehouse))
    return _narrowed(query, (c.sku, sku), (c.warehouse, warehouse), (c.line_id, line_id))
