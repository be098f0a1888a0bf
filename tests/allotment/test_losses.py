"""Losses of units that lines hold (BO-12): from whom they come, and what is refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.inventory import WithdrawalAsked
from shared.contracts.shipping import ShipmentState
from shared.testing import Bench
from tests.allotment import books
from tests.allotment.histories import KEYS, profile
from tests.allotment.shop import Shop, empty_shop

TABLE = KEYS[0]


async def _hears_questions(shop: Shop) -> None:
    """Shipping answers everything; its answers wait."""
    waiting, shop.to_shipping = shop.to_shipping, []
    for fact in waiting:
        for answer in shop.dispatch.hear(fact):
            shop.posts(answer)


@pytest.mark.rule("BO-12")
async def test_a_loss_whose_answer_comes_after_that_of_a_later_question_is_booked_all_the_same(
    shop: Shop,
) -> None:
    await shop.finds(TABLE, 5)
    holder = shop.opens((TABLE, 5), at=0)
    await shop.is_quiet()
    await shop.finds(TABLE, -3)
    shop.opens((TABLE, 2), at=1, priority=1)
    await shop.takes([shop.to_inventory.pop()])
    assert [fact.reason for fact in shop.told if isinstance(fact, WithdrawalAsked)] == ["loss", "priority"]
    await _hears_questions(shop)

    for letter in reversed([*shop.to_inventory]):
        shop.to_inventory.remove(letter)
        await shop.takes([letter])
    await shop.is_quiet()

    assert not (found := await books.differences(shop)), "\n".join(found)
    seen = await books.Seen.of(shop)
    assert (seen.stock[TABLE].on_hand, seen.demand[holder.lines[0].id].granted) == (2, 0)


@pytest.mark.rule("BO-12")
@profile
@given(
    free=st.integers(0, 5), queue=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 2)), min_size=1, max_size=6),
    pegged=st.integers(0, 6), lost=st.integers(1, 50), picked=st.integers(0, 7), seed=st.integers(0, 99),
)  # fmt: skip
async def test_a_loss_takes_free_stock_then_the_last_ranks_then_pegs_and_never_what_is_being_picked(
    counter: Bench, free: int, queue: list[tuple[int, int]], pegged: int, lost: int, picked: int, seed: int
) -> None:
    shop = await empty_shop(counter, seed)
    await shop.finds(TABLE, sum(qty for qty, _ in queue) + free)
    orders = [shop.opens((TABLE, qty), priority=priority, at=at) for at, (qty, priority) in enumerate(queue)]
    if pegged:
        special = shop.opens((TABLE, pegged), special=True)
        shop.buys(special.lines[0], special, pegged)
    await shop.is_quiet()
    await shop.receives(0)
    await shop.is_quiet()
    pending = shop.dispatch.in_state(ShipmentState.PENDING)
    if picked < len(pending):
        shop.handles(shop.dispatch.pick, pending[picked])
    locked = sum(books.locked(shop, order.lines[0].id) for order in orders)
    before = (await books.Seen.of(shop)).stock[TABLE]

    await shop.finds(TABLE, -lost)
    await shop.is_quiet()

    after = (await books.Seen.of(shop)).stock[TABLE]
    assert not (found := await books.differences(shop)), "\n".join(found)
    took, unpegged = before.on_hand - after.on_hand, before.on_hand - before.pegged
    assert before.pegged - after.pegged == (max(Decimal(0), lost - unpegged) if took else 0)
    assert (lost - locked <= took <= lost) if lost <= before.on_hand else took == 0
