"""The claim ticket's figures."""

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest

from services.shipping.domain.allotment import Allotment

from .given import allotment, terms, uid


def test_live_is_what_has_not_been_taken_shipped_or_returned() -> None:
    one = allotment(1, 20, withdrawn=3, failed=2, shipped=4, returned=1)

    assert one.live == Decimal(10)


def test_a_revoked_allotment_is_due_on_no_shipment() -> None:
    one = allotment(1, 20, release_no=2, revoke_no=2)

    assert (one.live, one.due) == (Decimal(20), Decimal(0))


def test_a_later_release_brings_it_back() -> None:
    one = allotment(1, 20, release_no=2, revoke_no=2)

    again = one.released(terms(), Decimal(20), gated=False, release_no=3)

    assert again.due == Decimal(20)


def test_an_older_release_changes_nothing() -> None:
    one = allotment(1, 20, release_no=3)

    assert one.released(terms(carrier="DHL"), Decimal(20), gated=False, release_no=2) == one


@pytest.mark.rule("SO-9")
def test_figures_end_alike_in_whatever_order_the_facts_come() -> None:
    unknown = Allotment(uid(1), uid(1))
    facts = {
        "release": lambda one: one.released(terms(), Decimal(10), gated=True, release_no=1),
        "round one": lambda one: one.inspected(Decimal(10), Decimal(4), Decimal(0), gated=True),
        "round two": lambda one: one.inspected(Decimal(10), Decimal(7), Decimal(1), gated=True),
        "revoke": lambda one: one.revoked(1),
        "question": lambda one: one.given_back(Decimal(2)),
    }

    ends = set()
    for order in permutations([*facts, "round one", "release"]):
        one = unknown
        for name in order:
            one = facts[name](one)
        ends.add(one)

    assert ends == {
        replace(
            unknown,
            terms=terms(),
            qty=Decimal(10),
            gated=True,
            passed=Decimal(7),
            failed=Decimal(1),
            withdrawn=Decimal(2),
            release_no=1,
            revoke_no=1,
        )
    }


def test_units_that_were_given_back_are_not_failed_as_well() -> None:
    one = allotment(1, 10, withdrawn=9)

    assert one.inspected(Decimal(10), Decimal(0), Decimal(3), gated=True).failed == Decimal(1)


@pytest.mark.rule("SO-9")
@pytest.mark.parametrize(
    ("figures", "waiting"),
    [
        pytest.param({"gated": False}, 0, id="no gate: nothing waits"),
        pytest.param({"gated": True}, 10, id="gate, nothing passed: 10 - 0"),
        pytest.param({"gated": True, "passed": 6}, 4, id="6 passed: 10 - 6"),
        pytest.param({"gated": True, "passed": 6, "failed": 4}, 0, id="6 passed, 4 failed: 10 - 6 - 4"),
        pytest.param({"gated": True, "passed": 6, "withdrawn": 3}, 1, id="6 passed, 3 withdrawn: 10 - 6 - 3"),
        pytest.param(
            {"gated": True, "passed": 10, "withdrawn": 3}, 0, id="all passed, 3 withdrawn: never below 0"
        ),
    ],
)
def test_uninspected_units(figures: dict[str, int], waiting: int) -> None:
    assert allotment(1, 10, **figures).uninspected == Decimal(waiting)
