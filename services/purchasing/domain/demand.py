"""What order lines need bought: procurement requests (BUY-1, BUY-5).

A demand is an order line (component 0) or a kit component (its sequence number). Its *need* is what is neither
there nor coming for it; a positive need of a line that is bought against orders is a procurement request.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.decimals import ZERO

DemandKey = tuple[UUID, int]
"""(line_id, component): the key of a demand everywhere in Tieline."""

NOTHING_WANTED = frozenset({"draft", "cancelled", "closed"})
"""Orders in these states want nothing (BUY-1: quotes, cancelled and closed lines make no request)."""


class Kind(StrEnum):
    """ITEM-4, as the order line resolved it."""

    STOCKED = "stocked"
    NONSTOCK = "nonstock"
    ORDER_AS_NEEDED = "order_as_needed"
    KIT = "kit"
    ASSEMBLY = "assembly"
    SERVICE = "service"


class RequestState(StrEnum):
    """Where a demand stands with its buyer."""

    NONE = "none"
    """Nothing is to be bought for it."""
    OPEN = "open"
    """A procurement request: it can be bought."""
    EXCEPTION = "exception"
    """It should be bought, and something is in the way (BUY-2, BUY-9, ORD-6)."""


@dataclass(frozen=True)
class Tie:
    """A quantity of a PO line that belongs to one demand.

    `closed` is what purchasing broke off, `missed` what inventory could not peg because the goods had gone, `pegged`
    what arrived through it; each only grows, and they may overlap when facts cross, so nothing below goes under zero.
    """

    tie_id: UUID
    po_id: UUID
    po_line_id: UUID
    line_id: UUID
    component: int
    order_id: UUID
    order_number: str
    line_no: int
    special_order_id: UUID | None
    sku: str
    unit: str
    qty: Decimal
    priority: int
    ranked_at: datetime
    closed: Decimal = ZERO
    missed: Decimal = ZERO
    pegged: Decimal = ZERO
    closed_reason: str | None = None

    @property
    def demand(self) -> DemandKey:
        """The demand that it belongs to."""
        return self.line_id, self.component

    @property
    def open(self) -> Decimal:
        """What is still to come through it (BUY-5)."""
        return max(ZERO, self.qty - self.closed - self.missed - self.pegged)

    @property
    def held(self) -> Decimal:
        """What of the PO line belongs to it, arrived or not."""
        return max(ZERO, self.qty - self.closed - self.missed)

    @property
    def broken(self) -> Decimal:
        """What was broken off in all, as others are told it."""
        return min(self.qty, self.closed + self.missed)


def rank(tie: Tie) -> tuple[int, datetime, UUID, int, int]:
    """BO-6 between the ties of one supply: priority, then first opening, then order, line and component."""
    return -tie.priority, tie.ranked_at, tie.order_id, tie.line_no, tie.component


@dataclass(frozen=True)
class Demand:
    """One order line or kit component as its order told it, with what has come of it so far."""

    line_id: UUID
    component: int
    request_id: UUID
    order_id: UUID
    order_number: str
    order_version: int
    order_state: str
    line_no: int
    parent_line_id: UUID | None
    sku: str
    description: str
    kind: Kind
    unit: str
    precision: int
    product_line: str | None
    warehouse: str
    special_order: bool
    drop_ship: bool
    special_order_id: UUID | None
    vendor: str | None
    source_warehouse: str | None
    cost: Decimal | None
    cost_unit: str | None
    free_of_charge: bool
    currency: str
    ordered: Decimal
    cancel_wanted: Decimal
    priority: int
    ranked_at: datetime
    credit_hold: bool
    created_by: str
    comments: tuple[str, ...] = ()
    left_to_buyer: bool = False
    """A buyer undid its purchase: it is not bought by itself again until somebody orders it or its source changes."""
    request_state: RequestState = RequestState.NONE
    need: Decimal = ZERO
    """The signed need as it was last settled."""
    granted: Decimal = ZERO
    came_back: Decimal = ZERO
    """Free-stock units that a shipment gave back and inventory may be about to allot again."""
    settled_version: int = 0
    ties: tuple[Tie, ...] = ()

    @property
    def key(self) -> DemandKey:
        """Its key everywhere."""
        return self.line_id, self.component

    @property
    def wanted(self) -> Decimal:
        """What the customer still wants of it in all."""
        return ZERO if self.order_state in NOTHING_WANTED else self.ordered - self.cancel_wanted

    @property
    def is_bought(self) -> bool:
        """Whether it makes procurement requests (BUY-1)."""
        return is_bought(self.kind, special_order=self.special_order, drop_ship=self.drop_ship)

    @property
    def is_from_stock_first(self) -> bool:
        """Order-as-needed lines take what is on the shelf; only their ungranted need is bought (BUY-1)."""
        return self.kind is Kind.ORDER_AS_NEEDED and not self.special_order

    @property
    def is_settled(self) -> bool:
        """Whether its order and inventory speak of the same version; buying before that could buy too much.

        A line that takes from the shelf first waits for inventory's word. And when inventory has carried out a version
        that the order has not told us yet, what it took back looks like a need although the customer has cancelled it.
        """
        if self.settled_version > self.order_version:
            return False
        return not self.is_from_stock_first or self.settled_version == self.order_version

    @property
    def buys_itself(self) -> bool:
        """Whether automation may buy it, or a buyer has to.

        Not after a buyer has undone its purchase; and not while an order-as-needed line waits for units that came
        back from a shipment, because inventory is about to allot them again.
        """
        return not self.left_to_buyer and not (self.is_from_stock_first and self.came_back > 0)

    def fits(self, tie: Tie) -> bool:
        """A tie brings what is wanted; after the item or its unit was replaced on the line it does not."""
        return self.is_bought and tie.sku == self.sku and tie.unit == self.unit


def is_bought(kind: Kind, *, special_order: bool, drop_ship: bool) -> bool:
    """BUY-1: specials, nonstocks and order-as-needed items are bought against demand; nothing else is.

    Drop-ship lines are bought too, but with the customer's ship-to and no receipt (SO-13): a rule of its own.
    """
    if drop_ship or kind in (Kind.SERVICE, Kind.KIT):
        return False
    return special_order or kind in (Kind.NONSTOCK, Kind.ORDER_AS_NEEDED)


def signed_need(demand: Demand) -> Decimal:
    """BUY-5: ordered - cancelled - granted - open tied, in the item's unit, before any rounding.

    Positive: so much is to be bought. Negative: so much is tied that nobody needs any more. Ties that bring the wrong
    thing do not count; a line that is not (or no longer) bought needs nothing of a vendor.
    """
    if not demand.is_bought:
        return ZERO
    coming = sum((tie.open for tie in demand.ties if demand.fits(tie)), ZERO)
    return demand.wanted - demand.granted - coming


def family(demands: Iterable[Demand], demand: Demand) -> list[Demand]:
    """The lines that a split or an increase linked with this one (same item, warehouse and component), oldest first.

    What a line gives up of its supply goes to them first.
    """
    return sorted(
        (
            other
            for other in demands
            if other.key != demand.key
            and (other.parent_line_id == demand.line_id or demand.parent_line_id == other.line_id)
            and (other.component, other.sku, other.warehouse)
            == (demand.component, demand.sku, demand.warehouse)
        ),
        key=lambda other: other.key,
    )
