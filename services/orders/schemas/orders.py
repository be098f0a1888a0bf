"""Sales orders as callers send and get them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from shared.quantity import Money, PositiveQty, Qty, Rate
from shared.web import BatchResult, Input, Output, Problem

from ..domain.order import MOST_LINES, ItemKind, Line, Order, OrderState, ShipType, ShortageAnswer
from ..domain.settlement import Picture
from ..domain.special import SpecialState
from .words import Code, Currency, Priority, Why, Words

Share = Annotated[Rate, Field(le=1, description="0.21 is 21 %")]
Comments = Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=20)]
MOST_ORDERS = 500


class SourceIn(Input):
    """Where a special line comes from: a vendor or a warehouse, not both (ITEM-6)."""

    vendor: Code | None = None
    warehouse: Code | None = None


class NewLine(Input):
    """A line as it is ordered; what is left out comes from the item."""

    sku: Code
    qty: PositiveQty
    warehouse: Code | None = Field(None, description="Default: the order's warehouse")
    price: Money | None = Field(None, description="Per unit; default: the item's price")
    discount: Share = Field("0", validate_default=True)
    tax_rate: Share = Field("0", validate_default=True)
    special_order: bool | None = Field(None, description="Overrides the item's flag either way (ITEM-3)")
    drop_ship: bool | None = None
    source: SourceIn | None = Field(None, description="Overrides the item's special-order source")
    cost: Money | None = Field(None, description="Overrides the cost per unit")
    cost_unit: Code | None = Field(
        None, description="The unit that the cost is for; default: the item's unit"
    )
    free_of_charge: bool = False
    all_or_nothing: bool | None = Field(None, description="Default: by the answer to a shortage (BO-5)")
    shortage: ShortageAnswer | None = Field(
        None,
        description="What becomes of a shortage: `split` ships what is there, `backorder_line` waits for all (BO-1); "
        "default: the customer's answer",
    )
    requested_on: date | None = None
    comments: Comments = []


class NewSalesOrder(Input):
    """An order; with `open` it is demand at once."""

    customer: Code
    ship_to: Code | None = Field(None, description="Default: the customer's first location")
    warehouse: Code | None = Field(None, description="For lines that name none")
    ship_type: ShipType | None = Field(None, description="Default: the customer's")
    priority: Priority = 0
    priority_reason: str | None = Field(
        None, max_length=500, description="Needed with a priority other than 0"
    )
    currency: Currency | None = Field(None, description="Default: the customer's")
    carrier: Code | None = None
    team: Code | None = Field(None, description="Default: the customer's")
    reference: Words | None = Field(None, description="The customer's own order number")
    requested_on: date | None = None
    open: bool = False
    lines: list[NewLine] = Field([], max_length=MOST_LINES)


@dataclass(frozen=True)
class Malformed:
    """An order of a batch that is no order: what is wrong with it."""

    problem: ValidationError


def _one_by_one(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
    """A malformed order of a batch hinders no good one: it is kept as its problem."""
    try:
        return handler(value)
    except ValidationError as problem:
        return Malformed(problem)


class OrderBatch(Input):
    """Up to 500 orders in one transaction; each has a result of its own."""

    orders: list[Annotated[NewSalesOrder, WrapValidator(_one_by_one)]] = Field(
        min_length=1, max_length=MOST_ORDERS
    )

    @property
    def wanted(self) -> list[NewSalesOrder | Malformed]:
        """The orders, or what is wrong with them, as they came."""
        return list(self.orders)


class OrderChange(Input):
    """What changes of an order's head; what is left out stays, null empties."""

    ship_to: Code | None = None
    ship_type: ShipType | None = None
    priority: Priority | None = Field(
        None, description="Needs the scope orders:priority and a reason (ORD-3)"
    )
    customer_hold: bool | None = Field(
        None, description="The customer asked to wait: nothing more is released"
    )
    carrier: Code | None = None
    team: Code | None = None
    reference: Words | None = None
    requested_on: date | None = None
    reason: str | None = Field(None, max_length=500, description="Kept in the record log")


class LineChange(Input):
    """What changes of a line. On an open order `qty` less is a wish to cancel, more is a linked line (BO-4)."""

    qty: PositiveQty | None = None
    price: Money | None = None
    discount: Share | None = None
    tax_rate: Share | None = None
    special_order: bool | None = None
    drop_ship: bool | None = None
    source: SourceIn | None = None
    cost: Money | None = None
    cost_unit: Code | None = None
    free_of_charge: bool | None = None
    all_or_nothing: bool | None = None
    shortage: ShortageAnswer | None = Field(
        None, description="The answer for a shortage of this line or of its increase (BO-1)"
    )
    requested_on: date | None = None
    comments: Comments | None = None
    reason: str | None = Field(None, max_length=500, description="Kept in the record log")


class LineAnswer(Input):
    """The answer to the shortage question for one line."""

    line_no: int = Field(ge=1, le=10_000)
    shortage: ShortageAnswer


class OpenOrder(Input):
    """Answers to the shortage question (BO-1): for single lines, and for every short line that has none."""

    lines: list[LineAnswer] = Field([], max_length=MOST_LINES)
    shortage: ShortageAnswer | None = None


class Reason(Input):
    """Why."""

    reason: Why


class LineCancel(Input):
    """How much of a line to cancel, and why; without a quantity: all that has not shipped."""

    qty: PositiveQty | None = None
    reason: Why


class ReleaseByHand(Input):
    """Which lines to release; all of them by default."""

    lines: list[int] | None = Field(None, max_length=MOST_LINES)
    reason: str | None = Field(None, max_length=500)


# --- answers --------------------------------------------------------------------------------------------------------


class SourceOut(Output):
    """Where the line is bought or transferred from."""

    vendor: str | None
    warehouse: str | None


class SpecialOrderRef(Output):
    """The special order of a line."""

    id: UUID
    number: str
    state: SpecialState


class Obstacle(Output):
    """What is in the way of buying for this line, as purchasing has told it."""

    kind: str
    message: str
    qty: Qty
    first_seen_at: datetime


class OrderLine(Output):
    """A line with its figures: ordered = cancelled + backordered + granted; shipped is a part of granted."""

    line_id: UUID
    line_no: int
    parent_line_no: int | None
    sku: str
    description: str
    kind: ItemKind
    unit: str
    precision: int
    product_line: str | None
    warehouse: str
    ordered: Qty
    cancel_wanted: Qty
    cancelled: Qty
    granted: Qty
    released: Qty
    shipped: Qty
    backordered: Qty
    is_backordered: bool
    backordered_at: datetime | None
    is_cancelling: bool
    release_blocked: bool
    special_order: bool
    drop_ship: bool
    special: SpecialOrderRef | None
    source: SourceOut
    source_overridden: bool
    cost: Money | None
    cost_overridden: bool
    cost_unit: str | None
    free_of_charge: bool
    all_or_nothing: bool
    shortage: ShortageAnswer | None = Field(description="The line's own answer to a shortage (BO-1)")
    price: Money
    discount: Rate
    tax_rate: Rate
    ranked_at: datetime | None
    requested_on: date | None
    comments: list[str]
    in_the_way: list[Obstacle]


class SalesOrder(Output):
    """A sales order. `supply` is `pending` while inventory has not answered everything that was told."""

    id: UUID
    number: str
    version: int
    told: int
    state: OrderState
    supply: str = Field(examples=["settled", "pending"])
    customer: str
    ship_to: str
    ship_type: ShipType
    priority: int
    currency: str
    carrier: str | None
    team: str | None
    reference: str | None
    requested_on: date | None
    credit_hold: bool
    customer_hold: bool
    has_special: bool
    is_backordered: bool
    is_cancelling: bool
    created_by: str
    created_at: datetime
    opened_at: datetime | None
    filled_at: datetime | None
    closed_at: datetime | None
    cancelled_at: datetime | None
    reminder: str | None = Field(None, description="The pricing policy for priority orders (ORD-3)")
    lines: list[OrderLine]


class SalesOrderRow(Output):
    """An order in a list; `has_special` marks orders that include a special order (ORD-4)."""

    id: UUID
    number: str
    version: int
    state: OrderState
    supply: str
    customer: str
    customer_name: str
    ship_to: str
    ship_type: ShipType
    priority: int
    currency: str
    reference: str | None
    credit_hold: bool
    customer_hold: bool
    has_special: bool
    is_backordered: bool
    warehouses: list[str]
    created_by: str
    created_at: datetime
    opened_at: datetime | None
    age_days: int


class OrderResult(BatchResult):
    """What became of one order of a batch: the order, or the problem that kept it out."""

    result: Literal["created", "refused"]
    order: SalesOrder | None = None


class BatchResults(Output):
    """The results in the order in which the orders came."""

    created: int
    refused: int
    results: list[OrderResult]


class BackorderRow(Output):
    """A backordered line (BO-16)."""

    line_id: UUID
    order_id: UUID
    order_number: str
    line_no: int
    customer: str
    sku: str
    description: str
    unit: str
    warehouse: str
    ordered: Qty
    cancelled: Qty
    granted: Qty
    shipped: Qty
    backordered: Qty
    special_order: bool
    priority: int
    ranked_at: datetime
    backordered_at: datetime
    age_days: int


class CatalogueItem(Output):
    """An item as order entry knows it."""

    sku: str
    version: int
    description: str
    kind: ItemKind
    unit: str
    precision: int
    product_line: str | None
    special_order: bool
    drop_ship: bool
    price: Money | None
    currency: str | None


class LogEntry(Output):
    """One change in the record log (ORD-5)."""

    id: int
    at: datetime
    actor: str
    cause: str
    action: str
    part: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str | None


def sales_order(picture: Picture, obstacles: Iterable[Any] = (), reminder: str | None = None) -> SalesOrder:
    """The answer for one order."""
    order = picture.order
    in_the_way: dict[UUID, list[Obstacle]] = {}
    for row in obstacles:
        obstacle = Obstacle(kind=row.kind, message=row.message, qty=row.qty, first_seen_at=row.first_seen_at)
        in_the_way.setdefault(row.line_id, []).append(obstacle)
    numbers = {line.id: line.line_no for line in picture.lines}
    specials = {special.line_id: special for special in picture.specials if special.component == 0}
    return SalesOrder(
        **_fields(order, SalesOrder, "supply", "ship_to", "is_cancelling", "lines", "reminder"),
        supply=supply(order),
        ship_to=order.ship_to_code,
        is_cancelling=any(line.is_cancelling for line in picture.lines),
        reminder=reminder,
        lines=[
            _line(line, numbers, specials.get(line.id), in_the_way.get(line.id, []))
            for line in sorted(picture.lines, key=lambda line: line.line_no)
        ],
    )


def supply(order: Order) -> str:
    """`pending` while inventory has not answered."""
    return "settled" if order.is_settled else "pending"


def _line(line: Line, numbers: Mapping[UUID, int], special: Any, in_the_way: list[Obstacle]) -> OrderLine:
    own = ("line_id", "parent_line_no", "special", "source", "comments", "in_the_way", "shortage")
    return OrderLine(
        **_fields(line, OrderLine, *own),
        line_id=line.id,
        parent_line_no=numbers.get(line.parent_line_id) if line.parent_line_id else None,
        special=SpecialOrderRef(id=special.id, number=special.number, state=special.state)
        if special
        else None,
        source=SourceOut(vendor=line.source_vendor, warehouse=line.source_warehouse),
        comments=list(line.comments),
        shortage=line.shortage_answer,
        in_the_way=in_the_way,
    )


def _fields(found: Any, kind: type[Output], *but: str) -> dict[str, Any]:
    return {name: getattr(found, name) for name in kind.model_fields if name not in but}


def batch_results(results: Sequence[Picture | Problem]) -> BatchResults:
    """The answer for a batch: each order, or what kept it out."""
    rows = [_batch_result(index, result) for index, result in enumerate(results)]
    created = sum(row.result == "created" for row in rows)
    return BatchResults(created=created, refused=len(rows) - created, results=rows)


def _batch_result(index: int, result: Picture | Problem) -> OrderResult:
    if isinstance(result, Problem):
        return OrderResult(index=index, result="refused", problem=result)
    return OrderResult(index=index, result="created", order=sales_order(result))


def sales_order_row(row: Any) -> SalesOrderRow:
    """One order of a list."""
    settled = row.state != OrderState.OPEN or row.settled_version >= row.told
    return SalesOrderRow(
        **_fields(row, SalesOrderRow, "supply", "ship_to", "age_days"),
        supply="settled" if settled else "pending",
        ship_to=row.ship_to_code,
        age_days=_days_since(row.created_at),
    )


def backorder_row(row: Any) -> BackorderRow:
    """One backordered line of a list."""
    return BackorderRow(**_fields(row, BackorderRow, "age_days"), age_days=_days_since(row.backordered_at))


def _days_since(moment: datetime) -> int:
    return max(0, (datetime.now(UTC) - moment).days)


def catalogue_item(row: Any) -> CatalogueItem:
    """One item of the copy."""
    return CatalogueItem(**_fields(row, CatalogueItem))


def log_entry(row: Any) -> LogEntry:
    """One row of the record log."""
    return LogEntry(**_fields(row, LogEntry))
