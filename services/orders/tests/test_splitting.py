"""What becomes of a shortage (BO-1's Yes and No, BO-2, ORD-6) once inventory has answered the opening."""

from dataclasses import replace

import pytest

from ..domain.order import MOST_LINES, ItemKind, ShortageAnswer
from ..domain.settlement import Picture, Tell
from ..domain.splitting import DecidedBy, decide_opening
from .given import NOW, D, figures, line, order, picture, settled, ticket

SPLIT, WHOLE = ShortageAnswer.SPLIT, ShortageAnswer.BACKORDER_LINE


@pytest.mark.rule("BO-1")
@pytest.mark.rule("BO-2")
def test_25_ordered_and_20_granted_become_a_line_of_20_and_a_linked_line_of_5() -> None:
    short = line(25, discount=D("0.1"), tax_rate=D("0.2"), comments=("blue",))

    result = settled(picture(short, allotments=(ticket(short, 20),)))

    kept, twin = result.picture.lines
    assert figures(kept, "ordered", "granted", "is_backordered") == (20, 20, False)
    assert figures(twin, "ordered", "parent_line_id", "line_no") == (5, kept.id, 2)
    assert figures(twin, "price", "discount", "tax_rate", "comments") == (10, D("0.1"), D("0.2"), ("blue",))
    assert twin.ranked_at == kept.ranked_at
    assert twin.opening_version == 2
    assert result.tell is Tell.CHANGED


def test_a_line_of_which_nothing_was_granted_is_backordered_whole_and_takes_part_fills() -> None:
    short = line(25)
    waiting = settled(picture(short))
    assert len(waiting.picture.lines) == 1
    assert waiting.picture.lines[0].is_backordered

    filled = settled(
        picture(waiting.picture.lines[0], of=waiting.picture.order, allotments=(ticket(short, 10),))
    )

    (kept,) = filled.picture.lines
    assert figures(kept, "ordered", "granted", "backordered") == (25, 10, 15)
    assert filled.picture.allotments[0].is_released


def test_a_shortage_is_decided_once_whatever_comes_later() -> None:
    short = line(25)
    first = settled(picture(short, allotments=(ticket(short, 20),)))

    again = settled(first.picture)

    assert again.picture == first.picture
    assert again.tell is Tell.NOTHING


def test_nothing_is_decided_before_inventory_has_answered_the_opening() -> None:
    early = line(25, settled_version=0)

    result = settled(picture(early, allotments=(ticket(early, 20),)))

    assert len(result.picture.lines) == 1
    assert not result.picture.lines[0].is_backordered


@pytest.mark.rule("BO-5")
def test_an_all_or_nothing_line_is_not_split() -> None:
    short = line(25, all_or_nothing=True)

    result = settled(picture(short, allotments=(ticket(short, 20),)))

    (kept,) = result.picture.lines
    assert kept.is_backordered
    assert not result.releases.released


@pytest.mark.rule("ORD-6")
def test_a_customer_without_backorders_has_the_waiting_part_cancelled() -> None:
    short = line(25)

    result = settled(picture(short, of=order(no_backorders=True), allotments=(ticket(short, 20),)))

    (kept,) = result.picture.lines
    assert figures(kept, "ordered", "cancel_wanted", "wish_version") == (25, 5, 2)
    assert result.tell is Tell.CHANGED


@pytest.mark.rule("ORD-6")
def test_special_lines_of_a_customer_without_backorders_are_unaffected() -> None:
    result = settled(picture(line(25, special_order=True), of=order(no_backorders=True)))

    assert result.picture.lines[0].cancel_wanted == 0
    assert result.tell is Tell.NOTHING


def test_a_wish_to_cancel_that_came_first_leaves_less_to_split() -> None:
    # 25 ordered, 10 of them cancelled meanwhile, 12 granted: only 3 wait
    short = line(25, cancel_wanted=10, wish_version=2)

    result = settled(picture(short, of=order(told=2), allotments=(ticket(short, 12),)))

    assert [found.ordered for found in result.picture.lines] == [22, 3]


def test_an_order_full_of_lines_is_not_split_further() -> None:
    lines = [line(25) for _ in range(MOST_LINES)]

    result = settled(picture(*lines, allotments=(ticket(lines[0], 20),)))

    assert len(result.picture.lines) == MOST_LINES


def test_a_service_waits_for_nothing() -> None:
    service = line(1, kind=ItemKind.SERVICE)

    decision = decide_opening(
        service, order(no_backorders=True), twin=None, fallback=ShortageAnswer.SPLIT, may_split=True
    )

    assert decision.rest == 0
    assert decision.by is None


# --- less was granted than was shown when the question was answered -------------------------------------------------


def asked(ordered: int, shown: int, **head: object) -> Picture:
    """An order that was split at entry: `shown` for now, the rest on its twin."""
    first = line(shown)
    twin = line(
        ordered - shown,
        parent_line_id=first.id,
        opening_decided=True,
        is_backordered=True,
        backordered_at=NOW,
    )
    return picture(first, twin, of=order(**head))


@pytest.mark.rule("BO-2")
def test_a_shortfall_moves_to_the_twin_and_no_second_question_is_put() -> None:
    before = asked(25, 20)

    result = settled(replace(before, allotments=(ticket(before.lines[0], 15),)))

    first, twin = result.picture.lines
    assert figures(first, "ordered", "granted", "is_backordered") == (15, 15, False)
    assert figures(twin, "ordered", "backordered", "is_backordered") == (10, 10, True)
    assert result.tell is Tell.CHANGED
    assert result.decided == ((first.id, DecidedBy.TWIN),)
    assert not result.splits


@pytest.mark.rule("BO-2")
def test_a_line_of_which_nothing_was_granted_keeps_its_quantity_beside_its_twin() -> None:
    result = settled(asked(25, 20))

    assert [found.ordered for found in result.picture.lines] == [20, 5]
    assert all(found.is_backordered for found in result.picture.lines)


@pytest.mark.rule("BO-2")
@pytest.mark.parametrize(
    ("own", "customers", "fallback", "whole", "by"),
    [
        (WHOLE, SPLIT, SPLIT, True, DecidedBy.LINE),
        (SPLIT, WHOLE, WHOLE, False, DecidedBy.LINE),
        (None, WHOLE, SPLIT, True, DecidedBy.CUSTOMER),
        (None, SPLIT, WHOLE, False, DecidedBy.CUSTOMER),
        (None, None, WHOLE, True, DecidedBy.PREFERENCE),
        (None, None, SPLIT, False, DecidedBy.PREFERENCE),
    ],
)
def test_without_a_twin_the_lines_answer_decides_else_the_customers_else_the_preference(
    own: ShortageAnswer | None,
    customers: ShortageAnswer | None,
    fallback: ShortageAnswer,
    whole: bool,
    by: DecidedBy,
) -> None:
    short = line(25, shortage_answer=own)
    before = picture(short, of=order(shortage_answer=customers), allotments=(ticket(short, 20),))

    result = settled(before, fallback=fallback)

    assert [found.ordered for found in result.picture.lines] == ([25] if whole else [20, 5])
    assert result.picture.lines[0].all_or_nothing is whole
    assert result.decided == ((short.id, by),)
    assert result.tell is Tell.CHANGED
    assert bool(result.releases.released) is not whole


@pytest.mark.rule("BO-1")
def test_of_nothing_granted_the_whole_line_takes_part_fills_unless_somebody_has_answered_backorder_line() -> (
    None
):
    def waiting(own: ShortageAnswer | None, fallback: ShortageAnswer) -> bool:
        return (
            settled(picture(line(25, shortage_answer=own)), fallback=fallback).picture.lines[0].all_or_nothing
        )

    assert waiting(WHOLE, SPLIT)
    assert not waiting(SPLIT, WHOLE)
    assert (
        not settled(picture(line(25), of=order(shortage_answer=None)), fallback=WHOLE)
        .picture.lines[0]
        .all_or_nothing
    )
