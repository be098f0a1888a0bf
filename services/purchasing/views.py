"""Read-only queries: what the lists and documents show."""

from collections import defaultdict
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Select, case, func, literal, select, text
from sqlalchemy.dialects.postgresql import array
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import Text as SqlText

from services.purchasing.domain.purchase_order import State
from services.purchasing.schemas import purchase_orders as shown
from services.purchasing.schemas.desk import (
    ExceptionOut,
    ProcurementRequest,
    TaskOut,
    exception_out,
    procurement_request,
    task_out,
)
from services.purchasing.tables import (
    demands,
    exceptions,
    product_lines,
    purchase_order_lines,
    purchase_orders,
    replenishment_proposals,
    supply_reduction_lines,
    supply_reductions,
    tasks,
    ties,
    vendor_prices,
    vendors,
)
from shared.auth import Scope
from shared.decimals import ZERO
from shared.paging import Sorts

# --- purchase orders ---

PURCHASE_ORDER_SORTS = Sorts(
    {"created_at": purchase_orders.c.created_at, "number": purchase_orders.c.number},
    default="-created_at",
    tie=purchase_orders.c.id,
)
_CANCELLING = (
    select(literal(True))
    .where(supply_reductions.c.po_id == purchase_orders.c.id, supply_reductions.c.answered_at.is_(None))
    .exists()
)
_OF_PO = purchase_order_lines.c.po_id == purchase_orders.c.id
_SUPPLY = purchase_order_lines.c.ordered - purchase_order_lines.c.cancelled
_TOTAL = (
    select(func.coalesce(func.round(func.sum(purchase_order_lines.c.cost * _SUPPLY), 4), 0))
    .where(_OF_PO)
    .scalar_subquery()
)


def purchase_orders_list(
    scope: Scope,
    *,
    vendor: str | None = None,
    warehouse: str | None = None,
    state: State | None = None,
    order_id: UUID | None = None,
    sku: str | None = None,
) -> Select[Any]:
    """Purchase orders of the caller's warehouses; `order_id` finds those with a tie to that sales order."""
    po = purchase_orders.c
    lines = select(func.count()).select_from(purchase_order_lines).where(_OF_PO).scalar_subquery()
    query = select(
        po.id, po.number, po.version, po.state, _CANCELLING.label("cancelling"), po.vendor, po.warehouse, po.currency,
        po.buyer, po.created_at, po.sent_at, lines.label("lines"), _TOTAL.label("total"),
    ).where(scope.where(po.warehouse))  # fmt: skip
    query = _filtered(query, {po.vendor: vendor, po.warehouse: warehouse, po.state: state})
    if order_id is not None:
        query = query.where(po.id.in_(select(ties.c.po_id).where(ties.c.order_id == order_id)))
    if sku is not None:
        query = query.where(
            po.id.in_(select(purchase_order_lines.c.po_id).where(purchase_order_lines.c.sku == sku))
        )
    return query


def _filtered(query: Select[Any], wanted: dict[Any, Any]) -> Select[Any]:
    return query.where(*(column == value for column, value in wanted.items() if value is not None))


async def purchase_order(db: AsyncConnection, po_id: UUID, scope: Scope) -> shown.PurchaseOrderOut | None:
    """One purchase order with lines, ties, what was received, and what inventory has still to answer."""
    statement = select(purchase_orders, _CANCELLING.label("cancelling"), _TOTAL.label("total")).where(
        purchase_orders.c.id == po_id, scope.where(purchase_orders.c.warehouse)
    )
    head = (await db.execute(statement)).first()
    if head is None:
        return None
    links = await _grouped(db, _TIES, po_id)
    receipts = await _grouped(db, _RECEIPTS, po_id)
    wishes = {row.po_line_id: row.supply for row in await db.execute(_WISHES, {"po_id": po_id})}
    rows = await db.execute(
        select(purchase_order_lines)
        .where(purchase_order_lines.c.po_id == po_id)
        .order_by(purchase_order_lines.c.line_no)
    )
    lines = [_line(row, links[row.id], receipts[row.id], wishes.get(row.id)) for row in rows]
    return shown.PurchaseOrderOut.model_validate({**head._mapping, "lines": lines})


_TIES = text(
    """
    SELECT ties.*, (SELECT coalesce(sum(qty - returned + missing), 0) FROM allotments
                    WHERE allotments.tie_id = ties.id AND qty IS NOT NULL) AS pegged
    FROM ties WHERE po_id = :po_id ORDER BY id
    """
)
_RECEIPTS = text(
    """
    SELECT receipts.* FROM purchase_order_receipts receipts JOIN purchase_order_lines lines ON lines.id = po_line_id
    WHERE lines.po_id = :po_id ORDER BY received_at, receipt_line_id
    """
)
_WISHES = (
    select(supply_reduction_lines.c.po_line_id, supply_reduction_lines.c.supply)
    .join(supply_reductions, supply_reductions.c.question_id == supply_reduction_lines.c.question_id)
    .where(supply_reductions.c.po_id == text(":po_id"), supply_reductions.c.answered_at.is_(None))
)


async def _grouped(db: AsyncConnection, statement: Any, po_id: UUID) -> dict[UUID, list[Any]]:
    grouped: dict[UUID, list[Any]] = defaultdict(list)
    for row in await db.execute(statement, {"po_id": po_id}):
        grouped[row.po_line_id].append(row)
    return grouped


def _line(row: Any, links: list[Any], receipts: list[Any], wish: Any) -> dict[str, Any]:
    supply = row.ordered - row.cancelled
    return {
        **row._mapping, "po_line_id": row.id, "supply": supply, "untied": supply - row.tied, "wanted_supply": wish,
        "ties": [_tie(link) for link in links], "receipts": [receipt._mapping for receipt in receipts],
    }  # fmt: skip


def _tie(row: Any) -> dict[str, Any]:
    closed = min(row.qty, row.closed + row.missed)
    return {
        **row._mapping,
        "tie_id": row.id,
        "closed": closed,
        "open": max(ZERO, row.qty - closed - row.pegged),
    }


def is_settled(po: shown.PurchaseOrderOut) -> bool:
    """Whether inventory has answered all that it was asked about the purchase order."""
    return not po.cancelling


# --- procurement requests ---

REQUEST_SORTS = Sorts(
    {
        "requested_at": demands.c.requested_at, "ranked_at": demands.c.ranked_at, "priority": demands.c.priority,
        "sku": demands.c.sku,
    },
    default="requested_at",
    tie=demands.c.request_id,
)  # fmt: skip
"""`requested_at` is never null where there is a request (a constraint)."""

_KINDS = (
    select(func.coalesce(func.array_agg(exceptions.c.kind), array([], type_=SqlText)))
    .where(
        exceptions.c.line_id == demands.c.line_id,
        exceptions.c.component == demands.c.component,
        exceptions.c.cleared_at.is_(None),
    )
    .scalar_subquery()
)


def _requests(scope: Scope) -> Select[Any]:
    return select(
        *(column for column in demands.c if column.name not in ("need", "request_id", "request_state")),
        demands.c.request_id.label("id"), demands.c.request_state.label("state"), demands.c.need.label("qty"),
        _KINDS.label("exceptions"),
    ).where(demands.c.request_state != "none", scope.where(demands.c.warehouse))  # fmt: skip


def requests_list(
    scope: Scope,
    *,
    state: str | None = None,
    vendor: str | None = None,
    warehouse: str | None = None,
    sku: str | None = None,
    order_id: UUID | None = None,
) -> Select[Any]:
    """Procurement requests of the caller's warehouses (BUY-1)."""
    d = demands.c
    return _filtered(
        _requests(scope),
        {d.request_state: state, d.vendor: vendor, d.warehouse: warehouse, d.sku: sku, d.order_id: order_id},
    )


async def procurement_request_shown(
    db: AsyncConnection, request_id: UUID, scope: Scope
) -> ProcurementRequest | None:
    """One request; none when nothing is to be bought for its demand."""
    row = (await db.execute(_requests(scope).where(demands.c.request_id == request_id))).first()
    return procurement_request(row) if row else None


# --- exceptions and tasks ---

EXCEPTION_SORTS = Sorts(
    {"first_seen_at": exceptions.c.first_seen_at}, default="-first_seen_at", tie=exceptions.c.id
)
_EXCEPTION_STATE = case((exceptions.c.cleared_at.is_(None), "open"), else_="cleared")


def exceptions_list(
    scope: Scope,
    *,
    kind: str | None = None,
    state: str | None = None,
    warehouse: str | None = None,
    order_id: UUID | None = None,
    report: str | None = None,
) -> Select[Any]:
    """The exception desk; `report="sales"` is the Sales exceptions report: what stands in the way of order lines."""
    e = exceptions.c
    query = _filtered(
        select(exceptions, _EXCEPTION_STATE.label("state")).where(scope.where(e.warehouse)),
        {e.kind: kind, e.warehouse: warehouse, e.order_id: order_id},
    )
    if state is not None:
        query = query.where(e.cleared_at.is_(None) if state == "open" else e.cleared_at.is_not(None))
    if report == "sales":
        query = query.where(e.line_id.is_not(None))
    return query


async def exception_shown(db: AsyncConnection, exception_id: UUID, scope: Scope) -> ExceptionOut | None:
    """One exception."""
    query = exceptions_list(scope).where(exceptions.c.id == exception_id)
    row = (await db.execute(query)).first()
    return exception_out(row) if row else None


TASK_SORTS = Sorts({"created_at": tasks.c.created_at}, default="-created_at", tie=tasks.c.id)
_TASK_STATE = case((tasks.c.done_at.is_(None), "open"), else_="done")


def tasks_list(
    scope: Scope,
    *,
    state: str | None = None,
    buyer: str | None = None,
    warehouse: str | None = None,
    po_id: UUID | None = None,
) -> Select[Any]:
    """Buyers' tasks (BUY-16)."""
    t = tasks.c
    query = _filtered(
        select(tasks, _TASK_STATE.label("state")).where(scope.where(t.warehouse)),
        {t.buyer: buyer, t.warehouse: warehouse, t.po_id: po_id},
    )
    if state is not None:
        query = query.where(t.done_at.is_(None) if state == "open" else t.done_at.is_not(None))
    return query


async def task_shown(db: AsyncConnection, task_id: UUID, scope: Scope) -> TaskOut | None:
    """One task."""
    row = (await db.execute(tasks_list(scope).where(tasks.c.id == task_id))).first()
    return task_out(row) if row else None


# --- replenishment proposals ---

PROPOSAL_SORTS = Sorts(
    {
        "sku": replenishment_proposals.c.sku, "warehouse": replenishment_proposals.c.warehouse,
        "qty": replenishment_proposals.c.qty,
    },
    default="sku,warehouse",
    tie=replenishment_proposals.c.warehouse,
)  # fmt: skip
_ON_DRAFTS = (
    select(func.coalesce(func.sum(_SUPPLY - purchase_order_lines.c.tied), 0))
    .select_from(purchase_order_lines.join(purchase_orders, _OF_PO))
    .where(
        purchase_order_lines.c.sku == replenishment_proposals.c.sku,
        purchase_orders.c.warehouse == replenishment_proposals.c.warehouse,
        purchase_orders.c.state.in_(["draft", "awaiting_approval"]),
    )
    .scalar_subquery()
)


def proposals_list(
    scope: Scope,
    *,
    sku: str | None = None,
    warehouse: str | None = None,
    vendor: str | None = None,
    min_qty: Decimal | None = None,
) -> Select[Any]:
    """What stock itself needs in the caller's warehouses (BO-17), without what was withdrawn."""
    p = replenishment_proposals.c
    query = select(
        replenishment_proposals,
        _ON_DRAFTS.label("on_drafts"),
        func.greatest(p.qty - _ON_DRAFTS, 0).label("to_buy"),
    ).where(p.qty > 0, scope.where(p.warehouse))
    query = _filtered(query, {p.sku: sku, p.warehouse: warehouse, p.vendor: vendor})
    return query if min_qty is None else query.where(p.qty >= min_qty)


# --- vendors, prices, product lines ---

VENDOR_SORTS = Sorts({"code": vendors.c.code, "name": vendors.c.name}, default="code", tie=vendors.c.code)
PRICE_SORTS = Sorts(
    {"vendor": vendor_prices.c.vendor, "sku": vendor_prices.c.sku, "created_at": vendor_prices.c.created_at},
    default="vendor,sku",
    tie=vendor_prices.c.id,
)
PRODUCT_LINE_SORTS = Sorts({"code": product_lines.c.code}, default="code", tie=product_lines.c.code)


def vendors_list(*, active: bool | None = None) -> Select[Any]:
    """Vendors."""
    return _filtered(select(vendors), {vendors.c.active: active})


async def vendor_shown(db: AsyncConnection, code: str) -> Any:
    """One vendor."""
    return (await db.execute(select(vendors).where(vendors.c.code == code))).first()


def prices_list(
    *, vendor: str | None = None, sku: str | None = None, active: bool | None = None
) -> Select[Any]:
    """Price records."""
    p = vendor_prices.c
    return _filtered(select(vendor_prices), {p.vendor: vendor, p.sku: sku, p.active: active})


async def price_shown(db: AsyncConnection, price_id: UUID) -> Any:
    """One price record."""
    return (await db.execute(select(vendor_prices).where(vendor_prices.c.id == price_id))).first()


def product_lines_list() -> Select[Any]:
    """Product lines."""
    return select(product_lines)


async def product_line_shown(db: AsyncConnection, code: str) -> Any:
    """One product line."""
    return (await db.execute(select(product_lines).where(product_lines.c.code == code))).first()
