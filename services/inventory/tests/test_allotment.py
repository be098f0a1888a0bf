"""BO-6: who gets free stock."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.domain.allotment import allot
from services.inventory.domain.demand import Demand, Supply, supply_of
from services.inventory.tests.builders import demand


def shares(available: int, *waiting: Demand) -> dict[str, int]:
    return {share.demand.order_number: int(share.qty) for share in allot(Decimal(available), waiting)}


@pytest.mark.rule("BO-6")
def test_the_order_opened_first_gets_stock_first() -> None:
    first, second = demand(1, 20), demand(2, 20)

    got = shares(25, second, first)

    assert got == {"SO-1": 20, "SO-2": 5}


@pytest.mark.rule("BO-6")
def test_a_higher_priority_overtakes_an_earlier_order() -> None:
    early, important = demand(1, 20), demand(2, 20, priority=5)

    got = shares(25, early, important)

    assert got == {"SO-2": 20, "SO-1": 5}


@pytest.mark.rule("BO-6")
def test_orders_opened_at_once_are_served_by_their_id() -> None:
    got = shares(20, demand(2, 20, at=0), demand(1, 20, at=0))

    assert got == {"SO-1": 20}


@pytest.mark.rule("BO-6")
@pytest.mark.parametrize(
    ("available", "expected"),
    [
        (100, {"SO-1": 60, "SO-2": 40}),  # 60 + 40 = 100, O3 waits for all of its 30
        (80, {"SO-1": 60, "SO-2": 20}),  # the same with 20 of the 100 pegged to a special order
        (140, {"SO-1": 60, "SO-2": 50, "SO-3": 30}),  # 60 + 50 + 30 = 140, nobody waits
        (0, {}),
    ],
)
def test_the_worked_example_of_three_orders(available: int, expected: dict[str, int]) -> None:
    assert shares(available, demand(1, 60), demand(2, 50), demand(3, 30)) == expected


@pytest.mark.rule("BO-6")
def test_a_receipt_of_25_reaches_the_waiting_in_their_turn() -> None:
    got = shares(25, demand(1, 60, granted=60), demand(2, 50, granted=40), demand(3, 30))

    assert got == {"SO-2": 10, "SO-3": 15}


@pytest.mark.rule("SO-5")
def test_a_special_line_gets_nothing_from_free_stock() -> None:
    got = shares(100, demand(1, 10, special=True), demand(2, 10))

    assert got == {"SO-2": 10}


@pytest.mark.rule("ITEM-4")
@pytest.mark.parametrize(
    ("kind", "special", "drop_ship", "expected"),
    [
        ("stocked", False, False, Supply.QUEUE),
        ("order_as_needed", False, False, Supply.QUEUE),
        ("assembly", False, False, Supply.QUEUE),
        ("stocked", True, False, Supply.TIE),  # ITEM-3: the line's flag decides
        ("nonstock", False, False, Supply.TIE),
        ("stocked", False, True, Supply.NONE),
        ("nonstock", False, True, Supply.NONE),
        ("service", False, False, Supply.NONE),
        ("kit", False, False, Supply.NONE),  # its components have demands of their own
    ],
)
def test_kind_and_flags_say_where_goods_come_from(
    kind: str, special: bool, drop_ship: bool, expected: Supply
) -> None:
    assert supply_of(kind, special_order=special, drop_ship=drop_ship) is expected


quantities = st.decimals(min_value=0, max_value=50, places=2)


@pytest.mark.rule("BO-13")
@given(
    available=quantities,
    waiting=st.lists(st.tuples(quantities, st.integers(0, 2), st.integers(0, 3)), max_size=8),
)
def test_nothing_is_given_twice_and_nothing_stays_free_while_somebody_waits(
    available: Decimal, waiting: list[tuple[Decimal, int, int]]
) -> None:
    lines = [demand(n, qty, priority=p, at=at) for n, (qty, p, at) in enumerate(waiting)]

    got = {share.demand.line: share.qty for share in allot(available, lines)}

    lacking = sum((line.lacking for line in lines), Decimal(0))
    assert sum(got.values(), Decimal(0)) == min(available, lacking)
    assert all(qty <= line.lacking for line in lines if (qty := got.get(line.line, Decimal(0))))
    ranked = sorted(lines, key=lambda line: line.rank)
    unserved = [n for n, line in enumerate(ranked) if got.get(line.line, Decimal(0)) < line.lacking]
    behind = ranked[unserved[0] + 1 :] if unserved else []
    assert all(line.line not in got for line in behind)
