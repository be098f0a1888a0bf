"""A demand: what one order line, or one component of a kit line, needs of one item in one warehouse."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.decimals import ZERO

Key = tuple[str, str]
"""(sku, warehouse): the unit of stock, of the queue and of every lock."""

Line = tuple[UUID, int]
"""(line_id, component): the key of a demand; component 0 is the order line itself."""

Rank = tuple[int, datetime, UUID, int, int]


class Supply(StrEnum):
    """How a line of this kind and these flags gets its goods (ITEM-4)."""

    QUEUE = "queue"
    """From free stock, by rank; a tie may bring it goods besides (order as needed)."""
    TIE = "tie"
    """Only from goods that arrive through its tie, even when free stock of the item exists (SO-5)."""
    NONE = "none"
    """Not inventory's: services are granted at opening, drop ships never touch stock, a kit is its components."""


SUPPLY_OF_KIND: Mapping[str, Supply] = {
    "stocked": Supply.QUEUE,
    "order_as_needed": Supply.QUEUE,
    "assembly": Supply.QUEUE,
    "nonstock": Supply.TIE,
    "kit": Supply.NONE,
    "service": Supply.NONE,
}


def supply_of(kind: str, *, special_order: bool, drop_ship: bool) -> Supply:
    """Where a line's goods come from; its flags go before its kind (ITEM-1, ITEM-3, ITEM-4)."""
    by_kind = SUPPLY_OF_KIND[kind]
    if by_kind is Supply.NONE or drop_ship:
        return Supply.NONE
    return Supply.TIE if special_order else by_kind


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand row: the order's wish as last heard, and what the line has got so far.

    `granted` = allotted + pegged + shipped. A demand that only a tie has named so far has `heard_version` 0 and no
    need of its own; its order's snapshot brings it.
    """

    line_id: UUID
    component: int
    order_id: UUID
    order_number: str
    line_no: int
    sku: str
    warehouse: str
    ordered: Decimal
    cancel_wanted: Decimal
    granted: Decimal
    shipped: Decimal
    priority: int
    ranked_at: datetime
    special: bool
    all_or_nothing: bool
    heard_version: int
    settled_version: int

    @property
    def line(self) -> Line:
        """Its key."""
        return self.line_id, self.component

    @property
    def key(self) -> Key:
        """The stock it is served from."""
        return self.sku, self.warehouse

    @property
    def is_heard(self) -> bool:
        """Whether its order has been heard of, so that its need is known."""
        return self.heard_version > 0

    @property
    def need(self) -> Decimal:
        """What the customer still wants in all, granted or not."""
        return self.ordered - self.cancel_wanted

    @property
    def lacking(self) -> Decimal:
        """The part of the need that nothing has been granted for."""
        return max(ZERO, self.need - self.granted)

    @property
    def excess(self) -> Decimal:
        """What was granted beyond the need and is to be asked back; a demand not heard of yet has none."""
        return max(ZERO, self.granted - self.need) if self.is_heard else ZERO

    @property
    def rank(self) -> Rank:
        """BO-6: priority high to low, first opening, order id, line number; then the component, so that re-runs agree."""
        return -self.priority, self.ranked_at, self.order_id, self.line_no, self.component
