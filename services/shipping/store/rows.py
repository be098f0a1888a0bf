"""A shipment and its lines as rows of their tables, and back."""

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import Row

from services.shipping.domain.allotment import ShipTo
from services.shipping.domain.shipment import Line, Share, Shipment, State

FIXED = (
    "id",
    "number",
    "order_id",
    "order_number",
    "customer",
    "warehouse",
    "currency",
    "ship_to",
    "created_at",
)
MOVING = (
    "version",
    "told",
    "state",
    "carrier",
    "tracking_number",
    "shipped_at",
    "shipped_by",
    "void_reason",
)
LINE = (
    *("id", "shipment_id", "order_id", "order_number", "line_id", "line_no", "component"),
    *("sku", "description", "unit", "precision", "remainder_of"),
)
_PLAIN = tuple(name for name in FIXED if name not in ("id", "ship_to"))
_moving_values = attrgetter(*MOVING)


def as_shipment(row: Row[Any], lines: tuple[Line, ...]) -> Shipment:
    """A shipment from its row and its lines."""
    plain = {name: getattr(row, name) for name in FIXED + MOVING if name not in ("id", "ship_to", "state")}
    return Shipment(row.id, state=State(row.state), ship_to=ShipTo(**row.ship_to), lines=lines, **plain)


def as_line(rows: Sequence[Row[Any]]) -> Line:
    """A line from the rows of its shares."""
    said = {name: getattr(rows[0], name) for name in LINE[2:]}
    return Line(
        rows[0].id, shares=tuple(Share(row.allotment_id, row.qty, row.shipped) for row in rows), **said
    )


def row_of(shipment: Shipment) -> dict[str, Any]:
    """The row of a shipment; its address as JSON text."""
    plain = {name: getattr(shipment, name) for name in _PLAIN}
    return {**plain, **moving_of(shipment), "ship_to": orjson.dumps(shipment.ship_to).decode()}


def moving_of(shipment: Shipment) -> dict[str, Any]:
    """What changes of the row of a shipment, with its key."""
    moving = dict(zip(MOVING, _moving_values(shipment), strict=True))
    return moving | {"id": shipment.shipment_id, "state": shipment.state.value}


def row_of_line(shipment: Shipment, line: Line) -> dict[str, Any]:
    """The row of a line."""
    said = {name: getattr(line, name) for name in LINE[2:]}
    return {"id": line.shipment_line_id, "shipment_id": shipment.shipment_id, **said}
