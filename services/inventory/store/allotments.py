"""Allotments: the claim tickets."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, bindparam, select
from sqlalchemy import any_ as any_of
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

from services.inventory import tables as t
from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Key, Line
from services.inventory.store.columns import FLAG, ID, INT, QTY, TEXT, columns, lines, spread, statement
from services.inventory.store.demand import DEMAND, as_demand

_FIELDS = tuple(field.name for field in fields(Allotment))
_COLUMNS = tuple(t.allotments.c[name] for name in _FIELDS)

_BY_ID = select(*_COLUMNS).where(t.allotments.c.id == any_of(bindparam("ids", type_=ARRAY(ID))))
_OF_RECEIPT_LINES = select(*_COLUMNS).where(
    t.allotments.c.receipt_line_id == any_of(bindparam("ids", type_=ARRAY(ID)))
)
_OF_LINES = statement(
    f"""
    SELECT {", ".join("a." + name for name in _FIELDS)}
    FROM allotments a JOIN unnest(:line_ids, :components) AS wanted(line_id, component)
      ON a.line_id = wanted.line_id AND a.component = wanted.component
    WHERE a.qty > a.withdrawn + a.failed + a.shipped + a.returned OR a.asked > 0
    """,  # noqa: S608  # names of our own columns
    line_ids=ID,
    components=INT,
)
_ADD_PEGS = statement(
    """
    INSERT INTO allotments (id, order_id, line_id, component, sku, warehouse, qty, receipt_line_id, tie_id, generation,
        gated, passed)
    SELECT * FROM unnest(:id, :order_id, :line_id, :component, :sku, :warehouse, :qty, :receipt_line_id, :tie_id,
        :generation, :gated, :passed)
    """,
    id=ID,
    order_id=ID,
    line_id=ID,
    component=INT,
    sku=TEXT,
    warehouse=TEXT,
    qty=QTY,
    receipt_line_id=ID,
    tie_id=ID,
    generation=INT,
    gated=FLAG,
    passed=QTY,
)
PEG = """
    peg AS (
        SELECT * FROM unnest(:peg_id, :peg_order, :peg_line, :peg_component, :peg_sku, :peg_warehouse, :peg_qty, :peg_from,
            :peg_tie, :peg_generation, :peg_gated, :peg_order_number, :peg_line_no)
        AS peg(id, order_id, line_id, component, sku, warehouse, qty, receipt_line_id, tie_id, generation, gated,
            order_number, line_no)
    ), born AS (
        INSERT INTO allotments (id, order_id, line_id, component, sku, warehouse, qty, receipt_line_id, tie_id,
            generation, gated)
        SELECT id, order_id, line_id, component, sku, warehouse, qty, receipt_line_id, tie_id, generation, gated FROM peg
    ), tied AS (
        UPDATE ties t SET pegged = t.pegged + came.qty
        FROM (SELECT tie_id, sum(qty) AS qty FROM peg GROUP BY tie_id) came WHERE t.tie_id = came.tie_id
    ), told AS (
        INSERT INTO demand (line_id, component, order_id, order_number, line_no, sku, warehouse, granted, priority,
            ranked_at, special, all_or_nothing, heard_version, settled_version)
        SELECT line_id, component, order_id, min(order_number), min(line_no), min(sku), min(warehouse), sum(qty), 0,
            :at, true, false, 0, 0
        FROM peg GROUP BY line_id, component, order_id ORDER BY line_id, component
        ON CONFLICT (line_id, component) DO UPDATE SET granted = demand.granted + excluded.granted, stuck = false
        RETURNING *
    )
"""
"""Writes pegs with their ties and demands; `told` are the demands as they stand after it."""
PEGGED: Mapping[str, TypeEngine[Any]] = {
    "peg_id": ID,
    "peg_order": ID,
    "peg_line": ID,
    "peg_component": INT,
    "peg_sku": TEXT,
    "peg_warehouse": TEXT,
    "peg_qty": QTY,
    "peg_from": ID,
    "peg_tie": ID,
    "peg_generation": INT,
    "peg_gated": FLAG,
    "peg_order_number": TEXT,
    "peg_line_no": INT,
}
_PEG = statement(f"WITH {PEG} SELECT {DEMAND} FROM told d", **PEGGED)  # noqa: S608  # constants of ours
_UNLOCK = statement(
    """
    WITH was AS (
        SELECT id, line_id, component, locked FROM allotments WHERE id = ANY(:ids)
    ), line AS (
        UPDATE demand d SET stuck = false FROM was WHERE d.line_id = was.line_id AND d.component = was.component AND d.stuck
    )
    UPDATE allotments a SET locked = false, unlocks = a.unlocks + 1 FROM was WHERE a.id = was.id
    RETURNING a.sku, a.warehouse, was.locked
    """,
    ids=ID,
)
_KEEP_UNPICKINGS = statement(
    """
    INSERT INTO unpickings (shipment_id, version) SELECT * FROM unnest(:shipment_ids, :versions)
    ON CONFLICT DO NOTHING RETURNING shipment_id, version
    """,
    shipment_ids=ID,
    versions=INT,
)
_LAST_GENERATION = statement(
    """
    SELECT a.receipt_line_id, a.line_id, a.component, max(a.generation) AS generation
    FROM allotments a JOIN unnest(:receipt_line_ids, :line_ids, :components) AS wanted(receipt_line_id, line_id, component)
      ON a.receipt_line_id = wanted.receipt_line_id AND a.line_id = wanted.line_id AND a.component = wanted.component
    GROUP BY a.receipt_line_id, a.line_id, a.component
    """,
    receipt_line_ids=ID,
    line_ids=ID,
    components=INT,
)


def as_allotment(row: Row[Any]) -> Allotment:
    """An allotment from a row that begins with its columns."""
    return Allotment(*row[: len(_FIELDS)])


async def allotments_by_id(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, Allotment]:
    """These allotments, as far as they are known."""
    rows = await db.execute(_BY_ID, {"ids": list(ids)})
    return {allotment.id: allotment for allotment in map(as_allotment, rows)}


async def live_allotments(db: AsyncConnection, wanted: Iterable[Line]) -> dict[Line, list[Allotment]]:
    """What these lines still have in the warehouse, or are being asked for."""
    found: dict[Line, list[Allotment]] = {}
    for allotment in map(as_allotment, await db.execute(_OF_LINES, lines(wanted))):
        found.setdefault(allotment.line, []).append(allotment)
    return found


async def pegs_of_receipt_lines(db: AsyncConnection, ids: Iterable[UUID]) -> dict[UUID, list[Allotment]]:
    """All pegs that were born from these receipt lines."""
    found: dict[UUID, list[Allotment]] = {}
    for peg in map(as_allotment, await db.execute(_OF_RECEIPT_LINES, {"ids": list(ids)})):
        if peg.receipt_line_id is not None:
            found.setdefault(peg.receipt_line_id, []).append(peg)
    return found


async def add_pegs(db: AsyncConnection, pegs: Sequence[Allotment]) -> None:
    """Write new pegs, and nothing else of them."""
    if pegs:
        names = (
            "id",
            "order_id",
            "line_id",
            "component",
            "sku",
            "warehouse",
            "qty",
            "receipt_line_id",
            "tie_id",
        )
        await db.execute(_ADD_PEGS, spread(pegs, *names, "generation", "gated", "passed"))


NewPeg = tuple[Allotment, str, int]
"""A peg with the numbers of its order and line."""


def pegged(pegs: Sequence[NewPeg]) -> dict[str, list[Any]]:
    """The parameters of `PEG`."""
    rows = [
        (
            own.id, own.order_id, own.line_id, own.component, own.sku, own.warehouse, own.qty, own.receipt_line_id,
            own.tie_id, own.generation, own.gated, order_number, line_no,
        )
        for own, order_number, line_no in pegs
    ]  # fmt: skip
    return columns(rows, *PEGGED)


async def peg(db: AsyncConnection, pegs: Sequence[NewPeg], at: datetime) -> dict[Line, Demand]:
    """Write pegs with their ties and demands; the demands come back as they stand now.

    A demand whose order has not been heard of yet is held by a row without need until its snapshot comes.
    """
    rows = await db.execute(_PEG, {**pegged(pegs), "at": at})
    return {demand.line: demand for demand in map(as_demand, rows)}


async def keep_unpickings(
    db: AsyncConnection, unpickings: Iterable[tuple[UUID, int]]
) -> set[tuple[UUID, int]]:
    """Shipments that were unpicked, by id and version; those that were not heard of before."""
    found = await db.execute(_KEEP_UNPICKINGS, columns(sorted(unpickings), "shipment_ids", "versions"))
    return {(row.shipment_id, row.version) for row in found}


async def unlock(db: AsyncConnection, ids: Iterable[UUID]) -> set[Key]:
    """Shipping has told that units of these allotments can move again: the stock of those that were locked."""
    rows = await db.execute(_UNLOCK, {"ids": sorted(ids)})
    return {(row.sku, row.warehouse) for row in rows if row.locked}


async def last_generations(
    db: AsyncConnection, pegs: Iterable[tuple[UUID, Line]]
) -> dict[tuple[UUID, Line], int]:
    """The newest generation of each (receipt line, demand) that has pegs already."""
    rows = sorted({(receipt_line, *line) for receipt_line, line in pegs})
    found = await db.execute(_LAST_GENERATION, columns(rows, "receipt_line_ids", "line_ids", "components"))
    return {(row.receipt_line_id, (row.line_id, row.component)): row.generation for row in found}
