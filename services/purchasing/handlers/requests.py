"""Procurement requests by hand: a buyer orders one now (SO-3)."""

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from services.purchasing.domain.auto_purchase import Purchase
from services.purchasing.domain.demand import Demand
from services.purchasing.domain.preferences import Preferences
from services.purchasing.domain.settlement import Verdict
from services.purchasing.handlers.books import Books
from services.purchasing.handlers.settling import buy, drafts_for, judge_all, keep_verdicts
from services.purchasing.store import demands as store
from shared.errors import NotFound, Refused
from shared.preferences import preferences
from shared.unit_of_work import Tx


class NoSuchRequest(NotFound):
    """There is no such procurement request in the caller's warehouses."""


class NothingToOrder(Refused):
    """The demand needs nothing (any more), or inventory has not said yet what the shelf gives it."""


class CannotBeOrdered(Refused):
    """An exception stands in the way."""


async def order_request(tx: Tx, request_id: UUID, vendor: str | None) -> UUID:
    """Buy one request now, from its own vendor or the one given; the purchase order's id comes back.

    The choice holds for this purchase: the order line's source is the order's to change.
    """
    key = await store.demand_of_request(tx, request_id)
    demands = await store.lock_demands(tx, [key]) if key else []
    mine = next((demand for demand in demands if demand.key == key), None)
    if mine is None:
        raise NoSuchRequest("There is no such procurement request, or it is not in your warehouses")
    books = Books()
    [verdict] = await judge_all(tx, books, [_from(mine, vendor)])
    purchase = _purchase(verdict)
    wishes = await preferences(tx, Preferences)
    await books.take(tx, drafts_for(books, [purchase]))
    [po] = await buy(tx, books, [purchase], wishes, {})
    await keep_verdicts(tx, books, [verdict], {mine.key}, (), {})
    return po.po_id


def _from(demand: Demand, vendor: str | None) -> Demand:
    return replace(demand, vendor=vendor, source_warehouse=None) if vendor else demand


def _purchase(verdict: Verdict) -> Purchase:
    if verdict.obstacles:
        raise CannotBeOrdered(
            "; ".join(obstacle.message for obstacle in verdict.obstacles),
            exceptions=[obstacle.kind for obstacle in verdict.obstacles],
        )
    if verdict.need <= 0 or verdict.offer is None or verdict.cost is None:
        demand = verdict.demand
        raise NothingToOrder(
            f"{demand.order_number} line {demand.line_no} needs nothing of a vendor now",
            qty=max(Decimal(0), verdict.need),
        )
    return Purchase(verdict.demand, verdict.need, verdict.offer, verdict.cost)
