"""What a buyer may write on a purchase order by hand (BUY-3, BUY-5, BUY-9, and the PO rows of the change table)."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from uuid import UUID

from services.purchasing.domain.cost import Cost, CostSource, Offer, Packing
from services.purchasing.domain.demand import Kind
from services.purchasing.domain.purchase_order import (
    Break,
    IllegalTransition,
    Line,
    PurchaseOrder,
    shrink,
)
from shared.decimals import ZERO, fits_precision, plain
from shared.errors import Refused


class UnknownItem(Refused):
    """Purchasing has not heard of this item (yet)."""


class OnlyAgainstDemand(Refused):
    """A nonstock or special item is bought against a demand (BUY-3)."""


class NoCost(Refused):
    """A purchase needs a cost, unless it is free of charge (BUY-9)."""


class NotWholePurchaseUnits(Refused):
    """The vendor sells whole purchase units only."""


class TooPrecise(Refused):
    """The quantity has more decimals than the item's unit allows."""


class SentAtThisCost(Refused):
    """The cost of a sent purchase order stands."""


class NotBought(Refused):
    """Kits and services are not bought as such."""


@dataclass(frozen=True)
class Product:
    """What a PO line needs to know of an item."""

    sku: str
    description: str
    kind: Kind
    unit: str
    precision: int
    product_line: str | None
    special_order: bool


@dataclass(frozen=True)
class WantedLine:
    """A line of stock that a buyer wants, in the item's unit."""

    sku: str
    qty: Decimal
    cost: Decimal | None = None
    free_of_charge: bool = False
    expected_on: date | None = None
    override_reason: str | None = None


def check_item(product: Product, override_reason: str | None) -> None:
    """BUY-3: nothing special or nonstock without somebody who wants it, unless a reason is given."""
    if product.kind in (Kind.KIT, Kind.SERVICE):
        raise NotBought(f"{product.sku} is a {product.kind}: it is not bought as such", sku=product.sku)
    if (product.special_order or product.kind is Kind.NONSTOCK) and not override_reason:
        raise OnlyAgainstDemand(
            f"{product.sku} is bought against a customer's or warehouse's demand only; "
            "order its request, or give an override_reason",
            sku=product.sku,
        )


def check_qty(qty: Decimal, unit: str, precision: int, packing: Packing) -> None:
    """Quantities fit the unit's precision and the vendor's packing."""
    if not fits_precision(qty, precision):
        raise TooPrecise(f"{plain(qty)} has more than {precision} decimals, which {unit} allows", qty=qty)
    if not packing.is_whole(qty):
        above = packing.round_up(qty)
        raise NotWholePurchaseUnits(
            f"{plain(qty)} {unit} are no whole {packing.purchase_unit} of {plain(packing.units_per)}: "
            f"order {plain(above - packing.units_per)} or {plain(above)}",
            qty=qty,
            below=above - packing.units_per,
            above=above,
        )


def cost_by_hand(wanted: WantedLine, offer: Offer) -> Cost:
    """The buyer's cost, else the vendor's price; zero only when it is free of charge (BUY-9)."""
    if wanted.cost is not None:
        cost = Cost(wanted.cost, CostSource.BUYER)
    elif offer.price is not None:
        cost = Cost(offer.price.per_item_unit, CostSource.VENDOR_PRICE)
    else:
        cost = Cost(ZERO, CostSource.FREE_OF_CHARGE)
    if cost.amount == 0 and not wanted.free_of_charge:
        raise NoCost(
            f"There is no cost for {wanted.sku} from vendor {offer.vendor}: give one, or say free_of_charge",
            sku=wanted.sku,
        )
    return cost


def line_by_hand(wanted: WantedLine, product: Product, offer: Offer, line_no: int, po_line_id: UUID) -> Line:
    """A line of untied stock quantity."""
    packing = offer.packing(product.unit)
    check_item(product, wanted.override_reason)
    check_qty(wanted.qty, product.unit, product.precision, packing)
    cost = cost_by_hand(wanted, offer)
    price = offer.price.price if offer.price and cost.source is CostSource.VENDOR_PRICE else None
    return Line(
        po_line_id=po_line_id, line_no=line_no, sku=product.sku, description=product.description, unit=product.unit,
        precision=product.precision, product_line=product.product_line, order_type="stock", ordered=wanted.qty,
        packing=packing, purchase_price=price, cost=cost.amount, cost_source=cost.source, stock_wanted=wanted.qty,
        expected_on=wanted.expected_on, reason=wanted.override_reason,
    )  # fmt: skip


@dataclass(frozen=True)
class LineChange:
    """What a buyer wants changed; None leaves a field as it is."""

    qty: Decimal | None = None
    cost: Decimal | None = None
    expected_on: date | None = None
    agreed_on: date | None = None
    override_reason: str | None = None
    reason: str | None = None


def change_line(po: PurchaseOrder, line: Line, change: LineChange) -> Line:
    """Dates may change as long as the line lives, the cost until it is sent; the quantity by `resize`."""
    if line.is_cancelled:
        raise IllegalTransition(
            f"Line {line.line_no} of {po.number} is cancelled", number=po.number, line=line.line_no
        )
    line = replace(
        line, expected_on=change.expected_on or line.expected_on, agreed_on=change.agreed_on or line.agreed_on
    )
    if change.cost is None or change.cost == line.cost:
        return line
    if po.is_sent:
        raise SentAtThisCost(
            f"{po.number} was sent with line {line.line_no} at {plain(line.cost)}: cancel the line and order again",
            cost=line.cost,
        )
    if change.cost == 0:
        raise NoCost(
            f"Line {line.line_no} of {po.number} is not free of charge: its cost cannot be 0", cost=line.cost
        )
    return replace(line, cost=change.cost, cost_source=CostSource.BUYER, purchase_price=None)


def resize(po: PurchaseOrder, line: Line, change: LineChange) -> tuple[Line, list[Break]]:
    """The change table's `PO qty` rows, as far as no question is needed.

    More: the excess is untied (BUY-3 for what is only bought against demand). Less, unsent: the untied part shrinks
    first, then the last-ranked tie. Less of a sent line is a question to inventory (`reduction`).
    """
    qty = line.supply if change.qty is None else change.qty
    check_qty(qty, line.unit, line.precision, line.packing)
    if qty < line.supply:
        smaller, breaks = shrink(line, qty, change.reason or f"reduced on {po.number}")
        return replace(
            smaller, ordered=qty, cancelled=ZERO, stock_wanted=max(ZERO, qty - smaller.tied)
        ), breaks
    more = qty - line.supply
    if more and line.order_type in ("special", "nonstock") and not change.override_reason:
        raise OnlyAgainstDemand(
            f"{line.sku} is bought against demand only: {plain(more)} more need an override_reason",
            sku=line.sku,
        )
    return replace(line, ordered=line.ordered + more, stock_wanted=line.stock_wanted + more), []
