"""What orders tells: the order as the customer wants it, and what may ship."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from shared.contracts.base import Fact, ItemKind, Record, ShipTo, Source
from shared.quantity import Money, Qty


class ShipType(StrEnum):
    """ORD-2: may a part of the order ship alone?"""

    PARTIAL_OK = "partial_ok"
    COMPLETE = "complete"


class KitComponent(Record):
    """One component of a kit line, as the recipe stood when the line was made (ITEM-7)."""

    seq: int
    sku: str
    description: str
    kind: ItemKind
    unit: str
    precision: int
    qty_per_kit: Qty
    special_order: bool = False
    special_order_id: UUID | None = None
    source: Source = Source()
    cost: Money | None = None


class OrderLine(Record):
    """A line of an order with everything resolved: consumers never look these up in copies of the item.

    `need = ordered - cancel_wanted`: what the customer still wants. `cancelled` is what has been freed of that wish so
    far; `cancel_wanted >= cancelled`, and the line is *cancelling* while they differ.
    """

    line_id: UUID
    line_no: int
    parent_line_id: UUID | None = None
    sku: str
    description: str
    kind: ItemKind
    unit: str
    precision: int
    product_line: str | None = None
    warehouse: str
    ordered: Qty
    cancelled: Qty
    cancel_wanted: Qty
    special_order: bool
    drop_ship: bool
    special_order_id: UUID | None = None
    """The special order of a special, nonstock or drop-ship line (component 0); kit components carry their own."""
    source: Source = Source()
    cost: Money | None = None
    cost_overridden: bool = False
    cost_unit: str | None = None
    free_of_charge: bool = False
    all_or_nothing: bool = False
    ranked_at: datetime
    requested_on: date | None = None
    comments: list[str] = []
    components: list[KitComponent] = []

    @property
    def need(self) -> Decimal:
        """What is still wanted in all, granted or not."""
        return self.ordered - self.cancel_wanted


class OrderSnapshot(Fact):
    """The whole order at one version; a higher version replaces a lower one, a lower one heard later is dropped."""

    order_id: UUID
    number: str
    version: int
    state: str
    customer: str
    ship_to_code: str
    ship_to: ShipTo | None = None
    """The address, only when a line is drop shipped: the vendor needs it."""
    ship_type: ShipType
    priority: int
    currency: str
    credit_hold: bool
    opened_at: datetime
    created_by: str
    creator_scopes: list[str] = []
    """The approval scopes that the creator held (BUY-15)."""
    team: str | None = None
    lines: list[OrderLine]

    @property
    def subject(self) -> str:
        return str(self.order_id)


class SalesOrderOpened(OrderSnapshot):
    """The order is demand from now on (ORD-1, BO-3). Version 1 of its snapshots."""

    TYPE: ClassVar[str] = "orders.sales-order.opened.v1"


class SalesOrderChanged(OrderSnapshot):
    """Lines, quantities, priority, ship type, holds or wishes to cancel have changed."""

    TYPE: ClassVar[str] = "orders.sales-order.changed.v1"


class SalesOrderCancelled(OrderSnapshot):
    """Everything that was to be cancelled has been freed; nothing of the order is left to supply."""

    TYPE: ClassVar[str] = "orders.sales-order.cancelled.v1"


class ReleasedAllotment(Record):
    """An allotment that may ship: it is on a shipment as long as `release_no` is above every `revoke_no` heard."""

    allotment_id: UUID
    line_id: UUID
    line_no: int
    component: int
    sku: str
    description: str
    unit: str
    precision: int = 6
    """Decimals of the unit, so that shipping refuses a count of half a piece; 6 when orders does not say."""
    qty: Qty
    """The allotment's birth quantity; shipping nets what it has given back, failed, shipped or returned."""
    gated: bool
    """Under the inspection gate: only its passed units can be picked (SO-9)."""
    release_no: int
    all_or_nothing: bool = False
    """BO-5: nothing of its line leaves unless all of it does; a short one needs a word of its own (SHIP-3)."""


class LinesReleased(Fact):
    """These allotments may ship from this warehouse (ORD-2); long ones are told in several facts."""

    TYPE: ClassVar[str] = "orders.lines.released.v1"

    order_id: UUID
    order_number: str
    customer: str
    ship_type: ShipType
    warehouse: str
    currency: str
    carrier: str | None = None
    ship_to: ShipTo
    allotments: list[ReleasedAllotment]

    @property
    def subject(self) -> str:
        return str(self.order_id)


class RevokedAllotment(Record):
    """An allotment that must leave its pending shipment; its units stay granted."""

    allotment_id: UUID
    revoke_no: int


class ReleaseRevoked(Fact):
    """A hold, or a complete order that is no longer covered (ORD-2)."""

    TYPE: ClassVar[str] = "orders.lines.release-revoked.v1"

    order_id: UUID
    order_number: str
    reason: str
    allotments: list[RevokedAllotment]

    @property
    def subject(self) -> str:
        return str(self.order_id)


class OrderFilled(Fact):
    """Every line is shipped or cancelled, and something was shipped (ORD-1)."""

    TYPE: ClassVar[str] = "orders.sales-order.filled.v1"
    OUTSIDE: ClassVar[bool] = True

    order_id: UUID
    number: str
    customer: str
    filled_at: datetime

    @property
    def subject(self) -> str:
        return str(self.order_id)
