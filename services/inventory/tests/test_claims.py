"""The claim ticket, and what is asked back of a line that has too much."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.inventory.domain.claim import Allotment, ask_back
from services.inventory.domain.issue import movement, repeg
from services.inventory.tests.builders import allotment, ints, named


def asks(excess: int, *allotments: Allotment) -> dict[int, int]:
    return {id_.int: int(units) for id_, units in ask_back(Decimal(excess), allotments).items()}


def test_the_newest_free_stock_units_are_asked_back_first() -> None:
    got = asks(7, allotment(1, 5), allotment(2, 4), allotment(3, 1))

    assert got == {3: 1, 2: 4, 1: 2}


@pytest.mark.rule("SO-10")
def test_pegs_are_asked_back_only_when_free_stock_units_do_not_suffice() -> None:
    got = asks(6, allotment(1, 4), allotment(2, 5, peg=True))

    assert got == {1: 4, 2: 2}


def test_what_has_shipped_cannot_be_asked_back() -> None:
    got = asks(10, allotment(1, 10, shipped=6))

    assert got == {1: 4}


def test_units_that_an_open_question_is_about_count_towards_the_excess() -> None:
    got = asks(5, allotment(1, 10, asked=3))

    assert got == {1: 2}


def test_a_question_that_is_open_is_not_asked_again() -> None:
    assert asks(3, allotment(1, 10, asked=3)) == {}


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({}, 10),
        ({"passed": 4}, 6),
        ({"passed": 4, "failed": 1}, 5),
        ({"passed": 4, "shipped": 4}, 6),
        ({"shipped": 3}, 7),  # advisory gate: 3 left unseen
        ({"withdrawn": 10}, 0),
        ({"passed": 4, "withdrawn": 8}, 0),
        ({"passed": 6, "returned": 6}, 4),  # the passed part of a mixed pick came back
        ({"passed": 6, "returned": 4, "unproven": 4}, 0),  # the other part did
        ({"passed": 6, "returned": 10, "unproven": 4}, 0),
    ],
)
def test_what_can_still_be_inspected(figures: dict[str, int], expected: int) -> None:
    assert allotment(1, 10, peg=True, **figures).uninspected == expected


@pytest.mark.rule("SHIP-3")
def test_533_expected_500_shipped_33_missing_leave_the_books() -> None:
    moved = movement(allotment(1, 533), Decimal(500), Decimal(33), Decimal(33))

    assert ints(moved.left, moved.lost, moved.back) == (500, 33, 0)
    assert moved.on_hand == -533
    assert moved.released == 533
    assert moved.allotment.live == 0


@pytest.mark.rule("SHIP-3")
def test_units_that_were_left_go_back_to_the_shelf() -> None:
    moved = movement(allotment(1, 10), Decimal(6), Decimal(4), Decimal(0))

    assert ints(moved.on_hand, moved.released, moved.back) == (-6, 10, 4)


def test_figures_told_again_move_nothing() -> None:
    moved = movement(allotment(1, 10, shipped=6, returned=4), Decimal(0), Decimal(4), Decimal(0))

    assert ints(moved.on_hand, moved.released) == (0, 0)


def test_goods_that_left_without_being_on_the_books_enter_as_a_discrepancy() -> None:
    moved = movement(allotment(1, 10, failed=2), Decimal(10), Decimal(0), Decimal(0))

    assert moved.unbooked == 2
    assert moved.allotment.shipped == 8
    assert moved.on_hand == -8


@pytest.mark.rule("SO-10")
def test_returned_units_of_a_peg_stay_its_customers_as_far_as_they_are_needed() -> None:
    peg = allotment(1, 10, peg=True, passed=4)
    moved = movement(peg, Decimal(0), Decimal(10), Decimal(0))

    split = repeg(peg, moved, lacking=Decimal(7))

    assert ints(split.good, split.unproven, split.free) == (4, 3, 3)


@pytest.mark.rule("SO-9")
@pytest.mark.parametrize(
    ("before", "returned", "unproven", "good", "gated"),
    [
        ({"passed": 6}, 4, 4, 0, 4),  # the uninspected rest of a mixed pick came back, the passed part stands
        ({"passed": 6, "returned": 4, "unproven": 4}, 10, 4, 6, 0),  # then the passed part
        ({"passed": 6}, 10, 4, 6, 4),  # both at once
        ({"passed": 6, "returned": 6}, 10, 4, 0, 4),  # the passed part came first
        ({"passed": 10}, 4, 4, 4, 0),  # all was passed meanwhile: nothing is inspected twice
        ({"passed": 6, "returned": 6}, 6, 4, 0, 0),  # an older word of less came late
    ],
)
def test_units_that_nobody_had_passed_come_back_as_units_to_inspect(
    before: dict[str, int], returned: int, unproven: int, good: int, gated: int
) -> None:
    peg = allotment(1, 10, peg=True, **before)
    moved = movement(peg, Decimal(0), Decimal(returned), Decimal(0), Decimal(unproven))

    split = repeg(peg, moved, lacking=Decimal(10))

    assert ints(split.good, split.unproven) == (good, gated)


def test_inspected_units_that_shipped_are_not_carried_over() -> None:
    peg = allotment(1, 10, peg=True, passed=6)
    moved = movement(peg, Decimal(5), Decimal(5), Decimal(0))

    split = repeg(peg, moved, lacking=Decimal(5))

    assert ints(split.good, split.unproven) == (1, 4)


def test_an_allotment_knows_its_line() -> None:
    assert allotment(1, 10).line == (named(1001), 0)


@pytest.mark.rule("BO-10")
@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ({}, 10),
        ({"asked": 4}, 6),  # what is asked for already is not asked for again
        ({"shipped": 7}, 3),
        ({"locked": True}, 0),  # shipping has refused units of it
        ({"peg": True}, 0),  # SO-10
    ],
)
def test_what_a_higher_rank_may_have_of_an_allotment(figures: dict[str, Any], expected: int) -> None:
    is_peg, is_locked = figures.pop("peg", False), figures.pop("locked", False)

    own = replace(allotment(1, 10, peg=is_peg, **figures), locked=is_locked)

    assert own.takeable == expected
