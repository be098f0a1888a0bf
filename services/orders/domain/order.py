"""A sales order and its lines: the words, the figures and the life (ORD-1).

    draft -> open -> filled -> closed
    draft | open -> cancelled

A line's figures: `ordered` and `cancel_wanted` are the customer's wish, `granted` and `shipped` are sums over its
allotments, `cancelled` is what has been freed of the wish. At every moment

    ordered = cancelled + backordered + granted        (shipped is a part of granted)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from shared.decimals import ZERO
from shared.errors import Refused

from .copying import changed, named

MOST_LINES = 200
"""An order has at most so many lines, linked ones included, so that one snapshot can list them all."""


class OrderState(StrEnum):
    """ORD-1."""

    DRAFT = "draft"
    OPEN = "open"
    FILLED = "filled"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class ShipType(StrEnum):
    """ORD-2: may a part of the order ship alone?"""

    PARTIAL_OK = "partial_ok"
    COMPLETE = "complete"


class ItemKind(StrEnum):
    """ITEM-4: how an item is held and supplied."""

    STOCKED = "stocked"
    NONSTOCK = "nonstock"
    ORDER_AS_NEEDED = "order_as_needed"
    KIT = "kit"
    ASSEMBLY = "assembly"
    SERVICE = "service"


class ShortageAnswer(StrEnum):
    """BO-1: what becomes of a line that stock covers only in part."""

    SPLIT = "split"
    BACKORDER_LINE = "backorder_line"


def answer_of(stored: str | None) -> ShortageAnswer | None:
    """A stored answer; None: nobody has answered, the question is asked (BO-2)."""
    return None if stored is None else ShortageAnswer(stored)


NEXT: Mapping[OrderState, frozenset[OrderState]] = {
    OrderState.DRAFT: frozenset({OrderState.OPEN, OrderState.CANCELLED}),
    OrderState.OPEN: frozenset({OrderState.FILLED, OrderState.CANCELLED}),
    OrderState.FILLED: frozenset({OrderState.CLOSED}),
    OrderState.CLOSED: frozenset(),
    OrderState.CANCELLED: frozenset(),
}
"""The legal transitions; everything else is refused, naming both states."""


class IllegalTransition(Refused):
    """An order cannot go from the state it is in to the state that was asked for."""


class OrderNotEditable(Refused):
    """Only drafts are edited freely; an open order takes the changes that ORD-1 names."""


class LineIsDone(Refused):
    """Every unit of the line is shipped or cancelled."""


class OrderWithoutLines(Refused):
    """An order needs a line before it can open."""


@dataclass(frozen=True, slots=True)
class Order:
    """The head of a sales order.

    `version` counts every save of the row and is the ETag; `told` counts the snapshots that were announced, 1..n
    without gaps, and is the `version` inside the facts. `settled_version` is the newest told version that inventory has
    carried out for every line that still waits for anything.
    """

    id: UUID
    number: str
    version: int
    told: int
    state: OrderState
    customer: str
    ship_to_code: str
    ship_type: ShipType
    priority: int
    currency: str
    carrier: str | None
    team: str | None
    reference: str | None
    requested_on: date | None
    shortage_answer: ShortageAnswer | None
    no_backorders: bool
    credit_hold: bool
    customer_hold: bool
    has_special: bool
    is_backordered: bool
    settled_version: int
    warehouses: tuple[str, ...]
    creator_scopes: tuple[str, ...]
    created_by: str
    created_at: datetime
    opened_at: datetime | None = None
    filled_at: datetime | None = None
    closed_at: datetime | None = None
    cancelled_at: datetime | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """An order from its stored fields."""
        found = dict(stored)
        found["state"] = OrderState(found["state"])
        found["ship_type"] = ShipType(found["ship_type"])
        found["shortage_answer"] = answer_of(found["shortage_answer"])
        found["warehouses"] = tuple(found["warehouses"])
        found["creator_scopes"] = tuple(found["creator_scopes"])
        return named(cls, found)

    @property
    def is_open(self) -> bool:
        """Demand that is neither finished nor cancelled."""
        return self.state is OrderState.OPEN

    @property
    def is_held(self) -> bool:
        """Granted but not released: the customer has no credit, or asked to wait (ORD-6)."""
        return self.credit_hold or self.customer_hold

    @property
    def is_settled(self) -> bool:
        """Whether inventory has carried out everything that this order has told."""
        return not self.is_open or self.settled_version >= self.told

    def moved(self, to: OrderState, now: datetime) -> "Order":
        """The order in its next state; refused with both states when that is not legal (ORD-1)."""
        if to not in NEXT[self.state]:
            allowed = sorted(NEXT[self.state])
            then = f"it can only become {' or '.join(allowed)}" if allowed else "nothing follows this state"
            raise IllegalTransition(
                f"Order {self.number} is {self.state} and cannot become {to}: {then}",
                order=self.number,
                state=self.state.value,
                wanted=to.value,
                allowed=allowed,
            )
        match to:
            case OrderState.OPEN:
                return changed(self, state=to, opened_at=now)
            case OrderState.FILLED:
                return changed(self, state=to, filled_at=now)
            case OrderState.CLOSED:
                return changed(self, state=to, closed_at=now)
            case _:
                return changed(self, state=to, cancelled_at=now)

    def must_be(self, *states: OrderState) -> None:
        """Refuse a change that this state does not take."""
        if self.state not in states:
            raise OrderNotEditable(
                f"Order {self.number} is {self.state}; this change is possible while it is {' or '.join(states)}",
                order=self.number,
                state=self.state.value,
                possible_in=[state.value for state in states],
            )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of an order, everything resolved when it was made: a later change of the item never reaches it (ITEM-1).

    `shortage_answer` is what the customer wants done with a shortage of this line; None: as the order says, or ask.
    `opening_version` is the told version that first listed the line (0: not told yet), `wish_version` the one that told
    its newest wish to cancel, `settled_version` the newest one that inventory has carried out for it. `released` counts
    the units that may ship or have shipped. Quantities are in the item's unit; price and cost per unit in the order's
    currency.
    """

    id: UUID
    order_id: UUID
    line_no: int
    parent_line_id: UUID | None
    sku: str
    description: str
    kind: ItemKind
    unit: str
    precision: int
    product_line: str | None
    customer: str
    warehouse: str
    ordered: Decimal
    special_order: bool
    drop_ship: bool
    source_vendor: str | None
    source_warehouse: str | None
    source_overridden: bool
    cost: Decimal | None
    cost_overridden: bool
    cost_unit: str | None
    free_of_charge: bool
    all_or_nothing: bool
    price: Decimal
    discount: Decimal
    tax_rate: Decimal
    requested_on: date | None
    comments: tuple[str, ...]
    ranked_at: datetime | None = None
    special_order_id: UUID | None = None
    cancel_wanted: Decimal = ZERO
    cancelled: Decimal = ZERO
    granted: Decimal = ZERO
    released: Decimal = ZERO
    shipped: Decimal = ZERO
    opening_version: int = 0
    wish_version: int = 0
    settled_version: int = 0
    opening_decided: bool = False
    release_blocked: bool = False
    is_backordered: bool = False
    backordered_at: datetime | None = None
    shortage_answer: ShortageAnswer | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """A line from its stored fields."""
        found = dict(stored)
        found["kind"] = ItemKind(found["kind"])
        found["comments"] = tuple(found["comments"])
        found["shortage_answer"] = answer_of(found["shortage_answer"])
        return named(cls, found)

    @property
    def is_special(self) -> bool:
        """Whether SO-1 to SO-14 rule this line: flagged, or of a nonstock item (ITEM-4); never a drop-ship line."""
        return (self.special_order or self.kind is ItemKind.NONSTOCK) and not self.drop_ship

    @property
    def is_from_stock(self) -> bool:
        """Whether it competes for free stock: neither special nor drop shipped nor a service."""
        return not self.is_special and not self.is_service and not self.drop_ship

    @property
    def is_service(self) -> bool:
        """Not inventoried: granted at once, shipped with the order's first shipment."""
        return self.kind is ItemKind.SERVICE

    @property
    def need(self) -> Decimal:
        """What the customer still wants in all, granted or not."""
        return self.ordered - self.cancel_wanted

    @property
    def waiting(self) -> Decimal:
        """What is wanted and not granted yet."""
        return max(ZERO, self.need - self.granted)

    @property
    def backordered(self) -> Decimal:
        """What is neither granted nor cancelled: ordered - cancelled - granted."""
        return max(ZERO, self.ordered - self.cancelled - self.granted)

    @property
    def is_done(self) -> bool:
        """Every unit is shipped or cancelled."""
        return self.shipped + self.cancelled >= self.ordered

    @property
    def is_gone(self) -> bool:
        """Nothing is wanted of it any more."""
        return self.need <= ZERO

    @property
    def is_cancelling(self) -> bool:
        """A wish to cancel has not been freed in full yet, and still could be."""
        return self.cancelled < min(self.cancel_wanted, self.ordered - self.shipped)

    @property
    def has_settled(self) -> bool:
        """Whether inventory has answered the version that first told this line."""
        return 0 < self.opening_version <= self.settled_version

    @property
    def wish_is_settled(self) -> bool:
        """Whether inventory has carried out the newest wish to cancel, its questions answered."""
        return self.settled_version >= self.wish_version


@dataclass(frozen=True, slots=True)
class Address:
    """The ship-to location of an order."""

    code: str
    name: str
    street: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
