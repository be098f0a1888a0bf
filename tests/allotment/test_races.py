"""Races for the same units: everybody starts together, and the winners are counted."""

import random
from decimal import Decimal

import pytest

from shared.contracts.shipping import ShipmentState
from tests.allotment import books
from tests.allotment.histories import KEYS
from tests.allotment.papers import Letter, Order
from tests.allotment.shop import Shop, together

TABLE = KEYS[0]
AT_ONCE = 20


async def _at_once(shop: Shop) -> None:
    """Every letter that waits is delivered by a worker of its own."""
    letters, shop.to_inventory = shop.to_inventory, []
    shop.dice.shuffle(letters)

    async def deliver(letter: Letter) -> None:
        await shop.takes([letter])

    await together(*(deliver(letter) for letter in letters))


async def _granted(shop: Shop, *orders: Order) -> list[int]:
    seen = await books.Seen.of(shop)
    return [int(seen.demand[order.lines[0].id].granted) for order in orders]


@pytest.mark.rule("BO-3")
@pytest.mark.rule("BO-9")
async def test_20_openings_at_once_for_the_last_50_units_end_with_the_ten_that_rank_first(shop: Shop) -> None:
    await shop.finds(TABLE, 50)
    orders = [shop.opens((TABLE, 5), at=at, priority=at % 2) for at in range(AT_ONCE)]

    await _at_once(shop)
    await shop.is_quiet(workers=4)

    assert await _granted(shop, *orders) == [0, 5] * (AT_ONCE // 2)
    assert not (found := await books.differences(shop)), "\n".join(found)


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-11")
async def test_20_orders_that_are_raised_and_lowered_at_once_leave_everybody_where_they_were(
    shop: Shop,
) -> None:
    await shop.finds(TABLE, 50)
    orders = [shop.opens((TABLE, 5), at=at) for at in range(AT_ONCE)]
    await shop.is_quiet()
    before = await _granted(shop, *orders)

    for order in orders:
        shop.ranks(order, random.randint(1, 5))
    for order in orders:
        shop.ranks(order, 0)
    await _at_once(shop)
    await shop.is_quiet(workers=4)

    assert before == [5] * 10 + [0] * 10
    assert await _granted(shop, *orders) == before
    assert not (found := await books.differences(shop)), "\n".join(found)


@pytest.mark.rule("BO-10")
@pytest.mark.parametrize("trial", range(3))
async def test_a_raise_against_picks_takes_exactly_what_was_not_in_a_pickers_hand(
    shop: Shop, trial: int
) -> None:
    shop.dice.seed(trial)
    await shop.finds(TABLE, 50)
    victims = [shop.opens((TABLE, 5), at=at) for at in range(10)]
    await shop.is_quiet()
    urgent = shop.opens((TABLE, 50), at=30, priority=1)

    async def pick() -> None:
        for parcel in shop.dice.sample(shop.dispatch.in_state(ShipmentState.PENDING), 3):
            if parcel.state is ShipmentState.PENDING:
                shop.handles(shop.dispatch.pick, parcel)

    await together(shop.works(), pick(), shop.works(), pick())
    await shop.is_quiet(workers=4)

    locked = sum(books.locked(shop, order.lines[0].id) for order in victims)
    assert locked > 0
    assert await _granted(shop, urgent) == [50 - locked]
    assert sum(await _granted(shop, *victims)) == locked
    assert not (found := await books.differences(shop)), "\n".join(found)


@pytest.mark.rule("SO-6")
@pytest.mark.rule("BO-7")
@pytest.mark.parametrize("trial", range(3))
async def test_a_receipt_against_the_cancellation_of_its_order_ends_with_the_goods_at_whoever_waits(
    shop: Shop, trial: int
) -> None:
    shop.dice.seed(trial)
    special = shop.opens((TABLE, 10), special=True)
    shop.buys(special.lines[0], special, 10)
    waiting = shop.opens((TABLE, 6), at=1)
    await shop.is_quiet()

    shop.cancels(special)
    await together(shop.receives(0), _at_once(shop))
    await shop.is_quiet(workers=2)

    seen = await books.Seen.of(shop)
    row = seen.stock[TABLE]
    assert (row.on_hand, row.pegged, row.allotted) == (Decimal(10), 0, 6)
    assert await _granted(shop, special, waiting) == [0, 6]
    assert not (found := await books.differences(shop)), "\n".join(found)
