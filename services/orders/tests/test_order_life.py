"""ORD-1: the life of an order, and what its lines allow."""

import pytest

from ..domain.cancelling import BelowShipped, NothingToCancel, close_short, freed, wish, wish_all
from ..domain.order import NEXT, IllegalTransition, OrderNotEditable, OrderState
from ..domain.settlement import Tell
from .given import NOW, D, line, order, picture, settled, ticket


@pytest.mark.rule("ORD-1")
@pytest.mark.parametrize("to", list(OrderState))
@pytest.mark.parametrize("state", list(OrderState))
def test_only_the_written_transitions_are_legal_and_a_refusal_names_both_states(
    state: OrderState, to: OrderState
) -> None:
    found = order(state=state)

    if to in NEXT[state]:
        assert found.moved(to, NOW).state is to
    else:
        with pytest.raises(IllegalTransition) as refused:
            found.moved(to, NOW)
        assert refused.value.facts["state"] == state.value
        assert refused.value.facts["wanted"] == to.value


@pytest.mark.rule("ORD-1")
def test_a_change_that_a_state_does_not_take_names_the_states_that_do() -> None:
    with pytest.raises(OrderNotEditable) as refused:
        order(state=OrderState.CLOSED).must_be(OrderState.DRAFT, OrderState.OPEN)

    assert refused.value.facts == {"order": "SO-000001", "state": "closed", "possible_in": ["draft", "open"]}


@pytest.mark.rule("ORD-1")
def test_a_line_cannot_go_below_what_was_shipped_and_the_refusal_says_how_much_can() -> None:
    shipped = line(10, granted=10, shipped=7)

    with pytest.raises(BelowShipped) as refused:
        wish(shipped, D(4), 2)

    assert refused.value.facts["most"] == "3"
    assert refused.value.facts["shipped"] == "7"


@pytest.mark.rule("ORD-1")
def test_nothing_can_be_cancelled_of_a_line_that_has_shipped_whole() -> None:
    with pytest.raises(NothingToCancel):
        wish(line(10, granted=10, shipped=10), D(1), 2)


@pytest.mark.rule("ORD-1")
def test_when_all_lines_are_cancelled_and_none_shipped_the_order_is_cancelled() -> None:
    gone = line(10, cancel_wanted=10, wish_version=2, settled_version=2)

    result = settled(picture(gone, of=order(told=2)))

    assert result.picture.order.state is OrderState.CANCELLED
    assert result.tell is Tell.CANCELLED
    assert result.picture.order.told == 3


@pytest.mark.rule("ORD-1")
def test_when_a_part_had_shipped_the_rest_is_cancelled_and_the_order_filled() -> None:
    half = line(10, cancel_wanted=6, wish_version=2, settled_version=2)

    result = settled(picture(half, of=order(told=2), allotments=(ticket(half, 4, shipped=4, release_no=1),)))

    assert result.picture.order.state is OrderState.FILLED
    assert result.filled
    assert result.picture.lines[0].cancelled == 6


@pytest.mark.rule("ORD-1")
def test_an_order_stays_open_while_one_line_waits() -> None:
    done, waiting = line(4), line(3)

    result = settled(picture(done, waiting, allotments=(ticket(done, 4, shipped=4, release_no=1),)))

    assert result.picture.order.state is OrderState.OPEN


def test_a_wish_becomes_cancelled_only_when_inventory_has_settled_the_version_that_told_it() -> None:
    wished = line(10, cancel_wanted=10, wish_version=2, settled_version=1)

    assert freed(wished).cancelled == 0
    assert freed(line(10, cancel_wanted=10, wish_version=2, settled_version=2)).cancelled == 10


def test_what_shipping_refused_stays_granted_and_the_line_stays_cancelling() -> None:
    # 10 ordered, 6 of them are being picked: 4 are free at once, the rest when it is unpicked or never
    refused = freed(line(10, cancel_wanted=10, wish_version=2, settled_version=2, granted=6))

    assert refused.cancelled == 4
    assert refused.is_cancelling


def test_a_line_whose_refused_units_ship_is_cancelling_no_longer() -> None:
    shipped = freed(line(10, cancel_wanted=10, wish_version=2, settled_version=2, granted=6, shipped=6))

    assert shipped.cancelled == 4
    assert not shipped.is_cancelling
    assert shipped.is_done


def test_cancelled_never_shrinks() -> None:
    assert (
        freed(line(10, cancel_wanted=5, cancelled=5, wish_version=2, settled_version=2, granted=9)).cancelled
        == 5
    )


def test_cancelling_a_whole_line_leaves_what_has_shipped() -> None:
    assert wish_all(line(10, granted=10, shipped=4), 2).cancel_wanted == 6


@pytest.mark.rule("SHIP-3")
def test_closing_a_short_ship_adds_to_what_was_cancelled_before_but_never_beyond_the_line() -> None:
    assert close_short(line(533, granted=500, shipped=500), D(33), 2).cancel_wanted == 33
    assert close_short(line(10, cancel_wanted=9), D(5), 2).cancel_wanted == 10
