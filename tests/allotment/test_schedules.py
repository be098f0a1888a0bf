"""The automation schedules (BO-15) after random histories: they catch what was left, once, and never overlap."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from services.inventory import handlers
from services.inventory.domain.automation import Automation, Run, RunInProgress
from shared.testing import Bench
from tests.allotment import books
from tests.allotment.histories import KEYS, History, histories, profile
from tests.allotment.shop import Shop, empty_shop

TABLE = KEYS[0]


async def _switches(shop: Shop, name: Automation, *, on: bool) -> None:
    rows = await shop.bench.sql(
        "SELECT version FROM automation_schedules WHERE name = :name", name=name.value
    )
    version = rows[0].version if rows else 1
    await shop.bench.run(handlers.change_schedule, name, version, {"enabled": on})
    shop.may_wait = shop.may_wait or not on


async def _runs(shop: Shop) -> list[Run]:
    """Both schedules by hand, and what follows from it."""
    runs = []
    for name in Automation:
        runs.append(await shop.bench.run(handlers.run_schedule, name))
        await shop.committed()
        await shop.is_quiet()
    return runs


@pytest.mark.rule("BO-15")
@profile
@given(history=histories(workers=1, most=30), off=st.sets(st.sampled_from(list(Automation)), min_size=1))
async def test_what_schedules_that_are_off_have_left_a_run_by_hand_gives_out_as_the_reference_says(
    counter: Bench, history: History, off: set[Automation]
) -> None:
    shop = await empty_shop(counter, history.seed)
    for name in off:
        await _switches(shop, name, on=False)
    await history.is_played(shop, Shop.is_quiet)
    note("\n".join(shop.diary))

    await _runs(shop)

    assert not (found := await books.differences(shop)), "\n".join(found)
    assert [run.units for run in await _runs(shop)] == [0, 0]
    assert not await books.differences(shop)


@pytest.mark.rule("BO-15")
async def test_of_many_runs_at_once_one_alone_gives_out_what_was_left(shop: Shop) -> None:
    await _switches(shop, Automation.SECONDARY, on=False)
    orders = [shop.opens((TABLE, 2), at=at) for at in range(8)]
    await shop.is_quiet()
    await shop.finds(TABLE, 11)

    async def run(name: Automation) -> Run | RunInProgress:
        try:
            ran: Run = await shop.bench.run(handlers.run_schedule, name)
        except RunInProgress as refusal:
            return refusal
        return ran

    results: list[Any] = await asyncio.gather(*(run(name) for name in Automation for _ in range(6)))
    await shop.committed()
    await shop.is_quiet()

    runs = [result for result in results if isinstance(result, Run)]
    assert [int(run.units) for run in runs if run.units] == [11]
    seen = await books.Seen.of(shop)
    assert [int(seen.demand[order.lines[0].id].granted) for order in orders] == [2, 2, 2, 2, 2, 1, 0, 0]
