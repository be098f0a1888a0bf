"""Procurement requests, exceptions and tasks as callers send and get them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from services.purchasing.domain.obstacles import ExceptionKind
from services.purchasing.schemas.words import Code
from shared.quantity import Money, Qty
from shared.web import Input, Output


class OrderNow(Input):
    """Buy a request now."""

    vendor: Code | None = Field(
        None, description="Another vendor than the order line's, for this purchase only"
    )


class ProcurementRequest(Output):
    """What is to be bought for one order line or kit component (BUY-5)."""

    id: UUID
    state: str = Field(description="open, or exception: something is in the way")
    qty: Qty = Field(description="In the item's unit, before purchase units")
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    special_order_id: UUID | None
    customer: str
    sku: str
    description: str
    unit: str
    product_line: str | None
    warehouse: str
    vendor: str | None
    source_warehouse: str | None
    cost: Money | None
    currency: str
    ordered: Qty
    cancel_wanted: Qty
    priority: int
    ranked_at: datetime
    requested_on: date | None
    requested_at: datetime
    left_to_buyer: bool = Field(description="A buyer undid its purchase: automation does not buy it again")
    created_by: str
    comments: list[str]
    exceptions: list[ExceptionKind]


def procurement_request(row: Any) -> ProcurementRequest:
    """A request."""
    return ProcurementRequest.model_validate(row._mapping)


class ExceptionOut(Output):
    """An entry of the exception desk (BUY-2)."""

    id: UUID
    version: int
    kind: ExceptionKind
    state: str = Field(description="open or cleared")
    order_id: UUID | None
    order_number: str | None
    line_id: UUID | None
    line_no: int | None
    component: int | None
    po_id: UUID | None
    po_number: str | None
    warehouse: str
    sku: str
    qty: Qty
    message: str
    first_seen_at: datetime
    cleared_at: datetime | None
    cleared_by: str | None
    clear_reason: str | None


def exception_out(row: Any) -> ExceptionOut:
    """An exception."""
    return ExceptionOut.model_validate(row._mapping)


class TaskOut(Output):
    """Something for a buyer to look at."""

    id: UUID
    kind: str
    state: str = Field(description="open or done")
    buyer: str
    warehouse: str
    po_id: UUID
    po_number: str
    po_line_no: int
    order_id: UUID
    order_number: str
    line_no: int
    sku: str
    qty: Qty
    reason: str
    message: str
    created_at: datetime
    done_at: datetime | None
    done_by: str | None


def task_out(row: Any) -> TaskOut:
    """A task."""
    return TaskOut.model_validate(row._mapping)
