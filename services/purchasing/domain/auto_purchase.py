"""Which purchase orders the requests of one transaction go to (SO-2).

1. Requests are grouped by vendor, warehouse and currency; when nothing is appended, by order too.
2. A linked line joins the line of its parent on an unsent PO of the group: 10 + 2 are ordered as 12.
3. The others fill an unsent PO of the group, oldest first, then new ones, 200 lines each.
Every request becomes exactly one PO line (or joins one), in rank order, so the outcome is the same for everybody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from services.purchasing.domain.cost import Cost, CostSource, Offer
from services.purchasing.domain.demand import Demand, Kind, Tie
from services.purchasing.domain.purchase_order import MOST_LINES, Line, PurchaseOrder


@dataclass(frozen=True)
class Group:
    """Requests of one group share a purchase order."""

    vendor: str
    warehouse: str
    currency: str
    order_id: UUID | None = None


@dataclass(frozen=True)
class Purchase:
    """A request that is being bought: its whole need, from this vendor, at this cost."""

    demand: Demand
    qty: Decimal
    offer: Offer
    cost: Cost

    def group(self, append: bool) -> Group:
        """Where it belongs."""
        order_id = None if append else self.demand.order_id
        return Group(self.offer.vendor, self.demand.warehouse, self.offer.currency, order_id)


@dataclass(frozen=True)
class Basket:
    """Purchases for one purchase order: an unsent one, or a new one when `po` is None."""

    group: Group
    po: PurchaseOrder | None
    purchases: tuple[Purchase, ...]
    joins: tuple[tuple[Purchase, Line], ...] = ()


def fill_baskets(
    purchases: Iterable[Purchase], drafts: Sequence[PurchaseOrder], append: bool
) -> list[Basket]:
    """Divide purchases among unsent and new purchase orders; `drafts` are those that may be appended to."""
    groups: dict[Group, list[Purchase]] = {}
    for purchase in sorted(purchases, key=_turn):
        groups.setdefault(purchase.group(append), []).append(purchase)
    return [basket for group, members in groups.items() for basket in _fill(group, members, drafts)]


def _turn(purchase: Purchase) -> tuple[object, ...]:
    """BO-6's rank, as for everything that is divided."""
    demand = purchase.demand
    return -demand.priority, demand.ranked_at, demand.order_id, demand.line_no, demand.component


def _fill(group: Group, members: Sequence[Purchase], drafts: Sequence[PurchaseOrder]) -> list[Basket]:
    mine = sorted((po for po in drafts if _belongs(po, group)), key=lambda po: po.po_id)
    rest = list(members)
    baskets: list[Basket] = []
    for po in mine:
        joins = tuple((purchase, line) for purchase in rest for line in po.lines if _joins(purchase, line))
        rest = [purchase for purchase in rest if all(purchase is not joined for joined, _ in joins)]
        room = MOST_LINES - len(po.lines)
        baskets.append(Basket(group, po, tuple(rest[:room]), joins))
        rest = rest[room:]
    baskets += [Basket(group, None, tuple(rest[n : n + MOST_LINES])) for n in range(0, len(rest), MOST_LINES)]
    return [basket for basket in baskets if basket.purchases or basket.joins]


def _belongs(po: PurchaseOrder, group: Group) -> bool:
    return (po.vendor, po.warehouse, po.currency) == (group.vendor, group.warehouse, group.currency) and (
        group.order_id is None or po.for_order_id == group.order_id
    )


def _joins(purchase: Purchase, line: Line) -> bool:
    """Its parent is tied to this line, at the same cost."""
    demand = purchase.demand
    parents = {tie.demand for tie in line.ties if tie.open}
    return (
        demand.parent_line_id is not None
        and (demand.parent_line_id, demand.component) in parents
        and (line.sku, line.unit, line.cost) == (demand.sku, demand.unit, purchase.cost.amount)
    )


def tie_for(demand: Demand, qty: Decimal, po_id: UUID, po_line_id: UUID, tie_id: UUID) -> Tie:
    """So much of a PO line for this demand."""
    return Tie(
        tie_id, po_id, po_line_id, demand.line_id, demand.component, demand.order_id, demand.order_number,
        demand.line_no, demand.special_order_id, demand.sku, demand.unit, qty, demand.priority, demand.ranked_at,
    )  # fmt: skip


def line_for(purchase: Purchase, line_no: int, tie: Tie, expected_on: date | None) -> Line:
    """One PO line for one request: the tie has the need, the line whole purchase units of it (BUY-5)."""
    demand, packing = purchase.demand, purchase.offer.packing(purchase.demand.unit)
    price = purchase.offer.price if purchase.cost.source is CostSource.VENDOR_PRICE else None
    return Line(
        po_line_id=tie.po_line_id, line_no=line_no, sku=demand.sku, description=demand.description, unit=demand.unit,
        precision=demand.precision, product_line=demand.product_line, order_type=_order_type(demand),
        ordered=packing.round_up(purchase.qty), packing=packing, purchase_price=price.price if price else None,
        cost=purchase.cost.amount, cost_source=purchase.cost.source, expected_on=expected_on,
        comments=demand.comments, ties=(tie,),
    )  # fmt: skip


def _order_type(demand: Demand) -> str:
    """BUY-10: what kind of demand the PO line was bought for."""
    if demand.special_order:
        return "special"
    return "nonstock" if demand.kind is Kind.NONSTOCK else "order_as_needed"
