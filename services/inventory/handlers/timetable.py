"""When a cron text comes round again, in its own time zone.

Times that the spring change skips come right after it; times that the autumn change shows twice come once, unless the
text says `*` for hours or minutes (then real time counts).
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from services.inventory.domain.automation import CronUnreadable, ZoneUnknown

FIELDS = 5
"""Minute, hour, day, month, weekday: a sixth field would be seconds, and a sweep every second is no schedule."""


def next_time(cron: str, time_zone: str, after: datetime) -> datetime:
    """The first instant after `after` (UTC) that the text names; refused when it cannot be read or never comes."""
    zone = _zone(time_zone)
    if len(cron.split()) != FIELDS:
        raise CronUnreadable(
            f"{cron!r} has {len(cron.split())} fields: give minute, hour, day, month and weekday",
            cron=cron,
            fields=FIELDS,
        )
    try:
        return next(CronSim(cron, after.astimezone(zone))).astimezone(UTC)
    except CronSimError as problem:
        raise CronUnreadable(f"{cron!r} is no cron text: {problem}", cron=cron) from problem
    except StopIteration as never:
        raise CronUnreadable(f"{cron!r} never comes: name a day that exists", cron=cron) from never


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise ZoneUnknown(
            f"There is no time zone {name}: give an IANA name, such as Europe/Vienna", time_zone=name
        ) from problem
