"""The shortage question at entry (BO-1, BO-2): what becomes of a line of which there is less than is ordered."""

from dataclasses import replace

import pytest

from shared.ids import new_id

from ..domain.order import MOST_LINES, ItemKind, Line, ShortageAnswer
from ..domain.settlement import Picture
from ..domain.shortage import (
    NOBODY_TO_ASK,
    NOT_ASKED_YET,
    Figure,
    Figures,
    FiguresWanted,
    Shelf,
    ShortageDecisionRequired,
    Wanted,
    all_of,
    answered,
)
from .given import NOW, D, figures, line, order, picture, settled, ticket

SPLIT, WHOLE = ShortageAnswer.SPLIT, ShortageAnswer.BACKORDER_LINE


def shown(available: int, takeable: int = 0, *, priority: int = 0) -> Figures:
    """What inventory says of TABLE."""
    return Figures({Wanted("MAIN", priority, "TABLE"): Figure(D(available), D(takeable))})


def opening(*lines: Line, **head: object) -> Picture:
    """An order whose lines inventory has not answered yet; its customer has no answer of its own."""
    terms: dict[str, object] = {"shortage_answer": None, **head}
    return picture(*lines, of=order(**terms))


def wanted(ordered: int, answer: ShortageAnswer | None = None, **fields: object) -> Line:
    """A stock line that opens now."""
    return line(ordered, settled_version=0, shortage_answer=answer, **fields)


def entered(before: Picture, said: Figures) -> Picture:
    """The order as it opens."""
    return answered(before, all_of(before), Shelf(said), now=NOW, new_id=new_id)


def question(before: Picture, said: Figures) -> ShortageDecisionRequired:
    """The question that is put."""
    with pytest.raises(ShortageDecisionRequired) as put:
        entered(before, said)
    return put.value


@pytest.mark.rule("BO-1")
@pytest.mark.parametrize("available", [25, 26, 1000])
def test_enough_is_no_question(available: int) -> None:
    before = opening(wanted(25))

    assert entered(before, shown(available)) == before


@pytest.mark.rule("BO-1")
@pytest.mark.rule("BO-2")
def test_a_part_is_a_question_with_the_figures_and_the_options() -> None:
    put = question(opening(wanted(25)), shown(20))

    assert put.code == "shortage-decision-required"
    assert put.facts["lines"] == [
        {
            "line_no": 1,
            "sku": "TABLE",
            "warehouse": "MAIN",
            "qty": "25",
            "available": "20",
            "takeable": "0",
            "options": ["split", "backorder_line"],
        }
    ]


@pytest.mark.rule("BO-1")
def test_yes_makes_two_linked_lines_what_is_there_and_the_rest_backordered() -> None:
    first, twin = entered(opening(wanted(25, SPLIT, discount=D("0.1"), comments=("blue",))), shown(20)).lines

    assert figures(first, "ordered", "is_backordered", "all_or_nothing") == (20, False, False)
    assert figures(twin, "ordered", "is_backordered", "all_or_nothing") == (5, True, False)
    assert (twin.parent_line_id, twin.line_no, twin.opening_version) == (first.id, 2, first.opening_version)
    assert (twin.discount, twin.comments, twin.ranked_at) == (first.discount, first.comments, first.ranked_at)


@pytest.mark.rule("BO-1")
@pytest.mark.rule("BO-5")
def test_no_backorders_the_whole_line_and_nothing_of_it_ships_before_all_is_there() -> None:
    (whole,) = entered(opening(wanted(25, WHOLE)), shown(20)).lines

    assert figures(whole, "ordered", "is_backordered", "all_or_nothing") == (25, True, True)


@pytest.mark.rule("BO-1")
@pytest.mark.parametrize("available", [0, -7])
@pytest.mark.parametrize(("answer", "whole"), [(None, False), (SPLIT, False), (WHOLE, True)])
def test_of_nothing_there_the_whole_line_is_backordered_and_takes_part_fills_unless_told_otherwise(
    available: int, answer: ShortageAnswer | None, whole: bool
) -> None:
    (kept,) = entered(opening(wanted(25), shortage_answer=answer), shown(available)).lines

    assert figures(kept, "ordered", "is_backordered", "all_or_nothing") == (25, True, whole)


@pytest.mark.rule("BO-2")
@pytest.mark.parametrize(("default", "lines"), [(SPLIT, 2), (WHOLE, 1)])
def test_a_customers_answer_answers_by_itself(default: ShortageAnswer, lines: int) -> None:
    assert len(entered(opening(wanted(25), shortage_answer=default), shown(20)).lines) == lines


def test_a_lines_own_answer_goes_before_the_customers() -> None:
    kept = entered(opening(wanted(25, WHOLE), shortage_answer=SPLIT), shown(20)).lines

    assert [found.all_or_nothing for found in kept] == [True]


@pytest.mark.rule("BO-1")
@pytest.mark.rule("BO-9")
def test_for_an_order_with_a_priority_units_that_it_could_take_count_as_available() -> None:
    vip = opening(wanted(25), priority=5)

    assert [found.ordered for found in entered(vip, shown(20, 5, priority=5)).lines] == [25]
    assert question(vip, shown(20, 4, priority=5)).facts["lines"][0]["takeable"] == "4"
    # below zero is what is owed to others, who may be overtaken
    short = question(vip, shown(-2, 10, priority=5)).facts["lines"][0]
    assert (short["available"], short["takeable"]) == ("-2", "10")
    first, twin = entered(opening(wanted(25, SPLIT), priority=5), shown(-2, 10, priority=5)).lines
    assert [first.ordered, twin.ordered] == [8, 17]


@pytest.mark.rule("BO-9")
@pytest.mark.parametrize(
    ("answer", "came", "divided"), [(None, 5, [25]), (SPLIT, 5, [25]), (SPLIT, 3, [23, 2]), (WHOLE, 3, [25])]
)
def test_a_line_that_counts_on_what_it_takes_is_not_divided_while_it_comes(
    answer: ShortageAnswer | None, came: int, divided: list[int]
) -> None:
    vip = opening(wanted(25, answer), priority=5)
    (whole,) = entered(vip, shown(20, 30, priority=5)).lines

    # inventory grants what was free, and has not settled the opening: the rest is on its way from others
    free = replace(ticket(whole, 20), order_id=vip.order.id)
    meanwhile = settled(replace(vip, lines=(whole,), allotments=(free,))).picture
    # they have answered
    more = replace(ticket(whole, came), order_id=vip.order.id)
    (line,) = meanwhile.lines
    after = replace(
        meanwhile, lines=(replace(line, settled_version=1),), allotments=(*meanwhile.allotments, more)
    )

    assert [found.ordered for found in meanwhile.lines] == [25]
    assert not line.is_backordered
    result = settled(after).picture
    assert [found.ordered for found in result.lines] == divided
    assert result.lines[0].all_or_nothing is (answer is WHOLE)


def test_what_earlier_lines_take_is_not_there_for_later_ones() -> None:
    put = question(opening(wanted(15), wanted(10)), shown(20))

    assert [(row["line_no"], row["available"]) for row in put.facts["lines"]] == [(2, "5")]


def test_every_short_line_of_an_order_is_asked_at_once() -> None:
    said = Figures({Wanted("MAIN", 0, "TABLE"): Figure(D(20)), Wanted("MAIN", 0, "CHAIR"): Figure(D(3))})

    put = question(opening(wanted(25), wanted(4, sku="CHAIR"), wanted(3, SPLIT, sku="CHAIR")), said)

    assert [(row["line_no"], row["sku"]) for row in put.facts["lines"]] == [(1, "TABLE"), (2, "CHAIR")]


def test_what_a_refused_order_would_have_taken_is_there_for_the_next_one() -> None:
    shelf = Shelf(shown(20))
    refused, served = opening(wanted(25)), opening(wanted(20))
    with pytest.raises(ShortageDecisionRequired):
        answered(refused, all_of(refused), shelf, now=NOW, new_id=new_id)

    assert answered(served, all_of(served), shelf, now=NOW, new_id=new_id) == served


@pytest.mark.rule("BO-2")
@pytest.mark.parametrize(
    "other",
    [
        wanted(25, special_order=True),
        wanted(25, kind=ItemKind.NONSTOCK),
        wanted(25, kind=ItemKind.SERVICE),
        wanted(25, drop_ship=True),
    ],
    ids=["special", "nonstock", "service", "drop ship"],
)
def test_lines_that_take_nothing_from_stock_ask_nothing(other: Line) -> None:
    before = opening(other)
    Shelf(NOT_ASKED_YET).must_know([(before, all_of(before))])

    assert entered(before, shown(1)) == before


@pytest.mark.rule("ORD-6")
def test_a_customer_without_backorders_is_not_asked_its_shortage_is_cancelled_by_inventorys_decision() -> (
    None
):
    before = opening(wanted(25), no_backorders=True)
    Shelf(NOT_ASKED_YET).must_know([(before, all_of(before))])

    assert entered(before, shown(20)) == before


@pytest.mark.rule("BO-2")
def test_nobody_decides_on_a_figure_that_inventory_has_not_said() -> None:
    before = opening(wanted(25))

    assert entered(before, NOBODY_TO_ASK) == before
    with pytest.raises(FiguresWanted) as unknown:
        Shelf(NOT_ASKED_YET).must_know([(before, all_of(before))])
    assert unknown.value.wanted == {Wanted("MAIN", 0, "TABLE")}


def test_an_order_full_of_lines_is_not_split_further() -> None:
    lines = [wanted(25, SPLIT, sku=f"S{number}") for number in range(MOST_LINES)]
    said = Figures({Wanted("MAIN", 0, found.sku): Figure(D(20)) for found in lines})

    after = entered(opening(*lines), said)

    assert len(after.lines) == MOST_LINES
    assert all(found.is_backordered and not found.all_or_nothing for found in after.lines)


def test_only_the_lines_that_open_now_are_asked_about() -> None:
    old, new = wanted(100), wanted(5)
    before = opening(old, new)

    assert answered(before, {before.lines[1].id}, Shelf(shown(5)), now=NOW, new_id=new_id) == before
