"""A shipment and its lines as rows of their tables, and back."""

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB

from services.shipping.domain.allotment import ShipTo
from services.shipping.domain.shipment import Line, Share, Shipment, State

SHIPMENT = (
    *("id", "number", "version", "told", "state", "order_id", "order_number", "customer"),
    *("warehouse", "currency", "ship_to", "carrier", "tracking_number", "created_at"),
    *("shipped_at", "shipped_by", "void_reason"),
)
"""A whole row, in the order of the value's own fields (a test compares), and so are lines and shares."""
MOVED = (
    *("id", "version", "told", "state", "carrier", "tracking_number"),
    *("shipped_at", "shipped_by", "void_reason"),
)
NEW = tuple(name for name in SHIPMENT if name != "number")
"""A new shipment's row; the database gives the number."""
LINE = (
    *("id", "shipment_id", "order_id", "order_number", "line_id", "line_no", "component"),
    *("sku", "description", "unit", "precision", "remainder_of"),
)
SHARE = ("shipment_line_id", "allotment_id", "qty", "shipped")
_STATE, _SHIP_TO = SHIPMENT.index("state"), SHIPMENT.index("ship_to")
_values_of_line = attrgetter(*LINE[2:])


def _values(names: Sequence[str]) -> Callable[[Shipment], tuple[Any, ...]]:
    return attrgetter(*("shipment_id" if name == "id" else name for name in names))


new_row, moved_row = _values(NEW), _values(MOVED)


def line_row(shipment: Shipment, line: Line) -> tuple[Any, ...]:
    """The row of a line."""
    return line.shipment_line_id, shipment.shipment_id, *_values_of_line(line)


def as_shipment(row: Sequence[Any], lines: Iterable[Line]) -> Shipment:
    """A shipment from its row (`SHIPMENT`) and its lines."""
    values = [*row, tuple(lines)]
    values[_STATE] = State(values[_STATE])
    values[_SHIP_TO] = ShipTo(**values[_SHIP_TO])
    return Shipment(*values)


def as_line(row: Sequence[Any], shares: Iterable[Share]) -> Line:
    """A line from its row (`LINE`) and its shares."""
    values = [row[0], *row[2:], tuple(shares)]
    return Line(*values)


def given(parameter: str, table: Table, names: Sequence[str]) -> str:
    """In a FROM: the rows that a parameter brings, each value at its column's place.

    One JSON text for all of them: the driver looks at every element of every array that it writes, which took twice as
    long in sum as writing and reading JSON, and objects with their names in each row half as long again.
    """
    values = ", ".join(f"{_read(table, name, nth)} AS {name}" for nth, name in enumerate(names))
    return f"(SELECT {values} FROM jsonb_array_elements(CAST(:{parameter} AS jsonb)) AS rows(r)) AS given"  # noqa: S608  # names of columns


def written(rows: Iterable[tuple[Any, ...]]) -> str:
    """The rows as such a parameter; exact decimals as text."""
    return orjson.dumps(list(rows), default=str).decode()


def _read(table: Table, name: str, nth: int) -> str:
    kind = table.c[name].type
    if isinstance(kind, JSONB):
        # what is not known is no JSON null
        return f"nullif(r->{nth}, 'null')"
    return f"CAST(r->>{nth} AS {kind.compile(dialect=postgresql.dialect())})"  # type: ignore[no-untyped-call]  # SQLAlchemy's own
