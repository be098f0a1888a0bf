"""Rounds of inspections: all that they start from, locked, and all that they write, in one statement for any number."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from uuid import UUID

from sqlalchemy import ARRAY, bindparam, select
from sqlalchemy import any_ as any_of
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory import tables as t
from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Line
from services.inventory.domain.inspection import Inspection
from services.inventory.store.columns import ID, INT, QTY, TEXT, spread, statement

# the stock row first, as everywhere; the inspection's own row besides, so that its newest figures are read when
# somebody else's round of it had to be waited for
_LOCK = statement(
    """
    SELECT i.id, i.number, i.version, i.told, i.receipt_line_id, i.sku, i.warehouse, i.to_inspect, i.passed, i.failed,
        i.inspected_by, l.shipment_id, r.number AS receipt_number, r.po_id, r.po_number, l.po_line_id, r.vendor
    FROM stock s JOIN inspections i ON i.sku = s.sku AND i.warehouse = s.warehouse
    JOIN receipt_lines l ON l.id = i.receipt_line_id JOIN incoming_shipments r ON r.id = l.shipment_id
    WHERE i.id = ANY(:ids) ORDER BY s.sku, s.warehouse, i.id FOR NO KEY UPDATE OF s, i
    """,
    ids=ID,
)
_PEG_FIELDS = tuple(held.name for held in fields(Allotment))
_DEMAND_FIELDS = tuple(held.name for held in fields(Demand))
_PEGS = (
    select(
        *(t.allotments.c[name] for name in _PEG_FIELDS),
        *(t.demand.c[name].label(f"demand_{name}") for name in _DEMAND_FIELDS),
    )
    .join(
        t.demand,
        (t.demand.c.line_id == t.allotments.c.line_id) & (t.demand.c.component == t.allotments.c.component),
    )
    .where(t.allotments.c.receipt_line_id == any_of(bindparam("ids", type_=ARRAY(ID))))
)
_JUDGE = statement(
    """
    WITH peg AS (
        UPDATE allotments a SET passed = now_is.passed, failed = now_is.failed
        FROM unnest(:peg_id, :peg_passed, :peg_failed) AS now_is(id, passed, failed) WHERE a.id = now_is.id
    )
    UPDATE inspections i SET version = now_is.version, told = now_is.told, to_inspect = now_is.to_inspect,
        passed = now_is.passed, failed = now_is.failed, inspected_by = now_is.inspected_by
    FROM unnest(:id, :version, :told, :to_inspect, :passed, :failed, :inspected_by)
        AS now_is(id, version, told, to_inspect, passed, failed, inspected_by)
    WHERE i.id = now_is.id
    """,
    peg_id=ID,
    peg_passed=QTY,
    peg_failed=QTY,
    id=ID,
    version=INT,
    told=INT,
    to_inspect=QTY,
    passed=QTY,
    failed=QTY,
    inspected_by=TEXT,
)


@dataclass(slots=True, eq=False)
class ToInspect:
    """Inspections, the pegs of their receipt lines, and whose these are."""

    inspections: dict[UUID, Inspection]
    pegs: dict[UUID, dict[UUID, Allotment]] = field(default_factory=dict)
    """{receipt line: {peg: as it stands}}"""
    demands: dict[Line, Demand] = field(default_factory=dict)


async def lock_inspections(db: AsyncConnection, ids: Iterable[UUID]) -> ToInspect:
    """These inspections with all that a round needs; the stock that they are about is locked in key order."""
    found = ToInspect({row.id: Inspection(*row) for row in await db.execute(_LOCK, {"ids": list(ids)})})
    if not found.inspections:
        return found
    lines = [inspection.receipt_line_id for inspection in found.inspections.values()]
    pegs = len(_PEG_FIELDS)
    for row in await db.execute(_PEGS, {"ids": lines}):
        peg, demand = Allotment(*row[:pegs]), Demand(*row[pegs:])
        assert peg.receipt_line_id is not None  # noqa: S101  # by the condition of the query
        found.pegs.setdefault(peg.receipt_line_id, {})[peg.id] = peg
        found.demands[demand.line] = demand
    return found


async def judge(
    db: AsyncConnection, pegs: Mapping[UUID, Allotment], inspections: Sequence[Inspection]
) -> None:
    """Write what rounds have found: of the pegs, and of the inspections."""
    if not inspections:
        return
    judged = {
        "peg_id": list(pegs),
        "peg_passed": [peg.passed for peg in pegs.values()],
        "peg_failed": [peg.failed for peg in pegs.values()],
    }
    names = ("id", "version", "told", "to_inspect", "passed", "failed", "inspected_by")
    await db.execute(_JUDGE, {**judged, **spread(inspections, *names)})
