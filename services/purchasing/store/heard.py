"""What inventory and shipping tell, kept in one statement: answers to orders, claim tickets, counted receipt lines.

Each row by its own key, figures by greatest; what comes back is only what the words made different, so that whoever
settles demands leaves alone those of which nothing was news.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import Text, TextClause, bindparam, text

from services.purchasing.domain.demand import DemandKey
from services.purchasing.store.rows import packed, upsert_of
from services.purchasing.tables import allotments, purchase_order_receipts, standings
from shared.decimals import ZERO
from shared.unit_of_work import Tx


@dataclass(frozen=True)
class AllotmentRow:
    """What one fact says of an allotment; figures that it does not know are zero, the birth quantity None."""

    allotment_id: UUID
    line_id: UUID
    component: int
    tie_id: UUID | None = None
    receipt_line_id: UUID | None = None
    qty: Decimal | None = None
    figures: Mapping[str, Decimal] = field(default_factory=dict)

    def and_(self, other: "AllotmentRow") -> "AllotmentRow":
        """Two facts about one allotment: every figure is the greater one."""
        names = {*self.figures, *other.figures}
        return AllotmentRow(
            self.allotment_id,
            self.line_id,
            self.component,
            self.tie_id or other.tie_id,
            self.receipt_line_id or other.receipt_line_id,
            self.qty if self.qty is not None else other.qty,
            {name: max(self.figures.get(name, ZERO), other.figures.get(name, ZERO)) for name in names},
        )


@dataclass(frozen=True)
class Receipt:
    """One counted line of a completed incoming shipment."""

    receipt_line_id: UUID
    receipt_id: UUID
    po_line_id: UUID
    received: Decimal
    surplus: Decimal
    received_at: datetime


@dataclass(frozen=True)
class News:
    """The demands whose figures the words may have changed, and the receipt lines that were not known."""

    demands: frozenset[DemandKey] = frozenset()
    receipt_lines: frozenset[UUID] = frozenset()


_STANDING = ("line_id", "component", "settled_version")
_TICKET = ("allotment_id", "line_id", "component", "tie_id", "receipt_line_id", "qty")
_FIGURES = ("withdrawn", "failed", "passed", "shipped", "returned", "missing")
_RECEIPT = ("receipt_line_id", "receipt_id", "po_line_id", "received", "surplus", "received_at")
_RAISED = {name: f"greatest(allotments.{name}, excluded.{name})" for name in _FIGURES}
# inventory fails or takes units while shipping returns the same ones: they are counted once, inventory's word first,
# as inventory itself counts them; least() knows no bound while the birth quantity is unknown
_ROOM = f"coalesce(allotments.qty, excluded.qty) - {_RAISED['withdrawn']} - {_RAISED['failed']}"
_SHIPPED = f"least({_RAISED['shipped']}, {_ROOM})"
_RETURNED = f"least({_RAISED['returned']}, {_ROOM} - {_SHIPPED})"
_BOUNDED = {
    **_RAISED,
    "shipped": _SHIPPED,
    "returned": _RETURNED,
    "missing": f"least({_RAISED['missing']}, {_RETURNED})",
}
_COUNTED = ("tie_id", "qty", "withdrawn", "failed", "returned", "missing")
"""What of a claim ticket a demand's need depends on."""
# an answer changes what a demand comes to only if its order speaks of an older version (then it waits for the order),
# or if it takes from the shelf first (then it waited for the answer). Demands are read as they were before this
# statement: one that was not told then, or not as far as this, may have been told by whoever was waited for here.
# What is known is looked up by its key (OFFSET 0: a plan made while a table is new would join, and read all of it)
_KEEP_STANDINGS = f"""
    answers AS (SELECT * FROM json_populate_recordset(NULL::standings, CAST(:standings AS json))),
    answered AS ({
    upsert_of(
        standings,
        source="answers",
        key=("line_id", "component"),
        columns=_STANDING,
        update="settled_version = greatest(standings.settled_version, excluded.settled_version)",
    )
})"""  # noqa: S608  # our own columns
_OF_STANDINGS = """
    SELECT answers.line_id, answers.component, CAST(NULL AS uuid) AS receipt_line_id
    FROM answers LEFT JOIN LATERAL (
        SELECT order_version, bought, kind, special_order FROM demands
        WHERE (demands.line_id, demands.component) = (answers.line_id, answers.component) OFFSET 0) AS d ON true
    WHERE d.order_version IS NULL OR answers.settled_version > d.order_version
       OR (d.bought AND d.kind = 'order_as_needed' AND NOT d.special_order)"""
_KEEP_ALLOTMENTS = f"""
    tickets AS (SELECT * FROM json_populate_recordset(NULL::allotments, CAST(:allotments AS json))),
    kept AS ({
    upsert_of(
        allotments,
        source="tickets",
        key=("allotment_id",),
        columns=(*_TICKET, *_FIGURES),
        update="tie_id = coalesce(allotments.tie_id, excluded.tie_id), "
        "receipt_line_id = coalesce(allotments.receipt_line_id, excluded.receipt_line_id), "
        "qty = coalesce(allotments.qty, excluded.qty), "
        + ", ".join(f"{name} = {value}" for name, value in _BOUNDED.items()),
        tail="RETURNING *",
    )
})"""  # noqa: S608  # our own columns
# whoever tells a demand and whoever tells something for it do not see each other's rows before they commit: they meet at
# its standing (`hear_demands`), and the later one sees all. One that is known as bought is locked in settling instead
_MEET = """
    met AS (
        INSERT INTO standings (line_id, component, settled_version)
        SELECT DISTINCT tickets.line_id, tickets.component, 0
        FROM tickets LEFT JOIN LATERAL (
            SELECT bought FROM demands
            WHERE (demands.line_id, demands.component) = (tickets.line_id, tickets.component) OFFSET 0) AS d ON true
        WHERE d.bought IS NOT TRUE AND (tickets.qty IS NOT NULL OR tickets.returned > 0) ORDER BY 1, 2
        ON CONFLICT (line_id, component) DO UPDATE SET settled_version = standings.settled_version WHERE false
    )"""
# `known` is read as it was before this statement: whoever was waited for here makes one news more, never one less
_OF_ALLOTMENTS = f"""
    SELECT kept.line_id, kept.component, CAST(NULL AS uuid) AS receipt_line_id
    FROM kept LEFT JOIN LATERAL (
        SELECT * FROM allotments WHERE allotments.allotment_id = kept.allotment_id OFFSET 0) AS known ON true
    WHERE ({", ".join(f"kept.{name}" for name in _COUNTED)})
        IS DISTINCT FROM ({", ".join(f"known.{name}" for name in _COUNTED)})"""  # noqa: S608  # our own columns
_KEEP_RECEIPTS = f"""
    counted AS (SELECT * FROM json_populate_recordset(NULL::purchase_order_receipts, CAST(:receipts AS json))),
    booked AS ({
    upsert_of(
        purchase_order_receipts,
        source="counted",
        key=("receipt_line_id",),
        columns=_RECEIPT,
        tail="RETURNING receipt_line_id",
    )
})"""  # noqa: S608  # our own columns
_OF_RECEIPTS = "SELECT CAST(NULL AS uuid), CAST(NULL AS integer), receipt_line_id FROM booked"
_PARTS = {
    "standings": (_KEEP_STANDINGS, _OF_STANDINGS),
    "allotments": (_KEEP_ALLOTMENTS, _OF_ALLOTMENTS),
    "receipts": (_KEEP_RECEIPTS, _OF_RECEIPTS),
}


@cache
def _hearing(parts: tuple[str, ...]) -> TextClause:
    keeping = ", ".join(_PARTS[part][0] for part in parts)
    if "allotments" in parts and "standings" not in parts:
        keeping += f", {_MEET}"
    news = " UNION ".join(_PARTS[part][1] for part in parts)
    return text(f"WITH {keeping} {news}").bindparams(*(bindparam(part, type_=Text) for part in parts))


async def hear(
    tx: Tx,
    heard: Iterable[AllotmentRow] = (),
    settled: Mapping[DemandKey, int] | None = None,
    receipts: Iterable[Receipt] = (),
) -> News:
    """Keep what was heard: figures only grow, versions too, a receipt line counts once for ever."""
    given = {
        "standings": [dict(zip(_STANDING, (*key, v), strict=True)) for key, v in (settled or {}).items()],
        "allotments": [_ticket(row) for row in _folded(heard)],
        "receipts": [vars(one) for one in {one.receipt_line_id: one for one in receipts}.values()],
    }
    parts = tuple(part for part, rows in given.items() if rows)
    if not parts:
        return News()
    rows = (await tx.db.execute(_hearing(parts), {part: packed(given[part])["rows"] for part in parts})).all()
    return News(
        frozenset((row[0], row[1]) for row in rows if row[0] is not None),
        frozenset(row[2] for row in rows if row[2] is not None),
    )


def _folded(heard: Iterable[AllotmentRow]) -> Iterable[AllotmentRow]:
    folded: dict[UUID, AllotmentRow] = {}
    for row in heard:
        known = folded.get(row.allotment_id)
        folded[row.allotment_id] = known.and_(row) if known else row
    return folded.values()


def _ticket(row: AllotmentRow) -> dict[str, Any]:
    head = {name: getattr(row, name) for name in _TICKET}
    return head | {figure: row.figures.get(figure, ZERO) for figure in _FIGURES}
