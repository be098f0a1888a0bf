"""BO-17: the last step of a change: where an item with levels stands now, and whether stock has to be bought.

Items without levels cost nothing: their stock row, which is locked anyway, says so.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from services.inventory.domain.demand import Key
from services.inventory.domain.replenishment import Need, Position, renewed
from services.inventory.domain.stock import Stock
from services.inventory.store import replenishment as store
from shared.contracts.base import Source
from shared.contracts.inventory import ReplenishmentNeeded
from shared.unit_of_work import Told, Tx

MOST_WAITING = 2_000
"""Lines of a queue that a change reads to know the position; of a longer one the clock does it, a few seconds later."""
MOST_KEYS_AGAIN = 10


async def replenish(tx: Tx, locked: Mapping[Key, Stock], because: Told[Any] | None = None) -> None:
    """Look at those of these stock rows that have levels, after everything else has been written."""
    await replenish_keys(tx, (key for key, row in locked.items() if row.has_levels), because)


async def replenish_keys(tx: Tx, keys: Iterable[Key], because: Told[Any] | None = None) -> None:
    """The same for keys of which it is not known whether they have levels."""
    wanted = set(keys)
    if not wanted:
        return
    levelled = await store.lock_levels(tx.db, wanted)
    if not levelled:
        return
    found = await store.positions(tx.db, levelled, MOST_WAITING)
    if found.unread:
        await store.leave_for_later(tx.db, found.unread)
    await _renew(tx, found.known, because)


async def look_again(tx: Tx) -> int:
    """Look at keys that were left because their queue is long, some at a time: how many they were.

    Their levels are locked before anything is read, so a change that commits later looks, or leaves them, once more.
    """
    left = await store.lock_levels(tx.db, await store.left_for_later(tx.db, MOST_KEYS_AGAIN))
    if left:
        await store.forget_left(tx.db, left)
        await _renew(tx, (await store.positions(tx.db, left, None)).known)
    return len(left)


async def _renew(tx: Tx, found: Sequence[Position], because: Told[Any] | None = None) -> None:
    """Tell what is news of these positions."""
    before = await store.needs(tx.db, [position.key for position in found]) if found else {}
    news = [need for position in found if (need := renewed(before.get(position.key), position))]
    if not news:
        return
    await store.save_needs(tx.db, news, tx.now)
    for need in news:
        tx.announce(_needed(need), because)


def _needed(need: Need) -> ReplenishmentNeeded:
    return ReplenishmentNeeded(
        sku=need.sku,
        warehouse=need.warehouse,
        version=need.version,
        qty=need.proposed,
        position=need.position,
        minimum=need.minimum,
        target=need.target,
        safety=need.safety,
        lead_time_days=need.lead_time_days,
        source=Source(vendor=need.vendor, warehouse=need.from_warehouse),
    )
