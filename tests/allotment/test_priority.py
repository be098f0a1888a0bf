"""Priority on random queues: what is needed is taken and no more, from the right victims; lowering restores."""

from collections import Counter
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.contracts.inventory import StockAllotted, WithdrawalAsked
from shared.contracts.shipping import ShipmentState
from shared.testing import Bench
from tests.allotment import books
from tests.allotment.histories import KEYS, profile
from tests.allotment.shop import Shop, empty_shop

TABLE = KEYS[0]
queues = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 2), st.integers(0, 5)), min_size=2, max_size=7)
"""(quantity, priority, minute of opening) of each order."""


async def _queue(counter: Bench, units: int, queue: list[tuple[int, int, int]], seed: int) -> Shop:
    shop = await empty_shop(counter, seed)
    await shop.finds(TABLE, units)
    for qty, priority, at in queue:
        shop.opens((TABLE, qty), priority=priority, at=at)
    await shop.is_quiet()
    return shop


async def _held(shop: Shop) -> dict[UUID, Decimal]:
    seen = await books.Seen.of(shop)
    return {line.id: seen.allotted[line.id] for _, line in books.lines_of(shop)}


@pytest.mark.rule("BO-9")
@profile
@given(
    units=st.integers(1, 25),
    queue=queues,
    who=st.integers(0, 6),
    priority=st.integers(-1, 3),
    seed=st.integers(0, 99),
)
@example(units=10, queue=[(4, 0, 0), (6, 0, 1), (3, 0, 2)], who=2, priority=3, seed=0)
async def test_a_moved_priority_asks_each_victim_for_what_it_loses_and_no_more(
    counter: Bench, units: int, queue: list[tuple[int, int, int]], who: int, priority: int, seed: int
) -> None:
    shop = await _queue(counter, units, queue, seed)
    before, told = await _held(shop), len(shop.told)

    shop.ranks(shop.orders[who % len(shop.orders)], priority)
    await shop.is_quiet()

    assert not (found := await books.differences(shop)), "\n".join(found)
    after = await _held(shop)
    asked: Counter[UUID] = Counter()
    of_line = {id_: row.line_id for id_, row in (await books.Seen.of(shop)).allotments.items()}
    for allotment, wanted in _wanted(shop, len(shop.told)).items():
        asked[of_line[allotment]] += int(wanted - _wanted(shop, told).get(allotment, Decimal(0)))
    lost = {line: int(held - after[line]) for line, held in before.items() if held > after[line]}
    assert +asked == Counter(lost)
    assert _taken(shop, told) == Counter(lost)


def _taken(shop: Shop, told: int) -> Counter[UUID]:
    """What lines were told since then that others have taken from them."""
    taken: Counter[UUID] = Counter()
    for fact in shop.told[told:]:
        if isinstance(fact, StockAllotted):
            for line in fact.lines:
                taken[line.line_id] += int(sum(own.qty for own in line.taken))
    return +taken


def _wanted(shop: Shop, told: int) -> dict[UUID, Decimal]:
    """The `withdrawn` figure that was asked for so far, of each allotment: it is absolute."""
    facts = (fact for fact in shop.told[:told] if isinstance(fact, WithdrawalAsked))
    wanted: dict[UUID, Decimal] = {}
    for ask in (ask for fact in facts for ask in fact.asks):
        wanted[ask.allotment_id] = max(ask.wanted, wanted.get(ask.allotment_id, ask.wanted))
    return wanted


@pytest.mark.rule("BO-11")
@profile
@given(
    units=st.integers(1, 25), queue=queues, raised=st.lists(st.integers(0, 6), min_size=1, max_size=3, unique=True),
    waits=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
async def test_raise_then_lower_restores_whether_or_not_the_raise_was_carried_out_first(
    counter: Bench, units: int, queue: list[tuple[int, int, int]], raised: list[int], waits: bool, seed: int
) -> None:
    shop = await _queue(counter, units, queue, seed)
    before = await _held(shop)
    moved = [shop.orders[n] for n in raised if n < len(shop.orders)]
    was = [order.priority for order in moved]

    for order in moved:
        shop.ranks(order, order.priority + 3)
    if waits:
        await shop.is_quiet()
    for order, priority in zip(moved, was, strict=True):
        shop.ranks(order, priority)
    await shop.is_quiet()

    assert await _held(shop) == before
    assert not await books.differences(shop)


@pytest.mark.rule("BO-10")
@pytest.mark.rule("BO-11")
async def test_what_was_picked_stays_and_is_given_up_when_it_is_put_back(shop: Shop) -> None:
    await shop.finds(TABLE, 10)
    victim, urgent = shop.opens((TABLE, 10), at=0), shop.opens((TABLE, 4), at=1)
    await shop.is_quiet()
    (parcel,) = shop.dispatch.in_state(ShipmentState.PENDING)
    shop.handles(shop.dispatch.pick, parcel)
    shop.ranks(urgent, 1)
    await shop.is_quiet()
    assert (await _held(shop))[victim.lines[0].id] == 10

    shop.handles(shop.dispatch.unpick, parcel)
    await shop.is_quiet()

    assert (await _held(shop))[urgent.lines[0].id] == 4
    assert not await books.differences(shop)
