"""Purchase orders as callers send and get them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from services.purchasing.domain.by_hand import LineChange, WantedLine
from services.purchasing.domain.purchase_order import MOST_LINES, State
from services.purchasing.schemas.words import Code, Currency, Sku, Why
from shared.quantity import Money, PositiveQty, Qty
from shared.web import Input, Output


class NewLine(Input):
    """A line of stock, in the item's unit."""

    sku: Sku
    qty: PositiveQty
    cost: Money | None = Field(None, description="Per item unit; else the vendor's price counts (BUY-9)")
    free_of_charge: bool = False
    expected_on: date | None = None
    override_reason: Why | None = Field(None, description="Needed for special and nonstock items (BUY-3)")

    def wanted(self) -> WantedLine:
        """The line as the rules know it."""
        return WantedLine(**dict(self))


class NewPurchaseOrder(Input):
    """A purchase order by hand."""

    vendor: Code
    warehouse: Code
    currency: Currency | None = Field(None, description="Its vendor's, if given")
    lines: list[NewLine] = Field(min_length=1, max_length=MOST_LINES)
    open: bool = Field(False, description="Send it at once")


class PurchaseOrderLineChange(Input):
    """What changes of a line; what is left out stays."""

    qty: PositiveQty | None = Field(
        None, description="In the item's unit; less of a sent line is asked of inventory"
    )
    cost: Money | None = Field(None, description="Until it is sent")
    expected_on: date | None = None
    agreed_on: date | None = None
    reason: Why | None = None
    override_reason: Why | None = Field(
        None, description="Needed for more of what is only bought against demand"
    )

    def wanted(self) -> LineChange:
        """The change as the rules know it."""
        return LineChange(**dict(self))


class TieOut(Output):
    """A quantity of the line that belongs to one demand: open = qty - closed - pegged."""

    tie_id: UUID
    special_order_id: UUID | None
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    qty: Qty
    closed: Qty
    closed_reason: str | None
    pegged: Qty
    open: Qty


class ReceiptOut(Output):
    """Goods of the line that arrived."""

    receipt_line_id: UUID
    receipt_id: UUID
    received: Qty
    surplus: Qty
    received_at: datetime


class PurchaseOrderLineOut(Output):
    """A line, in the item's unit: supply = ordered - cancelled = tied + untied."""

    po_line_id: UUID
    line_no: int
    sku: str
    description: str
    unit: str
    product_line: str | None
    order_type: str
    ordered: Qty
    cancelled: Qty
    supply: Qty
    received: Qty
    tied: Qty
    untied: Qty
    wanted_supply: Qty | None = Field(
        description="What a reduction that inventory has not answered yet would leave"
    )
    purchase_unit: str
    units_per: Qty
    purchase_price: Money | None = Field(description="Per purchase unit, as the vendor's record says exactly")
    cost: Money = Field(description="Per item unit")
    cost_source: str
    expected_on: date | None
    agreed_on: date | None
    comments: list[str]
    reason: str | None
    ties: list[TieOut]
    receipts: list[ReceiptOut]


class PurchaseOrderOut(Output):
    """A purchase order with its lines."""

    id: UUID
    number: str
    version: int
    state: State
    cancelling: bool = Field(description="Inventory has not said yet how much can no longer be received")
    vendor: str
    warehouse: str
    company: str | None
    currency: str
    buyer: str
    by_hand: bool
    created_by: str
    created_at: datetime
    sent_at: datetime | None
    ended_at: datetime | None
    reason: str | None
    total: Money = Field(description="Cost times supply over all lines")
    lines: list[PurchaseOrderLineOut]


class PurchaseOrderRow(Output):
    """A purchase order in a list."""

    id: UUID
    number: str
    version: int
    state: State
    cancelling: bool
    vendor: str
    warehouse: str
    currency: str
    buyer: str
    created_at: datetime
    sent_at: datetime | None
    lines: int
    total: Money


def purchase_order_row(row: Any) -> PurchaseOrderRow:
    """A purchase order in a list."""
    return PurchaseOrderRow.model_validate(row._mapping)
