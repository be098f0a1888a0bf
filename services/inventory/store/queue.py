"""BO-6 as SQL: the waiting head of the queue, read only as far as the quantity reaches. `domain.allotment` says the rule."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.allotment import Share, allot
from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Key
from services.inventory.store.columns import ID, INT, QTY, TEXT, columns, keys, statement
from services.inventory.store.demand import DEMAND, as_demand
from shared.ids import new_id

FIRST_CHUNK, GROWTH, LARGEST_CHUNK = 64, 8, 4096
FIRST_ROWS, LEAST_CHUNK = 4096, 4
"""Waiting lines read per key and round: few when a few are filled, more when the goods reach further."""

_BORN = """born AS (
        INSERT INTO allotments (id, order_id, line_id, component, sku, warehouse, qty)
        SELECT id, order_id, line_id, component, sku, warehouse, qty FROM share
    ), held AS (
        UPDATE stock s SET allotted = s.allotted + taken.qty
        FROM (SELECT sku, warehouse, sum(qty) AS qty FROM share GROUP BY sku, warehouse) taken
        WHERE s.sku = taken.sku AND s.warehouse = taken.warehouse
    )
    UPDATE demand d SET granted = d.granted + share.qty, stuck = false FROM share
    WHERE d.line_id = share.line_id AND d.component = share.component"""
"""Writes shares: claim tickets, stock, and the demands, which come back as they stand after it."""
# a share's id is the stem of a new one and its place in the queue, so that ids are in the order in which they were given
_FILL = statement(
    f"""
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
    ), share AS (
        SELECT sku, warehouse, order_id, line_id, component, least(lacking, available - before) AS qty,
            CAST(:stem || lpad(to_hex(row_number() OVER (ORDER BY sku, warehouse, before)), 8, '0') AS uuid) AS id
        FROM running WHERE before < available
    ), {_BORN}
    RETURNING {DEMAND}, share.id, share.qty
    """,  # noqa: S608  # constants of ours
    skus=TEXT,
    warehouses=TEXT,
)
_FITTING = statement(
    f"""
    SELECT {DEMAND}, s.on_hand - s.allotted - s.pegged - s.arrived - s.quarantined AS available
    FROM unnest(:skus, :warehouses) AS wanted(sku, warehouse)
    JOIN stock s ON s.sku = wanted.sku AND s.warehouse = wanted.warehouse
    CROSS JOIN LATERAL (
        SELECT d.* FROM demand d
        WHERE d.sku = s.sku AND d.warehouse = s.warehouse AND d.need > d.granted AND NOT d.special
          AND (NOT d.all_or_nothing
               OR d.need - d.granted <= s.on_hand - s.allotted - s.pegged - s.arrived - s.quarantined)
        ORDER BY d.priority DESC, d.ranked_at, d.order_id, d.line_no, d.component LIMIT :chunk
    ) d
    WHERE s.on_hand > s.allotted + s.pegged + s.arrived + s.quarantined
    """,  # noqa: S608  # a constant of ours
    skus=TEXT,
    warehouses=TEXT,
)
_SPOKEN_FOR = statement(
    """
    SELECT s.sku, s.warehouse, s.on_hand - s.allotted - s.pegged - s.arrived - s.quarantined AS available,
        waiting.lacking, waiting.lines
    FROM unnest(:skus, :warehouses) AS wanted(sku, warehouse)
    JOIN stock s ON s.sku = wanted.sku AND s.warehouse = wanted.warehouse
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(head.lacking), 0) AS lacking, count(*) AS lines FROM (
            SELECT d.need - d.granted AS lacking FROM demand d
            WHERE d.sku = s.sku AND d.warehouse = s.warehouse AND d.need > d.granted AND NOT d.special
              AND NOT d.line_id = ANY(:newcomers)
            ORDER BY d.priority DESC, d.ranked_at, d.order_id, d.line_no, d.component LIMIT :chunk
        ) head
    ) waiting
    """,
    skus=TEXT,
    warehouses=TEXT,
    newcomers=ID,
)
_GRANT = statement(
    f"""
    WITH share AS (
        SELECT * FROM unnest(:id, :order_id, :line_id, :component, :sku, :warehouse, :qty)
            AS share(id, order_id, line_id, component, sku, warehouse, qty)
    ), {_BORN}
    RETURNING {DEMAND}, share.id, share.qty
    """,  # noqa: S608  # constants of ours
    id=ID,
    order_id=ID,
    line_id=ID,
    component=INT,
    sku=TEXT,
    warehouse=TEXT,
    qty=QTY,
)


ShareRow = tuple[str, str, UUID, UUID, int, Decimal]


@dataclass(frozen=True, slots=True)
class Grant:
    """A further allotment, and its demand as it stands after it."""

    allotment: Allotment
    demand: Demand


async def fill(db: AsyncConnection, wanted: Iterable[Key], *, skip: bool = False) -> list[Grant]:
    """Give what is free of these keys to whom it is due, until nothing is free or nobody waits; locks are held.

    With `skip` all-or-nothing lines are passed over until they can be granted in full (BO-5); lines that are too large
    for what is free are read past, as many as there are of them, for no index knows what will be free.

    One statement a round for all keys together; a further round only for keys whose whole chunk was filled. Running it
    again finds nothing to do.
    """
    grants: list[Grant] = []
    left = set(wanted)
    # of many keys a little each: most get goods for a line or two, and what is read in vain is read for all of them
    chunk = max(LEAST_CHUNK, min(FIRST_CHUNK, FIRST_ROWS // max(1, len(left))))
    while left:
        if skip:
            found = await _fitting(db, left, chunk)
            grants += await _grant(db, found.shares) if found.shares else []
            read = found.lines
        else:
            own = await _fill(db, left, chunk)
            grants += own
            read = Counter(grant.demand.key for grant in own)
        left = {key for key, lines in read.items() if lines == chunk}
        chunk = min(chunk * GROWTH, LARGEST_CHUNK)
    return grants


async def fill_newcomers(
    db: AsyncConnection, wanted: Iterable[Key], newcomers: Iterable[Demand], *, skip: bool
) -> list[Grant]:
    """BO-14: give these new lines what the need of all who waited before them leaves; locks are held.

    The queue is read only until its need has swallowed what is free.
    """
    of_key: dict[Key, list[Demand]] = {}
    for demand in newcomers:
        of_key.setdefault(demand.key, []).append(demand)
    own = [demand.line[0] for demands in of_key.values() for demand in demands]
    left = await _left_over(db, set(wanted) & of_key.keys(), own)
    shares = [share for key, free in left.items() for share in allot(free, of_key[key], skip=skip)]
    return await _grant(db, list(map(_row, shares))) if shares else []


async def _left_over(db: AsyncConnection, wanted: set[Key], newcomers: list[UUID]) -> dict[Key, Decimal]:
    left: dict[Key, Decimal] = {}
    chunk = FIRST_CHUNK
    while wanted:
        rows = await db.execute(_SPOKEN_FOR, {**keys(wanted), "newcomers": newcomers, "chunk": chunk})
        wanted = set()
        for row in rows:
            if row.lines == chunk and row.lacking < row.available:
                wanted.add((row.sku, row.warehouse))
            else:
                left[row.sku, row.warehouse] = row.available - row.lacking
        chunk *= GROWTH
    return left


async def fill_one(db: AsyncConnection, demand: Demand, available: Decimal, *, skip: bool) -> list[Grant]:
    """Give one waiting line what is free, whoever else waits: a person has chosen it; locks are held."""
    shares = allot(available, [demand], skip=skip)
    return await _grant(db, list(map(_row, shares))) if shares else []


@dataclass(frozen=True, slots=True)
class _Found:
    """Shares to be granted, and how many lines each key's chunk had."""

    shares: Sequence[ShareRow]
    lines: Mapping[Key, int]


async def _fill(db: AsyncConnection, wanted: Iterable[Key], chunk: int) -> list[Grant]:
    """One round: the first lines of each key get what is free, in turn."""
    return _grants(
        (await db.execute(_FILL, {**keys(wanted), "chunk": chunk, "stem": new_id().hex[:24]})).all()
    )


async def _fitting(db: AsyncConnection, wanted: Iterable[Key], chunk: int) -> _Found:
    available: dict[Key, Decimal] = {}
    waiting: dict[Key, list[Demand]] = {}
    for row in await db.execute(_FITTING, {**keys(wanted), "chunk": chunk}):
        available[row.sku, row.warehouse] = row.available
        waiting.setdefault((row.sku, row.warehouse), []).append(as_demand(row))
    shares = [share for key, lines in waiting.items() for share in allot(available[key], lines, skip=True)]
    return _Found(list(map(_row, shares)), {key: len(lines) for key, lines in waiting.items()})


def _row(share: Share) -> ShareRow:
    own = share.demand
    return own.sku, own.warehouse, own.order_id, own.line_id, own.component, share.qty


async def _grant(db: AsyncConnection, shares: Sequence[ShareRow]) -> list[Grant]:
    names = ("id", "order_id", "line_id", "component", "sku", "warehouse", "qty")
    rows = [
        (new_id(), order, line, component, sku, warehouse, qty)
        for sku, warehouse, order, line, component, qty in shares
    ]
    return _grants((await db.execute(_GRANT, columns(rows, *names))).all())


def _grants(rows: Iterable[Row[Any]]) -> list[Grant]:
    """What was granted, in the order in which it was given out."""
    found = []
    for row in rows:
        own = as_demand(row)
        born = Allotment(row.id, own.order_id, own.line_id, own.component, own.sku, own.warehouse, row.qty)
        found.append(Grant(born, own))
    found.sort(key=lambda grant: grant.allotment.id.int)
    return found
