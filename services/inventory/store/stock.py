"""Stock rows and the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.demand import Key
from services.inventory.domain.stock import Entry, Move, Stock
from services.inventory.store.columns import ID, OUT_OF_ORDER, QTY, TEXT, columns, keys, statement
from shared.ids import new_id

_LOCK = statement(
    """
    SELECT s.sku, s.warehouse, s.on_hand, s.allotted, s.pegged, s.arrived, s.quarantined, s.has_levels
    FROM stock s JOIN unnest(:skus, :warehouses) AS wanted(sku, warehouse)
      ON s.sku = wanted.sku AND s.warehouse = wanted.warehouse
    WHERE (SELECT count(*) FROM stock there JOIN unnest(:skus, :warehouses) AS named(sku, warehouse)
           ON there.sku = named.sku AND there.warehouse = named.warehouse) = cardinality(:skus)
    ORDER BY s.sku, s.warehouse FOR NO KEY UPDATE OF s
    """,
    skus=TEXT,
    warehouses=TEXT,
)
_LOCK_OF_ALLOTMENTS = statement(
    """
    SELECT s.sku, s.warehouse, s.on_hand, s.allotted, s.pegged, s.arrived, s.quarantined, s.has_levels FROM stock s
    WHERE (s.sku, s.warehouse) IN (SELECT a.sku, a.warehouse FROM allotments a WHERE a.id = ANY(:ids))
    ORDER BY s.sku, s.warehouse FOR NO KEY UPDATE OF s
    """,
    ids=ID,
)
_ADD_ROWS = statement(
    """
    INSERT INTO stock (sku, warehouse)
    SELECT sku, warehouse FROM unnest(:skus, :warehouses) AS wanted(sku, warehouse) ORDER BY sku, warehouse
    ON CONFLICT DO NOTHING
    """,
    skus=TEXT,
    warehouses=TEXT,
)
_MOVE = statement(
    """
    UPDATE stock s SET on_hand = s.on_hand + m.on_hand, allotted = s.allotted + m.allotted,
        pegged = s.pegged + m.pegged, quarantined = s.quarantined + m.quarantined
    FROM unnest(:skus, :warehouses, :on_hand, :allotted, :pegged, :quarantined)
        AS m(sku, warehouse, on_hand, allotted, pegged, quarantined)
    WHERE s.sku = m.sku AND s.warehouse = m.warehouse
    """,
    skus=TEXT,
    warehouses=TEXT,
    on_hand=QTY,
    allotted=QTY,
    pegged=QTY,
    quarantined=QTY,
)
_BOOK = statement(
    """
    INSERT INTO stock_ledger (id, sku, warehouse, qty, kind, source_key, document, reason, actor, at)
    SELECT id, sku, warehouse, qty, kind, source_key, document, reason, actor, :at
    FROM unnest(:id, :sku, :warehouse, :qty, :kind, :source_key, :document, :reason, :actor)
        AS entry(id, sku, warehouse, qty, kind, source_key, document, reason, actor)
    ORDER BY kind, source_key ON CONFLICT (kind, source_key) DO NOTHING RETURNING source_key
    """,
    id=ID,
    sku=TEXT,
    warehouse=TEXT,
    qty=QTY,
    kind=TEXT,
    source_key=TEXT,
    document=TEXT,
    reason=TEXT,
    actor=TEXT,
)
_WITH_WORK = statement(
    f"""
    SELECT s.sku, s.warehouse FROM stock s
    WHERE (s.on_hand > s.allotted + s.pegged + s.arrived + s.quarantined OR {OUT_OF_ORDER})
      AND (CAST(:sku AS text) IS NULL OR s.sku = :sku) AND (CAST(:warehouse AS text) IS NULL OR s.warehouse = :warehouse)
      AND EXISTS (SELECT 1 FROM demand d WHERE d.sku = s.sku AND d.warehouse = s.warehouse
                  AND d.need > d.granted AND NOT d.special)
    ORDER BY s.sku, s.warehouse LIMIT :most
    """  # noqa: S608  # a constant of ours
)


async def lock_stock(db: AsyncConnection, wanted: Iterable[Key]) -> dict[Key, Stock]:
    """The rows of these keys, locked in key order; rows that are not there yet are made (all zero)."""
    named = keys(wanted)
    if not named["skus"]:
        return {}
    rows = (await db.execute(_LOCK, named)).all()
    if not rows:
        # one of them is missing: nothing was locked, for who holds one and adds another waits in the wrong order
        await db.execute(_ADD_ROWS, named)
        rows = (await db.execute(_LOCK, named)).all()
    return {(row.sku, row.warehouse): Stock(*row) for row in rows}


async def lock_stock_of_allotments(db: AsyncConnection, ids: Iterable[UUID]) -> dict[Key, Stock]:
    """The rows that these allotments were taken from, locked in key order."""
    rows = (await db.execute(_LOCK_OF_ALLOTMENTS, {"ids": list(ids)})).all()
    return {(row.sku, row.warehouse): Stock(*row) for row in rows}


async def move_stock(db: AsyncConnection, moves: Mapping[Key, Move]) -> None:
    """Apply one move per key; the caller holds the locks."""
    changed = [
        (*key, m.on_hand, m.allotted, m.pegged, m.quarantined) for key, m in moves.items() if m != Move()
    ]
    if changed:
        names = ("skus", "warehouses", "on_hand", "allotted", "pegged", "quarantined")
        await db.execute(_MOVE, columns(changed, *names))


async def book(db: AsyncConnection, entries: Sequence[Entry], at: datetime) -> set[str]:
    """Write ledger rows; a natural key that is there already is left alone. The source keys of the new rows come back."""
    if not entries:
        return set()
    rows = [
        (new_id(), *e.key, e.qty, e.kind.value, e.source_key, e.document, e.reason, e.actor) for e in entries
    ]
    names = ("id", "sku", "warehouse", "qty", "kind", "source_key", "document", "reason", "actor")
    return set((await db.execute(_BOOK, {**columns(rows, *names), "at": at})).scalars())


async def keys_with_work(db: AsyncConnection, sku: str | None, warehouse: str | None, most: int) -> list[Key]:
    """Keys where somebody waits although something is free, or held by a lower rank: usually none."""
    rows = await db.execute(_WITH_WORK, {"sku": sku, "warehouse": warehouse, "most": most})
    return [(row.sku, row.warehouse) for row in rows]
