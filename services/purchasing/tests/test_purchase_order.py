"""BUY-19: the life of a purchase order; and reductions, which are questions to inventory (BUY-16)."""

from decimal import Decimal

import pytest

from services.purchasing.domain.purchase_order import (
    NEXT,
    Finishing,
    IllegalTransition,
    NothingToSend,
    State,
    cancel_unsent,
    derive_state,
    receive,
    send,
)
from services.purchasing.domain.reduction import (
    BelowReceived,
    Reduction,
    ReductionKind,
    answer,
    ending_wishes,
    line_wish,
)
from services.purchasing.tests.builders import NOW, demand, line, po, said, tie, uid


def reduction(kind: ReductionKind) -> Reduction:
    return Reduction(uid("question"), uid("PO-1"), kind, "vendor is out of it", "bob", {})


@pytest.mark.rule("BUY-19")
def test_every_transition_outside_the_table_is_refused_and_names_both_states() -> None:
    for before in State:
        for after in set(State) - NEXT[before]:
            with pytest.raises(IllegalTransition) as refused:
                po(state=before).to(after)
            assert refused.value.facts["state"] == before
            assert refused.value.facts["wanted"] == after


@pytest.mark.rule("BUY-19")
def test_a_draft_is_sent_once() -> None:
    sent = send(po(line("PO-1/1", 10), state=State.DRAFT), NOW)

    assert (sent.state, sent.sent_at) == (State.OPEN, NOW)
    with pytest.raises(IllegalTransition):
        send(sent, NOW)


@pytest.mark.rule("BUY-19")
def test_a_purchase_order_without_lines_is_not_sent() -> None:
    with pytest.raises(NothingToSend):
        send(po(state=State.DRAFT), NOW)


@pytest.mark.rule("BUY-19")
@pytest.mark.parametrize(
    ("received", "state"),
    [(0, State.OPEN), (4, State.PARTIALLY_RECEIVED), (10, State.RECEIVED), (12, State.RECEIVED)],
)
def test_the_state_follows_what_was_received(received: int, state: State) -> None:
    order = receive(po(line("PO-1/1", 10)), lambda _: Decimal(received))

    assert order.state is state


@pytest.mark.rule("BUY-19")
def test_an_unsent_order_is_cancelled_at_once_with_its_ties() -> None:
    order, breaks = cancel_unsent(po(line("PO-1/1", 10, tie(demand(), 10)), state=State.DRAFT), "not needed")

    assert order.state is State.CANCELLED
    assert order.lines[0].supply == 0
    assert [b.qty for b in breaks] == [10]


@pytest.mark.rule("BUY-16")
def test_cancelling_a_sent_order_asks_for_everything_outstanding() -> None:
    order = po(line("PO-1/1", 10, received=4), line("PO-1/2", 5, received=5), state=State.PARTIALLY_RECEIVED)

    assert ending_wishes(order) == {uid("PO-1/1"): 4}


@pytest.mark.rule("BUY-16")
def test_nothing_outstanding_cannot_be_cancelled() -> None:
    with pytest.raises(IllegalTransition):
        ending_wishes(po(line("PO-1/1", 10, received=10), state=State.RECEIVED))


@pytest.mark.rule("BUY-16")
@pytest.mark.parametrize(("received", "state"), [(0, State.CANCELLED), (4, State.CLOSED)])
def test_the_answer_ends_the_order_when_nothing_more_can_come(received: int, state: State) -> None:
    order = po(line("PO-1/1", 10, tie(demand(), 10, pegged=received), received=received))

    order, breaks = answer(order, reduction(ReductionKind.CANCEL), {uid("PO-1/1"): Decimal(received)})

    assert order.state is state
    assert order.lines[0].reason == "vendor is out of it"
    assert order.lines[0].ties[0].closed_reason == "vendor is out of it"
    assert [b.qty for b in breaks] == [10 - received]


@pytest.mark.rule("BUY-16")
def test_an_answer_heard_before_its_receipt_ends_the_order_with_the_receipt() -> None:
    order = po(line("PO-1/1", 10))

    waiting, _ = answer(order, reduction(ReductionKind.CANCEL), {uid("PO-1/1"): Decimal(4)})
    ended = receive(waiting, lambda _: Decimal(4))

    assert (waiting.state, waiting.finishing) == (State.OPEN, Finishing.CANCEL)
    assert ended.state is State.CLOSED


@pytest.mark.rule("BUY-16")
def test_a_line_may_be_reduced_but_not_below_what_was_received() -> None:
    order = po(line("PO-1/1", 10, received=4))

    assert line_wish(order, order.lines[0], Decimal(6)) == {uid("PO-1/1"): 6}
    with pytest.raises(BelowReceived) as refused:
        line_wish(order, order.lines[0], Decimal(3))
    assert refused.value.facts == {"received": "4", "wanted": "3"}


@pytest.mark.rule("BUY-19")
def test_an_order_whose_lines_are_all_cancelled_is_cancelled() -> None:
    order = derive_state(po(line("PO-1/1", 10, cancelled=10)))

    assert order.state is State.CANCELLED


def test_supply_never_falls_below_what_belongs_to_demands() -> None:
    """Inventory's answer may cross a peg: what arrived for a demand stays its own."""
    order = po(line("PO-1/1", 10, tie(demand(), 10, pegged=6)))

    order, _ = answer(order, reduction(ReductionKind.REDUCE_LINE), {uid("PO-1/1"): Decimal(4)})

    assert said(order.lines[0].supply, order.lines[0].tied) == "6 6"
