"""A purchase order's snapshot: all that it is compared with, and all that it writes, in one statement each."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.demand import Key
from services.inventory.domain.incoming import IncomingLine, IncomingShipment, IncomingState, PoLine
from services.inventory.store.columns import DAY, ID, INT, QTY, TEXT, keys, spread, statement
from services.inventory.store.incoming import HEAD, NUMBERED, numbered

_LINE = tuple(held.name for held in fields(PoLine))
# whoever changes any of it holds the lock of the purchase order, as the caller does
_KNOWN = statement(
    f"""
    SELECT {", ".join("l." + name for name in _LINE)}, s.id AS shipment_id, s.number AS shipment_number, s.version, s.state,
        s.po_number, s.vendor, s.warehouse, i.expected, i.counted, through.tie_ids, through.pegged, through.floors
    FROM purchase_order_lines l
    LEFT JOIN incoming_shipments s ON s.po_id = l.po_id AND s.state IN ('expected', 'receiving')
    LEFT JOIN incoming_lines i ON i.shipment_id = s.id AND i.po_line_id = l.po_line_id
    LEFT JOIN LATERAL (
        SELECT array_agg(t.tie_id) AS tie_ids, array_agg(t.pegged) AS pegged, array_agg(t.close_floor) AS floors
        FROM ties t WHERE t.po_line_id = l.po_line_id AND l.received > 0
    ) through ON true
    WHERE l.po_id = ANY(:ids)
    """,  # noqa: S608  # names of our own columns
    ids=ID,
)
_SAVE = statement(
    f"""
    WITH line AS (
        INSERT INTO purchase_order_lines (po_line_id, po_id, line_no, sku, description, unit, ordered, cancelled, received,
            supply_limit, cancel_floor, expected_on)
        SELECT * FROM unnest(:po_line_id, :po_id, :line_no, :sku, :description, :unit, :ordered, :cancelled, :received,
            :supply_limit, :cancel_floor, :expected_on)
        ON CONFLICT (po_line_id) DO UPDATE SET line_no = excluded.line_no, sku = excluded.sku,
            description = excluded.description, unit = excluded.unit, ordered = excluded.ordered,
            cancelled = excluded.cancelled, received = excluded.received, supply_limit = excluded.supply_limit,
            cancel_floor = excluded.cancel_floor, expected_on = excluded.expected_on
    ), tie AS (
        INSERT INTO ties (tie_id, po_line_id, order_id, order_number, line_id, line_no, component, special_order_id, qty,
            closed)
        SELECT * FROM unnest(:tie_id, :tied_line, :tie_order, :tie_order_number, :tie_line, :tie_line_no, :component,
            :special_order_id, :qty, :closed)
        ON CONFLICT (tie_id) DO UPDATE SET qty = excluded.qty, closed = excluded.closed,
            order_number = excluded.order_number, special_order_id = excluded.special_order_id
    ), gone AS (
        UPDATE ties SET closed = greatest(closed, qty - pegged)
        WHERE po_line_id = ANY(:known_lines) AND NOT (tie_id = ANY(:tie_id)) AND closed < qty - pegged
    ), head AS ({HEAD}
    ), brings AS (
        INSERT INTO incoming_lines (shipment_id, po_line_id, sku, warehouse, expected, counted)
        SELECT * FROM unnest(:shipment_id, :brings_line, :brings_sku, :line_warehouse, :expected, :counted)
        ON CONFLICT (shipment_id, po_line_id) DO UPDATE SET sku = excluded.sku, warehouse = excluded.warehouse,
            expected = excluded.expected, counted = excluded.counted
    )
    SELECT wanted.sku, wanted.warehouse FROM unnest(:skus, :warehouses) AS wanted(sku, warehouse)
    JOIN replenishment_levels l ON l.sku = wanted.sku AND l.warehouse = wanted.warehouse
    """,  # noqa: S608  # a constant of ours
    po_line_id=ID,
    po_id=ID,
    line_no=INT,
    sku=TEXT,
    description=TEXT,
    unit=TEXT,
    ordered=QTY,
    cancelled=QTY,
    received=QTY,
    supply_limit=QTY,
    cancel_floor=QTY,
    expected_on=DAY,
    tie_id=ID,
    tied_line=ID,
    tie_order=ID,
    tie_order_number=TEXT,
    tie_line=ID,
    tie_line_no=INT,
    component=INT,
    special_order_id=ID,
    qty=QTY,
    closed=QTY,
    known_lines=ID,
    **NUMBERED,
    shipment_id=ID,
    brings_line=ID,
    brings_sku=TEXT,
    line_warehouse=TEXT,
    expected=QTY,
    counted=QTY,
    skus=TEXT,
    warehouses=TEXT,
)


@dataclass(frozen=True, slots=True)
class TieRow:
    """A tie as purchasing told it."""

    tie_id: UUID
    po_line_id: UUID
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    special_order_id: UUID | None
    qty: Decimal
    closed: Decimal


@dataclass(frozen=True, slots=True)
class Through:
    """What came through a tie, and what of it is closed here because it was missed."""

    pegged: Decimal
    close_floor: Decimal


@dataclass(slots=True, eq=False)
class Known:
    """What is known of these orders: lines, the open incoming shipment of each, ties of lines that have received."""

    orders: frozenset[UUID]
    lines: dict[UUID, PoLine] = field(default_factory=dict)
    shipments: dict[UUID, IncomingShipment] = field(default_factory=dict)
    """{PO: its shipment that is expected or being counted}"""
    ties: dict[UUID, Through] = field(default_factory=dict)


async def read_known(db: AsyncConnection, po_ids: Collection[UUID]) -> Known:
    """What is known of these purchase orders, whose locks are held; nothing is read where there are none."""
    known = Known(frozenset(po_ids))
    if not po_ids:
        return known
    brought: dict[UUID, dict[UUID, tuple[Decimal, Decimal | None]]] = {}
    for row in await db.execute(_KNOWN, {"ids": list(po_ids)}):
        line = known.lines[row.po_line_id] = PoLine(*row[: len(_LINE)])
        if row.tie_ids:
            known.ties |= zip(row.tie_ids, map(Through, row.pegged, row.floors), strict=True)
        if row.shipment_id is None:
            continue
        if line.po_id not in known.shipments:
            known.shipments[line.po_id] = IncomingShipment(
                row.shipment_id, row.shipment_number, row.version, IncomingState(row.state), line.po_id, row.po_number,
                row.vendor, row.warehouse, brought.setdefault(line.po_id, {}),
            )  # fmt: skip
        if row.expected is not None:
            brought[line.po_id][line.po_line_id] = row.expected, row.counted
    return known


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What purchase orders' snapshots change: lines with their days, ties, and incoming shipments with their lines."""

    lines: Sequence[PoLine]
    expected_on: Mapping[UUID, date | None]
    ties: Sequence[TieRow]
    shipments: Sequence[IncomingShipment]
    brings: Sequence[IncomingLine]


async def save(db: AsyncConnection, told: Snapshot, touched: Iterable[Key], at: datetime) -> list[Key]:
    """Write it; a tie that the newest snapshot no longer has is closed down to what came through it.

    Those of the touched keys come back that have replenishment levels.
    """
    ties, brings = told.ties, told.brings
    values = {
        **spread(told.lines, *_LINE),
        "expected_on": [told.expected_on.get(line.po_line_id) for line in told.lines],
        **spread(ties, "tie_id", "component", "special_order_id", "qty", "closed"),
        "tied_line": [tie.po_line_id for tie in ties],
        "tie_order": [tie.order_id for tie in ties],
        "tie_order_number": [tie.order_number for tie in ties],
        "tie_line": [tie.line_id for tie in ties],
        "tie_line_no": [tie.line_no for tie in ties],
        "known_lines": [line.po_line_id for line in told.lines],
        **numbered(told.shipments),
        **spread(brings, "shipment_id", "expected", "counted"),
        "brings_line": [line.po_line_id for line in brings],
        "brings_sku": [line.sku for line in brings],
        "line_warehouse": [line.warehouse for line in brings],
        **keys(touched),
        "at": at,
    }
    return [(row.sku, row.warehouse) for row in await db.execute(_SAVE, values)]
