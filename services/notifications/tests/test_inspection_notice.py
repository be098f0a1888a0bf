"""NOTE-1 as a rule: the inspection notice."""

from datetime import timedelta
from decimal import Decimal
from itertools import permutations

import pytest

from services.notifications.domain.inspection import Arrival, Finding, arrived, inspected, newest
from services.notifications.domain.notice import Concern, Notice, State, is_raised

from .facts import NOW, uid

LATER = NOW + timedelta(hours=1)


def concern(number: int, qty: int, order: int = 1) -> Concern:
    return Concern(uid(number), uid(1000 + order), f"SO-{order:06}", uid(2000 + order), 10, 0, Decimal(qty))


def arrival(*concerns: Concern, version: int = 0) -> Arrival:
    return Arrival(
        uid(4001),
        version,
        "MAIN",
        "VALVE",
        "Brass valve",
        "EA",
        "ACME",
        uid(3100),
        "PO-000012",
        uid(3000),
        "RC-000007",
        uid(3010),
        concerns,
    )


def finding(version: int, passed: int, failed: int = 0, *, closed: bool = False) -> Finding:
    return Finding(uid(4001), version, Decimal(passed), Decimal(failed), closed)


def first(*concerns: Concern, found: Finding | None = None) -> Notice:
    return arrived(None, arrival(*concerns), found, NOW, lambda: uid(1))


@pytest.mark.rule("NOTE-1")
def test_an_arrival_raises_a_notice_that_says_what_how_many_for_whom_and_from_which_po() -> None:
    notice = first(concern(1, 6), concern(2, 4, order=2))

    assert notice.title == "Inspect 10 EA of VALVE from PO-000012"
    assert (notice.state, notice.vendor, notice.receipt_number) == (State.OPEN, "ACME", "RC-000007")
    assert [(one.order_number, one.qty) for one in notice.concerns] == [
        ("SO-000001", Decimal(6)),
        ("SO-000002", Decimal(4)),
    ]


@pytest.mark.rule("NOTE-1")
def test_a_late_peg_extends_the_notice_and_is_news() -> None:
    notice = first(concern(1, 6))

    longer = arrived(notice, arrival(concern(2, 4, order=2), version=2), None, LATER, lambda: uid(2))

    assert (longer.notice_id, longer.title) == (uid(1), "Inspect 10 EA of VALVE from PO-000012")
    assert (longer.version, longer.news, longer.raised_at) == (2, 2, NOW)


def test_the_same_arrival_again_changes_nothing() -> None:
    notice = first(concern(1, 6))

    assert arrived(notice, arrival(concern(1, 6)), None, LATER, lambda: uid(2)) == notice


@pytest.mark.rule("NOTE-1")
def test_part_of_an_inspection_shows_its_figures_and_is_no_news() -> None:
    notice = inspected(first(concern(1, 10)), finding(2, 6, 1), LATER)

    assert (notice.state, notice.passed, notice.failed) == (State.OPEN, Decimal(6), Decimal(1))
    assert (notice.version, notice.news) == (2, 1)


@pytest.mark.rule("NOTE-1")
def test_the_notice_closes_with_its_inspection() -> None:
    notice = inspected(first(concern(1, 10)), finding(2, 9, 1, closed=True), LATER)

    assert (notice.state, notice.closed_at) == (State.CLOSED, LATER)
    assert not is_raised(first(concern(1, 10)), notice)


@pytest.mark.rule("NOTE-1")
def test_an_inspection_that_was_completed_first_makes_a_notice_that_is_born_closed() -> None:
    notice = first(concern(1, 10), found=finding(2, 10, closed=True))

    assert (notice.state, notice.passed, notice.version) == (State.CLOSED, Decimal(10), 1)
    assert not is_raised(None, notice)


@pytest.mark.rule("NOTE-1")
def test_a_late_peg_opens_a_closed_notice_again() -> None:
    closed = inspected(first(concern(1, 6)), finding(2, 6, closed=True), NOW)

    again = arrived(
        closed, arrival(concern(2, 4), version=3), finding(2, 6, closed=True), LATER, lambda: uid(2)
    )

    assert (again.state, again.closed_at, again.news) == (State.OPEN, None, again.version)
    assert is_raised(closed, again)


@pytest.mark.rule("NOTE-1")
def test_whatever_the_order_the_notice_ends_open_for_the_peg_that_the_completion_did_not_know() -> None:
    facts = {"receipt": None, "completion": None, "late peg": None}

    ends = set()
    for order in permutations(facts):
        notice: Notice | None = None
        found: Finding | None = None
        for name in order:
            if name == "completion":
                found = finding(2, 6, closed=True)
                notice = inspected(notice, found, NOW) if notice else None
            else:
                what = arrival(concern(1, 6)) if name == "receipt" else arrival(concern(2, 4), version=3)
                notice = arrived(notice, what, found, NOW, lambda: uid(1))
        assert notice is not None
        ends.add((notice.state, notice.qty, notice.passed, len(notice.concerns)))

    assert ends == {(State.OPEN, Decimal(10), Decimal(6), 2)}


def test_of_several_findings_the_highest_version_counts() -> None:
    kept = newest([finding(3, 8), finding(4, 9), finding(2, 1)])

    assert kept == {uid(4001): finding(4, 9)}
