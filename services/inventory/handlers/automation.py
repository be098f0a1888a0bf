"""Automation schedules (BO-15): the sweep that catches what was left, by the clock or by hand, one run at a time.

A run looks at the keys where somebody waits, in order, a chunk of them in each transaction; it holds its schedule's row
meanwhile, so no second one of any instance is at it. A run that was cut short goes on where it was.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.inventory.domain.automation import (
    DEFAULT_CRON,
    DEFAULT_ZONE,
    Automation,
    Run,
    RunInProgress,
    Schedule,
    Trigger,
    trigger_of,
)
from services.inventory.domain.demand import Line
from services.inventory.domain.preferences import BackorderManagement, Preferences
from services.inventory.handlers.allotment import allot_and_tell
from services.inventory.handlers.at_once import SwitchedOn
from services.inventory.handlers.timetable import next_time
from services.inventory.store import automation as store
from services.inventory.store import stock as stock_rows
from services.inventory.store.queue import Grant
from shared.decimals import ZERO
from shared.errors import Forbidden, Stale
from shared.ids import new_id
from shared.preferences import forget_one, preferences
from shared.unit_of_work import Tx, changes

MOST_KEYS = 200
"""Waiting keys that a run looks at in one transaction, so that it never holds many locks for long."""
SOON, LATER = timedelta(seconds=1), timedelta(hours=1)


class ScheduleChanged(Stale):
    """The schedule has moved on since it was read."""


class NotAllWarehouses(Forbidden):
    """A schedule runs over all warehouses; the caller's token is for some."""


async def change_schedule(tx: Tx, name: Automation, version: int, wanted: dict[str, Any]) -> Schedule:
    """Switch a schedule on or off, or give it another time.

    Switched on it is due at once, so that what was left meanwhile waits no longer.
    """
    _must_see_all(tx)
    await _known(tx)
    before = await store.lock_schedule(tx.db, name)
    if before.version != version:
        raise ScheduleChanged(
            f"The {name} schedule has changed since you read it; read it again",
            current=before.version,
            given=version,
        )
    after = _retimed(before, replace(before, **wanted), tx.now)
    if replace(before, **wanted) == before:
        return before
    after = replace(after, version=before.version + 1)
    await store.save_schedule(tx.db, after)
    forget_one(tx, SwitchedOn)
    tx.record("automation-schedule", name.value, "changed", *changes(before, after))
    return after


def _retimed(before: Schedule, after: Schedule, now: datetime) -> Schedule:
    coming = next_time(after.cron, after.time_zone, now)
    if not after.enabled:
        return replace(after, next_at=None, trigger=Trigger.DUE)
    if not before.enabled:
        return replace(after, next_at=now, trigger=Trigger.SWITCHED_ON)
    return replace(after, next_at=coming)


async def run_schedule(tx: Tx, name: Automation) -> Run:
    """Run a schedule now, on or off: the first chunk at once, the rest of a long one follows by itself.

    What comes by hand is carried out even where nothing is done by itself (BO-14).
    """
    _must_see_all(tx)
    await _known(tx)
    schedule = await store.lock_idle_schedule(tx.db, name)
    if schedule is None or await store.unfinished_run(tx.db, name):
        raise RunInProgress(
            f"The {name} schedule is running: see its runs, or try again when it has finished", schedule=name
        )
    run = _started(tx, schedule, Trigger.BY_HAND, tx.now, tx.actor)
    tx.record("automation-schedule", name.value, "run by hand", None, {"run": run.id})
    return await _go_on(tx, run)


def _must_see_all(tx: Tx) -> None:
    if tx.scope.warehouses is not None:
        raise NotAllWarehouses(
            "A schedule runs over all warehouses and your token is for some; POST /v1/demand/allot runs the queue of yours"
        )


async def sweep_when_due(tx: Tx) -> datetime:
    """Do one chunk of what is due, if anything is; when to come again.

    A time that passed while nothing ran is made up for once. What another instance is at is left to it.
    """
    known = await _known(tx)
    schedule = await store.lock_due_schedule(tx.db, tx.now)
    if schedule is None:
        return max(tx.now + SOON, _next_of(known, tx.now))
    run = await store.unfinished_run(tx.db, schedule.name)
    if run is None and not schedule.is_due(tx.now):
        return tx.now + SOON  # it was finished between the look and the lock
    if run is None:
        coming = next_time(schedule.cron, schedule.time_zone, tx.now)
        await store.save_next(tx.db, schedule.name, coming)
        if (await preferences(tx, Preferences)).backorder_management is BackorderManagement.OFF:
            return tx.now
        due_at = schedule.next_at or tx.now
        run = _started(tx, schedule, trigger_of(schedule, tx.now), due_at, f"{schedule.name} schedule")
    await _go_on(tx, run)
    return tx.now


def _started(tx: Tx, schedule: Schedule, trigger: Trigger, due_at: datetime, by: str) -> Run:
    return Run(new_id(), schedule.name, trigger, due_at, tx.now, by)


async def _known(tx: Tx) -> Sequence[Schedule]:
    """Both schedules; the first to ask writes the defaults."""
    known = await store.schedules(tx.db)
    if len(known) < len(Automation):
        await store.add_schedules(tx.db, (default_schedule(name, tx.now) for name in Automation))
        known = await store.schedules(tx.db)
    return known


def default_schedule(name: Automation, now: datetime) -> Schedule:
    """A schedule that nobody has touched."""
    cron = DEFAULT_CRON[name]
    return Schedule(name, 1, True, cron, DEFAULT_ZONE, next_time(cron, DEFAULT_ZONE, now))


def _next_of(known: Sequence[Schedule], now: datetime) -> datetime:
    return min((s.next_at for s in known if s.next_at is not None), default=now + LATER)


async def _go_on(tx: Tx, run: Run) -> Run:
    """The next chunk of a run; without change since the last run it finds nothing to give out."""
    waiting = await store.waiting_keys(tx.db, run.schedule, (run.after_sku, run.after_warehouse), MOST_KEYS)
    keys = [found.key for found in waiting if found.has_work]
    await stock_rows.lock_stock(tx.db, keys)
    grants = await allot_and_tell(tx, keys, f"{run.schedule} schedule")
    after = _counted(run, len(waiting), grants)
    if len(waiting) < MOST_KEYS:
        after = replace(after, finished_at=tx.now)
        await store.forget_left(tx.db, run.schedule, run.started_at)
    else:
        after = replace(after, after_sku=waiting[-1].key[0], after_warehouse=waiting[-1].key[1])
    await store.save_run(tx.db, after)
    return after


def _counted(run: Run, looked_at: int, grants: Sequence[Grant]) -> Run:
    lines: set[Line] = {grant.demand.line for grant in grants}
    return replace(
        run,
        keys_looked_at=run.keys_looked_at + looked_at,
        lines_filled=run.lines_filled + len(lines),
        units=run.units + sum((grant.allotment.qty for grant in grants), ZERO),
    )
