"""Sales orders as demand: whatever an order's newest snapshot says is wanted, and what must be asked back (BO-3, BO-6)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Line, Supply, supply_of
from services.inventory.handlers import telling
from services.inventory.handlers.allotment import allot_orders
from services.inventory.handlers.asking import ask_for_excess
from services.inventory.handlers.replenishment import replenish
from services.inventory.store import allotments as claims
from services.inventory.store import demand as demands
from services.inventory.store import orders_heard
from services.inventory.store import stock as stock_rows
from shared.contracts.orders import (
    KitComponent,
    OrderLine,
    OrderSnapshot,
    SalesOrderCancelled,
    SalesOrderOpened,
)
from shared.decimals import ZERO
from shared.unit_of_work import Told, Tx

Heard = dict[UUID, Told[Any]]


async def order_told(tx: Tx, told: Sequence[Told[Any]]) -> None:
    """Orders opened, changed or cancelled: their demand counts at once, and competes by rank (BO-3).

    All of a batch is one transaction: its stock rows are locked in key order, its demands written, then the queue
    runs once for all, so two orders of 20 on 20 leave exactly one waiting; what a line still lacks is asked of those
    who rank behind it (BO-9). What a line holds beyond its need is asked back, and all that has arrived for a special
    line that uses stock instead (SO-5). A standing is told for every line, even with nothing: it says which version of
    the order has been settled. A line for which others are asked has settled it when they have answered: what it lacks
    until then is coming, and is not the shortage that orders must decide on (BO-2).
    """
    heard = _newest(told)
    wished = [demand for t in heard.values() for demand in demands_of(t.fact)]
    wanted = {demand.key for demand in wished}
    news = await orders_heard.keep_newest(tx.db, [t.fact for t in heard.values()], wanted)
    heard = {order: t for order, t in heard.items() if order in news.orders}
    if not heard:
        return
    wished = [demand for demand in wished if demand.order_id in heard]
    wanted = {demand.key for demand in wished}
    stock = {key: row for key, row in news.stock.items() if key in wanted}
    if len(stock) < len(wanted):
        stock = await stock_rows.lock_stock(tx.db, wanted)
    before, settled, held = await _decide(tx, wished, heard, is_first=all(news.orders.values()))
    free = {key for key, row in stock.items() if row.available > 0}
    grants, takers = await allot_orders(tx, settled, before, free, heard)

    current = {demand.line: demand for demand in settled} | {
        grant.demand.line: grant.demand for grant in grants
    }
    own = {demand.line for demand in settled}
    current |= await _held_back(tx, {line: current[line] for line in takers if line in own}, before)
    live = (a for own in held.values() for a in own if a.live > 0)
    _tell(tx, heard, current, telling.by_line([*live, *(grant.allotment for grant in grants)]))
    await replenish(tx, stock, next(iter(heard.values())))


async def _decide(
    tx: Tx, wished: Sequence[Demand], heard: Heard, *, is_first: bool
) -> tuple[dict[Line, Demand], list[Demand], dict[Line, list[Allotment]]]:
    """Write the demands: how they stood before, how they stand now, and what they hold already.

    Of orders that were never heard of before usually nothing is there, and nothing has to be read.
    """
    if is_first:
        first = {demand.line: demand for demand in wished}
        if await demands.save_first(tx.db, heard, first.values()):
            return {}, list(first.values()), {}
    before = await demands.demands_of_orders(tx.db, heard)
    wanted = {demand.line: demand for demand in _carry_over(wished, before, heard)}
    to_stock = {
        line for line, old in before.items() if old.is_heard and old.special and not wanted[line].special
    }
    held = await _held(tx, before)
    asked = await ask_for_excess(tx, wanted.values(), held, "order changed", heard, to_stock)
    waiting = asked | {line for line, own in held.items() if any(a.asked > 0 for a in own)}
    waiting |= await _still_taking(tx, before, wanted)
    settled = [_settled(demand, before, is_waiting=line in waiting) for line, demand in wanted.items()]
    await demands.save_demands(tx.db, settled)
    return before, settled, held


def _newest(told: Iterable[Told[Any]]) -> Heard:
    newest: Heard = {}
    for t in told:
        held = newest.get(t.fact.order_id)
        if held is None or held.fact.version < t.fact.version:
            newest[t.fact.order_id] = t
    return newest


def demands_of(order: OrderSnapshot) -> Iterator[Demand]:
    """The demands of an order, as if all it says were carried out: a row per line, or per component of a kit line.

    None for services and drop ships.
    """
    for line in order.lines:
        supply = supply_of(line.kind, special_order=line.special_order, drop_ship=line.drop_ship)
        if supply is not Supply.NONE:
            yield _demand(order, line, 0, line.sku, supply, line.ordered, line.cancel_wanted)
        elif not line.drop_ship:
            yield from (demand for part in line.components if (demand := _component(order, line, part)))


def _component(order: OrderSnapshot, line: OrderLine, part: KitComponent) -> Demand | None:
    supply = supply_of(part.kind, special_order=part.special_order, drop_ship=False)
    if supply is Supply.NONE:
        return None
    per_kit = part.qty_per_kit
    return _demand(
        order, line, part.seq, part.sku, supply, line.ordered * per_kit, line.cancel_wanted * per_kit
    )


def _demand(
    order: OrderSnapshot,
    line: OrderLine,
    component: int,
    sku: str,
    supply: Supply,
    ordered: Decimal,
    cancel_wanted: Decimal,
) -> Demand:
    return Demand(
        line_id=line.line_id,
        component=component,
        order_id=order.order_id,
        order_number=order.number,
        line_no=line.line_no,
        sku=sku,
        warehouse=line.warehouse,
        ordered=ordered,
        cancel_wanted=cancel_wanted,
        granted=ZERO,
        shipped=ZERO,
        priority=order.priority,
        ranked_at=line.ranked_at,
        special=supply is Supply.TIE,
        all_or_nothing=line.all_or_nothing,
        heard_version=order.version,
        settled_version=order.version,
    )


def _carry_over(wished: Iterable[Demand], before: Mapping[Line, Demand], heard: Heard) -> Iterator[Demand]:
    """The wishes with the figures that inventory owns; a line that its order no longer names is wanted no more."""
    seen = set()
    for demand in wished:
        seen.add(demand.line)
        if old := before.get(demand.line):
            yield replace(demand, granted=old.granted, shipped=old.shipped)
        else:
            yield demand
    for line, old in before.items():
        if line not in seen:
            yield replace(old, cancel_wanted=old.ordered, heard_version=heard[old.order_id].fact.version)


async def _held(tx: Tx, before: Mapping[Line, Demand]) -> dict[Line, list[Allotment]]:
    """What the lines have in the warehouse already: some may have to come back, and the answer names it all."""
    lines = [line for line, old in before.items() if old.granted > 0]
    return await claims.live_allotments(tx.db, lines) if lines else {}


async def _still_taking(tx: Tx, before: Mapping[Line, Demand], wanted: Mapping[Line, Demand]) -> set[Line]:
    """Lines for which an earlier version of their order has asked others, who have not answered yet."""
    lacking = {line for line in before if wanted[line].lacking > 0}
    orders = {wanted[line].order_id for line in lacking}
    return lacking & await demands.takers(tx.db, orders) if orders else set()


async def _held_back(
    tx: Tx, taking: Mapping[Line, Demand], before: Mapping[Line, Demand]
) -> dict[Line, Demand]:
    """Lines for which others were asked just now: they have settled what they had settled before."""
    earlier = {line: before[line].settled_version if line in before else 0 for line in taking}
    await demands.hold_back(tx.db, earlier)
    return {line: replace(demand, settled_version=earlier[line]) for line, demand in taking.items()}


def _settled(demand: Demand, before: Mapping[Line, Demand], *, is_waiting: bool) -> Demand:
    """What is waiting for an answer has settled no more than before."""
    old = before.get(demand.line)
    version = (old.settled_version if old else 0) if is_waiting else demand.heard_version
    return demand if demand.settled_version == version else replace(demand, settled_version=version)


def _tell(
    tx: Tx, heard: Heard, current: Mapping[Line, Demand], born: Mapping[Line, Sequence[Allotment]]
) -> None:
    """A fact per order heard, with all its lines; what went to others besides is told after them."""
    by_order: dict[UUID, dict[Line, Demand]] = {}
    for line, demand in current.items():
        by_order.setdefault(demand.order_id, {})[line] = demand
    others: dict[Line, Demand] = {}
    for order, own in sorted(by_order.items()):
        if order in heard:
            telling.tell_allotted(
                tx, _reason(heard[order].fact), telling.standings(own, born, own), heard[order]
            )
        else:
            others |= own
    telling.tell_allotted(tx, "changed", telling.standings(others, born), next(iter(heard.values())))


def _reason(order: OrderSnapshot) -> str:
    if isinstance(order, SalesOrderOpened):
        return "opened"
    return "cancelled" if isinstance(order, SalesOrderCancelled) else "changed"
