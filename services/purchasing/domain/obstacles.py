"""What is in the way of buying: the exceptions of one demand (BUY-2, BUY-9, ORD-6)."""

from dataclasses import dataclass
from enum import StrEnum

from services.purchasing.domain.cost import Cost, CostSource, Offer, cost_of
from services.purchasing.domain.demand import Demand


class ExceptionKind(StrEnum):
    """The codes of the exception desk."""

    NO_SOURCE = "no_source"
    TRANSFER_NOT_AVAILABLE = "transfer_not_available"
    UNKNOWN_VENDOR = "unknown_vendor"
    ZERO_COST = "zero_cost"
    CREDIT_HOLD = "credit_hold"
    CURRENCY_MISMATCH = "currency_mismatch"
    OVER_RECEIPT = "over_receipt"


@dataclass(frozen=True)
class Obstacle:
    """One thing in the way, and what to do about it."""

    kind: ExceptionKind
    message: str

    @property
    def is_about_vendor(self) -> bool:
        """Whether a new vendor or price record could take it away."""
        return self.kind in (
            ExceptionKind.UNKNOWN_VENDOR,
            ExceptionKind.ZERO_COST,
            ExceptionKind.CURRENCY_MISMATCH,
        )


def obstacles(demand: Demand, offer: Offer | None) -> tuple[Obstacle, ...]:
    """Everything that keeps a needed demand from being bought, most basic first.

    A vendor's questions (known? at what cost? in which currency?) are asked only once there is a vendor.
    """
    found = [_hold(demand), _source(demand), _vendor(demand, offer)]
    if offer is not None and offer.active:
        found.append(_cost(demand, offer))
    return tuple(obstacle for obstacle in found if obstacle)


def _hold(demand: Demand) -> Obstacle | None:
    if not demand.credit_hold:
        return None
    return Obstacle(
        ExceptionKind.CREDIT_HOLD,
        f"The customer of {demand.order_number} is on credit hold: once it is released, "
        f"line {demand.line_no} is bought",
    )


def _source(demand: Demand) -> Obstacle | None:
    if demand.source_warehouse:
        return Obstacle(
            ExceptionKind.TRANSFER_NOT_AVAILABLE,
            f"Line {demand.line_no} of {demand.order_number} is to come from warehouse {demand.source_warehouse}; "
            "transfers are not built yet: give the line a vendor",
        )
    if not demand.vendor:
        return Obstacle(
            ExceptionKind.NO_SOURCE,
            f"Line {demand.line_no} of {demand.order_number} has neither vendor nor source warehouse: fill one of them",
        )
    return None


def _vendor(demand: Demand, offer: Offer | None) -> Obstacle | None:
    if not demand.vendor or demand.source_warehouse:
        return None
    if offer is None:
        return Obstacle(
            ExceptionKind.UNKNOWN_VENDOR,
            f"Vendor {demand.vendor} of {demand.order_number} line {demand.line_no} does not exist: "
            "create it, or change the line",
        )
    if not offer.active:
        return Obstacle(
            ExceptionKind.UNKNOWN_VENDOR,
            f"Vendor {demand.vendor} of {demand.order_number} line {demand.line_no} is inactive: "
            "activate it, or change the line",
        )
    return None


def _cost(demand: Demand, offer: Offer) -> Obstacle | None:
    if demand.source_warehouse:
        return None
    cost = cost_of(demand, offer)
    if cost is None or (cost.amount == 0 and not demand.free_of_charge):
        return Obstacle(
            ExceptionKind.ZERO_COST,
            f"There is no cost for {demand.sku} from vendor {offer.vendor}: "
            f"maintain it on {demand.order_number} line {demand.line_no}, or a vendor price record",
        )
    return _currency(demand, offer, cost)


def _currency(demand: Demand, offer: Offer, cost: Cost) -> Obstacle | None:
    """A cost from the order is in the order's currency; the PO is in the vendor's, and nothing here converts."""
    if cost.source is not CostSource.ORDER or cost.amount == 0 or demand.currency == offer.currency:
        return None
    return Obstacle(
        ExceptionKind.CURRENCY_MISMATCH,
        f"The cost of {demand.order_number} line {demand.line_no} is in {demand.currency}, "
        f"vendor {offer.vendor} is paid in {offer.currency}: remove the cost, or choose another vendor",
    )
