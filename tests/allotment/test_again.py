"""Once more changes nothing: a sweep that runs again, facts that come again, and facts that come in another order."""

import random
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from services.inventory import handlers
from shared.ids import new_id
from shared.testing import Bench
from tests.allotment import books
from tests.allotment.histories import KEYS, History, histories, profile
from tests.allotment.papers import Letter, Order
from tests.allotment.shop import Shop, empty_shop

TABLE = KEYS[0]


async def _figures(shop: Shop) -> dict[str, Any]:
    """All that the queue decides, without ids and without the way that led there."""
    seen = await books.Seen.of(shop)
    return {
        "stock": {key: tuple(row)[2:] for key, row in seen.stock.items()},
        "demand": {id_: (r.need, r.granted, r.shipped, r.settled_version) for id_, r in seen.demand.items()},
        "allotted": {line.id: seen.allotted[line.id] for _, line in books.lines_of(shop)},
        "pegged": {line.id: seen.pegged[line.id] for _, line in books.lines_of(shop)},
    }


@pytest.mark.rule("BO-15")
@pytest.mark.fault(26)
@profile
@given(history=histories(workers=1, most=40))
async def test_after_any_history_a_sweep_and_all_its_facts_again_in_any_order_change_nothing(
    counter: Bench, history: History
) -> None:
    shop = await empty_shop(counter, history.seed)
    await history.is_played(shop, Shop.is_quiet)
    note("\n".join(shop.diary))
    before = await _figures(shop)

    for _ in range(2):
        assert await shop.bench.run(handlers.sweep, None, None) == []
    again = [Letter(new_id(), letter.fact) for letter in shop.heard]
    shop.dice.shuffle(again)
    for start in range(0, len(again), 20):
        await shop.takes(again[start : start + 20])

    assert await _figures(shop) == before

    await shop.is_quiet()
    assert await _figures(shop) == before
    assert not await books.differences(shop)


changes = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(["ranks", "gives up", "cancels"]), st.integers(0, 4)), max_size=8
)  # fmt: skip


@pytest.mark.rule("BO-6")
@profile
@given(
    units=st.integers(1, 30), queue=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5)), min_size=1, max_size=6),
    after=changes, order=st.integers(0, 999),
)  # fmt: skip
async def test_the_same_stream_in_order_or_shuffled_ends_in_the_same_state(
    counter: Bench, units: int, queue: list[tuple[int, int]], after: list[tuple[int, str, int]], order: int
) -> None:
    shop = await empty_shop(counter)
    await shop.finds(TABLE, units)
    orders = [shop.opens((TABLE, qty), at=at) for qty, at in queue]
    for who, what, number in after:
        _changes(shop, orders[who % len(orders)], what, number)
    stream = list(shop.to_inventory)
    ends = []

    for shuffled in (stream, random.Random(order).sample(stream, len(stream))):
        other = await empty_shop(counter)
        other.orders = shop.orders
        await other.finds(TABLE, units)
        for letter in shuffled:
            await other.takes([letter])
            if other.dice.random() < 0.3:
                await other.is_quiet()
        await other.is_quiet()
        ends.append(await _figures(other))

    assert ends[0] == ends[1]


def _changes(shop: Shop, order: Order, what: str, number: int) -> None:
    if what == "ranks":
        shop.ranks(order, number)
    elif what == "gives up":
        shop.gives_up(order, order.lines[0], number)
    else:
        shop.cancels(order)
