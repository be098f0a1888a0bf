"""BO-18: the reasons of a waiting line, in order, from what is known around it."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from services.inventory.domain.waiting import Code, Known, Part, Supply, ahead_by, reasons
from services.inventory.tests.builders import demand

ZERO = Decimal(0)


def known(**other: Any) -> Known:
    """A line of 10 that lacks all of it, about which nothing else is known."""
    values: dict[str, Any] = {
        "demand": demand(5, 10), "allotted": ZERO, "pegged": ZERO, "own_asked": (), "available": ZERO, "ahead": (),
        "ahead_lacks": ZERO, "ahead_lines": 0, "holders": (), "held": ZERO, "pegged_to_others": ZERO,
        "peg_owners": (), "quarantined": ZERO, "locked": (), "asked_for": (), "supply": (), "skips": False, "by_hand": False,
    }  # fmt: skip
    return Known(**{**values, **other})


def told(state: Known) -> dict[str, int]:
    return {why.code.value: int(why.qty) for why in reasons(state)}


def coming(expected: int, here: int = 0, others: int = 0) -> Supply:
    return Supply("PO-1", date(2026, 4, 1), Decimal(expected), Decimal(here), Decimal(others))


@pytest.mark.rule("BO-18")
def test_a_line_that_has_everything_waits_for_nothing() -> None:
    state = known(demand=demand(5, 10, granted=10), allotted=Decimal(10), held=Decimal(50))

    assert told(state) == {"granted": 10}


@pytest.mark.rule("BO-18")
def test_everything_that_holds_a_line_up_is_told_in_order() -> None:
    state = known(
        ahead=[demand(1, 7)], ahead_lacks=Decimal(7), ahead_lines=1, held=Decimal(20), pegged_to_others=Decimal(4),
        holders=[Part("holds", Decimal(20), "SO-2", 10)], locked=[Part("being_picked", Decimal(3), "SO-8", 10)],
        asked_for=[Part("rank", Decimal(2), "SO-9", 10)], supply=[coming(12, others=3)],
    )  # fmt: skip

    assert told(state) == {
        "granted": 0,
        "ranks_ahead": 7,
        "held": 24,
        "locked": 3,
        "asked_for": 2,
        "incoming": 12,
        "missing": 6,  # 10 lack; 12 - 3 tied - 7 ahead = 2 come, and 2 are asked for
    }


@pytest.mark.rule("BO-18")
@pytest.mark.parametrize(
    ("ahead", "by"),
    [
        (demand(1, 1, priority=3), "priority"),
        (demand(1, 1, at=1), "opened_earlier"),
        (demand(1, 1, at=5), "order_id"),
        (demand(5, 1, at=5, line_no=5), "line_number"),
    ],
)
def test_who_ranks_ahead_is_told_with_the_rule(ahead: Any, by: str) -> None:
    own = demand(5, 10, at=5)

    assert ahead.rank < own.rank
    assert ahead_by(own, ahead) == by


@pytest.mark.rule("BO-18")
@pytest.mark.rule("BO-15")
def test_free_units_that_nothing_gives_out_by_itself_are_told() -> None:
    (why,) = [w for w in reasons(known(available=Decimal(4))) if w.code is Code.FILLED_BY_HAND]

    assert (int(why.qty), why.says.split(":")[0]) == (4, "An automation schedule is off")


@pytest.mark.rule("BO-18")
@pytest.mark.rule("BO-5")
def test_an_all_or_nothing_line_that_is_passed_over_is_told_what_is_free() -> None:
    own = replace(demand(5, 10), all_or_nothing=True)

    assert told(known(demand=own, skips=True, available=Decimal(4))) == {
        "granted": 0,
        "passed_over": 10,
        "missing": 10,
    }


@pytest.mark.rule("BO-18")
def test_a_special_line_is_told_of_its_ties_and_of_nobody_ahead() -> None:
    own = demand(5, 10, special=True)
    state = known(demand=own, ahead=[demand(1, 7)], ahead_lacks=Decimal(7), supply=[coming(8, here=6)])

    assert told(state) == {"granted": 0, "waits_for_its_tie": 10, "incoming": 8, "missing": 4}


@pytest.mark.rule("BO-18")
def test_a_reason_names_the_first_20_lines_and_the_sum_over_all() -> None:
    locked = [Part("being_picked", Decimal(1), f"SO-{n}", 10) for n in range(30)]

    (why,) = [w for w in reasons(known(locked=locked)) if w.code is Code.LOCKED]

    assert (int(why.qty), len(why.parts)) == (30, 20)


@pytest.mark.rule("BO-18")
def test_pegs_and_tied_supply_name_the_first_of_those_they_are_for_and_the_rest_as_a_sum() -> None:
    supply = replace(coming(12, here=2, others=6), others=[Part("tied_to", Decimal(4), "SO-3", 1)])
    owners = [Part("pegged_to", Decimal(3), "SO-2", 1)]
    state = known(pegged_to_others=Decimal(5), peg_owners=owners, supply=[supply])

    why = {reason.code: reason for reason in reasons(state)}

    assert [(part.what, int(part.qty), part.order_number) for part in why[Code.HELD].parts] == [
        ("pegged_to", 3, "SO-2"),
        ("pegged_to_others", 2, None),
    ]
    assert [
        (part.what, int(part.qty), part.order_number, part.po_number) for part in why[Code.INCOMING].parts
    ] == [
        ("tied_here", 2, None, "PO-1"),
        ("untied", 4, None, "PO-1"),
        ("tied_to", 4, "SO-3", "PO-1"),
        ("tied_to_others", 2, None, "PO-1"),
    ]
