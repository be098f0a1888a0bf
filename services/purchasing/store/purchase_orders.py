"""Purchase orders with their lines and ties: locked by id, loaded whole, saved by difference."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Numeric, Text, Uuid, any_, bindparam, select, text

from services.purchasing.domain.auto_purchase import Group
from services.purchasing.domain.cost import CostSource, Packing
from services.purchasing.domain.demand import Tie
from services.purchasing.domain.purchase_order import Finishing, Line, PurchaseOrder, State
from services.purchasing.store.demands import TIE_COLUMNS, tie_of
from services.purchasing.store.rows import packed, replacing, upsert
from services.purchasing.tables import purchase_order_lines, purchase_order_receipts, purchase_orders, ties
from shared.schema import next_numbers
from shared.unit_of_work import Tx

_IDS = bindparam("ids", type_=ARRAY(Uuid))
_LOCK = (
    select(purchase_orders)
    .where(purchase_orders.c.id == any_(_IDS))
    .order_by(purchase_orders.c.id)
    .with_for_update(key_share=True)
)
_LINES = (
    select(purchase_order_lines)
    .where(purchase_order_lines.c.po_id == any_(_IDS))
    .order_by(purchase_order_lines.c.po_id, purchase_order_lines.c.line_no)
)
_TIES = text(
    f"""
    SELECT {TIE_COLUMNS} FROM ties JOIN demands USING (line_id, component)
    WHERE po_id = ANY(:ids) ORDER BY ties.id
    """  # noqa: S608  # our own columns
).bindparams(_IDS)


async def lock_purchase_orders(tx: Tx, ids: Collection[UUID]) -> dict[UUID, PurchaseOrder]:
    """The purchase orders of these ids, locked in id order, with lines and ties as they now stand."""
    if not ids:
        return {}
    rows = (await tx.db.execute(_LOCK, {"ids": sorted(ids)})).all()
    found = {"ids": [row.id for row in rows]}
    linked: dict[UUID, list[Tie]] = defaultdict(list)
    for tie in await tx.db.execute(_TIES, found):
        linked[tie.po_line_id].append(tie_of(tie))
    lines: dict[UUID, list[Line]] = defaultdict(list)
    for row in await tx.db.execute(_LINES, found):
        lines[row.po_id].append(_line(row, linked[row.id]))
    return {row.id: _purchase_order(row, lines[row.id]) for row in rows}


def _line(row: Any, linked: Iterable[Tie]) -> Line:
    return Line(
        po_line_id=row.id, line_no=row.line_no, sku=row.sku, description=row.description, unit=row.unit,
        precision=row.precision, product_line=row.product_line, order_type=row.order_type, ordered=row.ordered,
        packing=Packing(row.purchase_unit, row.units_per), purchase_price=row.purchase_price, cost=row.cost,
        cost_source=CostSource(row.cost_source), cancelled=row.cancelled, received=row.received,
        stock_wanted=row.stock_wanted, expected_on=row.expected_on, agreed_on=row.agreed_on,
        comments=tuple(row.comments), reason=row.reason, ties=tuple(linked),
    )  # fmt: skip


def _purchase_order(row: Any, lines: Iterable[Line]) -> PurchaseOrder:
    return PurchaseOrder(
        po_id=row.id, number=row.number, state=State(row.state), vendor=row.vendor, warehouse=row.warehouse,
        currency=row.currency, buyer=row.buyer, created_by=row.created_by, created_at=row.created_at,
        by_hand=row.by_hand, for_order_id=row.for_order_id, product_line=row.product_line, version=row.version,
        told=row.told, sent_at=row.sent_at, ended_at=row.ended_at,
        finishing=Finishing(row.finishing) if row.finishing else None, reason=row.reason, lines=tuple(lines),
    )  # fmt: skip


_DRAFTS = text(
    """
    SELECT id FROM purchase_orders
    JOIN unnest(:vendors, :warehouses, :currencies) AS wanted(vendor, warehouse, currency)
        USING (vendor, warehouse, currency)
    WHERE state = 'draft'
    """
).bindparams(*(bindparam(name, type_=ARRAY(Text)) for name in ("vendors", "warehouses", "currencies")))


async def drafts_of(tx: Tx, groups: Collection[Group]) -> set[UUID]:
    """Unsent purchase orders of these vendors, warehouses and currencies; not locked yet."""
    if not groups:
        return set()
    columns = {
        "vendors": [group.vendor for group in groups],
        "warehouses": [group.warehouse for group in groups],
        "currencies": [group.currency for group in groups],
    }
    return set((await tx.db.execute(_DRAFTS, columns)).scalars())


async def purchase_order_in_scope(tx: Tx, po_id: UUID) -> bool:
    """Whether there is such a purchase order in the caller's warehouses."""
    statement = select(purchase_orders.c.id).where(
        purchase_orders.c.id == po_id, tx.scope.where(purchase_orders.c.warehouse)
    )
    return (await tx.db.execute(statement)).first() is not None


async def numbers(tx: Tx, count: int) -> list[str]:
    """The next purchase order numbers."""
    return await next_numbers(tx.db, "purchase_order_numbers", "PO", count)


# --- saving ---

_ORDER_CHANGES = ("state", "buyer", "version", "told", "sent_at", "ended_at", "finishing", "reason")
_SAVE_ORDERS = upsert(
    purchase_orders,
    key=("id",),
    columns=("id", "number", "vendor", "warehouse", "company", "currency", "product_line", "created_by", "created_at",
             "by_hand", "for_order_id", "drop_ship", *_ORDER_CHANGES),
    update=replacing(_ORDER_CHANGES),
)  # fmt: skip
_LINE_CHANGES = (
    "ordered", "cancelled", "received", "tied", "stock_wanted", "cost", "cost_source", "purchase_price",
    "expected_on", "agreed_on", "reason",
)  # fmt: skip
_SAVE_LINES = upsert(
    purchase_order_lines,
    key=("id",),
    columns=("id", "po_id", "line_no", "sku", "description", "unit", "precision", "product_line", "order_type",
             "purchase_unit", "units_per", "comments", *_LINE_CHANGES),
    update=replacing(_LINE_CHANGES),
)  # fmt: skip
_TIE_CHANGES = ("qty", "closed", "missed", "closed_reason")
_SAVE_TIES = upsert(
    ties,
    key=("id",),
    columns=("id", "po_id", "po_line_id", "line_id", "component", "order_id", "order_number", "line_no",
             "special_order_id", "sku", "unit", *_TIE_CHANGES),
    update=replacing(_TIE_CHANGES),
)  # fmt: skip


async def save_purchase_orders(
    tx: Tx, before: Mapping[UUID, PurchaseOrder], after: Iterable[PurchaseOrder], companies: Mapping[str, str]
) -> None:
    """Write what differs, at most one statement each for orders, lines and ties."""
    orders, lines, links = [], [], []
    for po in after:
        old = before.get(po.po_id)
        if old == po:
            continue
        orders.append(_order_row(po, companies.get(po.warehouse)))
        old_lines = {line.po_line_id: line for line in old.lines} if old else {}
        for line in po.lines:
            if (old_line := old_lines.get(line.po_line_id)) == line:
                continue
            lines.append(_line_row(po, line))
            kept = set(old_line.ties) if old_line else set()
            links += [_tie_row(tie) for tie in line.ties if tie not in kept]
    for statement, rows in ((_SAVE_ORDERS, orders), (_SAVE_LINES, lines), (_SAVE_TIES, links)):
        if rows:
            await tx.db.execute(statement, packed(rows))


def _order_row(po: PurchaseOrder, company: str | None) -> dict[str, Any]:
    return {
        "id": po.po_id, "number": po.number, "state": po.state, "vendor": po.vendor, "warehouse": po.warehouse,
        "company": company, "currency": po.currency, "product_line": po.product_line, "buyer": po.buyer,
        "created_by": po.created_by, "created_at": po.created_at, "by_hand": po.by_hand,
        "for_order_id": po.for_order_id, "drop_ship": False, "version": po.version, "told": po.told,
        "sent_at": po.sent_at, "ended_at": po.ended_at, "finishing": po.finishing, "reason": po.reason,
    }  # fmt: skip


def _line_row(po: PurchaseOrder, line: Line) -> dict[str, Any]:
    return {
        "id": line.po_line_id, "po_id": po.po_id, "line_no": line.line_no, "sku": line.sku,
        "description": line.description, "unit": line.unit, "precision": line.precision,
        "product_line": line.product_line, "order_type": line.order_type, "ordered": line.ordered,
        "cancelled": line.cancelled, "received": line.received, "tied": line.tied, "stock_wanted": line.stock_wanted,
        "purchase_unit": line.packing.purchase_unit, "units_per": line.packing.units_per,
        "purchase_price": line.purchase_price, "cost": line.cost, "cost_source": line.cost_source,
        "expected_on": line.expected_on, "agreed_on": line.agreed_on, "comments": line.comments,
        "reason": line.reason,
    }  # fmt: skip


def _tie_row(tie: Tie) -> dict[str, Any]:
    return {
        "id": tie.tie_id, "po_id": tie.po_id, "po_line_id": tie.po_line_id, "line_id": tie.line_id,
        "component": tie.component, "order_id": tie.order_id, "order_number": tie.order_number,
        "line_no": tie.line_no, "special_order_id": tie.special_order_id, "sku": tie.sku, "unit": tie.unit,
        "qty": tie.qty, "closed": tie.closed, "missed": tie.missed, "closed_reason": tie.closed_reason,
    }  # fmt: skip


# --- receipts ---


@dataclass(frozen=True)
class Receipt:
    """One counted line of a completed incoming shipment."""

    receipt_line_id: UUID
    receipt_id: UUID
    po_line_id: UUID
    received: Decimal
    surplus: Decimal
    received_at: datetime


_RECEIPTS = upsert(
    purchase_order_receipts,
    key=("receipt_line_id",),
    columns=("receipt_line_id", "receipt_id", "po_line_id", "received", "surplus", "received_at"),
    tail="RETURNING receipt_line_id",
)
_RECEIVED = (
    text(
        """
    SELECT receipts.po_line_id, sum(receipts.received) AS received
    FROM purchase_order_lines lines JOIN purchase_order_receipts receipts ON receipts.po_line_id = lines.id
    WHERE lines.po_id = ANY(:ids) GROUP BY receipts.po_line_id
    """
    )
    .bindparams(_IDS)
    .columns(po_line_id=Uuid, received=Numeric)
)


async def hear_receipts(tx: Tx, receipts: Iterable[Receipt]) -> set[UUID]:
    """Store receipt lines, each once for ever; those that are new come back."""
    rows = (
        {
            "receipt_line_id": r.receipt_line_id, "receipt_id": r.receipt_id, "po_line_id": r.po_line_id,
            "received": r.received, "surplus": r.surplus, "received_at": r.received_at,
        }
        for r in {r.receipt_line_id: r for r in receipts}.values()
    )  # fmt: skip
    return set((await tx.db.execute(_RECEIPTS, packed(rows))).scalars())


async def received_of(tx: Tx, po_ids: Collection[UUID]) -> dict[UUID, Decimal]:
    """What has been received of each line of these purchase orders, over all receipts heard."""
    return {row.po_line_id: row.received for row in await tx.db.execute(_RECEIVED, {"ids": sorted(po_ids)})}
