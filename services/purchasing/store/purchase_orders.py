"""Purchase orders with their lines and ties: locked by id, loaded whole, saved by difference."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Table, Text, TextClause, Uuid, any_, bindparam, select, text

from services.purchasing.domain.cost import CostSource, Packing
from services.purchasing.domain.demand import Tie
from services.purchasing.domain.purchase_order import Finishing, Line, PurchaseOrder, State
from services.purchasing.store.demands import SAVE_SETTLED, TIE_COLUMNS, Settled, settled_row, tie_of
from services.purchasing.store.rows import packed, replacing, upsert_of
from services.purchasing.tables import purchase_order_lines, purchase_orders, ties
from shared.schema import next_numbers
from shared.unit_of_work import Tx

_IDS = bindparam("ids", type_=ARRAY(Uuid))
_LOCK = (
    select(purchase_orders)
    .where(purchase_orders.c.id == any_(_IDS))
    .order_by(purchase_orders.c.id)
    .with_for_update(key_share=True)
)
_LINE = (
    "id", "line_no", "sku", "description", "unit", "precision", "product_line", "order_type", "ordered",
    "purchase_unit", "units_per", "purchase_price", "cost", "cost_source", "cancelled", "received", "stock_wanted",
    "expected_on", "agreed_on", "comments", "reason",
)  # fmt: skip
_HEAD = ("po_id", "arrived", "priority", "ranked_at")
_WIDTH = len(_HEAD) + len(_LINE)
_CONTENTS = text(
    f"""
    SELECT lines.po_id,
           (SELECT sum(r.received) FROM purchase_order_receipts AS r WHERE r.po_line_id = lines.id) AS arrived,
           demands.priority, demands.ranked_at,
           {", ".join(f"lines.{name}" for name in _LINE)},
           {TIE_COLUMNS}
    FROM purchase_order_lines AS lines
    LEFT JOIN ties ON ties.po_line_id = lines.id
    LEFT JOIN demands ON (demands.line_id, demands.component) = (ties.line_id, ties.component)
    WHERE lines.po_id = ANY(:ids) ORDER BY lines.po_id, lines.line_no, ties.id
    """  # noqa: S608  # our own columns
).bindparams(_IDS)
"""A row for each line, or for each of its ties."""


async def lock_purchase_orders(
    tx: Tx, ids: Collection[UUID]
) -> tuple[dict[UUID, PurchaseOrder], dict[UUID, Decimal]]:
    """The purchase orders of these ids, locked in id order, with lines and ties as they now stand.

    And what has been received of each line over all receipts heard, where anything has.
    """
    if not ids:
        return {}, {}
    rows = (await tx.db.execute(_LOCK, {"ids": sorted(ids)})).all()
    contents = (await tx.db.execute(_CONTENTS, {"ids": [row.id for row in rows]})).all()
    lines: dict[UUID, list[Line]] = defaultdict(list)
    received: dict[UUID, Decimal] = {}
    for po_line_id, group in groupby(contents, key=_line_id):
        own = list(group)
        lines[own[0].po_id].append(_line(own))
        if own[0].arrived is not None:
            received[po_line_id] = own[0].arrived
    return {row.id: _purchase_order(row, lines[row.id]) for row in rows}, received


def _line_id(row: Any) -> UUID:
    found: UUID = row.id
    return found


def _line(rows: Sequence[Any]) -> Line:
    values = dict(zip(_LINE, rows[0][len(_HEAD) : _WIDTH], strict=True))
    packing = Packing(values.pop("purchase_unit"), values.pop("units_per"))
    linked = (tie_of(row[_WIDTH:], row.priority, row.ranked_at) for row in rows if row[_WIDTH] is not None)
    return Line(
        po_line_id=values.pop("id"),
        packing=packing,
        **values | {"cost_source": CostSource(values["cost_source"]), "comments": tuple(values["comments"])},
        ties=tuple(linked),
    )


def _purchase_order(row: Any, lines: Iterable[Line]) -> PurchaseOrder:
    return PurchaseOrder(
        po_id=row.id, number=row.number, state=State(row.state), vendor=row.vendor, warehouse=row.warehouse,
        currency=row.currency, buyer=row.buyer, created_by=row.created_by, created_at=row.created_at,
        by_hand=row.by_hand, for_order_id=row.for_order_id, product_line=row.product_line, version=row.version,
        told=row.told, sent_at=row.sent_at, ended_at=row.ended_at,
        finishing=Finishing(row.finishing) if row.finishing else None, reason=row.reason, lines=tuple(lines),
    )  # fmt: skip


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
_ORDER = (
    "id", "number", "vendor", "warehouse", "company", "currency", "product_line", "created_by", "created_at",
    "by_hand", "for_order_id", "drop_ship", *_ORDER_CHANGES,
)  # fmt: skip
NUMBER_FORMAT = "FM999999000000"
"""At least six digits."""
_NEW_NUMBER = f"""
    CASE WHEN number <> '' THEN number
         ELSE 'PO-' || to_char(nextval('purchase_order_numbers'), '{NUMBER_FORMAT}') END
"""
"""A purchase order that has no number yet gets its own as it is written; gaps are normal."""
_LINE_CHANGES = (
    "ordered", "cancelled", "received", "tied", "stock_wanted", "cost", "cost_source", "purchase_price",
    "expected_on", "agreed_on", "reason",
)  # fmt: skip
_NEW_LINE = (
    "id", "po_id", "line_no", "sku", "description", "unit", "precision", "product_line", "order_type",
    "purchase_unit", "units_per", "comments", *_LINE_CHANGES,
)  # fmt: skip
_TIE_CHANGES = ("qty", "closed", "missed", "closed_reason")
_NEW_TIE = (
    "id", "po_id", "po_line_id", "line_id", "component", "order_id", "order_number", "line_no", "special_order_id",
    "sku", "unit", *_TIE_CHANGES,
)  # fmt: skip


def _put(table: Table, columns: Sequence[str], changes: Sequence[str]) -> str:
    source = f"json_populate_recordset(NULL::{table.name}, CAST(:{table.name} AS json))"
    return upsert_of(table, source=source, key=("id",), columns=columns, update=replacing(changes))


_PUT_ORDERS = (
    f"INSERT INTO purchase_orders ({', '.join(_ORDER)}) "  # noqa: S608  # our own columns
    f"SELECT {', '.join(_NEW_NUMBER if name == 'number' else name for name in _ORDER)} "
    f"FROM json_populate_recordset(NULL::purchase_orders, CAST(:purchase_orders AS json)) AS given ORDER BY id "
    f"ON CONFLICT (id) DO UPDATE SET {replacing(_ORDER_CHANGES)} RETURNING id, number"
)
_PARTS = {
    "purchase_orders": _PUT_ORDERS,
    "purchase_order_lines": _put(purchase_order_lines, _NEW_LINE, _LINE_CHANGES),
    "ties": _put(ties, _NEW_TIE, _TIE_CHANGES),
    "settled": SAVE_SETTLED,
}
_TAIL = "SELECT id, number FROM saved_purchase_orders"


@cache
def _saving(parts: tuple[str, ...]) -> TextClause:
    """One statement for what there is to write; PostgreSQL looks at foreign keys when all of it is written."""
    writes = ", ".join(f"saved_{part} AS ({_PARTS[part]})" for part in parts)
    tail = _TAIL if "purchase_orders" in parts else "SELECT 1 WHERE false"
    return text(f"WITH {writes} {tail}").bindparams(*(bindparam(part, type_=Text) for part in parts))


async def save_purchase_orders(
    tx: Tx,
    before: Mapping[UUID, PurchaseOrder],
    after: Iterable[PurchaseOrder],
    companies: Mapping[str, str],
    settled: Iterable[Settled] = (),
) -> dict[UUID, str]:
    """Write what differs, and what demands came to, in one statement; the numbers of the purchase orders come back."""
    rows: dict[str, list[dict[str, Any]]] = {part: [] for part in _PARTS}
    for po in after:
        old = before.get(po.po_id)
        if old == po:
            continue
        rows["purchase_orders"].append(_order_row(po, companies.get(po.warehouse)))
        old_lines = {line.po_line_id: line for line in old.lines} if old else {}
        for line in po.lines:
            if (old_line := old_lines.get(line.po_line_id)) == line:
                continue
            rows["purchase_order_lines"].append(_line_row(po, line))
            kept = set(old_line.ties) if old_line else set()
            rows["ties"] += [_tie_row(tie) for tie in line.ties if tie not in kept]
    rows["settled"] = [settled_row(one) for one in settled]
    parts = tuple(part for part, own in rows.items() if own)
    if not parts:
        return {}
    given = {part: packed(rows[part])["rows"] for part in parts}
    now = {"now": tx.now} if "settled" in parts else {}
    written = await tx.db.execute(_saving(parts), given | now)
    return {row[0]: row[1] for row in written}


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
