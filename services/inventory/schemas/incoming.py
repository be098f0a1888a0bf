"""Incoming shipments and inspections over REST."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, model_validator

from services.inventory.domain.claim import Allotment
from services.inventory.domain.incoming import IncomingState
from services.inventory.domain.inspection import Inspection
from services.inventory.domain.inspection import Round as WantedRound
from services.inventory.domain.receiving import LineOutcome, Receipt, sentence
from services.inventory.schemas.words import Reason
from shared.decimals import ZERO
from shared.quantity import Qty
from shared.web import Input, Output

MOST_COUNTED = 1000


class CountedLine(Input):
    """What was counted of one line, named by its number on the purchase order or by its id."""

    line_no: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    po_line_id: UUID | None = None
    qty: Qty

    @model_validator(mode="after")
    def _one_name(self) -> "CountedLine":
        if (self.line_no is None) == (self.po_line_id is None):
            raise ValueError("name the line by line_no or by po_line_id, one of the two")
        return self

    @property
    def name(self) -> UUID | int:
        """The line, as it was named."""
        if self.po_line_id is not None:
            return self.po_line_id
        assert self.line_no is not None  # noqa: S101  # the validator saw to it
        return self.line_no


class Count(Input):
    """What was counted at the dock; a line that is not mentioned counts 0, or what was counted of it before."""

    lines: Annotated[list[CountedLine], Field(min_length=1, max_length=MOST_COUNTED)]
    complete: bool = Field(True, description="false: keep the counts, move nothing yet")

    @property
    def counted(self) -> list[tuple[UUID | int, Decimal]]:
        """For the handler."""
        return [(line.name, line.qty) for line in self.lines]


class IncomingRow(Output):
    """An incoming shipment in a list."""

    id: UUID
    number: str
    version: int
    state: IncomingState
    po_id: UUID
    po_number: str
    vendor: str
    warehouse: str
    created_at: datetime
    completed_at: datetime | None
    completed_by: str | None


def incoming_row(row: Any) -> IncomingRow:
    """From a view's row."""
    return IncomingRow.model_validate(row, from_attributes=True)


class WaitingTie(Output):
    """A demand that this line's goods are for."""

    tie_id: UUID
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    special_order_id: UUID | None
    open: Qty


class IncomingLineOut(Output):
    """A line of an incoming shipment."""

    po_line_id: UUID
    line_no: int
    sku: str
    description: str
    unit: str
    expected: Qty
    counted: Qty | None
    receipt_line_id: UUID | None = None
    pegged: Qty = ZERO
    waiting: list[WaitingTie] = []


class IncomingOut(IncomingRow):
    """An incoming shipment with its lines, and for whom they come."""

    lines: list[IncomingLineOut]


def incoming(view: Any) -> IncomingOut:
    """From the view of one."""
    lines = [
        IncomingLineOut(
            **{
                name: getattr(line, name)
                for name in ("po_line_id", "line_no", "sku", "description", "unit", "expected")
            },
            counted=line.counted,
            receipt_line_id=line.receipt_line_id,
            pegged=line.pegged or ZERO,
            waiting=[
                WaitingTie(**{name: getattr(tie, name) for name in WaitingTie.model_fields})
                for tie in view.ties
                if tie.po_line_id == line.po_line_id
            ],
        )
        for line in view.lines
    ]
    return IncomingOut(**incoming_row(view.head).model_dump(), lines=lines)


class Arrived(Output):
    """A special order, or another tied line, that this receipt brought goods for (SO-16)."""

    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    special_order_id: UUID | None
    sku: str
    qty: Qty
    still_missing: Qty
    links: dict[str, str]


class ReceivedLine(Output):
    """What became of one counted line: `received = pegged + filled + free` (per item of the receipt)."""

    receipt_line_id: UUID
    po_line_id: UUID
    line_no: int
    sku: str
    description: str
    unit: str
    expected: Qty
    received: Qty
    pegged: Qty
    filled: Qty = Field(description="Free units that went to waiting lines at once")
    free: Qty
    surplus: Qty = Field(description="Counted beyond what was expected")
    inspection_id: UUID | None
    inspection_number: str | None


class ReceiptOut(Output):
    """A receipt's outcome; while counting goes on, only the shipment's state has changed."""

    id: UUID
    number: str
    version: int
    state: IncomingState
    po_id: UUID
    po_number: str
    vendor: str
    warehouse: str
    lines: list[ReceivedLine]
    arrived: list[Arrived]
    short: list[str] = Field(description="Who waits for more than came, in words")


def receipt(done: Receipt) -> ReceiptOut:
    """From the handler's result."""
    head = ("id", "number", "version", "state", "po_id", "po_number", "vendor", "warehouse")
    return ReceiptOut(
        **{name: getattr(done.shipment, name) for name in head},
        lines=[_received(outcome) for outcome in done.lines],
        arrived=[arrived for outcome in done.lines for arrived in _arrived(outcome, done)],
        short=[sentence(short) for outcome in done.lines for short in outcome.divided.short],
    )


def _received(outcome: LineOutcome) -> ReceivedLine:
    line, po_line, inspected = outcome.line, outcome.po_line, outcome.inspection
    return ReceivedLine(
        receipt_line_id=line.id,
        po_line_id=line.po_line_id,
        line_no=po_line.line_no,
        sku=line.sku,
        description=po_line.description,
        unit=po_line.unit,
        expected=line.expected,
        received=line.received,
        pegged=line.pegged,
        filled=_sum(outcome.fills),
        free=outcome.free,
        surplus=line.surplus,
        inspection_id=inspected.id if inspected else None,
        inspection_number=inspected.number if inspected else None,
    )


def _sum(allotments: Iterable[Allotment]) -> Decimal:
    return sum((allotment.qty for allotment in allotments), ZERO)


def _arrived(outcome: LineOutcome, done: Receipt) -> list[Arrived]:
    missing = {short.tie.tie_id: short.missing for short in outcome.divided.short}
    found = []
    for peg in outcome.divided.pegs:
        tie = peg.tie
        links = {"order": f"/v1/sales-orders/{tie.order_id}"}
        if tie.special_order_id:
            links["special_order"] = f"/v1/special-orders/{tie.special_order_id}"
        if outcome.inspection:
            links["inspection"] = f"/v1/inspections/{outcome.inspection.id}"
        found.append(
            Arrived(
                order_id=tie.order_id,
                order_number=tie.order_number,
                line_id=tie.line_id,
                line_no=tie.line_no,
                component=tie.component,
                special_order_id=tie.special_order_id,
                sku=outcome.line.sku,
                qty=peg.qty,
                still_missing=missing.get(tie.tie_id, ZERO),
                links=links,
            )
        )
    return found


class Round(Input):
    """One round of an inspection: how many units passed, how many failed."""

    passed: Qty = ZERO
    failed: Qty = ZERO
    reason: Reason | None = None

    def wanted(self, inspection_id: UUID) -> WantedRound:
        """For the handler."""
        return WantedRound(inspection_id, self.passed, self.failed, self.reason)


class InspectionRow(Output):
    """An inspection in a list: what, how many, from which purchase order (NOTE-1)."""

    id: UUID
    number: str
    version: int
    state: str
    sku: str
    warehouse: str
    to_inspect: Qty
    passed: Qty
    failed: Qty
    inspected_by: str | None
    receipt_id: UUID
    receipt_number: str
    po_id: UUID
    po_number: str
    vendor: str
    created_at: datetime


def inspection_row(row: Any) -> InspectionRow:
    """From a view's row."""
    return InspectionRow(**{name: getattr(row, name) for name in InspectionRow.model_fields})


class InspectedPeg(Output):
    """Units of the inspection that belong to one order line."""

    allotment_id: UUID
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    qty: Qty
    passed: Qty
    failed: Qty
    withdrawn: Qty
    shipped: Qty
    gated: bool


class InspectionOut(InspectionRow):
    """An inspection, and for whom its units are."""

    pegs: list[InspectedPeg]


def inspection(view: Any) -> InspectionOut:
    """From the view of one."""
    return InspectionOut(**inspection_row(view.head).model_dump(), pegs=pegs(view.pegs))


def pegs(rows: Sequence[Any]) -> list[InspectedPeg]:
    """From rows of pegs joined with their demands."""
    return [InspectedPeg(**{name: getattr(row, name) for name in InspectedPeg.model_fields}) for row in rows]


class InspectionDone(Output):
    """An inspection after a round."""

    id: UUID
    number: str
    version: int
    state: str
    sku: str
    warehouse: str
    to_inspect: Qty
    passed: Qty
    failed: Qty
    left: Qty


def inspection_done(held: Inspection) -> InspectionDone:
    """From the handler's result."""
    names = ("id", "number", "version", "sku", "warehouse", "to_inspect", "passed", "failed")
    left = held.to_inspect - held.passed - held.failed
    state = "closed" if held.figures.is_closed else "open"
    return InspectionDone(**{name: getattr(held, name) for name in names}, state=state, left=left)
