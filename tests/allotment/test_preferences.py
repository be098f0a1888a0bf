"""The same random histories where an organisation has chosen otherwise: `head_of_line`, `backorder_management`."""

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from services.inventory import handlers
from services.inventory.domain.automation import Automation
from shared.testing import Bench
from tests.allotment import books
from tests.allotment.histories import KEYS, History, histories, profile
from tests.allotment.shop import Shop, empty_shop

TABLE = KEYS[0]


@pytest.mark.rule("BO-5")
@profile
@given(history=histories(workers=1, most=40))
async def test_all_or_nothing_lines_that_are_passed_over_hold_nobody_up_and_take_from_nobody(
    counter: Bench, history: History
) -> None:
    shop = await empty_shop(counter, history.seed)
    await shop.prefers(head_of_line="skip")
    shop.may_wait = True

    async def must_be_in_turn(shop: Shop) -> None:
        await shop.is_quiet()
        shop.diary.append("--- all is quiet")
        assert not (found := await books.passed_over(shop)), "\n".join([*found, "after:", *shop.diary])

    await history.is_played(shop, must_be_in_turn)


@pytest.mark.rule("BO-14")
@profile
@given(history=histories(workers=1, most=30))
async def test_once_backorders_are_managed_again_a_run_puts_everything_where_the_reference_says(
    counter: Bench, history: History
) -> None:
    shop = await empty_shop(counter, history.seed)
    await shop.prefers(backorder_management="off")
    shop.may_wait = True
    await history.is_played(shop, Shop.is_quiet)
    note("\n".join(shop.diary))

    await shop.prefers(backorder_management="on")
    for name in Automation:
        await shop.bench.run(handlers.run_schedule, name)
        await shop.committed()
        await shop.is_quiet()

    assert not (found := await books.differences(shop)), "\n".join(found)


@pytest.mark.rule("BO-14")
@profile
@given(
    deeds=st.lists(
        st.tuples(st.sampled_from(["finds", "opens"]), st.integers(1, 9), st.integers(0, 2)), min_size=3, max_size=14
    )
)  # fmt: skip
async def test_where_backorders_are_not_managed_an_opening_gets_what_the_waiting_need_leaves_and_nobody_else_anything(
    counter: Bench, deeds: list[tuple[str, int, int]]
) -> None:
    shop = await empty_shop(counter)
    await shop.prefers(backorder_management="off")
    shop.may_wait = True
    free, waiting, expected = 0, 0, []

    for at, (what, qty, priority) in enumerate(deeds):
        if what == "finds":
            free += qty
            await shop.finds(TABLE, qty)
        else:
            got = max(0, min(qty, free - waiting))
            free, waiting = free - got, waiting + qty - got
            expected.append(got)
            shop.opens((TABLE, qty), at=at, priority=priority)
            await shop.is_quiet()

    seen = await books.Seen.of(shop)
    assert [int(seen.demand[order.lines[0].id].granted) for order in shop.orders] == expected
