"""Who gets stock: whatever raises what is free, or what is wanted, ends here in the same transaction (BO-7, BO-9)."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any
from uuid import UUID

from services.inventory.domain.automation import AUTOMATION_OF
from services.inventory.domain.demand import Demand, Key, Line
from services.inventory.domain.preferences import BackorderManagement, HeadOfLine, Preferences
from services.inventory.handlers import telling
from services.inventory.handlers.asking import take_back
from services.inventory.handlers.at_once import acting, left_for_later
from services.inventory.store import stock as stock_rows
from services.inventory.store.queue import Grant, fill, fill_newcomers
from shared.preferences import preferences
from shared.unit_of_work import Told, Tx

MOST_KEYS_A_SWEEP = 500
BY_ITSELF = frozenset({*AUTOMATION_OF, "priority", "unpicked"})
"""Reasons that no person gave: with backorder management off they fill nothing (BO-14)."""


async def allot(
    tx: Tx,
    keys: Iterable[Key],
    reason: str,
    because: Told[Any] | None = None,
    tellers: Mapping[Key, Tx] | None = None,
) -> list[Grant]:
    """Run the queue of these keys, whose stock rows the caller has locked; what was granted is logged, not yet told.

    `tellers`: in whose name each key is served, when several callers share the transaction.

    Then lower ranks are asked for what higher ones still lack. With backorder management off only a person's reasons
    do anything, and what a schedule that is off would have acted on is left for it (BO-14, BO-15).
    """
    wanted = set(keys)
    chosen = await preferences(tx, Preferences)
    is_managed = chosen.backorder_management is BackorderManagement.ON
    if not wanted or (reason in BY_ITSELF and not is_managed):
        return []
    skip = chosen.head_of_line is HeadOfLine.SKIP
    grants = await fill(tx.db, await acting(tx, wanted, reason), skip=skip)
    for teller, own in _by_teller(tx, grants, tellers):
        telling.log_grants(teller, own, reason, because)
    if is_managed:
        await take_back(tx, wanted, skip=skip, because=because)
    return grants


async def allot_orders(
    tx: Tx,
    told: Collection[Demand],
    before: Mapping[Line, Demand],
    free: Collection[Key],
    causes: Mapping[UUID, Told[Any]],
) -> tuple[list[Grant], set[Line]]:
    """Run the queue for orders that were opened or changed: of the keys where something is `free`.

    Where waiting lines are not filled by themselves, a new line gets only what their need leaves (BO-14). A line that
    still lacks something takes from lower ranks, and one that has fallen in rank gives to those it fell behind. With the
    grants come the lines for which others were asked.
    """
    chosen = await preferences(tx, Preferences)
    is_managed = chosen.backorder_management is BackorderManagement.ON
    skip = chosen.head_of_line is HeadOfLine.SKIP
    by_hand = await left_for_later(tx, free) if is_managed else set(free)
    grants = await fill(tx.db, set(free) - by_hand, skip=skip)
    if by_hand:
        grants += await fill_newcomers(tx.db, by_hand, _new(told, before), skip=skip)
    telling.log_grants(tx, grants, "order")
    if not is_managed:
        return grants, set()
    first = next(iter(causes.values()), None)
    keys = _unsettled(told, before, grants)
    takes = await take_back(tx, keys, skip=skip, causes=causes, because=first)
    return grants, {own.taker.line for own in takes}


def _new(told: Iterable[Demand], before: Mapping[Line, Demand]) -> list[Demand]:
    return [demand for demand in told if demand.line not in before and not demand.special]


def _unsettled(told: Iterable[Demand], before: Mapping[Line, Demand], grants: Iterable[Grant]) -> set[Key]:
    """Keys where these lines may have turned the order of the queue: most openings leave none to look at."""
    after = {grant.demand.line: grant.demand for grant in grants}
    now = [after.get(demand.line, demand) for demand in told if not demand.special]
    waiting = {demand.key for demand in now if demand.lacking > 0}
    fallen = {
        d.key for d in now if (was := before.get(d.line)) and was.rank < d.rank and d.granted > d.shipped
    }
    return waiting | fallen


async def allot_and_tell(
    tx: Tx,
    keys: Iterable[Key],
    reason: str,
    because: Told[Any] | None = None,
    tellers: Mapping[Key, Tx] | None = None,
) -> list[Grant]:
    """Run the queue and tell whoever got something."""
    grants = await allot(tx, keys, reason, because, tellers)
    tell_grants(tx, grants, reason, because, tellers)
    return grants


def tell_grants(
    tx: Tx,
    grants: Iterable[Grant],
    reason: str,
    because: Told[Any] | None = None,
    tellers: Mapping[Key, Tx] | None = None,
) -> None:
    """Tell the lines that got something where they stand now."""
    for teller, held in _by_teller(tx, grants, tellers):
        demands = {grant.demand.line: grant.demand for grant in held}
        born = telling.by_line(grant.allotment for grant in held)
        telling.tell_allotted(teller, reason, telling.standings(demands, born), because)


def _by_teller(
    tx: Tx, grants: Iterable[Grant], tellers: Mapping[Key, Tx] | None
) -> list[tuple[Tx, list[Grant]]]:
    found: dict[int, tuple[Tx, list[Grant]]] = {}
    for grant in grants:
        teller = (tellers or {}).get(grant.allotment.key, tx)
        found.setdefault(id(teller), (teller, []))[1].append(grant)
    return list(found.values())


async def sweep(tx: Tx, sku: str | None, warehouse: str | None) -> list[Grant]:
    """Fill whatever waits although stock is free, and put ranks in order; after every change the queue has run already, so
    usually there is nothing to do.

    At most 500 items and warehouses a call, so that it never holds many locks; what is left the next call finds.
    """
    keys = await stock_rows.keys_with_work(tx.db, sku, warehouse, MOST_KEYS_A_SWEEP)
    within = [key for key in keys if tx.scope.allows(key[1])]
    await stock_rows.lock_stock(tx.db, within)
    return await allot_and_tell(tx, within, "sweep")
