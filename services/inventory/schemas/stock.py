"""Stock, demand, adjustments and customer returns over REST."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from services.inventory.domain.adjustment import (
    Adjustment,
    AdjustmentResult,
    AdjustmentState,
    WantedAdjustment,
)
from services.inventory.domain.returning import CustomerReturn, ReturnTo, WantedReturn
from services.inventory.schemas.words import Code, Reason
from shared.errors import TielineError
from shared.quantity import PositiveQty, Qty, SignedQty
from shared.web import BatchResult, Input, Output, Problem

MOST_ADJUSTMENTS = 500


class StockFigures(Output):
    """One item in one warehouse, in the words that users know."""

    sku: str
    warehouse: str
    on_hand: Qty
    committed: Qty = Field(description="Allotted from free stock, or pegged to an order")
    allotted: Qty
    pegged: Qty
    quality_control: Qty = Field(description="Pegged units that wait for inspection")
    quarantined: Qty
    available: Qty = Field(description="on_hand - committed - quarantined: nobody's yet")
    incoming: Qty = Field(description="Expected on open incoming shipments")
    demand: Qty = Field(
        description="What open lines still wait to be shipped; the sum of `open` over GET /v1/demand"
    )
    backordered: Qty = Field(description="The part of the demand that nothing has been granted for")
    open_stock: SignedQty = Field(description="available - what the queue waits for; may be negative")


def stock(row: Any) -> StockFigures:
    """From a view's row."""
    return StockFigures(**{name: getattr(row, name) for name in StockFigures.model_fields})


class LedgerRow(Output):
    """One movement of stock on hand."""

    id: UUID
    sku: str
    warehouse: str
    qty: SignedQty
    kind: str
    document: str
    reason: str | None
    actor: str
    at: datetime


def ledger(row: Any) -> LedgerRow:
    """From a view's row."""
    return LedgerRow(**{name: getattr(row, name) for name in LedgerRow.model_fields})


class DemandRow(Output):
    """One line, or kit component, that waits for something."""

    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    sku: str
    warehouse: str
    need: Qty
    granted: Qty
    shipped: Qty
    open: Qty = Field(description="need - shipped: what the customer still waits for")
    backordered: Qty = Field(description="need - granted: what nothing has been granted for")
    priority: int
    ranked_at: datetime
    special: bool = Field(description="Gets only what arrives through its tie (SO-5)")
    all_or_nothing: bool


def demand(row: Any) -> DemandRow:
    """From a view's row."""
    return DemandRow(**{name: getattr(row, name) for name in DemandRow.model_fields})


class Sweep(Input):
    """Which part of the queue to run: all of it, an item, a warehouse, or one item in one warehouse."""

    sku: Code | None = None
    warehouse: Code | None = None


class Swept(Output):
    """What a run of the queue gave out; nothing, when nothing had changed."""

    lines: int
    qty: Qty
    items: list[str]


def swept(grants: Any) -> Swept:
    """From the grants of a sweep."""
    lines = {grant.demand.line for grant in grants}
    skus = sorted({grant.allotment.sku for grant in grants})
    return Swept(lines=len(lines), qty=sum((g.allotment.qty for g in grants), Decimal(0)), items=skus)


class NewAdjustment(Input):
    """Change stock by hand: plus for units found, minus for units lost."""

    sku: Code
    warehouse: Code
    qty: SignedQty
    reason: Reason
    reference: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        None,
        description="Your own key: an adjustment with a reference that was used before is not made again",
    )

    def wanted(self) -> WantedAdjustment:
        """For the handler."""
        return WantedAdjustment(self.sku, self.warehouse, self.qty, self.reason, self.reference)


class AdjustmentBatch(Input):
    """Up to 500 adjustments in one transaction."""

    adjustments: Annotated[list[NewAdjustment], Field(min_length=1, max_length=MOST_ADJUSTMENTS)]


class AdjustmentOut(Output):
    """An adjustment that was made."""

    id: UUID
    number: str
    reference: str | None
    sku: str
    warehouse: str
    qty: SignedQty
    reason: str
    adjusted_by: str
    state: AdjustmentState = Field(description="asking: units that lines hold are asked for (BO-12)")
    booked: SignedQty = Field(description="By how much stock on hand has changed so far")
    asking: Qty = Field(description="Units of a loss that are still asked for")
    refused: Qty = Field(
        description="Units of a loss that could not be taken: they are being picked; `booked` is the most it could be"
    )


class AdjustmentListed(AdjustmentOut):
    """An adjustment in a list."""

    adjusted_at: datetime


def adjustment(held: Adjustment) -> AdjustmentOut:
    """From the handler's result."""
    return AdjustmentOut(**{name: getattr(held, name) for name in AdjustmentOut.model_fields})


def adjustment_row(row: Any) -> AdjustmentListed:
    """From a view's row."""
    return AdjustmentListed(**{name: getattr(row, name) for name in AdjustmentListed.model_fields})


class AdjustmentAnswer(BatchResult):
    """What became of one row of a batch."""

    result: Literal["made", "repeated", "refused"]
    adjustment: AdjustmentOut | None = None


class AdjustmentAnswers(Output):
    """What became of a batch, row by row."""

    made: int
    repeated: int
    refused: int
    results: list[AdjustmentAnswer]


def adjustments(
    results: list[AdjustmentResult], problem_of: Callable[[TielineError], Problem]
) -> AdjustmentAnswers:
    """From the handler's results."""
    answers = [
        _answer(n, result, problem_of(result.refusal) if result.refusal else None)
        for n, result in enumerate(results)
    ]
    counted = {word: sum(a.result == word for a in answers) for word in ("made", "repeated", "refused")}
    return AdjustmentAnswers(**counted, results=answers)


def _answer(index: int, result: AdjustmentResult, problem: Problem | None) -> AdjustmentAnswer:
    if problem:
        return AdjustmentAnswer(index=index, result="refused", problem=problem)
    made = adjustment(result.adjustment) if result.adjustment else None
    return AdjustmentAnswer(index=index, result="repeated" if result.is_repeated else "made", adjustment=made)


class NewReturn(Input):
    """Goods that a customer brings back."""

    sku: Code
    warehouse: Code
    qty: PositiveQty
    to: ReturnTo
    reason: Reason
    line_id: UUID | None = Field(
        None, description="The order line that shipped them; limits what can come back"
    )
    component: Annotated[int, Field(ge=0, le=9999)] = 0

    def wanted(self) -> WantedReturn:
        """For the handler."""
        return WantedReturn(
            self.line_id, self.component, self.sku, self.warehouse, self.qty, self.to, self.reason
        )


class ReturnOut(Output):
    """A customer return."""

    id: UUID
    number: str
    order_id: UUID | None
    line_id: UUID | None
    component: int
    sku: str
    warehouse: str
    qty: Qty
    to: ReturnTo
    reason: str
    returned_by: str


class ReturnListed(ReturnOut):
    """A customer return in a list."""

    returned_at: datetime


_RETURN = tuple(name for name in ReturnOut.model_fields if name != "to")


def customer_return(held: CustomerReturn) -> ReturnOut:
    """From the handler's result."""
    return ReturnOut(**{name: getattr(held, name) for name in _RETURN}, to=ReturnTo(held.return_to))


def return_row(row: Any) -> ReturnListed:
    """From a view's row."""
    own = {name: getattr(row, name) for name in _RETURN}
    return ReturnListed(**own, to=ReturnTo(row.return_to), returned_at=row.returned_at)
