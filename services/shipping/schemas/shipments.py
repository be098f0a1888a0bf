"""What REST callers get of shipments."""

from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from services.shipping.domain import shipment as domain
from services.shipping.domain.shipment import State
from shared.decimals import ZERO
from shared.quantity import Qty
from shared.web import BatchResult, Output, Problem


class Address(Output):
    """Where the goods go."""

    code: str
    name: str
    street: str
    city: str
    region: str
    postal_code: str
    country: str


class Share(Output):
    """The units of one allotment on the line."""

    allotment_id: UUID
    qty: Qty
    shipped: Qty


class ShipmentLine(Output):
    """One order line (or kit component) on the shipment."""

    shipment_line_id: UUID
    order_id: UUID
    order_number: str = Field(examples=["SO-000123"])
    line_id: UUID
    line_no: int
    component: int
    sku: str
    description: str
    unit: str
    qty: Qty = Field(description="Expected")
    shipped: Qty
    uninspected: Qty = Field(
        description="Wait for inspection: a pick takes the rest of the line and leaves these on a new shipment"
    )
    remainder_of: UUID | None = Field(
        None, description="The shipment line that this one was divided from when that was picked"
    )
    allotments: list[Share]


class ShipmentHead(Output):
    """A shipment without its lines."""

    id: UUID
    number: str = Field(examples=["SH-000123"])
    version: int
    state: State
    order_id: UUID
    order_number: str
    customer: str
    warehouse: str
    currency: str
    ship_to: Address
    carrier: str | None
    tracking_number: str | None
    created_at: datetime
    shipped_at: datetime | None
    shipped_by: str | None
    void_reason: str | None


class ShipmentRow(ShipmentHead):
    """A shipment in a list."""

    line_count: int
    waits_for_inspection: bool = Field(description="Some of it cannot be picked yet (SO-9)")


class Shipment(ShipmentHead):
    """A shipment with its lines."""

    lines: list[ShipmentLine]


class ShipmentResult(BatchResult):
    """What became of one shipment of a batch."""

    result: Literal["shipped", "refused"]
    shipment_id: UUID
    number: str | None = None
    state: State | None = None
    version: int | None = None


class BatchResults(Output):
    """A result each, in the order of the request."""

    shipped: int
    refused: int
    results: list[ShipmentResult]


def shipment(shown: Any) -> Shipment:
    """A shipment and what of it waits for inspection (`views.Shown`), as callers get it."""
    one: domain.Shipment = shown.shipment
    lines = [_line(line, shown.uninspected.get(line.shipment_line_id, ZERO)) for line in one.lines]
    said = {name: getattr(one, name) for name in _HEAD}
    return Shipment(id=one.shipment_id, ship_to=Address(**asdict(one.ship_to)), lines=lines, **said)


def shipment_row(row: Any) -> ShipmentRow:
    """A row of the list; read whole, which takes a quarter of what reading it name by name took."""
    return ShipmentRow.model_validate(row._asdict())


def batch_results(results: list[tuple[UUID, domain.Shipment | None, Problem | None]]) -> BatchResults:
    """A result each."""
    rows = [_batch_result(index, *result) for index, result in enumerate(results)]
    shipped = sum(row.result == "shipped" for row in rows)
    return BatchResults(shipped=shipped, refused=len(rows) - shipped, results=rows)


def _batch_result(
    index: int, shipment_id: UUID, found: domain.Shipment | None, problem: Problem | None
) -> ShipmentResult:
    return ShipmentResult(
        index=index,
        result="refused" if problem else "shipped",
        problem=problem,
        shipment_id=shipment_id,
        number=found.number if found else None,
        state=found.state if found else None,
        version=found.version if found else None,
    )


_HEAD = tuple(name for name in ShipmentHead.model_fields if name not in ("id", "ship_to"))


def _line(line: domain.Line, uninspected: Decimal) -> ShipmentLine:
    return ShipmentLine(
        shipment_line_id=line.shipment_line_id,
        order_id=line.order_id,
        order_number=line.order_number,
        line_id=line.line_id,
        line_no=line.line_no,
        component=line.component,
        sku=line.sku,
        description=line.description,
        unit=line.unit,
        qty=line.qty,
        shipped=line.shipped,
        uninspected=uninspected,
        remainder_of=line.remainder_of,
        allotments=[
            Share(allotment_id=one.allotment_id, qty=one.qty, shipped=one.shipped) for one in line.shares
        ],
    )
