"""Goods that left, or did not: all that it starts from, locked, and all that it writes, in one statement each."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Key, Line
from services.inventory.domain.stock import Entry, LedgerKind, Move
from services.inventory.store.columns import ID, INT, QTY, TEXT, columns, spread, statement
from services.inventory.store.demand import DEMAND, as_demand
from shared.ids import new_id

_FIELDS = tuple(field.name for field in fields(Allotment))
# an issue is booked under the lock of its stock, which the caller holds: what is not there now nobody else is writing
_CLAIMS = statement(
    f"""
    SELECT {", ".join("a." + name for name in _FIELDS)}, booked.keys
    FROM allotments a LEFT JOIN (
        SELECT told.allotment_id, array_agg(l.source_key) AS keys
        FROM unnest(:allotment_ids, :source_keys) AS told(allotment_id, source_key)
        JOIN stock_ledger l ON l.kind = '{LedgerKind.ISSUE}' AND l.source_key = told.source_key
        GROUP BY told.allotment_id
    ) booked ON booked.allotment_id = a.id
    WHERE a.id = ANY(:ids)
    """,  # noqa: S608  # constants of ours
    ids=ID,
    allotment_ids=ID,
    source_keys=TEXT,
)
_SETTLE = statement(
    f"""
    WITH booked AS (
        INSERT INTO stock_ledger (id, sku, warehouse, qty, kind, source_key, document, reason, actor, at)
        SELECT id, sku, warehouse, qty, kind, source_key, document, reason, actor, :at
        FROM unnest(:entry_id, :sku, :warehouse, :qty, :kind, :source_key, :document, :reason, :actor)
            AS entry(id, sku, warehouse, qty, kind, source_key, document, reason, actor)
        ORDER BY kind, source_key ON CONFLICT (kind, source_key) DO NOTHING
    ), claimed AS (
        UPDATE allotments a SET shipped = now_is.shipped,
            returned = now_is.returned, missing = now_is.missing, unproven = now_is.unproven, locked = false,
            unlocks = a.unlocks + 1
        FROM unnest(:id, :shipped, :returned, :missing, :unproven) AS now_is(id, shipped, returned, missing, unproven)
        WHERE a.id = now_is.id
    ), moved AS (
        UPDATE stock s SET on_hand = s.on_hand + m.on_hand, allotted = s.allotted + m.allotted,
            pegged = s.pegged + m.pegged
        FROM unnest(:skus, :warehouses, :on_hand, :allotted, :pegged) AS m(sku, warehouse, on_hand, allotted, pegged)
        WHERE s.sku = m.sku AND s.warehouse = m.warehouse
    )
    UPDATE demand d SET granted = d.granted + change.granted, shipped = d.shipped + change.shipped_now, stuck = false
    FROM unnest(:line_ids, :components, :granted, :shipped_now) AS change(line_id, component, granted, shipped_now)
    WHERE d.line_id = change.line_id AND d.component = change.component RETURNING {DEMAND}
    """,  # noqa: S608  # a constant of ours
    entry_id=ID,
    sku=TEXT,
    warehouse=TEXT,
    qty=QTY,
    kind=TEXT,
    source_key=TEXT,
    document=TEXT,
    reason=TEXT,
    actor=TEXT,
    id=ID,
    shipped=QTY,
    returned=QTY,
    missing=QTY,
    unproven=QTY,
    skus=TEXT,
    warehouses=TEXT,
    on_hand=QTY,
    allotted=QTY,
    pegged=QTY,
    line_ids=ID,
    components=INT,
    granted=QTY,
    shipped_now=QTY,
)


@dataclass(frozen=True, slots=True)
class Claims:
    """Claim tickets as they stand, and which of the issues that were asked about are booked already."""

    allotments: Mapping[UUID, Allotment]
    booked: frozenset[str]


async def read_claims(db: AsyncConnection, ids: Iterable[UUID], issues: Mapping[str, UUID]) -> Claims:
    """These allotments, as far as they are known; `issues` are {natural key: allotment}. Their stock's locks are held."""
    values = {"ids": list(ids), "source_keys": list(issues), "allotment_ids": list(issues.values())}
    rows = (await db.execute(_CLAIMS, values)).all()
    booked = frozenset(key for row in rows for key in row.keys or ())
    return Claims({row.id: Allotment(*row[:-1]) for row in rows}, booked)


async def settle(
    db: AsyncConnection,
    entries: Sequence[Entry],
    allotments: Iterable[Allotment],
    moves: Mapping[Key, Move],
    changes: Mapping[Line, tuple[Decimal, Decimal]],
    at: datetime,
) -> dict[Line, Demand]:
    """Write ledger, claim tickets, stock, and what (granted, shipped) change by; the demands come back as they stand now.

    A shipment of these allotments is over: what is left of them may move again, for all that is known (BO-10).
    """
    booked = [
        (new_id(), *e.key, e.qty, e.kind.value, e.source_key, e.document, e.reason, e.actor) for e in entries
    ]
    ordered = sorted(allotments, key=lambda allotment: allotment.id)
    moved = [(*key, m.on_hand, m.allotted, m.pegged) for key, m in moves.items() if m != Move()]
    changed = [(*line, *change) for line, change in sorted(changes.items())]
    ledger = ("entry_id", "sku", "warehouse", "qty", "kind", "source_key", "document", "reason", "actor")
    claim = ("id", "shipped", "returned", "missing", "unproven")
    values = {
        **columns(booked, *ledger),
        **spread(ordered, *claim),
        **columns(moved, "skus", "warehouses", "on_hand", "allotted", "pegged"),
        **columns(changed, "line_ids", "components", "granted", "shipped_now"),
    }
    return {demand.line: demand for demand in map(as_demand, await db.execute(_SETTLE, {**values, "at": at}))}
