"""Demand rows."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, bindparam, select
from sqlalchemy import any_ as any_of
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from services.inventory import tables as t
from services.inventory.domain.demand import Demand, Line
from services.inventory.store.columns import (
    FLAG,
    ID,
    INSTANT,
    INT,
    QTY,
    TEXT,
    columns,
    lines,
    spread,
    statement,
)

FIELDS = tuple(field.name for field in fields(Demand))
DEMAND = ", ".join(f"d.{name}" for name in FIELDS)
"""The columns of a demand `d`, in the order of `Demand`."""

_OF_ORDERS = select(*(t.demand.c[name] for name in FIELDS)).where(
    t.demand.c.order_id == any_of(bindparam("ids", type_=ARRAY(ID)))
)
_OF_LINES = statement(
    f"""
    SELECT {DEMAND} FROM demand d JOIN unnest(:line_ids, :components) AS wanted(line_id, component)
      ON d.line_id = wanted.line_id AND d.component = wanted.component
    """,  # noqa: S608  # a constant of ours
    line_ids=ID,
    components=INT,
)
_LOCK = (
    select(*(t.demand.c[name] for name in FIELDS))
    .where(t.demand.c.line_id == bindparam("line_id"), t.demand.c.component == bindparam("component"))
    .with_for_update(key_share=True)
)
_DEMANDS: Mapping[str, TypeEngine[Any]] = {
    "line_id": ID,
    "component": INT,
    "order_id": ID,
    "order_number": TEXT,
    "line_no": INT,
    "sku": TEXT,
    "warehouse": TEXT,
    "ordered": QTY,
    "cancel_wanted": QTY,
    "granted": QTY,
    "shipped": QTY,
    "priority": INT,
    "ranked_at": INSTANT,
    "special": FLAG,
    "all_or_nothing": FLAG,
    "heard_version": INT,
    "settled_version": INT,
}
_INSERT = """
    INSERT INTO demand (line_id, component, order_id, order_number, line_no, sku, warehouse, ordered, cancel_wanted,
        granted, shipped, priority, ranked_at, special, all_or_nothing, heard_version, settled_version)
    SELECT * FROM unnest(:line_id, :component, :order_id, :order_number, :line_no, :sku, :warehouse, :ordered,
        :cancel_wanted, :granted, :shipped, :priority, :ranked_at, :special, :all_or_nothing, :heard_version,
        :settled_version)
"""
_UPDATE = """
    ON CONFLICT (line_id, component) DO UPDATE SET order_number = excluded.order_number, line_no = excluded.line_no,
        sku = excluded.sku, warehouse = excluded.warehouse, ordered = excluded.ordered,
        cancel_wanted = excluded.cancel_wanted, priority = excluded.priority, ranked_at = excluded.ranked_at,
        special = excluded.special, all_or_nothing = excluded.all_or_nothing,
        heard_version = excluded.heard_version, settled_version = excluded.settled_version
"""
_SAVE = statement(f"{_INSERT} {_UPDATE}", **_DEMANDS)
_NOT_NAMED = "WHERE NOT EXISTS (SELECT 1 FROM demand WHERE order_id = ANY(:orders))"
_SAVE_FIRST = statement(f"{_INSERT} {_NOT_NAMED} {_UPDATE}", orders=ID, **_DEMANDS)
_CHANGE = statement(
    f"""
    UPDATE demand d SET granted = d.granted + change.granted, shipped = d.shipped + change.shipped, stuck = false
    FROM unnest(:line_ids, :components, :granted, :shipped) AS change(line_id, component, granted, shipped)
    WHERE d.line_id = change.line_id AND d.component = change.component RETURNING {DEMAND}
    """,  # noqa: S608  # a constant of ours
    line_ids=ID,
    components=INT,
    granted=QTY,
    shipped=QTY,
)
_LOOK_FOR_STUCK = statement(
    """
    UPDATE demand d SET stuck = true FROM unnest(:line_ids, :components) AS named(line_id, component)
    WHERE d.line_id = named.line_id AND d.component = named.component AND NOT EXISTS (
        SELECT 1 FROM allotments a WHERE a.line_id = d.line_id AND a.component = d.component
          AND a.receipt_line_id IS NULL AND NOT a.locked
          AND a.qty > a.withdrawn + a.failed + a.shipped + a.returned + a.asked
    )
    """,
    line_ids=ID,
    components=INT,
)
_IS_ASKED = """
    EXISTS (SELECT 1 FROM allotments a WHERE a.line_id = d.line_id AND a.component = d.component AND a.asked > 0)
"""
_TAKES = """
    EXISTS (
        SELECT 1 FROM allotments a JOIN asks k ON k.allotment_id = a.id JOIN questions q ON q.id = k.question_id
        WHERE a.sku = d.sku AND a.warehouse = d.warehouse AND a.asked > 0 AND k.given IS NULL AND k.units > k.got
          AND q.order_id = d.order_id AND q.reason IN ('priority', 'rank')
    )
"""
"""Whether units that a demand's order has asked others for (BO-9) are still to come, or to be refused."""
_SETTLE = statement(
    f"""
    UPDATE demand d SET granted = d.granted - freed.qty, stuck = false, settled_version = CASE
            WHEN {_IS_ASKED} OR (d.need > d.granted - freed.qty AND {_TAKES}) THEN d.settled_version
            ELSE d.heard_version END
    FROM unnest(:line_ids, :components, :qty) AS freed(line_id, component, qty)
    WHERE d.line_id = freed.line_id AND d.component = freed.component RETURNING {DEMAND}
    """,  # noqa: S608  # two constants of this module
    line_ids=ID,
    components=INT,
    qty=QTY,
)
_SETTLE_TAKERS = statement(
    f"""
    UPDATE demand d SET settled_version = d.heard_version
    FROM unnest(:order_ids, :skus, :warehouses) AS taker(order_id, sku, warehouse)
    WHERE d.order_id = taker.order_id AND d.sku = taker.sku AND d.warehouse = taker.warehouse
      AND d.settled_version < d.heard_version AND NOT {_IS_ASKED} AND NOT (d.need > d.granted AND {_TAKES})
    RETURNING {DEMAND}
    """,  # noqa: S608  # two constants of this module
    order_ids=ID,
    skus=TEXT,
    warehouses=TEXT,
)
_TAKERS = statement(
    f"SELECT d.line_id, d.component FROM demand d WHERE d.order_id = ANY(:ids) AND {_TAKES}",  # noqa: S608  # a constant
    ids=ID,
)
_HOLD_BACK = statement(
    """
    UPDATE demand d SET settled_version = held.version
    FROM unnest(:line_ids, :components, :versions) AS held(line_id, component, version)
    WHERE d.line_id = held.line_id AND d.component = held.component
    """,
    line_ids=ID,
    components=INT,
    versions=INT,
)


def as_demand(row: Row[Any]) -> Demand:
    """A demand from a row that begins with its columns (`DEMAND`), whatever else the row holds."""
    return Demand(*row[: len(FIELDS)])


async def demands_of_orders(db: AsyncConnection, order_ids: Iterable[UUID]) -> dict[Line, Demand]:
    """All demands of these orders."""
    rows = await db.execute(_OF_ORDERS, {"ids": list(order_ids)})
    return {demand.line: demand for demand in map(as_demand, rows)}


async def demands_of_lines(db: AsyncConnection, wanted: Iterable[Line]) -> dict[Line, Demand]:
    """The demands of these lines, as far as they are known."""
    rows = await db.execute(_OF_LINES, lines(wanted))
    return {demand.line: demand for demand in map(as_demand, rows)}


async def lock_demand(db: AsyncConnection, line: Line) -> Demand | None:
    """One demand, locked."""
    row = (await db.execute(_LOCK, {"line_id": line[0], "component": line[1]})).first()
    return None if row is None else as_demand(row)


async def save_demands(db: AsyncConnection, demands: Iterable[Demand]) -> None:
    """Write what orders told of these lines; the figures that inventory owns (granted, shipped) stay as they are."""
    ordered = sorted(demands, key=lambda demand: demand.line)
    if ordered:
        await db.execute(_SAVE, spread(ordered, *FIELDS))


async def save_first(db: AsyncConnection, orders: Iterable[UUID], demands: Iterable[Demand]) -> bool:
    """Write demands of orders that were never heard of before; False, and nothing, where ties have named any of theirs.

    `orders` are all of them, also those without a demand: a tie may have named a line that its order has no more.
    """
    ordered = sorted(demands, key=lambda demand: demand.line)
    if not ordered:
        return False
    return (await db.execute(_SAVE_FIRST, {"orders": list(orders), **spread(ordered, *FIELDS)})).rowcount > 0


async def change_demands(
    db: AsyncConnection, changes: Mapping[Line, tuple[Decimal, Decimal]]
) -> dict[Line, Demand]:
    """Add to (granted, shipped) of these lines; they come back as they stand now."""
    rows = [(*line, *change) for line, change in sorted(changes.items())]
    if not rows:
        return {}
    found = await db.execute(_CHANGE, columns(rows, "line_ids", "components", "granted", "shipped"))
    return {demand.line: demand for demand in map(as_demand, found)}


async def settle_demands(db: AsyncConnection, freed: Mapping[Line, Decimal]) -> dict[Line, Demand]:
    """Lower `granted` by what was freed; a line that no open question is about has settled the version last heard.

    Neither one that would take units from it, nor, while it lacks any, one that would bring it some.
    """
    rows = [(*line, qty) for line, qty in sorted(freed.items())]
    if not rows:
        return {}
    found = await db.execute(_SETTLE, columns(rows, "line_ids", "components", "qty"))
    return {demand.line: demand for demand in map(as_demand, found)}


async def settle_takers(db: AsyncConnection, askers: Iterable[tuple[UUID, str, str]]) -> dict[Line, Demand]:
    """Lines of these (order, sku, warehouse) that waited for what others were asked for, and wait for no more of it."""
    rows = sorted(set(askers))
    if not rows:
        return {}
    found = await db.execute(_SETTLE_TAKERS, columns(rows, "order_ids", "skus", "warehouses"))
    return {demand.line: demand for demand in map(as_demand, found)}


async def takers(db: AsyncConnection, order_ids: Iterable[UUID]) -> set[Line]:
    """Lines of these orders for whose item others were asked, and have not answered."""
    return {(row.line_id, row.component) for row in await db.execute(_TAKERS, {"ids": sorted(order_ids)})}


async def hold_back(db: AsyncConnection, versions: Mapping[Line, int]) -> None:
    """These lines have settled no newer version than this one: what is asked of others for them is not answered."""
    rows = [(*line, version) for line, version in sorted(versions.items())]
    if rows:
        await db.execute(_HOLD_BACK, columns(rows, "line_ids", "components", "versions"))


async def look_for_stuck(db: AsyncConnection, wanted: Iterable[Line]) -> None:
    """Take lines of which nothing more may be asked for just now out of the tail of the queue.

    Whatever changes what a line holds puts it back, so this only spares reading past it.
    """
    named = lines(wanted)
    if named["line_ids"]:
        await db.execute(_LOOK_FOR_STUCK, named)
