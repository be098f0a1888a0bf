"""A completed receipt: who gets what of it (SO-6, SO-8, SO-16)."""

from decimal import Decimal

import pytest

from services.inventory.domain.incoming import (
    IncomingShipmentMoved,
    IncomingState,
    Limit,
    PoLine,
    PurchaseOrderNotOpen,
    adjusted,
    advance,
    expected_lines,
    limit_after,
    must_be_receivable,
    reduced_supply,
)
from services.inventory.domain.late_tie import Late, late
from services.inventory.domain.preferences import OverReceipt
from services.inventory.domain.receiving import (
    Counted,
    CountedTwice,
    Divided,
    NothingCounted,
    NotOnShipment,
    OpenTie,
    counts,
    divide,
    must_have_counted,
)
from services.inventory.tests.builders import ints, named, tie, unheard_tie

ZERO = Decimal(0)


def received(qty: int, *ties: OpenTie, expected: int = 10, over: OverReceipt = OverReceipt.FREE) -> Divided:
    return divide([Counted(named(1), Decimal(expected), Decimal(qty))], ties, over)[0]


def pegs(divided: Divided) -> dict[str, int]:
    return {peg.tie.order_number: int(peg.qty) for peg in divided.pegs}


def short(divided: Divided) -> dict[str, int]:
    return {short.tie.order_number: int(short.missing) for short in divided.short}


@pytest.mark.rule("SO-6")
def test_received_goods_are_pegged_to_the_demand_they_were_bought_for() -> None:
    got = received(10, tie(1, 10))

    assert pegs(got) == {"SO-1": 10}
    assert short(got) == {}


@pytest.mark.rule("SO-8")
def test_too_little_for_two_ties_goes_by_rank_and_says_who_is_short() -> None:
    got = received(7, tie(2, 5), tie(1, 5))

    assert pegs(got) == {"SO-1": 5, "SO-2": 2}
    assert short(got) == {"SO-2": 3}


@pytest.mark.rule("SO-8")
def test_a_higher_priority_is_served_first() -> None:
    got = received(5, tie(1, 5), tie(2, 5, priority=9))

    assert pegs(got) == {"SO-2": 5}


@pytest.mark.rule("SO-8")
def test_surplus_is_nobodys() -> None:
    got = received(12, tie(1, 10))

    assert ints(got.pegged, got.surplus, got.counted.received - got.pegged) == (10, 2, 2)


@pytest.mark.rule("SO-8")
def test_surplus_may_go_to_a_demand_whose_tie_was_cut_but_never_beyond_its_need() -> None:
    got = received(10, tie(1, 6), tie(2, 2, lacking=4), expected=8, over=OverReceipt.TO_ORDER)

    assert pegs(got) == {"SO-1": 6, "SO-2": 4}


@pytest.mark.rule("SO-8")
def test_surplus_stays_free_unless_the_organisation_wants_otherwise() -> None:
    got = received(10, tie(1, 6), tie(2, 2, lacking=4), expected=8)

    assert pegs(got) == {"SO-1": 6, "SO-2": 2}


@pytest.mark.rule("SO-8")
def test_goods_within_what_was_expected_are_no_surplus_even_if_nobody_is_tied() -> None:
    got = received(10, tie(1, 6, lacking=9), expected=10, over=OverReceipt.TO_ORDER)

    assert pegs(got) == {"SO-1": 6}
    assert got.surplus == 0


def test_a_line_that_needs_less_than_its_tie_gets_only_what_it_needs() -> None:
    got = received(10, tie(1, 10, lacking=7))

    assert (pegs(got), short(got)) == ({"SO-1": 7}, {})


def test_one_demand_with_ties_on_two_lines_gets_its_need_once() -> None:
    first, second = tie(1, 5, lacking=6), tie(1, 5, lacking=6, line=2)

    got = divide(
        [Counted(named(1), Decimal(5), Decimal(5)), Counted(named(2), Decimal(5), Decimal(5))],
        [first, second],
    )

    assert [divided.pegged for divided in got] == [5, 1]


def test_a_tie_whose_order_is_not_known_yet_is_pegged_after_those_that_are() -> None:
    got = received(7, unheard_tie(1, 5), tie(2, 5))

    assert pegs(got) == {"SO-2": 5, "SO-1": 2}
    assert short(got) == {"SO-1": 3}


LINES = {10: named(1), 20: named(2)}


@pytest.mark.rule("SO-16")
def test_a_line_that_nobody_counted_is_zero() -> None:
    assert counts("IS-1", LINES, {}, [(10, Decimal(4))]) == {named(1): 4, named(2): 0}


@pytest.mark.rule("SO-16")
def test_a_line_may_be_named_by_its_id_and_counts_over_what_was_saved_before() -> None:
    saved = {named(1): Decimal(3), named(2): Decimal(5)}

    assert counts("IS-1", LINES, saved, [(named(1), Decimal(4))]) == {named(1): 4, named(2): 5}


def test_a_line_that_is_not_on_the_shipment_is_refused() -> None:
    with pytest.raises(NotOnShipment) as refused:
        counts("IS-1", LINES, {}, [(30, Decimal(1))])

    assert refused.value.facts["lines"] == [10, 20]


def test_one_line_cannot_be_counted_twice_in_one_call() -> None:
    with pytest.raises(CountedTwice):
        counts("IS-1", LINES, {}, [(10, Decimal(1)), (named(1), Decimal(1))])


def test_a_receipt_of_nothing_is_refused() -> None:
    with pytest.raises(NothingCounted):
        must_have_counted("IS-1", {named(1): ZERO})


# --- incoming shipments -----------------------------------------------------------------------------------------------


@pytest.mark.rule("SO-16")
@pytest.mark.parametrize("state", [IncomingState.COMPLETE, IncomingState.CANCELLED, IncomingState.REVERSED])
def test_a_finished_shipment_cannot_be_received_again_and_the_refusal_names_both_states(
    state: IncomingState,
) -> None:
    with pytest.raises(IncomingShipmentMoved) as refused:
        advance("IS-1", state, IncomingState.COMPLETE)

    assert refused.value.facts == {"state": state.value, "wanted": "complete"}


@pytest.mark.rule("BUY-19")
@pytest.mark.parametrize("state", ["draft", "awaiting_approval", "received", "closed", "cancelled"])
def test_only_an_open_purchase_order_is_received(state: str) -> None:
    with pytest.raises(PurchaseOrderNotOpen):
        must_be_receivable("PO-1", state)


def line(ordered: int, *, cancelled: int = 0, received: int = 0, limit: int | None = None) -> PoLine:
    supply_limit = None if limit is None else Decimal(limit)
    return PoLine(
        named(1),
        named(9),
        1,
        "TABLE",
        "A table",
        "EA",
        Decimal(ordered),
        Decimal(cancelled),
        Decimal(received),
        supply_limit,
    )


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        (line(10), 10),
        (line(10, received=4), 6),
        (line(10, cancelled=3, received=4), 3),
        (line(10, received=12), 0),
        (line(10, received=4, limit=6), 2),  # purchasing has been promised that no more than 6 arrive
    ],
)
def test_what_a_purchase_order_line_still_brings(held: PoLine, expected: int) -> None:
    assert held.outstanding == expected


def test_a_purchase_order_that_is_not_open_brings_nothing() -> None:
    assert expected_lines("cancelled", {named(1): line(10)}) == {}


def test_goods_counted_at_the_dock_stay_on_the_shipment_when_nothing_more_is_expected() -> None:
    change = adjusted("open", {named(1): (Decimal(5), Decimal(2)), named(2): (Decimal(5), None)}, {})

    assert change.saved == {named(1): 0}
    assert change.dropped == (named(2),)
    assert not change.is_cancelled


def test_a_shipment_that_agrees_with_its_purchase_order_does_not_change() -> None:
    change = adjusted("open", {named(1): (Decimal(5), None)}, {named(1): Decimal(5)})

    assert not change.is_changed


def test_a_shipment_with_nothing_left_to_bring_is_cancelled() -> None:
    assert adjusted("open", {named(1): (Decimal(5), None)}, {}).is_cancelled
    assert adjusted("cancelled", {named(1): (Decimal(5), Decimal(2))}, {}).is_cancelled


def test_what_has_arrived_or_stands_counted_cannot_be_given_up() -> None:
    assert reduced_supply(Decimal(3), line(10, received=4), Decimal(2)) == 6
    assert reduced_supply(Decimal(8), line(10, received=4), Decimal(2)) == 8
    assert reduced_supply(Decimal(8), None, ZERO) == 8


def test_what_was_promised_is_not_taken_back_by_a_larger_wish() -> None:
    assert reduced_supply(Decimal(8), line(10, received=4, limit=5), ZERO) == 5


def test_a_promise_holds_until_purchasing_has_taken_it_up() -> None:
    promised = Limit(Decimal(6), None)

    held = limit_after(Decimal(10), ZERO, promised)

    assert held == Limit(Decimal(6), Decimal(4))
    assert limit_after(Decimal(10), Decimal(4), held) == Limit(None, None)
    assert limit_after(Decimal(6), ZERO, held) == Limit(None, None)


def test_a_promise_does_not_hold_back_a_later_increase() -> None:
    assert limit_after(Decimal(15), Decimal(4), Limit(Decimal(6), Decimal(4))) == Limit(None, None)


# --- ties heard after their goods -------------------------------------------------------------------------------------


def served(found: Late) -> tuple[dict[str, int], dict[str, int]]:
    pegged = {peg.tie.order_number: int(peg.qty) for peg in found.pegs}
    return pegged, {missed.tie.order_number: int(missed.qty) for missed in found.missed}


def late_ties(
    *ties: OpenTie, outstanding: int = 0, untied: int = 10, available: int = 10
) -> tuple[dict[str, int], dict[str, int]]:
    return served(late(ties, Decimal(outstanding), Decimal(untied), Decimal(available)))


def test_a_late_tie_pegs_what_is_still_free_of_its_goods() -> None:
    assert late_ties(tie(1, 10)) == ({"SO-1": 10}, {})


def test_what_has_gone_to_others_is_missed() -> None:
    assert late_ties(tie(1, 10), available=4) == ({"SO-1": 4}, {"SO-1": 6})


def test_a_late_tie_does_not_take_other_goods_of_the_item() -> None:
    assert late_ties(tie(1, 10), untied=3, available=50) == ({"SO-1": 3}, {"SO-1": 7})


def test_a_tie_that_waits_for_what_is_still_expected_is_not_late() -> None:
    assert late_ties(tie(1, 10), outstanding=10) == ({}, {})


def test_the_best_ranked_is_pegged_and_the_last_ranked_misses() -> None:
    assert late_ties(tie(1, 6), tie(2, 6), available=5) == ({"SO-1": 5}, {"SO-2": 6, "SO-1": 1})


def test_a_tie_whose_line_needs_nothing_any_more_is_given_up() -> None:
    assert late_ties(tie(1, 10, lacking=0)) == ({}, {"SO-1": 10})
