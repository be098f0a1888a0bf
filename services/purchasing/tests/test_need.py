"""BUY-1 and BUY-5: which lines are bought, and how much of them."""

from decimal import Decimal

import pytest

from services.purchasing.domain.cost import Packing
from services.purchasing.domain.demand import Kind, signed_need
from services.purchasing.tests.builders import demand, tie, tied


@pytest.mark.rule("ITEM-4")
@pytest.mark.rule("BUY-1")
@pytest.mark.parametrize(
    ("kind", "special", "bought"),
    [
        pytest.param(Kind.STOCKED, False, False, id="stocked lines come from stock"),
        pytest.param(Kind.STOCKED, True, True, id="a special flag makes any line bought"),
        pytest.param(Kind.NONSTOCK, False, True, id="nonstock"),
        pytest.param(Kind.ORDER_AS_NEEDED, False, True, id="order as needed"),
        pytest.param(Kind.ASSEMBLY, False, False, id="assemblies are built"),
        pytest.param(Kind.KIT, True, False, id="a kit is bought by its components"),
        pytest.param(Kind.SERVICE, True, False, id="a service is not inventoried"),
    ],
)
def test_what_is_bought_against_orders(kind: Kind, special: bool, bought: bool) -> None:
    line = demand(kind=kind, special_order=special)

    assert line.is_bought is bought
    assert signed_need(line) == (10 if bought else 0)


@pytest.mark.rule("BUY-1")
@pytest.mark.parametrize("state", ["draft", "cancelled", "closed"])
def test_quotes_and_dead_orders_want_nothing(state: str) -> None:
    assert signed_need(demand(order_state=state)) == 0


@pytest.mark.rule("BUY-1")
def test_a_fully_shipped_line_wants_nothing() -> None:
    assert signed_need(demand(order_state="filled", granted=10)) == 0


@pytest.mark.rule("BUY-1")
def test_an_order_as_needed_line_waits_for_what_the_shelf_gives() -> None:
    early = demand(kind=Kind.ORDER_AS_NEEDED, special_order=False, order_version=2, settled_version=1)
    settled = demand(
        kind=Kind.ORDER_AS_NEEDED, special_order=False, order_version=2, settled_version=2, granted=6
    )

    assert not early.is_settled
    assert settled.is_settled
    assert signed_need(settled) == 4


@pytest.mark.rule("BUY-5")
def test_need_is_ordered_less_cancelled_granted_and_open_tied() -> None:
    line = demand(ordered=10, cancel_wanted=1, granted=4)
    line = tied(line, tie(line, 6, pegged=4))  # 2 are still to come through the tie

    assert signed_need(line) == 10 - 1 - 4 - 2


@pytest.mark.rule("BUY-5")
def test_a_tie_stays_open_by_what_is_neither_pegged_nor_broken_nor_missed() -> None:
    link = tie(demand(), 10, pegged=4, closed=3, missed=1)

    assert link.open == 2
    assert link.held == 6
    assert link.broken == 4


@pytest.mark.rule("BUY-5")
def test_a_break_that_crosses_a_peg_leaves_nothing_open_and_nothing_negative() -> None:
    link = tie(demand(), 10, pegged=4, closed=10)

    assert link.open == 0


@pytest.mark.rule("BUY-5")
@pytest.mark.parametrize(
    ("need", "per", "bought"),
    [
        pytest.param("10", "12", "12", id="10 EA in boxes of 12 are 1 box"),
        pytest.param("12", "12", "12", id="12 are exactly 1 box"),
        pytest.param("12.000001", "12", "24", id="a millionth more is another box"),
        pytest.param("0.3", "0.25", "0.5", id="reels of a quarter"),
        pytest.param("7", "1", "7", id="sold singly"),
        pytest.param("999999999999", "7", "999999999999", id="beyond what can be written nothing is rounded"),
    ],
)
def test_purchase_units_are_rounded_up_last(need: str, per: str, bought: str) -> None:
    assert Packing("BX", Decimal(per)).round_up(Decimal(need)) == Decimal(bought)


@pytest.mark.rule("SO-9")
def test_failed_units_reopen_the_need() -> None:
    line = demand(ordered=10, granted=4)  # 6 came, 2 failed
    line = tied(line, tie(line, 10, pegged=6))

    assert signed_need(line) == 10 - 4 - 4  # replacement = need - good pegs - open tied


@pytest.mark.rule("ITEM-1")
def test_ties_of_a_replaced_item_do_not_count() -> None:
    line = demand(sku="DESK")
    line = tied(line, tie(demand(), 10))

    assert signed_need(line) == 10
