"""What a purchase costs, and in which units the vendor sells it (BUY-5, BUY-9)."""

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from enum import StrEnum

from services.purchasing.domain.demand import Demand
from shared.decimals import ZERO

MOST_QTY = Decimal("999999999999.999999")
"""What numeric(18,6) and the wire can hold."""
COST_PLACES = Decimal("0.0001")
"""Costs per item unit have four decimals, rounded half up; the price per purchase unit is kept exactly beside them."""


class CostSource(StrEnum):
    """Which record gave the cost; the further levels of BUY-18 come with the replenishment report."""

    ORDER = "order"
    VENDOR_PRICE = "vendor_price"
    FREE_OF_CHARGE = "free_of_charge"
    BUYER = "buyer"


@dataclass(frozen=True)
class Packing:
    """How the vendor sells an item: in `purchase_unit`, each of `units_per` item units."""

    purchase_unit: str
    units_per: Decimal

    def round_up(self, qty: Decimal) -> Decimal:
        """BUY-5: the least whole number of purchase units that covers `qty`, in item units.

        Beyond the largest quantity that can be written it stays as it is: an absurd order must not stop its facts.
        """
        rounded = (qty / self.units_per).to_integral_value(ROUND_CEILING) * self.units_per
        return rounded if rounded <= MOST_QTY else qty

    def is_whole(self, qty: Decimal) -> bool:
        """Whether the vendor can deliver exactly `qty`."""
        return self.round_up(qty) == qty


@dataclass(frozen=True)
class VendorPrice:
    """The active price record of a vendor for an item: `price` for one purchase unit, in the vendor's currency."""

    price: Decimal
    packing: Packing

    @property
    def per_item_unit(self) -> Decimal:
        """The price of one item unit."""
        return (self.price / self.packing.units_per).quantize(COST_PLACES, ROUND_HALF_UP)


@dataclass(frozen=True)
class Offer:
    """What is known of a vendor for one item."""

    vendor: str
    currency: str
    active: bool
    lead_time_days: int | None = None
    buyer: str | None = None
    price: VendorPrice | None = None

    def packing(self, unit: str) -> Packing:
        """How it is sold: as the price record says, else singly."""
        return self.price.packing if self.price else Packing(unit, Decimal(1))


@dataclass(frozen=True)
class Cost:
    """The cost of one item unit, and where it came from."""

    amount: Decimal
    source: CostSource


def cost_of(demand: Demand, offer: Offer) -> Cost | None:
    """BUY-9: the cost on the order; else the vendor's active price record; else there is none.

    A zero on the order is an answer (and an exception), not a reason to look further. An order's cost counts only
    in the item's unit: in another one it says nothing about this line (BUY-8).
    """
    if demand.cost is not None and demand.cost_unit in (None, demand.unit):
        return Cost(demand.cost, CostSource.ORDER)
    if offer.price is not None:
        return Cost(offer.price.per_item_unit, CostSource.VENDOR_PRICE)
    if demand.free_of_charge:
        return Cost(ZERO, CostSource.FREE_OF_CHARGE)
    return None
