"""BO-15: whether an increase is given out in its own transaction, or is left for its automation schedule."""

from collections.abc import Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.automation import AUTOMATION_OF, Automation, acts_at_once
from services.inventory.domain.demand import Key
from services.inventory.store import automation as store
from shared.preferences import kept_for_a_second
from shared.unit_of_work import Tx


class SwitchedOn(frozenset[Automation]):
    """The schedules that are on; without any row both are."""


async def switched_on(tx: Tx) -> SwitchedOn:
    """Which schedules are on; a second old at most, and the sweep catches what that second missed."""
    return await kept_for_a_second(tx, SwitchedOn, _read)


async def _read(db: AsyncConnection) -> SwitchedOn:
    known = await store.schedules(db)
    off = {schedule.name for schedule in known if not schedule.enabled}
    return SwitchedOn(set(Automation) - off)


async def left_for_later(tx: Tx, keys: Iterable[Key]) -> set[Key]:
    """Those of these keys whose units wait for a schedule that is off; nothing is read while both are on."""
    wanted, off = set(keys), set(Automation) - await switched_on(tx)
    return await store.left_keys(tx.db, off, wanted) if wanted and off else set()


async def acting(tx: Tx, keys: Iterable[Key], reason: str) -> set[Key]:
    """The keys whose queue is to be run now; what is left for a schedule that is off is remembered for it."""
    wanted = set(keys)
    if not wanted or acts_at_once(reason, await switched_on(tx)):
        return wanted
    await store.leave(tx.db, AUTOMATION_OF[reason], wanted, tx.now)
    return set()
