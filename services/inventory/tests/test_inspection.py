"""SO-9: rounds of an inspection."""

from collections.abc import Mapping
from decimal import Decimal

import pytest

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Line, Rank
from services.inventory.domain.inspection import (
    InspectedTooMuch,
    NothingInspected,
    UnitsAskedBack,
    inspect,
    inspection_figures,
)
from services.inventory.tests.builders import allotment, minute

ZERO = Decimal(0)


def peg(order: int, qty: int, **figures: int) -> Allotment:
    return allotment(order, qty, order=order, peg=True, **figures)


def ranks(*pegs: Allotment) -> Mapping[Line, Rank]:
    return {p.line: (0, minute(p.order_id.int), p.order_id, 10, 0) for p in pegs}


def verdicts(passed: int, failed: int, *pegs: Allotment) -> dict[int, tuple[int, int]]:
    found = inspect("IN-1", pegs, ranks(*pegs), Decimal(passed), Decimal(failed))
    return {v.allotment.order_id.int: (int(v.passed), int(v.failed)) for v in found}


@pytest.mark.rule("SO-9")
def test_good_units_go_to_the_best_ranked_and_failures_fall_on_the_last() -> None:
    assert verdicts(4, 3, peg(1, 5), peg(2, 5)) == {1: (4, 0), 2: (0, 3)}


@pytest.mark.rule("SO-9")
def test_a_round_may_cover_part_of_the_goods() -> None:
    assert verdicts(2, 0, peg(1, 5), peg(2, 5)) == {1: (2, 0)}


@pytest.mark.rule("SO-9")
def test_failures_beyond_the_last_ranked_reach_the_one_before() -> None:
    assert verdicts(3, 7, peg(1, 5), peg(2, 5)) == {1: (3, 2), 2: (0, 5)}


@pytest.mark.rule("SO-9")
def test_a_later_round_sees_only_what_is_left() -> None:
    assert verdicts(1, 1, peg(1, 5, passed=4), peg(2, 5, passed=1, failed=3)) == {1: (1, 0), 2: (0, 1)}


@pytest.mark.rule("SO-9")
def test_more_than_is_left_is_refused_with_the_numbers() -> None:
    with pytest.raises(InspectedTooMuch) as refused:
        verdicts(4, 3, peg(1, 6))

    assert refused.value.facts == {"left": "6", "passed": "4", "failed": "3"}


@pytest.mark.rule("SO-9")
def test_a_round_without_units_is_refused() -> None:
    with pytest.raises(NothingInspected):
        verdicts(0, 0, peg(1, 6))


@pytest.mark.rule("SO-9")
def test_units_that_are_being_asked_back_are_not_judged() -> None:
    with pytest.raises(UnitsAskedBack):
        verdicts(1, 0, peg(1, 6, asked=2))


@pytest.mark.rule("NOTE-1")
def test_an_inspection_closes_when_nothing_is_left_to_inspect() -> None:
    assert inspection_figures(Decimal(4), Decimal(2), [peg(1, 6, passed=4, failed=2)]).is_closed
    assert not inspection_figures(Decimal(4), ZERO, [peg(1, 6, passed=4)]).is_closed


@pytest.mark.rule("NOTE-1")
def test_units_withdrawn_before_anybody_looked_are_nobodys_to_inspect() -> None:
    figures = inspection_figures(ZERO, ZERO, [peg(1, 6, withdrawn=6)])

    assert figures.to_inspect == 0
    assert figures.is_closed
