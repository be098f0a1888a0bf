"""Purchase orders as heard, with their lines, ties and what inventory has promised to let arrive at most."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, bindparam, select
from sqlalchemy import any_ as any_of
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory import tables as t
from services.inventory.domain.incoming import PoHead, PoLine
from services.inventory.domain.receiving import OpenTie
from services.inventory.store.columns import FLAG, ID, INT, QTY, TEXT, columns, spread, statement

_LINE_FIELDS = tuple(field.name for field in fields(PoLine))

_KEEP_NEWEST = statement(
    """
    INSERT INTO purchase_orders (po_id, version, number, state, vendor, warehouse, drop_ship)
    SELECT * FROM unnest(:po_id, :version, :number, :state, :vendor, :warehouse, :drop_ship)
        AS told(po_id, version, number, state, vendor, warehouse, drop_ship) ORDER BY po_id
    ON CONFLICT (po_id) DO UPDATE SET version = excluded.version, number = excluded.number, state = excluded.state,
        vendor = excluded.vendor, warehouse = excluded.warehouse, drop_ship = excluded.drop_ship
    WHERE purchase_orders.version < excluded.version
    RETURNING po_id, xmax = 0 AS is_new
    """,
    po_id=ID,
    version=INT,
    number=TEXT,
    state=TEXT,
    vendor=TEXT,
    warehouse=TEXT,
    drop_ship=FLAG,
)
_EXPECT_UNHEARD = statement(
    """
    INSERT INTO purchase_orders (po_id, version, number, state, vendor, warehouse, drop_ship)
    SELECT po_id, 0, '', 'unheard', '', '', false FROM unnest(:ids) AS wanted(po_id) ORDER BY po_id
    ON CONFLICT DO NOTHING
    """,
    ids=ID,
)
_LOCK = statement(
    """
    SELECT po_id, version, number, state, vendor, warehouse, drop_ship FROM purchase_orders
    WHERE po_id = ANY(:ids) ORDER BY po_id FOR NO KEY UPDATE
    """,
    ids=ID,
)
_LINES = select(*(t.purchase_order_lines.c[name] for name in _LINE_FIELDS)).where(
    t.purchase_order_lines.c.po_id == any_of(bindparam("ids", type_=ARRAY(ID)))
)
_OPEN_TIES = statement(
    """
    SELECT t.tie_id, t.po_line_id, t.order_id, t.order_number, t.line_id, t.line_no, t.component, t.special_order_id,
        greatest(0, t.qty - greatest(t.closed, t.close_floor) - t.pegged) AS open,
        CASE WHEN d.heard_version > 0 THEN greatest(0, d.need - d.granted) END AS lacking,
        d.heard_version, d.priority, d.ranked_at
    FROM ties t LEFT JOIN demand d ON d.line_id = t.line_id AND d.component = t.component
    WHERE t.po_line_id = ANY(:po_line_ids)
    """,
    po_line_ids=ID,
)
_MISS_TIES = statement(
    """
    UPDATE ties t SET missed = t.missed + miss.qty, close_floor = greatest(t.closed, t.close_floor) + miss.qty
    FROM unnest(:tie_ids, :qty) AS miss(tie_id, qty) WHERE t.tie_id = miss.tie_id RETURNING t.tie_id, t.missed
    """,
    tie_ids=ID,
    qty=QTY,
)
_LIMIT = statement(
    """
    UPDATE purchase_order_lines l SET supply_limit = lim.supply, cancel_floor = l.ordered - lim.supply
    FROM unnest(:po_line_ids, :supply) AS lim(po_line_id, supply)
    WHERE l.po_line_id = lim.po_line_id AND l.ordered - l.cancelled > lim.supply
    """,
    po_line_ids=ID,
    supply=QTY,
)
_ANSWERS = statement(
    "SELECT question_id, po_line_id, supply FROM supply_answers WHERE question_id = ANY(:ids) ORDER BY po_line_id",
    ids=ID,
)
_PROMISED = statement(
    "SELECT po_line_id, min(supply) AS supply FROM supply_answers WHERE po_line_id = ANY(:ids) GROUP BY po_line_id",
    ids=ID,
)
_KEEP_ANSWERS = statement(
    """
    INSERT INTO supply_answers (question_id, po_line_id, po_id, supply, answered_at)
    SELECT question_id, po_line_id, po_id, supply, :at FROM unnest(:question_id, :po_line_id, :po_id, :supply)
        AS answer(question_id, po_line_id, po_id, supply)
    ON CONFLICT DO NOTHING
    """,
    question_id=ID,
    po_line_id=ID,
    po_id=ID,
    supply=QTY,
)


async def keep_newest(db: AsyncConnection, told: Sequence[Any]) -> dict[UUID, bool]:
    """Remember the versions of these purchase orders and lock their rows.

    Those that are news come back: {PO: whether nothing of it was known before, not even a question about it}.
    """
    names = ("po_id", "version", "number", "state", "vendor", "warehouse", "drop_ship")
    ordered = sorted(told, key=lambda po: po.po_id)
    return {row.po_id: row.is_new for row in await db.execute(_KEEP_NEWEST, spread(ordered, *names))}


async def lock_purchase_orders(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, PoHead]:
    """These purchase orders, locked by id; one that has not been heard of yet is held by an empty row of version 0.

    So a question about a purchase order and its first snapshot cannot pass each other unseen.
    """
    wanted = sorted(set(ids))
    rows = (await db.execute(_LOCK, {"ids": wanted})).all()
    if len(rows) < len(wanted):
        await db.execute(_EXPECT_UNHEARD, {"ids": wanted})
        rows = (await db.execute(_LOCK, {"ids": wanted})).all()
    return {row.po_id: PoHead(*row) for row in rows}


async def po_lines(db: AsyncConnection, po_ids: Iterable[UUID]) -> dict[UUID, PoLine]:
    """All lines of these purchase orders."""
    return {row.po_line_id: PoLine(*row) for row in await db.execute(_LINES, {"ids": list(po_ids)})}


async def open_ties(db: AsyncConnection, po_line_ids: Iterable[UUID]) -> list[OpenTie]:
    """The ties of these lines with what they may still take and whose turn it is."""
    rows = await db.execute(_OPEN_TIES, {"po_line_ids": list(po_line_ids)})
    return [
        OpenTie(
            tie_id=row.tie_id,
            po_line_id=row.po_line_id,
            order_id=row.order_id,
            order_number=row.order_number,
            line_id=row.line_id,
            line_no=row.line_no,
            component=row.component,
            special_order_id=row.special_order_id,
            open=row.open,
            lacking=row.lacking,
            rank=(-row.priority, row.ranked_at, row.order_id, row.line_no, row.component)
            if row.heard_version
            else None,
        )
        for row in rows
    ]


async def miss_ties(db: AsyncConnection, missed: Mapping[UUID, Decimal]) -> dict[UUID, Decimal]:
    """Further units of these ties can no longer come; {tie: all that it has missed}."""
    rows = await db.execute(_MISS_TIES, columns(sorted(missed.items()), "tie_ids", "qty"))
    return {row.tie_id: row.missed for row in rows}


async def given_answers(db: AsyncConnection, question_ids: Iterable[UUID]) -> dict[UUID, dict[UUID, Decimal]]:
    """Questions about supply that were answered before: {question: {PO line: supply}}."""
    found: dict[UUID, dict[UUID, Decimal]] = {}
    for row in await db.execute(_ANSWERS, {"ids": list(question_ids)}):
        found.setdefault(row.question_id, {})[row.po_line_id] = row.supply
    return found


async def promised_supply(db: AsyncConnection, po_line_ids: Iterable[UUID]) -> dict[UUID, Decimal]:
    """The least supply that was ever promised for these lines."""
    return {row.po_line_id: row.supply for row in await db.execute(_PROMISED, {"ids": list(po_line_ids)})}


async def keep_answers(
    db: AsyncConnection, answers: Sequence[tuple[UUID, UUID, UUID, Decimal]], at: datetime
) -> None:
    """Remember answers (question, PO line, PO, supply) and limit what may still arrive on the lines that are known."""
    await db.execute(
        _KEEP_ANSWERS, {**columns(answers, "question_id", "po_line_id", "po_id", "supply"), "at": at}
    )
    least: dict[UUID, Decimal] = {}
    for _, line, _, supply in answers:
        least[line] = min(supply, least.get(line, supply))
    await db.execute(_LIMIT, columns(sorted(least.items()), "po_line_ids", "supply"))
