"""Replenishment positions and what was proposed of them (BO-17)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.demand import Key
from services.inventory.domain.replenishment import Need, Position
from services.inventory.store.columns import INT, QTY, TEXT, keys, spread, statement

_MARK = text(
    "UPDATE stock SET has_levels = true WHERE sku = :sku AND warehouse = :warehouse AND NOT has_levels"
)
_KEYS_OF_ITEM = text("SELECT sku, warehouse FROM replenishment_levels WHERE sku = :sku ORDER BY warehouse")
_LOCK = statement(
    """
    SELECT l.sku, l.warehouse FROM replenishment_levels l
    JOIN unnest(:skus, :warehouses) AS wanted(sku, warehouse)
      ON l.sku = wanted.sku AND l.warehouse = wanted.warehouse
    ORDER BY l.sku, l.warehouse FOR NO KEY UPDATE OF l
    """,
    skus=TEXT,
    warehouses=TEXT,
)
_POSITIONS = statement(
    """
    SELECT l.sku, l.warehouse,
        coalesce(s.on_hand - s.allotted - s.pegged - s.arrived - s.quarantined, 0) AS available,
        queue.waiting, coming.supply, l.minimum, l.target, l.safety, l.lead_time_days,
        item.kind = 'stocked' AND NOT item.special_order AS is_replenished, source.vendor, source.from_warehouse,
        queue.lines
    FROM unnest(:skus, :warehouses) AS wanted(sku, warehouse)
    JOIN replenishment_levels l ON l.sku = wanted.sku AND l.warehouse = wanted.warehouse
    JOIN items item ON item.sku = l.sku
    LEFT JOIN stock s ON s.sku = l.sku AND s.warehouse = l.warehouse
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(head.lacking), 0) AS waiting, count(*) AS lines FROM (
            SELECT d.need - d.granted AS lacking FROM demand d
            WHERE d.sku = l.sku AND d.warehouse = l.warehouse AND d.need > d.shipped AND d.need > d.granted
              AND NOT d.special LIMIT :most
        ) head
    ) queue
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(greatest(0, line.expected - tied.elsewhere)), 0) AS supply FROM incoming_lines line
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(open.qty - CASE WHEN d.special THEN 0
                   ELSE least(open.qty, greatest(0, coalesce(d.need - d.granted, 0))) END), 0) AS elsewhere
            FROM ties t
            CROSS JOIN LATERAL (SELECT greatest(0, t.qty - greatest(t.closed, t.close_floor) - t.pegged) AS qty) open
            LEFT JOIN demand d ON d.line_id = t.line_id AND d.component = t.component AND d.sku = l.sku
                AND d.warehouse = l.warehouse
            WHERE t.po_line_id = line.po_line_id
        ) tied
        WHERE line.sku = l.sku AND line.warehouse = l.warehouse AND line.open
    ) coming
    LEFT JOIN LATERAL (
        SELECT src.vendor, src.from_warehouse FROM item_sources src
        WHERE src.sku = l.sku AND src.warehouse IN (l.warehouse, '*') ORDER BY src.warehouse = '*' LIMIT 1
    ) source ON true
    ORDER BY l.sku, l.warehouse
    """,
    skus=TEXT,
    warehouses=TEXT,
)
_LEAVE_FOR_LATER = statement(
    """
    INSERT INTO replenishment_left (sku, warehouse)
    SELECT sku, warehouse FROM unnest(:skus, :warehouses) AS wanted(sku, warehouse) ORDER BY sku, warehouse
    ON CONFLICT DO NOTHING
    """,
    skus=TEXT,
    warehouses=TEXT,
)
_LEFT_FOR_LATER = text("SELECT sku, warehouse FROM replenishment_left ORDER BY sku, warehouse LIMIT :most")
_FORGET_LEFT = statement(
    """
    DELETE FROM replenishment_left l USING unnest(:skus, :warehouses) AS wanted(sku, warehouse)
    WHERE l.sku = wanted.sku AND l.warehouse = wanted.warehouse
    """,
    skus=TEXT,
    warehouses=TEXT,
)
_NEED = tuple(field.name for field in fields(Need))
_NEEDS = statement(
    f"""
    SELECT {", ".join("n." + name for name in _NEED)} FROM replenishment_needs n
    JOIN unnest(:skus, :warehouses) AS wanted(sku, warehouse) ON n.sku = wanted.sku AND n.warehouse = wanted.warehouse
    """,  # noqa: S608  # names of our own columns
    skus=TEXT,
    warehouses=TEXT,
)
_SAVE = statement(
    """
    INSERT INTO replenishment_needs AS n (sku, warehouse, version, proposed, position, minimum, target, safety,
        lead_time_days, vendor, from_warehouse, told_at)
    SELECT told.*, :at FROM unnest(:sku, :warehouse, :version, :proposed, :position, :minimum, :target, :safety,
        :lead_time_days, :vendor, :from_warehouse) AS told
    ON CONFLICT (sku, warehouse) DO UPDATE SET version = excluded.version, proposed = excluded.proposed,
        position = excluded.position, minimum = excluded.minimum, target = excluded.target, safety = excluded.safety,
        lead_time_days = excluded.lead_time_days, vendor = excluded.vendor, from_warehouse = excluded.from_warehouse,
        told_at = excluded.told_at
    """,
    sku=TEXT,
    warehouse=TEXT,
    version=INT,
    proposed=QTY,
    position=QTY,
    minimum=QTY,
    target=QTY,
    safety=QTY,
    lead_time_days=INT,
    vendor=TEXT,
    from_warehouse=TEXT,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """Where keys stand, and those whose queue is too long to be read in passing."""

    known: Sequence[Position]
    unread: set[Key]


async def mark_levels(db: AsyncConnection, key: Key) -> None:
    """From now on whoever locks this stock row sees that it has levels; the row is locked."""
    await db.execute(_MARK, {"sku": key[0], "warehouse": key[1]})


async def levelled_keys(db: AsyncConnection, sku: str) -> list[Key]:
    """Where this item has levels."""
    return [(row.sku, row.warehouse) for row in await db.execute(_KEYS_OF_ITEM, {"sku": sku})]


async def lock_levels(db: AsyncConnection, wanted: Iterable[Key]) -> list[Key]:
    """Those of these keys that have levels, locked in key order: whoever looks second sees what the first has done."""
    return [(row.sku, row.warehouse) for row in await db.execute(_LOCK, keys(wanted))]


async def positions(db: AsyncConnection, wanted: Iterable[Key], most: int | None) -> Standing:
    """Where these keys stand, in one statement; of a queue at most so many lines are read (None: all), from an index."""
    rows = (await db.execute(_POSITIONS, {**keys(wanted), "most": None if most is None else most + 1})).all()
    known = [row for row in rows if most is None or row.lines <= most]
    unread = {(row.sku, row.warehouse) for row in rows} - {(row.sku, row.warehouse) for row in known}
    return Standing([Position(*row[:-1]) for row in known], unread)


async def leave_for_later(db: AsyncConnection, wanted: Iterable[Key]) -> None:
    """Remember keys whose queue was too long to be read there and then; their levels are locked."""
    await db.execute(_LEAVE_FOR_LATER, keys(wanted))


async def left_for_later(db: AsyncConnection, most: int) -> list[Key]:
    """Some of these keys."""
    return [(row.sku, row.warehouse) for row in await db.execute(_LEFT_FOR_LATER, {"most": most})]


async def forget_left(db: AsyncConnection, wanted: Iterable[Key]) -> None:
    """They are looked at now; their levels are locked, so nobody adds one unseen."""
    await db.execute(_FORGET_LEFT, keys(wanted))


async def needs(db: AsyncConnection, wanted: Iterable[Key]) -> Mapping[Key, Need]:
    """What was told of these keys last."""
    return {(row.sku, row.warehouse): Need(*row) for row in await db.execute(_NEEDS, keys(wanted))}


async def save_needs(db: AsyncConnection, told: Sequence[Need], at: datetime) -> None:
    """Write what is told of these keys now."""
    await db.execute(_SAVE, {**spread(told, *_NEED), "at": at})
