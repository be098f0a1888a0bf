"""Automation schedules and their runs over REST."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field

from services.inventory.domain.automation import (
    DEFAULT_CRON,
    DEFAULT_ZONE,
    Automation,
    Run,
    Schedule,
    Trigger,
)
from shared.quantity import Qty
from shared.web import Input, Output, Page

Cron = Annotated[str, Field(min_length=9, max_length=100, examples=["*/15 6-20 * * mon-sat"])]
Zone = Annotated[str, Field(min_length=1, max_length=60, examples=["Europe/Vienna"])]


class RunOut(Output):
    """One sweep of a schedule."""

    id: UUID
    schedule: Automation
    state: Literal["running", "finished"]
    trigger: Trigger = Field(
        description="missed: its time had passed while no process ran; it is made up for once"
    )
    due_at: datetime
    started_at: datetime
    started_by: str
    finished_at: datetime | None
    keys_looked_at: int = Field(description="Items and warehouses where somebody waits")
    lines_filled: int
    units: Qty


class ScheduleOut(Output):
    """An automation schedule: on, its kind of change is acted on at once and it sweeps; off, neither."""

    name: Automation
    version: int
    enabled: bool
    cron: str = Field(description="Minute, hour, day, month, weekday")
    time_zone: str
    next_at: datetime | None = Field(description="When it sweeps next; null while it is off")
    keys_left: int = Field(description="Items and warehouses with units left for it while it was off")
    last_run: RunOut | None


class ScheduleChange(Input):
    """Switch a schedule on or off, or give it another time; what is left out stays."""

    enabled: bool | None = None
    cron: Cron | None = None
    time_zone: Zone | None = None

    def wanted(self) -> dict[str, Any]:
        """For the handler."""
        return {name: value for name, value in self.model_dump().items() if value is not None}


_RUN = tuple(name for name in RunOut.model_fields if name not in ("id", "state"))


def run(held: Run) -> RunOut:
    """From the handler's result."""
    return _run(held.id, held)


def run_row(row: Any) -> RunOut:
    """From a view's row."""
    return _run(row.id, row)


def _run(id_: UUID, held: Any) -> RunOut:
    state: Literal["running", "finished"] = "finished" if held.finished_at else "running"
    return RunOut(id=id_, state=state, **{name: getattr(held, name) for name in _RUN})


def schedule(row: Any) -> ScheduleOut:
    """From a view's row."""
    names = ("name", "version", "enabled", "cron", "time_zone", "next_at", "keys_left")
    last = _run(row.run_id, row) if row.run_id else None
    return ScheduleOut(**{name: getattr(row, name) for name in names}, last_run=last)


def changed(held: Schedule) -> "ChangedSchedule":
    """From the handler's result."""
    return ChangedSchedule(**{name: getattr(held, name) for name in ChangedSchedule.model_fields})


class ChangedSchedule(Output):
    """A schedule as it stands after a change."""

    name: Automation
    version: int
    enabled: bool
    cron: str
    time_zone: str
    next_at: datetime | None


def untouched(name: Automation) -> ScheduleOut:
    """A schedule that no process has written yet: the defaults hold."""
    return ScheduleOut(
        name=name, version=1, enabled=True, cron=DEFAULT_CRON[name], time_zone=DEFAULT_ZONE, next_at=None, keys_left=0,
        last_run=None,
    )  # fmt: skip


def schedules(rows: Mapping[Automation, Any]) -> Page[ScheduleOut]:
    """From a view's rows: both, always."""
    shown = [schedule(rows[name]) if name in rows else untouched(name) for name in Automation]
    return Page(data=shown, has_more=False, next_cursor=None)
