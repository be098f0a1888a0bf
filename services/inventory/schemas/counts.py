"""Stock counts over REST."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.inventory.domain.counting import StockCount, WantedCount
from services.inventory.schemas.words import Code, Reason
from shared.quantity import Qty, SignedQty
from shared.web import Input, Output


class NewStockCount(Input):
    """What somebody has counted of one item in one warehouse."""

    sku: Code
    warehouse: Code
    counted: Qty = Field(
        description="Every unit that is there, whoever it belongs to: allotted, pegged, quarantined, picked or packed "
        "for a shipment that has not left. Shipped units are not there, nor are those still to be received"
    )
    reason: Reason
    reference: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        None, description="Your own key: a count with a reference that was used before is not made again"
    )

    def wanted(self) -> WantedCount:
        """For the handler."""
        return WantedCount(self.sku, self.warehouse, self.counted, self.reason, self.reference)


class StockCountOut(Output):
    """A stock count; a discrepancy was booked by the adjustment that it names."""

    id: UUID
    number: str
    reference: str | None
    sku: str
    warehouse: str
    expected: Qty = Field(description="What the books held, less losses that still ask for their units")
    counted: Qty
    discrepancy: SignedQty = Field(description="counted - expected")
    adjustment_id: UUID | None = Field(
        description="GET /v1/stock/adjustments/{id} says whether a loss still asks for units; null: nothing differed"
    )
    reason: str
    counted_by: str


class StockCountListed(StockCountOut):
    """A stock count as it is read."""

    counted_at: datetime


def stock_count(held: StockCount) -> StockCountOut:
    """From the handler's result."""
    return StockCountOut(**{name: getattr(held, name) for name in StockCountOut.model_fields})


def stock_count_row(row: Any) -> StockCountListed:
    """From a view's row."""
    return StockCountListed(**{name: getattr(row, name) for name in StockCountListed.model_fields})
