"""When a schedule comes round, and what it makes wait (BO-15): rules without a database."""

from datetime import UTC, datetime, timedelta

import pytest

from services.inventory.domain.automation import (
    AUTOMATION_OF,
    Automation,
    CronUnreadable,
    Schedule,
    Trigger,
    ZoneUnknown,
    acts_at_once,
    trigger_of,
)
from services.inventory.handlers.timetable import next_time

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def times(cron: str, zone: str, after: str, count: int) -> list[str]:
    """The next times, as a clock on the wall of that zone and UTC would show them."""
    found, at = [], datetime.fromisoformat(after)
    for _ in range(count):
        at = next_time(cron, zone, at)
        assert at.tzinfo is UTC
        found.append(at.strftime("%d %H:%M"))
    return found


@pytest.mark.rule("BO-15")
@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        pytest.param("*/15 * * * *", "UTC", "2026-03-02T12:05+00:00", ["02 12:15", "02 12:30"], id="every quarter hour"),
        pytest.param("0 6 * * *", "Europe/Vienna", "2026-01-10T06:00+00:00", ["11 05:00", "12 05:00"], id="winter: UTC+1"),
        pytest.param("0 6 * * *", "Europe/Vienna", "2026-07-10T06:00+00:00", ["11 04:00", "12 04:00"], id="summer: UTC+2"),
        pytest.param("0 6 * * *", "America/New_York", "2026-07-10T00:00+00:00", ["10 10:00", "11 10:00"], id="west of us"),
        # 29 March 2026: the clock goes from 2:00 to 3:00, there is no 2:30
        pytest.param("30 2 * * *", "Europe/Vienna", "2026-03-28T12:00+00:00", ["29 01:00", "30 00:30"],
                     id="a time that the spring change skips comes right after it"),
        # 25 October 2026: 2:30 comes twice, at 0:30 and at 1:30 UTC
        pytest.param("30 2 * * *", "Europe/Vienna", "2026-10-24T12:00+00:00", ["25 00:30", "26 01:30"],
                     id="a time that the autumn change shows twice comes once"),
        pytest.param("0 * * * *", "Europe/Vienna", "2026-10-24T23:30+00:00", ["25 00:00", "25 01:00", "25 02:00"],
                     id="every hour is every real hour"),
        pytest.param("0 0 29 2 *", "UTC", "2026-03-01T00:00+00:00", ["29 00:00"], id="the next leap year"),
    ],
)  # fmt: skip
def test_a_cron_text_is_read_in_its_own_time_zone(
    cron: str, zone: str, after: str, expected: list[str]
) -> None:
    assert times(cron, zone, after, len(expected)) == expected


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "* * * * * *", "61 * * * *", "a b c d e", "0 0 30 2 *", "@daily now on and ever"]
)
def test_a_cron_text_that_says_no_time_is_refused(cron: str) -> None:
    with pytest.raises(CronUnreadable):
        next_time(cron, "UTC", NOON)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "Europe"])
def test_a_zone_that_nobody_lives_in_is_refused(zone: str) -> None:
    with pytest.raises(ZoneUnknown):
        next_time("0 * * * *", zone, NOON)


@pytest.mark.rule("BO-15")
@pytest.mark.parametrize("reason", AUTOMATION_OF)
def test_an_increase_waits_for_its_own_schedule_only(reason: str) -> None:
    own = AUTOMATION_OF[reason]
    other = next(name for name in Automation if name is not own)

    assert acts_at_once(reason, {own, other})
    assert acts_at_once(reason, {own})
    assert not acts_at_once(reason, {other})
    assert not acts_at_once(reason, set())


@pytest.mark.rule("BO-15")
@pytest.mark.parametrize("reason", ["sweep", "primary schedule", "order", "priority"])
def test_what_is_no_increase_asks_no_schedule(reason: str) -> None:
    assert acts_at_once(reason, set())


def schedule(next_at: datetime | None, trigger: Trigger = Trigger.DUE) -> Schedule:
    """The primary schedule, on if it has a next time."""
    return Schedule(Automation.PRIMARY, 1, next_at is not None, "0 * * * *", "UTC", next_at, trigger)


@pytest.mark.rule("BO-15")
@pytest.mark.parametrize(
    ("minutes", "trigger", "said"),
    [
        (0, Trigger.DUE, Trigger.DUE),
        (1, Trigger.DUE, Trigger.DUE),
        (2, Trigger.DUE, Trigger.MISSED),
        (10_000, Trigger.DUE, Trigger.MISSED),
        (2, Trigger.SWITCHED_ON, Trigger.SWITCHED_ON),
    ],
)
def test_a_run_says_that_its_time_was_missed(minutes: int, trigger: Trigger, said: Trigger) -> None:
    late = schedule(NOON - timedelta(minutes=minutes), trigger)

    assert late.is_due(NOON)
    assert trigger_of(late, NOON) is said


def test_a_schedule_is_not_due_before_its_time_nor_while_it_is_off() -> None:
    assert not schedule(NOON + timedelta(seconds=1)).is_due(NOON)
    assert not schedule(None).is_due(NOON)
