"""Automation schedules, their runs, and what was left for them."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.automation import Automation, Run, Schedule, Trigger
from services.inventory.domain.demand import Key
from services.inventory.store.columns import OUT_OF_ORDER, TEXT, keys, statement

_SCHEDULE = "SELECT name, version, enabled, cron, time_zone, next_at, trigger FROM automation_schedules"
_ALL = text(_SCHEDULE + " ORDER BY name")
_LOCK = text(_SCHEDULE + " WHERE name = :name FOR NO KEY UPDATE")
_LOCK_IF_IDLE = text(_SCHEDULE + " WHERE name = :name FOR NO KEY UPDATE SKIP LOCKED")
_LOCK_DUE = text(
    """
    SELECT s.name, s.version, s.enabled, s.cron, s.time_zone, s.next_at, s.trigger FROM automation_schedules s
    WHERE (s.enabled AND s.next_at <= :now)
       OR EXISTS (SELECT 1 FROM automation_runs r WHERE r.schedule = s.name AND r.finished_at IS NULL)
    ORDER BY s.next_at NULLS FIRST, s.name LIMIT 1 FOR NO KEY UPDATE OF s SKIP LOCKED
    """
)
_ADD = text(
    """
    INSERT INTO automation_schedules (name, version, enabled, cron, time_zone, next_at, trigger)
    VALUES (:name, :version, :enabled, :cron, :time_zone, :next_at, :trigger) ON CONFLICT DO NOTHING
    """
)
_CHANGE = text(
    """
    UPDATE automation_schedules SET version = :version, enabled = :enabled, cron = :cron, time_zone = :time_zone,
        next_at = :next_at, trigger = :trigger
    WHERE name = :name
    """
)
_NEXT = text("UPDATE automation_schedules SET next_at = :next_at, trigger = 'due' WHERE name = :name")
_UNFINISHED = text(
    """
    SELECT id, schedule, trigger, due_at, started_at, started_by, finished_at, keys_looked_at, lines_filled, units,
        after_sku, after_warehouse
    FROM automation_runs WHERE schedule = :name AND finished_at IS NULL
    """
)
_SAVE_RUN = text(
    """
    INSERT INTO automation_runs (id, schedule, trigger, due_at, started_at, started_by, finished_at, keys_looked_at,
        lines_filled, units, after_sku, after_warehouse)
    VALUES (:id, :schedule, :trigger, :due_at, :started_at, :started_by, :finished_at, :keys_looked_at, :lines_filled,
        :units, :after_sku, :after_warehouse)
    ON CONFLICT (id) DO UPDATE SET finished_at = excluded.finished_at, keys_looked_at = excluded.keys_looked_at,
        lines_filled = excluded.lines_filled, units = excluded.units, after_sku = excluded.after_sku,
        after_warehouse = excluded.after_warehouse
    """
)
_LEAVE = statement(
    """
    INSERT INTO automation_left (schedule, sku, warehouse, left_at)
    SELECT :schedule, sku, warehouse, :at FROM unnest(:skus, :warehouses) AS wanted(sku, warehouse)
    ORDER BY sku, warehouse
    ON CONFLICT (schedule, sku, warehouse) DO UPDATE SET left_at = excluded.left_at
    """,
    skus=TEXT,
    warehouses=TEXT,
)
_LEFT = statement(
    """
    SELECT DISTINCT l.sku, l.warehouse FROM automation_left l
    JOIN unnest(:skus, :warehouses) AS wanted(sku, warehouse)
      ON l.sku = wanted.sku AND l.warehouse = wanted.warehouse
    WHERE l.schedule = ANY(:schedules)
    """,
    skus=TEXT,
    warehouses=TEXT,
    schedules=TEXT,
)
_FORGET_LEFT = text("DELETE FROM automation_left WHERE schedule = :name AND left_at < :until")
_WAITING = text(
    f"""
    WITH RECURSIVE waiting AS (
        (SELECT d.sku, d.warehouse, 1 AS n FROM demand d
         WHERE d.need > d.granted AND NOT d.special AND (d.sku, d.warehouse) > (:after_sku, :after_warehouse)
         ORDER BY d.sku, d.warehouse LIMIT 1)
        UNION ALL
        SELECT following.sku, following.warehouse, waiting.n + 1 FROM waiting CROSS JOIN LATERAL (
            SELECT d.sku, d.warehouse FROM demand d
            WHERE d.need > d.granted AND NOT d.special AND (d.sku, d.warehouse) > (waiting.sku, waiting.warehouse)
            ORDER BY d.sku, d.warehouse LIMIT 1) following
        WHERE waiting.n < :most
    )
    SELECT w.sku, w.warehouse,
      (s.on_hand > s.allotted + s.pegged + s.arrived + s.quarantined OR {OUT_OF_ORDER}) AND NOT EXISTS (
        SELECT 1 FROM automation_left l JOIN automation_schedules other ON other.name = l.schedule
        WHERE l.sku = w.sku AND l.warehouse = w.warehouse AND l.schedule <> :name AND NOT other.enabled
          AND NOT EXISTS (SELECT 1 FROM automation_left own WHERE own.sku = w.sku AND own.warehouse = w.warehouse
                          AND own.schedule = :name)
    ) AS has_work
    FROM waiting w LEFT JOIN stock s ON s.sku = w.sku AND s.warehouse = w.warehouse
    ORDER BY w.sku, w.warehouse
    """  # noqa: S608  # a constant of ours
)


@dataclass(frozen=True, slots=True)
class WaitingKey:
    """An item and warehouse where somebody waits, and whether something lies there that this schedule may give out."""

    key: Key
    has_work: bool


def _schedule(row: Any) -> Schedule:
    known = {**row._mapping, "name": Automation(row.name), "trigger": Trigger(row.trigger)}
    return Schedule(**known)


def _values(schedule: Schedule) -> dict[str, Any]:
    return {**asdict(schedule), "name": schedule.name.value, "trigger": schedule.trigger.value}


async def schedules(db: AsyncConnection) -> list[Schedule]:
    """The schedules that somebody has needed so far (at first none: the defaults hold)."""
    return [_schedule(row) for row in await db.execute(_ALL)]


async def add_schedules(db: AsyncConnection, defaults: Iterable[Schedule]) -> None:
    """Write schedules that are not there yet."""
    for schedule in defaults:
        await db.execute(_ADD, _values(schedule))


async def lock_schedule(db: AsyncConnection, name: Automation) -> Schedule:
    """A schedule, waiting for a chunk of a run to end."""
    return _schedule((await db.execute(_LOCK, {"name": name.value})).one())


async def lock_idle_schedule(db: AsyncConnection, name: Automation) -> Schedule | None:
    """A schedule, unless somebody is at it in this moment."""
    row = (await db.execute(_LOCK_IF_IDLE, {"name": name.value})).first()
    return None if row is None else _schedule(row)


async def lock_due_schedule(db: AsyncConnection, now: datetime) -> Schedule | None:
    """A schedule whose time has come, or whose run is not finished, that nobody else is at."""
    row = (await db.execute(_LOCK_DUE, {"now": now})).first()
    return None if row is None else _schedule(row)


async def save_schedule(db: AsyncConnection, schedule: Schedule) -> None:
    """Write a changed schedule."""
    await db.execute(_CHANGE, _values(schedule))


async def save_next(db: AsyncConnection, name: Automation, next_at: datetime) -> None:
    """When it comes round again; no change that anybody made, so its version stays."""
    await db.execute(_NEXT, {"name": name.value, "next_at": next_at})


async def unfinished_run(db: AsyncConnection, name: Automation) -> Run | None:
    """The run of this schedule that is not finished."""
    row = (await db.execute(_UNFINISHED, {"name": name.value})).first()
    if row is None:
        return None
    return Run(**{**row._mapping, "schedule": Automation(row.schedule), "trigger": Trigger(row.trigger)})


async def save_run(db: AsyncConnection, run: Run) -> None:
    """Write a run as it stands; a second one of a schedule that is not finished breaks a constraint."""
    await db.execute(_SAVE_RUN, {**asdict(run), "schedule": run.schedule.value, "trigger": run.trigger.value})


async def leave(db: AsyncConnection, name: Automation, left: Iterable[Key], at: datetime) -> None:
    """Remember that units of these keys wait for this schedule."""
    await db.execute(_LEAVE, {**keys(left), "schedule": name.value, "at": at})


async def left_keys(db: AsyncConnection, names: Iterable[Automation], wanted: Iterable[Key]) -> set[Key]:
    """Those of these keys of which units wait for one of these schedules."""
    values = {**keys(wanted), "schedules": [name.value for name in names]}
    return {(row.sku, row.warehouse) for row in await db.execute(_LEFT, values)}


async def forget_left(db: AsyncConnection, name: Automation, until: datetime) -> None:
    """A run has looked at all that was left before it began."""
    await db.execute(_FORGET_LEFT, {"name": name.value, "until": until})


async def waiting_keys(db: AsyncConnection, name: Automation, after: Key, most: int) -> Sequence[WaitingKey]:
    """The next keys where somebody waits, in order: a step of the queue's index for each, however long its queue.

    A key whose units were left for the other schedule, which is off, is none of this one's.
    """
    values = {"name": name.value, "after_sku": after[0], "after_warehouse": after[1], "most": most}
    rows = await db.execute(_WAITING, values)
    return [WaitingKey((row.sku, row.warehouse), bool(row.has_work)) for row in rows]
