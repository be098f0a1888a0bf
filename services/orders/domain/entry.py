"""Order entry: a wish becomes an order whose lines have everything resolved (ITEM-1, ITEM-3, ITEM-6, ORD-6).

Consumers never look anything up in copies of the item: what the line says here is what it is.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO, plain
from shared.errors import Invalid, Refused

from .catalogue import (
    Item,
    Source,
    line_flags,
    line_price,
    must_be_one_source,
    must_be_sellable,
    must_fit_unit,
)
from .copying import changed
from .customer import Customer
from .order import MOST_LINES, Line, Order, OrderState, ShipType, ShortageAnswer

MOST_WORTH = Decimal(1_000_000_000_000)
MOST_COMMENT_BYTES = 36_000
"""200 lines without comments take up to 190 000 bytes of the 262 144 that a fact may have, and splits repeat comments."""


class UnknownItem(Refused):
    """Orders has not heard of this item."""


class UnknownWarehouse(Refused):
    """Orders has not heard of this warehouse, or it is not among the caller's."""


class WarehouseMissing(Invalid):
    """A line needs a warehouse, its own or the order's."""


class LineWorthTooMuch(Invalid):
    """Quantity times price is beyond what an invoice can hold."""


class CommentsTooLong(Invalid):
    """The comments of all lines together have to fit into one snapshot of the order."""


class TooManyLines(Refused):
    """An order has at most 200 lines, linked ones included."""


@dataclass(frozen=True, slots=True)
class WantedLine:
    """A line as the customer wants it; None: as the item or the customer has it."""

    sku: str
    qty: Decimal
    price: Decimal | None = None
    discount: Decimal = ZERO
    tax_rate: Decimal = ZERO
    special_order: bool | None = None
    drop_ship: bool | None = None
    source: Source | None = None
    cost: Decimal | None = None
    cost_unit: str | None = None
    free_of_charge: bool = False
    all_or_nothing: bool | None = None
    shortage: ShortageAnswer | None = None
    requested_on: date | None = None
    comments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WantedOrder:
    """The head of an order as it is wanted; None: as the customer has it."""

    ship_to: str | None = None
    ship_type: ShipType | None = None
    priority: int = 0
    currency: str | None = None
    carrier: str | None = None
    team: str | None = None
    reference: str | None = None
    requested_on: date | None = None


def new_order(
    wanted: WantedOrder,
    customer: Customer,
    *,
    order_id: UUID,
    number: str,
    now: datetime,
    created_by: str,
    creator_scopes: tuple[str, ...],
) -> Order:
    """A draft with the customer's terms (ORD-6)."""
    return Order(
        id=order_id,
        number=number,
        version=1,
        told=0,
        state=OrderState.DRAFT,
        customer=customer.code,
        ship_to_code=customer.ship_to(wanted.ship_to).code,
        ship_type=wanted.ship_type or customer.ship_type,
        priority=wanted.priority,
        currency=wanted.currency or customer.currency,
        carrier=wanted.carrier,
        team=wanted.team or customer.team,
        reference=wanted.reference,
        requested_on=wanted.requested_on,
        shortage_answer=customer.shortage_answer,
        no_backorders=customer.no_backorders,
        credit_hold=customer.credit_hold,
        customer_hold=False,
        has_special=False,
        is_backordered=False,
        settled_version=0,
        warehouses=(),
        creator_scopes=creator_scopes,
        created_by=created_by,
        created_at=now,
    )


def new_line(
    wanted: WantedLine,
    item: Item,
    warehouse: str,
    order: Order,
    *,
    line_id: UUID,
    line_no: int,
    auto_flag_special: bool,
) -> Line:
    """A line with flags, price, unit and source resolved; refused where they cannot be."""
    flags = line_flags(item, wanted.special_order, wanted.drop_ship, auto_flag_special=auto_flag_special)
    must_be_sellable(item, flags)
    must_fit_unit(item.sku, item.unit, item.precision, wanted.qty)
    source = wanted.source or item.source(warehouse)
    if wanted.source:
        must_be_one_source(source, warehouse)
    price = line_price(item, wanted.price, order.currency, free_of_charge=wanted.free_of_charge)
    must_be_billable(item.sku, wanted.qty, price)
    line = Line(
        id=line_id,
        order_id=order.id,
        line_no=line_no,
        parent_line_id=None,
        sku=item.sku,
        description=item.description,
        kind=item.kind,
        unit=item.unit,
        precision=item.precision,
        product_line=item.product_line,
        customer=order.customer,
        warehouse=warehouse,
        ordered=wanted.qty,
        special_order=flags.special_order,
        drop_ship=flags.drop_ship,
        source_vendor=source.vendor,
        source_warehouse=source.warehouse,
        source_overridden=wanted.source is not None,
        cost=wanted.cost,
        cost_overridden=wanted.cost is not None,
        cost_unit=(wanted.cost_unit or item.unit) if wanted.cost is not None else None,
        free_of_charge=wanted.free_of_charge,
        all_or_nothing=bool(wanted.all_or_nothing),
        price=price,
        discount=wanted.discount,
        tax_rate=wanted.tax_rate,
        requested_on=wanted.requested_on or order.requested_on,
        comments=wanted.comments,
        shortage_answer=wanted.shortage,
    )
    return _with_answer(line, wanted.all_or_nothing, order)


def _with_answer(line: Line, all_or_nothing: bool | None, order: Order) -> Line:
    """A customer who always answers `backorder_line` has stock lines ship whole; what the line says goes before.

    `all_or_nothing: false` says that a part may ship, so it is an answer to a shortage too.
    """
    if all_or_nothing is False and line.shortage_answer is None:
        return changed(line, shortage_answer=ShortageAnswer.SPLIT)
    if all_or_nothing is not None or line.shortage_answer is not None or not line.is_from_stock:
        return line
    return changed(line, all_or_nothing=order.shortage_answer is ShortageAnswer.BACKORDER_LINE)


def must_be_billable(sku: str, qty: Decimal, price: Decimal) -> None:
    """Refuse a line whose worth no invoice could hold."""
    if qty * price >= MOST_WORTH:
        raise LineWorthTooMuch(
            f"{plain(qty)} of {sku} at {plain(price)} are worth {plain(qty * price)}; a line is worth less than "
            f"{plain(MOST_WORTH)}",
            sku=sku,
            worth=qty * price,
            most=MOST_WORTH,
        )


def must_have_room(lines: int, more: int = 1) -> None:
    """Refuse a line beyond the most that an order has."""
    if lines + more > MOST_LINES:
        raise TooManyLines(
            f"An order has at most {MOST_LINES} lines, linked ones included; this one has {lines}",
            lines=lines,
        )


def comments_must_fit(lines: Iterable[Line]) -> None:
    """Refuse comments that would make the order's snapshot larger than a fact may be."""
    size = sum(len(json.dumps(line.comments, ensure_ascii=False).encode()) for line in lines if line.comments)
    if size > MOST_COMMENT_BYTES:
        raise CommentsTooLong(
            f"The comments of an order's lines have at most {MOST_COMMENT_BYTES} bytes together; these have {size}",
            bytes=size,
            most=MOST_COMMENT_BYTES,
        )
