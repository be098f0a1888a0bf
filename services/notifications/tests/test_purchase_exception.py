"""The notice of a purchase exception as a rule."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from services.notifications.domain.notice import Concern, State, is_raised
from services.notifications.domain.purchase_exception import Trouble, heard, newest

from .facts import NOW, uid

LATER = NOW + timedelta(hours=1)


def trouble(version: int, *, is_open: bool) -> Trouble:
    return Trouble(
        uid(5001),
        version,
        is_open,
        "no_source",
        "MAIN",
        "VALVE",
        Decimal(4),
        "no source",
        None,
        None,
        Concern(uid(5001), uid(1001), "SO-000001", uid(2110), 10, 0, Decimal(4)),
    )


@pytest.mark.rule("NOTE-2")
@pytest.mark.rule("BUY-2")
def test_an_exception_raises_a_notice_in_words() -> None:
    notice = heard(None, trouble(1, is_open=True), NOW, lambda: uid(1))

    assert notice.title == "No source: VALVE for SO-000001 line 10"
    assert (notice.state, notice.reason, notice.message) == (State.OPEN, "no_source", "no source")


def test_a_po_is_named_where_there_is_no_order() -> None:
    surplus = replace(
        trouble(1, is_open=True), reason="over_receipt", concern=None, po_id=uid(1), po_number="PO-000012"
    )

    assert heard(None, surplus, NOW, lambda: uid(1)).title == "Over receipt: VALVE on PO-000012"


def test_clearing_it_closes_the_notice() -> None:
    notice = heard(None, trouble(1, is_open=True), NOW, lambda: uid(1))

    closed = heard(notice, trouble(2, is_open=False), LATER, lambda: uid(2))

    assert (closed.notice_id, closed.state, closed.closed_at, closed.version) == (
        uid(1),
        State.CLOSED,
        LATER,
        2,
    )


def test_a_clearing_that_is_heard_first_stays_and_nobody_is_told() -> None:
    closed = heard(None, trouble(2, is_open=False), NOW, lambda: uid(1))

    assert heard(closed, trouble(1, is_open=True), LATER, lambda: uid(2)) == closed
    assert not is_raised(None, closed)


def test_an_exception_that_comes_back_opens_its_notice_again() -> None:
    closed = heard(None, trouble(2, is_open=False), NOW, lambda: uid(1))

    again = heard(closed, trouble(3, is_open=True), LATER, lambda: uid(2))

    assert (again.state, again.news, again.closed_at) == (State.OPEN, again.version, None)
    assert is_raised(closed, again)


def test_of_several_words_the_highest_version_counts() -> None:
    kept = newest([trouble(2, is_open=False), trouble(3, is_open=True), trouble(1, is_open=True)])

    assert kept[uid(5001)].version == 3
