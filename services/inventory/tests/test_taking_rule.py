"""BO-9 to BO-11 as arithmetic: what a waiting line takes from those who rank behind it."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inventory.domain.demand import Demand
from services.inventory.domain.taking import Holder, Plan, Wanting, take
from services.inventory.tests.builders import allotment, demand


def holds(own: Demand, *, asked: int = 0, locked: bool = False) -> Holder:
    n = own.order_id.int
    held = replace(allotment(n, int(own.granted), order=n, asked=asked), locked=locked)
    return Holder(own, (held,))


def taken(plan: Plan) -> list[tuple[str, str, int]]:
    """(who takes, from whom, how many), in the order of asking."""
    return [(t.taker.order_number, t.holder.order_number, int(t.units)) for t in plan.takes]


def wants(*lines: Demand) -> list[Wanting]:
    return [Wanting(line) for line in lines]


@pytest.mark.rule("BO-9")
@pytest.mark.parametrize(
    ("second", "third", "expected"),
    [
        (5, 0, [("SO-2", "SO-1", 10)]),  # 60/40/0 -> 50/50/0
        (0, 5, [("SO-3", "SO-2", 30)]),  # 60/40/0 -> 60/10/30
        (5, 5, [("SO-2", "SO-1", 10), ("SO-3", "SO-1", 30)]),  # 60/40/0 -> 20/50/30
    ],
)
def test_the_worked_example(second: int, third: int, expected: list[tuple[str, str, int]]) -> None:
    o1 = demand(1, 60, granted=60)
    o2 = demand(2, 50, granted=40, priority=second)
    o3 = demand(3, 30, priority=third)

    assert taken(take(Decimal(0), wants(o2, o3), [holds(o1), holds(o2)])) == expected


@pytest.mark.rule("BO-11")
def test_a_later_line_takes_nothing_from_an_earlier_one_of_the_same_priority() -> None:
    assert take(Decimal(0), wants(demand(2, 10)), [holds(demand(1, 10, granted=10))]).takes == ()


@pytest.mark.rule("BO-9")
def test_the_lowest_priority_gives_first_then_the_latest_rank() -> None:
    low, late, mid = (
        demand(1, 5, granted=5),
        demand(2, 5, granted=5),
        demand(3, 5, granted=5, priority=1),
    )

    plan = take(Decimal(0), wants(demand(9, 12, priority=2)), [holds(low), holds(late), holds(mid)])

    assert taken(plan) == [("SO-9", "SO-2", 5), ("SO-9", "SO-1", 5), ("SO-9", "SO-3", 2)]


@pytest.mark.rule("BO-9")
def test_units_that_are_on_their_way_go_to_the_first_who_wait() -> None:
    first, second = demand(1, 4, priority=2), demand(2, 4, priority=1)

    plan = take(Decimal(5), wants(second, first), [holds(demand(3, 9, granted=9))])

    assert taken(plan) == [("SO-2", "SO-3", 3)]  # 5 coming: 4 for SO-1, 1 for SO-2, 3 more are needed


@pytest.mark.rule("BO-10")
def test_locked_units_and_units_that_are_asked_for_stay_where_they_are() -> None:
    locked, asked = demand(2, 5, granted=5), demand(3, 5, granted=5)

    plan = take(
        Decimal(0), wants(demand(1, 9, priority=1)), [holds(locked, locked=True), holds(asked, asked=3)]
    )

    assert taken(plan) == [("SO-1", "SO-3", 2)]
    assert plan.ran_out_of == "holders"


@pytest.mark.rule("BO-9")
def test_a_plan_says_which_list_it_came_to_the_end_of() -> None:
    holder = holds(demand(2, 5, granted=5))

    assert take(Decimal(0), wants(demand(1, 3)), [holder]).ran_out_of == "wanting"
    assert take(Decimal(0), wants(demand(1, 9)), [holder]).ran_out_of == "holders"
    assert take(Decimal(0), wants(demand(3, 9)), [holder]).ran_out_of is None


def test_the_newest_units_of_a_line_are_taken_first() -> None:
    own = demand(2, 9, granted=9)
    older, newer = allotment(1, 5, order=2), allotment(2, 4, order=2)

    plan = take(Decimal(0), wants(demand(1, 6)), [Holder(own, (older, newer))])

    assert [(t.allotment.id.int, int(t.units)) for t in plan.takes] == [(2, 4), (1, 2)]


quantities = st.integers(0, 20)


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-13")
@given(lines=st.lists(st.tuples(quantities, quantities, st.integers(0, 2)), max_size=8), coming=quantities)
def test_after_the_takes_the_queue_stands_as_its_rank_is_due(
    lines: list[tuple[int, int, int]], coming: int
) -> None:
    own = [demand(n, a + b, granted=a, priority=p) for n, (a, b, p) in enumerate(lines, 1)]

    plan = take(Decimal(coming), wants(*own), [holds(line) for line in own if line.granted])

    left = {line.line: int(line.granted) for line in own}
    for one in plan.takes:
        assert one.taker.rank < one.holder.rank
        left[one.holder.line] -= int(one.units)
    pool = coming + sum(int(one.units) for one in plan.takes)
    due = sum(int(line.granted) for line in own) + coming
    for line in sorted(own, key=lambda d: d.rank):
        given_now = min(pool, int(line.need) - left[line.line])
        pool -= given_now
        assert left[line.line] + given_now == min(due, int(line.need))
        due -= min(due, int(line.need))


def test_an_empty_queue_has_nothing_to_take() -> None:
    assert take(Decimal(0), [], []).takes == ()
