"""BO-15: what may be acted on at once, and what waits for its automation schedule. Pegs (SO-6) ask neither."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.decimals import ZERO
from shared.errors import Refused


class RunInProgress(Refused):
    """A schedule never overlaps itself."""


class CronUnreadable(Refused):
    """A cron text that says no time, or none that ever comes."""


class ZoneUnknown(Refused):
    """A time zone that is not in the IANA list."""


class Automation(StrEnum):
    """The two schedules, after what they look at (seed 004)."""

    PRIMARY = "primary"
    """Changes from incoming shipments."""
    SECONDARY = "secondary"
    """Available inventory: returns, adjustments, cancellations and all else that frees units."""


AUTOMATION_OF: Mapping[str, Automation] = {
    "receipt": Automation.PRIMARY,
    "adjustment": Automation.SECONDARY,
    "return": Automation.SECONDARY,
    "withdrawal": Automation.SECONDARY,
    "ship": Automation.SECONDARY,
    "void": Automation.SECONDARY,
    "inspection": Automation.SECONDARY,
}
"""BO-7's increases by the reason that the queue is run for; a reason that is not here (a person's, a run's) always acts."""

DEFAULT_CRON: Mapping[Automation, str] = {
    Automation.PRIMARY: "5,20,35,50 * * * *",
    Automation.SECONDARY: "10,25,40,55 * * * *",
}
"""Until somebody says otherwise both are on: every change is acted on at once, and a sweep comes every quarter hour."""
DEFAULT_ZONE = "UTC"


def acts_at_once(reason: str, switched_on: Collection[Automation]) -> bool:
    """Whether an increase for this reason is given out in its own transaction, or left for the schedule."""
    automation = AUTOMATION_OF.get(reason)
    return automation is None or automation in switched_on


class Trigger(StrEnum):
    """What set a run off."""

    DUE = "due"
    MISSED = "missed"
    """Its time had passed while no process ran."""
    SWITCHED_ON = "switched_on"
    BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a sweep comes by itself, and whether its kind of increase is acted on at once.

    `next_at` is None while it is off. Whoever switches it on makes it due at once: what was left waits no longer.
    """

    name: Automation
    version: int
    enabled: bool
    cron: str
    time_zone: str
    next_at: datetime | None
    trigger: Trigger = Trigger.DUE
    """What its next run will say that set it off."""

    def is_due(self, now: datetime) -> bool:
        """Whether a sweep should have begun by now; however many times were missed, it is due once."""
        return self.enabled and self.next_at is not None and self.next_at <= now


LATE = timedelta(seconds=90)
"""So long after its time a run says that it was missed: a ticker looks every few seconds."""


def trigger_of(schedule: Schedule, now: datetime) -> Trigger:
    """What a run that its time sets off says of it."""
    is_late = schedule.next_at is not None and now - schedule.next_at > LATE
    return Trigger.MISSED if is_late and schedule.trigger is Trigger.DUE else schedule.trigger


@dataclass(frozen=True, slots=True)
class Run:
    """One sweep over the waiting keys, in chunks of a transaction each; `after` is the last key that was looked at."""

    id: UUID
    schedule: Automation
    trigger: Trigger
    due_at: datetime
    started_at: datetime
    started_by: str
    finished_at: datetime | None = None
    keys_looked_at: int = 0
    lines_filled: int = 0
    units: Decimal = ZERO
    after_sku: str = ""
    after_warehouse: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether every waiting key has been looked at."""
        return self.finished_at is not None
