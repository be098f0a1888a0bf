"""Special orders as callers send and get them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from shared.quantity import Money, PositiveQty, Qty
from shared.web import Input, Output

from ..domain.special import SpecialState
from .orders import SourceIn, SourceOut
from .words import Code


class NewSpecialOrder(Input):
    """A special order made by hand of an open stock line that waits, for all of it or a part (SO-1)."""

    order_id: UUID
    line_no: int = Field(ge=1, le=10_000)
    qty: PositiveQty | None = Field(None, description="Default: all that waits; a part makes a linked line")
    source: SourceIn | None = Field(None, description="Default: the item's special-order source")
    cost: Money | None = None
    cost_unit: Code | None = None
    reason: str | None = Field(None, max_length=500, description="Kept in the record log")


class SpecialOrder(Output):
    """A special order with the figures of its line."""

    id: UUID
    number: str
    version: int
    state: SpecialState
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    customer: str
    sku: str
    description: str
    unit: str
    warehouse: str
    qty: Qty
    granted: Qty
    shipped: Qty
    source: SourceOut
    cost: Money | None
    by_hand: bool
    created_at: datetime
    created_by: str


_OF_LINE = frozenset({"line_no", "description", "unit", "granted", "shipped"})


def special_order(row: Any) -> SpecialOrder:
    """The answer for one special order of a view, where a row has everything."""
    return special_order_of(row, row, row.order_number)


def special_order_of(special: Any, line: Any, order_number: str) -> SpecialOrder:
    """The answer for one special order with its line."""
    own = [name for name in SpecialOrder.model_fields if name not in _OF_LINE | {"source", "order_number"}]
    return SpecialOrder(
        **{name: getattr(special, name) for name in own},
        **{name: getattr(line, name) for name in _OF_LINE},
        order_number=order_number,
        source=SourceOut(vendor=special.source_vendor, warehouse=special.source_warehouse),
    )
