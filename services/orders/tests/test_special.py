"""SO-1: the state of a special order follows from its quantities."""

import pytest

from ..domain.order import ItemKind, LineIsDone
from ..domain.special import (
    AlreadySpecial,
    HasNoStock,
    NotForSpecial,
    NotSpecial,
    SpecialState,
    StockIsThere,
    closed_off,
    must_be_waiting,
    pegged,
    still_open,
    use_stock,
)
from .given import D, line, order, peg, picture, settled, special_of, ticket, tie


def state(granted: int, shipped: int, tied: int, *, cancelled: int = 0) -> SpecialState:
    """The state that settling derives for a special line of 10."""
    special = line(10, special_order=True, cancel_wanted=cancelled, wish_version=1)
    tied_to = tie(special, tied)
    pegs = (peg(special, granted, tied_to, shipped=shipped, release_no=1),) if granted else ()
    ties = (tied_to,) if tied else ()
    before = picture(special, of=order(), allotments=pegs, ties=ties, specials=(special_of(special),))
    return settled(before).picture.specials[0].state


@pytest.mark.rule("SO-1")
@pytest.mark.parametrize(
    ("granted", "shipped", "tied", "cancelled", "expected"),
    [
        (0, 0, 0, 0, SpecialState.REQUESTED),
        (0, 0, 10, 0, SpecialState.ORDERED),
        (4, 0, 10, 0, SpecialState.IN_PROGRESS),
        (4, 4, 10, 0, SpecialState.IN_PROGRESS),
        (10, 0, 10, 0, SpecialState.READY),
        (10, 4, 10, 0, SpecialState.READY),
        (10, 10, 10, 0, SpecialState.FULFILLED),
        (0, 0, 0, 10, SpecialState.CANCELLED),
        # the rest was cancelled: what is left is all granted, then all shipped
        (4, 0, 4, 6, SpecialState.READY),
        (4, 4, 4, 6, SpecialState.FULFILLED),
    ],
)
def test_the_state_is_derived_from_the_quantities(
    granted: int, shipped: int, tied: int, cancelled: int, expected: SpecialState
) -> None:
    assert state(granted, shipped, tied, cancelled=cancelled) is expected


@pytest.mark.rule("SO-1")
def test_it_goes_back_when_the_tie_breaks_and_when_goods_fail() -> None:
    special = line(10, special_order=True)
    broken = tie(special, 10, closed=10)
    before = picture(special, ties=(broken,), specials=(special_of(special),))
    assert settled(before).picture.specials[0].state is SpecialState.REQUESTED

    arrived = tie(special, 10)
    failed = picture(
        special,
        ties=(arrived,),
        allotments=(peg(special, 10, arrived, failed=10),),
        specials=(special_of(special),),
    )
    assert settled(failed).picture.specials[0].state is SpecialState.REQUESTED


def test_a_tie_is_open_by_what_is_neither_pegged_nor_closed() -> None:
    special = line(10, special_order=True)
    half = tie(special, 10, closed=2)

    assert still_open(half, [peg(special, 5, half), peg(special, 3)]) == 3


@pytest.mark.rule("SO-1")
def test_units_that_a_shipment_gave_back_are_counted_once_and_missing_ones_stay_pegged() -> None:
    ordered = line(10)
    bought = tie(ordered, 10)
    given_back = peg(ordered, 10, bought, shipped=4, returned=6, missing=2)
    again = peg(ordered, 4, bought)

    assert pegged(bought, [given_back, again]) == 10
    assert still_open(bought, [given_back, again]) == 0


@pytest.mark.rule("BUY-16")
def test_a_part_that_was_closed_while_its_goods_arrived_is_not_closed_off_twice() -> None:
    ordered = line(10)
    tied = tie(ordered, 10, closed=6)

    assert closed_off(tied, []) == 6
    assert closed_off(tied, [peg(ordered, 10, tied)]) == 0
    assert closed_off(tied, [peg(ordered, 7, tied)]) == 3
    assert closed_off(tied, [peg(ordered, 4, tied)]) == 6


@pytest.mark.rule("SO-1")
def test_only_what_waits_of_a_stock_line_can_be_made_special_by_hand() -> None:
    waiting = line(10, granted=4)

    must_be_waiting(waiting, D(6))
    with pytest.raises(StockIsThere) as refused:
        must_be_waiting(waiting, D(7))
    assert refused.value.facts["waiting"] == "6"


@pytest.mark.rule("SO-5")
def test_stock_instead_makes_a_special_line_a_stock_line_and_cancels_its_special_order() -> None:
    special = line(10, special_order=True)
    before = picture(special, ties=(tie(special, 10),), specials=(special_of(special),))

    after = settled(before.with_line(use_stock(special))).picture

    assert (after.lines[0].is_special, after.lines[0].ranked_at) == (False, special.ranked_at)
    assert (after.specials[0].state, after.specials[0].qty) == (SpecialState.CANCELLED, D(10))
    assert not after.order.has_special


@pytest.mark.rule("SO-5")
def test_stock_instead_is_refused_where_there_is_no_stock_or_nothing_to_change() -> None:
    with pytest.raises(NotSpecial):
        use_stock(line(10))
    with pytest.raises(HasNoStock):
        use_stock(line(10, kind=ItemKind.NONSTOCK))
    with pytest.raises(LineIsDone):
        use_stock(line(10, special_order=True, granted=10, shipped=10))


@pytest.mark.rule("SO-1")
def test_before_inventory_has_answered_nothing_is_known_to_wait() -> None:
    with pytest.raises(StockIsThere):
        must_be_waiting(line(10, settled_version=0), D(1))


@pytest.mark.rule("SO-1")
def test_specials_services_and_drop_shipments_are_not_made_special_again() -> None:
    with pytest.raises(AlreadySpecial):
        must_be_waiting(line(10, special_order=True), D(1))
    with pytest.raises(NotForSpecial):
        must_be_waiting(line(10, kind=ItemKind.SERVICE), D(1))


@pytest.mark.rule("BO-8")
def test_a_special_line_is_backordered_until_granted_and_the_orders_mark_goes_when_it_has_shipped() -> None:
    special = line(10, special_order=True)
    waiting = settled(picture(special, specials=(special_of(special),)))
    assert waiting.picture.lines[0].is_backordered
    assert waiting.picture.order.is_backordered

    arrived = peg(special, 10)
    granted = settled(picture(*waiting.picture.lines, of=waiting.picture.order, allotments=(arrived,)))
    assert not granted.picture.lines[0].is_backordered
    assert granted.picture.order.is_backordered

    gone = ticket(special, 10, shipped=10, release_no=1)
    shipped = settled(picture(*granted.picture.lines, of=granted.picture.order, allotments=(gone,)))
    assert not shipped.picture.order.is_backordered
    assert shipped.filled
