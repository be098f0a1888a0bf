"""Who gets stock: whatever raises what is free, or what is wanted, ends here in the same transaction (BO-7)."""

from collections.abc import Iterable
from typing import Any

from services.inventory.domain.demand import Key
from services.inventory.handlers import telling
from services.inventory.store import stock as stock_rows
from services.inventory.store.queue import Grant, fill
from shared.unit_of_work import Told, Tx

MOST_KEYS_A_SWEEP = 500


async def allot(tx: Tx, keys: Iterable[Key], reason: str, because: Told[Any] | None = None) -> list[Grant]:
    """Run the queue of these keys, whose stock rows the caller has locked; what was granted is logged, not yet told."""
    grants = await fill(tx.db, keys)
    telling.log_grants(tx, grants, reason, because)
    return grants


async def allot_and_tell(
    tx: Tx, keys: Iterable[Key], reason: str, because: Told[Any] | None = None
) -> list[Grant]:
    """Run the queue and tell whoever got something."""
    grants = await allot(tx, keys, reason, because)
    tell_grants(tx, grants, reason, because)
    return grants


def tell_grants(tx: Tx, grants: Iterable[Grant], reason: str, because: Told[Any] | None = None) -> None:
    """Tell the lines that got something where they stand now."""
    held = list(grants)
    demands = {grant.demand.line: grant.demand for grant in held}
    born = telling.by_line(grant.allotment for grant in held)
    telling.tell_allotted(tx, reason, telling.standings(demands, born), because)


async def sweep(tx: Tx, sku: str | None, warehouse: str | None) -> list[Grant]:
    """Fill whatever waits although stock is free; after every change the queue has run already, so usually nothing.

    At most 500 items and warehouses a call, so that it never holds many locks; what is left the next call finds.
    """
    keys = await stock_rows.waiting_with_free_stock(tx.db, sku, warehouse, MOST_KEYS_A_SWEEP)
    within = [key for key in keys if tx.scope.allows(key[1])]
    await stock_rows.lock_stock(tx.db, within)
    return await allot_and_tell(tx, within, "sweep")
