"""A waiting line filled by hand (BO-14): what a person may decide while nothing is done by itself."""

from decimal import Decimal
from uuid import UUID

from services.inventory.domain.allotment import Share
from services.inventory.domain.demand import Demand
from services.inventory.domain.preferences import BackorderManagement, HeadOfLine, Preferences
from services.inventory.handlers import telling
from services.inventory.handlers.allotment import allot, tell_grants
from services.inventory.store import demand as demands
from services.inventory.store import stock as stock_rows
from services.inventory.store.queue import Grant, fill_one
from shared.decimals import ZERO, plain
from shared.errors import NotFound, Refused
from shared.preferences import preferences
from shared.unit_of_work import Tx

REASON = "by hand"


class NoSuchDemand(NotFound):
    """There is no such line in the caller's warehouses."""


class NothingIsLacking(Refused):
    """The line has all that it needs."""


class OnlyItsTie(Refused):
    """A special line gets what arrives for it, never free stock (SO-5)."""


class NothingIsFree(Refused):
    """There is nothing to allot, or not enough for a line that wants all or nothing."""


async def allot_line(tx: Tx, line_id: UUID, component: int) -> Share:
    """Fill one waiting line from what is free: what it got, and the line as it stands after it.

    With backorder management off whoever else waits is passed by: that is what the person decides. With it on the queue
    keeps its order, and the line gets what is left for it in its turn.
    """
    demand = await _waiting(tx, line_id, component)
    stock = (await stock_rows.lock_stock(tx.db, [demand.key]))[demand.key]
    demand = await _waiting(tx, line_id, component)
    if stock.available <= 0:
        raise _nothing_free(demand, stock.available)
    chosen = await preferences(tx, Preferences)
    if chosen.backorder_management is BackorderManagement.ON:
        grants = await allot(tx, [demand.key], REASON)
    else:
        grants = await _fill(tx, demand, stock.available, skip=chosen.head_of_line is HeadOfLine.SKIP)
    tell_grants(tx, grants, REASON)
    own = [grant for grant in grants if grant.demand.line == demand.line]
    return Share(own[-1].demand if own else demand, sum((g.allotment.qty for g in own), ZERO))


async def _waiting(tx: Tx, line_id: UUID, component: int) -> Demand:
    line = line_id, component
    demand = (await demands.demands_of_lines(tx.db, [line])).get(line)
    if demand is None or not tx.scope.allows(demand.warehouse):
        raise NoSuchDemand("There is no such line in your warehouses")
    name = f"{demand.order_number} line {demand.line_no}"
    if demand.special:
        raise OnlyItsTie(
            f"{name} is a special order: it gets only what arrives for it", order=demand.order_number
        )
    if demand.lacking <= 0:
        raise NothingIsLacking(f"{name} has all {plain(demand.need)} that it needs", need=demand.need)
    return demand


async def _fill(tx: Tx, demand: Demand, available: Decimal, *, skip: bool) -> list[Grant]:
    grants = await fill_one(tx.db, demand, available, skip=skip)
    if not grants:
        raise _nothing_free(demand, available)
    telling.log_grants(tx, grants, REASON)
    return grants


def _nothing_free(demand: Demand, available: Decimal) -> NothingIsFree:
    return NothingIsFree(
        f"{plain(available)} of {demand.sku} in {demand.warehouse} are free and the line lacks {plain(demand.lacking)}: "
        "see why it waits with GET /v1/demand/{line_id}/explain",
        available=available,
        lacking=demand.lacking,
    )
