"""BO-6 as SQL: the waiting head of the queue, read only as far as the quantity reaches. `domain.allotment` says the rule."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Key
from services.inventory.store.columns import ID, INT, QTY, TEXT, columns, keys, statement
from services.inventory.store.demand import as_demand
from shared.ids import new_id

FIRST_CHUNK, GROWTH, LARGEST_CHUNK = 64, 8, 4096
"""Waiting lines read per key and round: few when a few are filled, more when the goods reach further."""

_SHARES = statement(
    """
    WITH free AS (
        SELECT s.sku, s.warehouse, s.on_hand - s.allotted - s.pegged - s.arrived - s.quarantined AS available
        FROM unnest(:skus, :warehouses) AS wanted(sku, warehouse)
        JOIN stock s ON s.sku = wanted.sku AND s.warehouse = wanted.warehouse
        WHERE s.on_hand > s.allotted + s.pegged + s.arrived + s.quarantined
    ), head AS (
        SELECT free.available, d.* FROM free CROSS JOIN LATERAL (
            SELECT d.sku, d.warehouse, d.line_id, d.component, d.order_id, d.line_no, d.priority, d.ranked_at,
                   d.need - d.granted AS lacking
            FROM demand d
            WHERE d.sku = free.sku AND d.warehouse = free.warehouse AND d.need > d.granted AND NOT d.special
            ORDER BY d.priority DESC, d.ranked_at, d.order_id, d.line_no, d.component LIMIT :chunk
        ) d
    ), running AS (
        SELECT head.*, sum(lacking) OVER turn - lacking AS before FROM head
        WINDOW turn AS (PARTITION BY sku, warehouse ORDER BY priority DESC, ranked_at, order_id, line_no, component
                        ROWS UNBOUNDED PRECEDING)
    )
    SELECT sku, warehouse, order_id, line_id, component, least(lacking, available - before) AS qty
    FROM running WHERE before < available ORDER BY sku, warehouse, before
    """,
    skus=TEXT,
    warehouses=TEXT,
)
_GRANT = statement(
    """
    WITH share AS (
        SELECT * FROM unnest(:id, :order_id, :line_id, :component, :sku, :warehouse, :qty)
            AS share(id, order_id, line_id, component, sku, warehouse, qty)
    ), born AS (
        INSERT INTO allotments (id, order_id, line_id, component, sku, warehouse, qty)
        SELECT id, order_id, line_id, component, sku, warehouse, qty FROM share
    ), held AS (
        UPDATE stock s SET allotted = s.allotted + taken.qty
        FROM (SELECT sku, warehouse, sum(qty) AS qty FROM share GROUP BY sku, warehouse) taken
        WHERE s.sku = taken.sku AND s.warehouse = taken.warehouse
    )
    UPDATE demand d SET granted = d.granted + share.qty FROM share
    WHERE d.line_id = share.line_id AND d.component = share.component
    RETURNING d.*
    """,
    id=ID,
    order_id=ID,
    line_id=ID,
    component=INT,
    sku=TEXT,
    warehouse=TEXT,
    qty=QTY,
)


@dataclass(frozen=True, slots=True)
class Grant:
    """A further allotment, and its demand as it stands after it."""

    allotment: Allotment
    demand: Demand


async def fill(db: AsyncConnection, wanted: Iterable[Key]) -> list[Grant]:
    """Give what is free of these keys to whom it is due, until nothing is free or nobody waits; locks are held.

    Two statements a round for all keys together; a further round only for keys whose whole chunk was filled. Running
    it again finds nothing to do.
    """
    grants: list[Grant] = []
    left = set(wanted)
    chunk = FIRST_CHUNK
    while left:
        shares = (await db.execute(_SHARES, {**keys(left), "chunk": chunk})).all()
        if shares:
            grants += await _grant(db, [tuple(share) for share in shares])
        filled = Counter((share.sku, share.warehouse) for share in shares)
        left = {key for key, lines in filled.items() if lines == chunk}
        chunk = min(chunk * GROWTH, LARGEST_CHUNK)
    return grants


async def _grant(
    db: AsyncConnection, shares: Sequence[tuple[str, str, UUID, UUID, int, Decimal]]
) -> list[Grant]:
    born = [
        Allotment(new_id(), order, line, component, sku, warehouse, qty)
        for sku, warehouse, order, line, component, qty in shares
    ]
    names = ("id", "order_id", "line_id", "component", "sku", "warehouse", "qty")
    rows = [(a.id, a.order_id, a.line_id, a.component, a.sku, a.warehouse, a.qty) for a in born]
    after = {
        demand.line: demand for demand in map(as_demand, await db.execute(_GRANT, columns(rows, *names)))
    }
    return [Grant(allotment, after[allotment.line]) for allotment in born]
