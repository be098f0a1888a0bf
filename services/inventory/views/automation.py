"""Automation schedules with their last run, and the history of their runs."""

from typing import Any

from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory import tables as t
from services.inventory.domain.automation import Automation
from shared.paging import Sorts

RUN_SORTS = Sorts({"started_at": t.automation_runs.c.id}, default="-started_at", tie=t.automation_runs.c.id)

_SCHEDULES = text(
    """
    SELECT s.name, s.version, s.enabled, s.cron, s.time_zone, s.next_at, r.id AS run_id, r.schedule, r.trigger, r.due_at,
        r.started_at, r.started_by, r.finished_at, r.keys_looked_at, r.lines_filled, r.units,
        (SELECT count(*) FROM automation_left l WHERE l.schedule = s.name) AS keys_left
    FROM automation_schedules s
    LEFT JOIN LATERAL (SELECT * FROM automation_runs r WHERE r.schedule = s.name ORDER BY r.id DESC LIMIT 1) r ON true
    ORDER BY s.name
    """
)


async def schedules(db: AsyncConnection) -> dict[Automation, Any]:
    """The schedules that have rows (a process that keeps the clock writes them when it starts)."""
    return {Automation(row.name): row for row in await db.execute(_SCHEDULES)}


def runs(schedule: Automation) -> Select[Any]:
    """The runs of a schedule."""
    return select(t.automation_runs).where(t.automation_runs.c.schedule == schedule.value)
