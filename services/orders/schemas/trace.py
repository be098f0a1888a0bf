"""The trace of a line as callers get it: every hop with its quantities, and the sums that prove them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from shared.quantity import Money, Qty, SignedQty
from shared.web import Output

from ..domain.special import SpecialState


class TracedSpecial(Output):
    """The line's special order."""

    id: UUID
    number: str
    state: SpecialState
    component: int
    qty: Qty


class TracedTie(Output):
    """A tie to a purchase-order line: tied = pegged + open + closed."""

    tie_id: UUID
    component: int
    po_id: UUID
    po_number: str
    po_state: str | None
    po_line_id: UUID
    po_line_no: int
    vendor: str
    qty: Qty
    pegged: Qty
    open: Qty
    closed: Qty
    closed_reason: str | None
    expected_on: date | None
    cost: Money | None


class TracedInspection(Output):
    """An inspection of a receipt line."""

    inspection_id: UUID
    to_inspect: Qty
    passed: Qty
    failed: Qty
    closed: bool
    inspected_by: str
    reason: str | None


class TracedReceipt(Output):
    """A receipt line that brought goods for this line."""

    receipt_line_id: UUID
    receipt_id: UUID
    receipt_number: str
    po_number: str
    vendor: str
    received: Qty | None
    received_at: datetime | None
    pegged: Qty
    inspections: list[TracedInspection]


class TracedAllotment(Output):
    """A claim ticket of this line: qty = granted + withdrawn + failed + returned."""

    allotment_id: UUID
    component: int
    origin: str
    receipt_line_id: UUID | None
    tie_id: UUID | None
    qty: Qty
    withdrawn: Qty
    failed: Qty
    passed: Qty
    granted: SignedQty
    shipped: Qty
    returned: Qty
    missing: Qty
    is_released: bool
    on_shipment: Qty


class TracedShipment(Output):
    """This line's units on a shipment."""

    shipment_id: UUID
    number: str
    state: str
    warehouse: str
    carrier: str | None
    tracking_number: str | None
    allotment_id: UUID
    qty: Qty
    shipped: Qty
    shipped_at: datetime | None


class TracedInvoice(Output):
    """This line's quantity on an invoice or a credit note."""

    invoice_id: UUID
    number: str | None
    kind: str
    state: str
    shipment_number: str | None
    qty: Qty
    net: Money
    tax: Money


class TracedReturn(Output):
    """Goods of this line that the customer brought back."""

    return_id: UUID
    number: str
    qty: Qty
    to_quarantine: bool
    reason: str


class Sum(Output):
    """One hop: `qty` of `whole` is the sum of its parts."""

    hop: str
    whole: str
    qty: SignedQty
    parts: dict[str, SignedQty]
    adds_up: bool


class TracedLine(Output):
    """The line that is traced."""

    line_id: UUID
    line_no: int
    sku: str
    description: str
    unit: str
    warehouse: str
    ordered: Qty
    cancelled: Qty
    backordered: Qty
    granted: Qty
    released: Qty
    shipped: Qty


class Trace(Output):
    """From the customer's line to the goods and the invoice."""

    order_id: UUID
    order_number: str
    line: TracedLine
    special_orders: list[TracedSpecial]
    ties: list[TracedTie]
    receipts: list[TracedReceipt]
    allotments: list[TracedAllotment]
    shipments: list[TracedShipment]
    invoices: list[TracedInvoice]
    returns: list[TracedReturn]
    sums: list[Sum]


def trace(found: Any) -> Trace:
    """The trace as the view found it."""
    return Trace(
        order_id=found.line.order_id,
        order_number=found.order_number,
        line=TracedLine(
            line_id=found.line.id,
            **{name: getattr(found.line, name) for name in TracedLine.model_fields if name != "line_id"},
        ),
        special_orders=[TracedSpecial(**row) for row in found.specials],
        ties=[TracedTie(**row) for row in found.ties],
        receipts=[
            TracedReceipt(**{**row, "inspections": [TracedInspection(**i) for i in row["inspections"]]})
            for row in found.receipts
        ],
        allotments=[TracedAllotment(**row) for row in found.allotments],
        shipments=[TracedShipment(**row) for row in found.shipments],
        invoices=[TracedInvoice(**row) for row in found.invoices],
        returns=[TracedReturn(**row) for row in found.returns],
        sums=[
            Sum(hop=hop.hop, whole=hop.whole, qty=hop.qty, parts=dict(hop.parts), adds_up=hop.adds_up)
            for hop in found.sums
        ],
    )
