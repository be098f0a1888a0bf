"""Both ends of the queue: who waits first, who holds last, and what is on its way between them (BO-9)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Key
from services.inventory.domain.taking import Holder, Wanting
from services.inventory.store.allotments import live_allotments
from services.inventory.store.columns import ID, INSTANT, INT, TEXT, columns, keys, statement
from services.inventory.store.demand import DEMAND, as_demand
from shared.decimals import ZERO

FIRST_CHUNK, GROWTH = 64, 8
"""Lines read at either end of a queue: few when a few units change hands, more when they reach further."""

_FIRST_WAITING = """
    SELECT d.priority, d.ranked_at, d.order_id, d.line_no, d.component FROM demand d
    WHERE d.sku = k.sku AND d.warehouse = k.warehouse AND d.need > d.granted AND NOT d.special
      AND NOT (:skip AND d.all_or_nothing)
    ORDER BY d.priority DESC, d.ranked_at, d.order_id, d.line_no, d.component LIMIT 1
"""
_LAST_HOLDING = """
    SELECT d.priority, d.ranked_at, d.order_id, d.line_no, d.component FROM demand d
    WHERE d.sku = k.sku AND d.warehouse = k.warehouse AND d.granted > d.shipped AND NOT d.special AND NOT d.stuck
    ORDER BY d.priority, d.ranked_at DESC, d.order_id DESC, d.line_no DESC, d.component DESC LIMIT 1
"""
_INVERTED = statement(
    f"""
    SELECT k.sku, k.warehouse, s.on_hand - s.allotted - s.pegged - s.arrived - s.quarantined AS available
    FROM unnest(:skus, :warehouses) AS k(sku, warehouse)
    JOIN stock s ON s.sku = k.sku AND s.warehouse = k.warehouse
    CROSS JOIN LATERAL ({_FIRST_WAITING}) w CROSS JOIN LATERAL ({_LAST_HOLDING}) h
    WHERE (-w.priority, w.ranked_at, w.order_id, w.line_no, w.component)
        < (-h.priority, h.ranked_at, h.order_id, h.line_no, h.component)
    """,  # noqa: S608  # two constants of this module
    skus=TEXT,
    warehouses=TEXT,
)
_COMING = statement(
    f"""
    WITH named AS (
        SELECT a.line_id, a.component, a.asked, coalesce((
            SELECT sum(k.units - k.got) FROM asks k JOIN questions q ON q.id = k.question_id
            WHERE k.allotment_id = a.id AND k.given IS NULL AND q.reason <> 'loss'
        ), 0) AS coming
        FROM unnest(:skus, :warehouses) AS k(sku, warehouse)
        JOIN allotments a ON a.sku = k.sku AND a.warehouse = k.warehouse AND a.asked > 0
    ), line AS (
        SELECT line_id, component, sum(asked) AS asked, sum(least(coming, asked)) AS coming FROM named
        GROUP BY line_id, component
    )
    SELECT {DEMAND}, line.asked, line.coming FROM line JOIN demand d USING (line_id, component)
    """,  # noqa: S608  # a constant of ours
    skus=TEXT,
    warehouses=TEXT,
)
_WAITING = statement(
    f"""
    SELECT {DEMAND} FROM unnest(:skus, :warehouses) AS k(sku, warehouse) CROSS JOIN LATERAL (
        SELECT d.* FROM demand d
        WHERE d.sku = k.sku AND d.warehouse = k.warehouse AND d.need > d.granted AND NOT d.special
          AND NOT (:skip AND d.all_or_nothing)
        ORDER BY d.priority DESC, d.ranked_at, d.order_id, d.line_no, d.component LIMIT :chunk
    ) d
    """,  # noqa: S608  # a constant of ours
    skus=TEXT,
    warehouses=TEXT,
)
_MAY_BE_ASKED = """
    EXISTS (SELECT 1 FROM allotments a WHERE a.line_id = d.line_id AND a.component = d.component
            AND a.receipt_line_id IS NULL AND NOT a.locked
            AND a.qty > a.withdrawn + a.failed + a.shipped + a.returned + a.asked)
"""
_HOLDERS = statement(
    f"""
    SELECT {DEMAND} FROM unnest(:skus, :warehouses, :priorities, :ranked, :orders, :line_nos, :components)
        AS k(sku, warehouse, priority, ranked_at, order_id, line_no, component)
    CROSS JOIN LATERAL (
        SELECT * FROM (
            (SELECT d.* FROM demand d
             WHERE d.sku = k.sku AND d.warehouse = k.warehouse AND d.granted > d.shipped AND NOT d.special AND NOT d.stuck
               AND d.priority < k.priority AND {_MAY_BE_ASKED}
             ORDER BY d.priority, d.ranked_at DESC, d.order_id DESC, d.line_no DESC, d.component DESC LIMIT :chunk)
            UNION ALL
            (SELECT d.* FROM demand d
             WHERE d.sku = k.sku AND d.warehouse = k.warehouse AND d.granted > d.shipped AND NOT d.special AND NOT d.stuck
               AND d.priority = k.priority AND {_MAY_BE_ASKED}
               AND (d.ranked_at, d.order_id, d.line_no, d.component)
                 > (k.ranked_at, k.order_id, k.line_no, k.component)
             ORDER BY d.priority, d.ranked_at DESC, d.order_id DESC, d.line_no DESC, d.component DESC LIMIT :chunk)
        ) d
        ORDER BY d.priority, d.ranked_at DESC, d.order_id DESC, d.line_no DESC, d.component DESC LIMIT :chunk
    ) d
    """,  # noqa: S608  # a constant of this module
    skus=TEXT,
    warehouses=TEXT,
    priorities=INT,
    ranked=INSTANT,
    orders=ID,
    line_nos=INT,
    components=INT,
)


_LAST_HOLDERS = statement(
    f"""
    SELECT {DEMAND} FROM unnest(:skus, :warehouses) AS k(sku, warehouse) CROSS JOIN LATERAL (
        SELECT d.* FROM demand d
        WHERE d.sku = k.sku AND d.warehouse = k.warehouse AND d.granted > d.shipped AND NOT d.special AND NOT d.stuck
          AND {_MAY_BE_ASKED}
        ORDER BY d.priority, d.ranked_at DESC, d.order_id DESC, d.line_no DESC, d.component DESC LIMIT :chunk
    ) d
    """,  # noqa: S608  # a constant of this module
    skus=TEXT,
    warehouses=TEXT,
)
_LAST_PEGGED = statement(
    f"""
    SELECT {DEMAND} FROM unnest(:skus, :warehouses) AS k(sku, warehouse) CROSS JOIN LATERAL (
        SELECT d.* FROM demand d
        WHERE d.sku = k.sku AND d.warehouse = k.warehouse AND d.need > d.shipped AND d.granted > d.shipped
          AND EXISTS (SELECT 1 FROM allotments a WHERE a.line_id = d.line_id AND a.component = d.component
                      AND a.receipt_line_id IS NOT NULL AND NOT a.locked
                      AND a.qty > a.withdrawn + a.failed + a.shipped + a.returned + a.asked)
        ORDER BY d.priority, d.ranked_at DESC, d.order_id DESC, d.line_no DESC, d.component DESC LIMIT :chunk
    ) d
    """,  # noqa: S608  # a constant of ours
    skus=TEXT,
    warehouses=TEXT,
)


@dataclass(frozen=True, slots=True)
class Ends:
    """What one key has at both ends of its queue; a list of `chunk` lines may have more behind it."""

    coming: Decimal
    waiting: list[Demand]
    asked: list[Wanting]
    """Lines that will lack what is asked of them."""
    holders: list[Holder]

    def wanting(self, chunk: int) -> list[Wanting]:
        """Everybody who lacks something when all questions are answered, as far down the queue as it was read."""
        asked = {want.demand.line: want for want in self.asked}
        known = [asked.pop(d.line, Wanting(d)) for d in self.waiting]
        end = self.waiting[-1].rank if len(self.waiting) == chunk else None
        return known + [want for want in asked.values() if end is None or want.demand.rank < end]


async def inverted(db: AsyncConnection, wanted: Iterable[Key], *, skip: bool) -> dict[Key, Decimal]:
    """Keys where somebody waits ahead of somebody who holds: the first who waits against the last who holds.

    With what is free of them: usually nothing, but while a schedule is off there may be (BO-15). `skip`: an
    all-or-nothing line that waits takes from nobody (BO-5).
    """
    named = keys(wanted)
    if not named["skus"]:
        return {}
    rows = await db.execute(_INVERTED, {**named, "skip": skip})
    return {(row.sku, row.warehouse): row.available for row in rows}


async def read_ends(db: AsyncConnection, wanted: Iterable[Key], chunk: int, *, skip: bool) -> dict[Key, Ends]:
    """Both ends of these keys' queues, at most `chunk` lines of each."""
    named = keys(wanted)
    coming, asked = _coming((await db.execute(_COMING, named)).all(), skip=skip)
    waiting = _by_key(map(as_demand, await db.execute(_WAITING, {**named, "skip": skip, "chunk": chunk})))
    first = {
        key: min([*waiting.get(key, []), *(want.demand for want in asked.get(key, []))], key=lambda d: d.rank)
        for key in waiting.keys() | asked.keys()
    }
    holders = await _holders(db, first, chunk)
    return {
        key: Ends(
            coming.get(key, ZERO), waiting.get(key, []), asked.get(key, []), holders.get(key, [])
        )
        for key in first
    }  # fmt: skip


def _coming(rows: Iterable[Row[Any]], *, skip: bool) -> tuple[dict[Key, Decimal], dict[Key, list[Wanting]]]:
    coming: dict[Key, Decimal] = {}
    asked: dict[Key, list[Wanting]] = {}
    for row in rows:
        want = Wanting(as_demand(row), row.asked)
        key = want.demand.key
        coming[key] = coming.get(key, ZERO) + row.coming
        if want.units > 0 and not want.demand.special and not (skip and want.demand.all_or_nothing):
            asked.setdefault(key, []).append(want)
    return coming, asked


def _by_key(demands: Iterable[Demand]) -> dict[Key, list[Demand]]:
    found: dict[Key, list[Demand]] = {}
    for demand in demands:
        found.setdefault(demand.key, []).append(demand)
    return found


async def _holders(db: AsyncConnection, first: Mapping[Key, Demand], chunk: int) -> dict[Key, list[Holder]]:
    if not first:
        return {}
    names = ("skus", "warehouses", "priorities", "ranked", "orders", "line_nos", "components")
    ends = [
        (*key, d.priority, d.ranked_at, d.order_id, d.line_no, d.component)
        for key, d in sorted(first.items())
    ]
    found = [as_demand(row) for row in await db.execute(_HOLDERS, {**columns(ends, *names), "chunk": chunk})]
    holders: dict[Key, list[Holder]] = {}
    for holder in await _with_allotments(db, found, pegs=False):
        holders.setdefault(holder.demand.key, []).append(holder)
    return holders


async def _with_allotments(db: AsyncConnection, found: Sequence[Demand], *, pegs: bool) -> list[Holder]:
    held = await live_allotments(db, {demand.line for demand in found}) if found else {}
    return [
        Holder(
            demand,
            tuple(
                a for a in held.get(demand.line, ()) if a.is_peg is pegs and a.askable > 0 and not a.locked
            ),
        )
        for demand in found
    ]


async def last_holdings(db: AsyncConnection, wanted: Mapping[Key, Decimal]) -> dict[Key, list[Allotment]]:
    """BO-12: what may be asked for of these keys, at least so many units if there are: what is to be lost first, first.

    Unlocked free-stock units, last rank and newest first; when they do not reach, pegs likewise. A loss that reaches
    pegs reads all open lines of its item: it is rare, and no index of every receipt is worth it.
    """
    found: dict[Key, list[Allotment]] = {}
    for query, pegs in ((_LAST_HOLDERS, False), (_LAST_PEGGED, True)):
        missing = {key: units - _askable(found.get(key, ())) for key, units in wanted.items()}
        for holder in await _last(
            db, query, {k: units for k, units in missing.items() if units > 0}, pegs=pegs
        ):
            own = sorted(holder.allotments, key=lambda a: a.id, reverse=True)
            found.setdefault(holder.demand.key, []).extend(own)
    return found


async def _last(
    db: AsyncConnection, query: TextClause, missing: Mapping[Key, Decimal], *, pegs: bool
) -> list[Holder]:
    chunk, left = FIRST_CHUNK, dict(missing)
    done: list[Holder] = []
    while left:
        rows = await db.execute(query, {**keys(left), "chunk": chunk})
        holders = await _with_allotments(db, [as_demand(row) for row in rows], pegs=pegs)
        of_key = {key: [h for h in holders if h.demand.key == key] for key in left}
        cut_off = {
            key for key, own in of_key.items()
            if len(own) == chunk and sum((_askable(h.allotments) for h in own), ZERO) < left[key]
        }  # fmt: skip
        done += [h for key, own in of_key.items() if key not in cut_off for h in own]
        left = {key: left[key] for key in cut_off}
        chunk *= GROWTH
    return done


def _askable(allotments: Iterable[Allotment]) -> Decimal:
    return sum((own.askable for own in allotments), ZERO)
