"""The worked example of the rules and all its variants, told to the real inventory as stories."""

import pytest

from tests.allotment import books
from tests.allotment.histories import KEYS
from tests.allotment.papers import Order
from tests.allotment.shop import Shop
from tests.allotment.worked_example import CASES, Case

TABLE = KEYS[0]
RAISED_ONLY = [case for case in CASES if case.raised]


async def _as_entered(shop: Shop, pegged: int) -> list[Order]:
    """100 tables, some of them pegged to a special order, and O1 60, O2 50, O3 30 in the order of entry."""
    if pegged:
        special = shop.opens((TABLE, pegged), special=True, at=1)
        shop.buys(special.lines[0], special, pegged)
        await shop.is_quiet()
        await shop.receives(0)
    await shop.finds(TABLE, 100 - pegged)
    orders = [shop.opens((TABLE, qty), at=at) for at, qty in enumerate((60, 50, 30), 2)]
    await shop.is_quiet()
    return orders


async def _granted(shop: Shop, orders: list[Order]) -> tuple[int, ...]:
    seen = await books.Seen.of(shop)
    return tuple(int(seen.demand[order.lines[0].id].granted) for order in orders)


@pytest.mark.rule("BO-7")
@pytest.mark.rule("BO-9")
@pytest.mark.rule("SO-10")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_inventory_does_what_the_worked_example_says(shop: Shop, case: Case) -> None:
    orders = await _as_entered(shop, case.pegged)

    for n in case.raised:
        shop.ranks(orders[n - 1], 1)
    if case.is_first_cancelled:
        shop.cancels(orders[0])
    if case.receipt:
        await shop.finds(TABLE, case.receipt)
    await shop.is_quiet()

    assert await _granted(shop, orders) == case.granted
    row = (await books.Seen.of(shop)).stock[TABLE]
    assert (row.on_hand - row.allotted - row.pegged, row.pegged) == (case.free, case.pegged)
    assert not await books.differences(shop)


@pytest.mark.rule("BO-11")
@pytest.mark.parametrize("case", RAISED_ONLY, ids=lambda case: case.name)
async def test_lowering_again_brings_everybody_back_to_what_they_had(shop: Shop, case: Case) -> None:
    orders = await _as_entered(shop, case.pegged)
    before = await _granted(shop, orders)
    for n in case.raised:
        shop.ranks(orders[n - 1], 1)
    await shop.is_quiet()

    for n in case.raised:
        shop.ranks(orders[n - 1], 0)
    await shop.is_quiet()

    assert await _granted(shop, orders) == before
    assert not await books.differences(shop)
