"""Automation schedules on the real database (BO-15): what waits, what a run gives out, and that it never overlaps."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from services.inventory import handlers
from services.inventory.domain.automation import Automation, Run, RunInProgress, Trigger
from services.inventory.domain.preferences import Preferences
from services.inventory.domain.returning import ReturnTo, WantedReturn
from services.inventory.handlers import automation
from services.inventory.handlers.automation import NotAllWarehouses, ScheduleChanged
from services.inventory.tests.builders import (
    answered,
    changed,
    left,
    opened,
    order_line,
    po_line,
    sent,
    tied,
    voided,
)
from services.inventory.tests.scene import Scene
from shared.auth import Principal, Scope
from shared.contracts.inventory import StockAllotted
from shared.contracts.orders import SalesOrderCancelled, SalesOrderChanged
from shared.preferences import choose
from shared.testing import ALL_SCOPES

PRIMARY, SECONDARY = Automation.PRIMARY, Automation.SECONDARY
MONDAY = datetime(2026, 3, 2, 8, 1, tzinfo=UTC)


def other(name: Automation) -> Automation:
    """The other one."""
    return SECONDARY if name is PRIMARY else PRIMARY


async def switch(scene: Scene, name: Automation, *, on: bool) -> None:
    """Somebody switches a schedule."""
    rows = await scene.bench.sql(
        "SELECT version FROM automation_schedules WHERE name = :name", name=name.value
    )
    version = rows[0].version if rows else 1
    await scene.bench.run(handlers.change_schedule, name, version, {"enabled": on})


async def run_now(scene: Scene, name: Automation) -> Run:
    """Somebody runs a schedule by hand."""
    return await scene.bench.run(handlers.run_schedule, name)


async def history(scene: Scene, name: Automation) -> list[Any]:
    """The runs of a schedule, oldest first."""
    return list(
        await scene.bench.sql(
            "SELECT * FROM automation_runs WHERE schedule = :name ORDER BY id", name=name.value
        )
    )


# --- each kind of increase (BO-7) ---


@dataclass
class Increase:
    """Something that leaves units free while a line waits for them."""

    scene: Scene
    waiting: Any = None

    async def a_receipt(self) -> None:
        self.waiting = opened(order_line(5), at=9)
        await self.scene.orders(self.waiting)
        po = sent(po_line(5))
        await self.scene.buys(po)
        await self.scene.receives(po, {1: 5})

    async def a_saleable_return(self) -> None:
        self.waiting = opened(order_line(5), at=9)
        await self.scene.orders(self.waiting)
        back = WantedReturn(None, 0, "TABLE", "MAIN", Decimal(5), ReturnTo.STOCK, "unopened")
        await self.scene.bench.run(handlers.return_goods, back)

    async def a_positive_adjustment(self) -> None:
        self.waiting = opened(order_line(5), at=9)
        await self.scene.orders(self.waiting)
        await self.scene.stocked(5)

    async def a_cancellation(self) -> None:
        holder = await self._held_by_another(5)
        await self.scene.orders(changed(holder, SalesOrderCancelled, wanted={10: 5}, state="cancelled"))
        await self._given(5)

    async def a_reduction(self) -> None:
        holder = await self._held_by_another(8)
        await self.scene.orders(changed(holder, SalesOrderChanged, wanted={10: 5}))
        await self._given(5)

    async def a_voided_shipment(self) -> None:
        holder = await self._held_by_another(5)
        (ticket,) = await self.scene.told_tickets(holder)
        await self.scene.bench.hear(handlers.shipment_voided, voided(ticket, 5))
        self.waiting = holder

    async def a_short_ship(self) -> None:
        holder = await self._held_by_another(10)
        (ticket,) = await self.scene.told_tickets(holder)
        await self.scene.bench.hear(handlers.shipment_shipped, left(ticket, 10, 5, returned=5))
        self.waiting = holder

    async def a_released_peg(self) -> None:
        special = opened(order_line(5, special=True), at=0)
        self.waiting = opened(order_line(5), at=9)
        await self.scene.orders(special, self.waiting)
        po = sent(po_line(5, tied(special, 5)))
        await self.scene.buys(po)
        await self.scene.receives(po, {1: 5})
        await self.scene.orders(changed(special, SalesOrderCancelled, wanted={10: 5}, state="cancelled"))
        await self._given(5)

    async def _held_by_another(self, qty: int) -> Any:
        await self.scene.stocked(qty)
        holder = opened(order_line(qty), at=0)
        self.waiting = opened(order_line(5), at=9)
        await self.scene.orders(holder, self.waiting)
        return holder

    async def _given(self, qty: int) -> None:
        question = (await self.scene.questions())[-1]
        await self.scene.bench.hear(handlers.units_withdrawn, answered(question, [qty]))


INCREASES = [
    pytest.param(PRIMARY, Increase.a_receipt, id="receipt"),
    pytest.param(SECONDARY, Increase.a_saleable_return, id="saleable return"),
    pytest.param(SECONDARY, Increase.a_positive_adjustment, id="positive adjustment"),
    pytest.param(SECONDARY, Increase.a_cancellation, id="cancellation"),
    pytest.param(SECONDARY, Increase.a_reduction, id="reduction"),
    pytest.param(SECONDARY, Increase.a_voided_shipment, id="voided shipment"),
    pytest.param(SECONDARY, Increase.a_short_ship, id="units left by a short ship"),
    pytest.param(SECONDARY, Increase.a_released_peg, id="released peg"),
]
Happens = Callable[[Increase], Awaitable[None]]


@pytest.mark.rule("BO-15")
@pytest.mark.parametrize(("name", "happens"), INCREASES)
async def test_off_an_increase_leaves_its_units_free_until_somebody_runs_the_schedule(
    scene: Scene, name: Automation, happens: Happens
) -> None:
    increase = Increase(scene)
    await switch(scene, name, on=False)

    await happens(increase)

    assert await scene.available() == 5
    run = await run_now(scene, name)
    assert await scene.available() == 0
    assert (await scene.line(increase.waiting)).granted == (await scene.line(increase.waiting)).need
    assert (run.lines_filled, int(run.units), run.is_finished) == (1, 5, True)


@pytest.mark.rule("BO-15")
@pytest.mark.rule("BO-7")
@pytest.mark.parametrize(("name", "happens"), INCREASES)
async def test_on_an_increase_is_given_out_at_once_whatever_the_other_schedule_says(
    scene: Scene, name: Automation, happens: Happens
) -> None:
    increase = Increase(scene)
    await switch(scene, other(name), on=False)

    await happens(increase)

    assert await scene.available() == 0
    assert (await run_now(scene, name)).lines_filled == 0


@pytest.mark.rule("BO-15")
@pytest.mark.parametrize(("name", "happens"), INCREASES)
async def test_the_other_schedule_does_not_give_out_what_was_left_for_one_that_is_off(
    scene: Scene, name: Automation, happens: Happens
) -> None:
    increase = Increase(scene)
    await switch(scene, name, on=False)
    await happens(increase)

    run = await run_now(scene, other(name))

    assert (run.lines_filled, await scene.available()) == (0, 5)
    await run_now(scene, name)


@pytest.mark.rule("BO-15")
async def test_switched_on_again_a_schedule_makes_up_at_once_for_what_was_left(scene: Scene) -> None:
    increase = Increase(scene)
    await switch(scene, PRIMARY, on=False)
    await increase.a_receipt()

    await switch(scene, PRIMARY, on=True)
    await scene.bench.run(handlers.tick)

    assert await scene.granted(increase.waiting) == [5]
    (run,) = await history(scene, PRIMARY)
    assert (run.trigger, run.started_by) == ("switched_on", "primary schedule")


@pytest.mark.rule("BO-15")
@pytest.mark.rule("SO-6")
async def test_pegs_never_stop(scene: Scene) -> None:
    for name in Automation:
        await switch(scene, name, on=False)
    special = opened(order_line(4, special=True), at=0)
    waiting = opened(order_line(5), at=1)
    await scene.orders(special, waiting)
    po = sent(po_line(6, tied(special, 4)))
    await scene.buys(po)

    await scene.receives(po, {1: 6})

    assert await scene.granted(special, waiting) == [4, 0]
    await run_now(scene, PRIMARY)
    assert await scene.granted(special, waiting) == [4, 2]


@pytest.mark.rule("BO-15")
async def test_an_opening_takes_no_units_that_a_waiting_line_has_before_it(scene: Scene) -> None:
    await switch(scene, PRIMARY, on=False)
    increase = Increase(scene)
    await increase.a_receipt()
    late = opened(order_line(3), at=20)

    await scene.orders(late)

    assert await scene.granted(increase.waiting, late) == [0, 0]
    await run_now(scene, PRIMARY)
    assert await scene.granted(increase.waiting, late) == [5, 0]


@pytest.mark.rule("BO-15")
async def test_an_item_of_which_nothing_was_left_is_allotted_as_ever(scene: Scene) -> None:
    await scene.stocked(5)
    special = opened(order_line(5, special=True))
    await scene.orders(special)
    await switch(scene, PRIMARY, on=False)
    plain = special.lines[0].model_copy(update={"special_order": False})

    await scene.orders(changed(special, SalesOrderChanged).model_copy(update={"lines": [plain]}))

    assert await scene.granted(special) == [5]


# --- runs ---


@pytest.mark.rule("BO-15")
async def test_run_twice_without_change_it_does_nothing_the_second_time(scene: Scene) -> None:
    increase = Increase(scene)
    await switch(scene, PRIMARY, on=False)
    await increase.a_receipt()
    await scene.orders(opened(order_line(5), at=30))
    first = await run_now(scene, PRIMARY)
    await scene.bench.forget_told()

    second = await run_now(scene, PRIMARY)

    assert (first.lines_filled, second.lines_filled, int(second.units)) == (1, 0, 0)
    assert second.keys_looked_at == 1
    assert await scene.bench.told(StockAllotted) == []


@pytest.mark.rule("BO-15")
async def test_ten_who_run_it_at_once_are_one_run_at_a_time_and_give_out_once(scene: Scene) -> None:
    increase = Increase(scene)
    await switch(scene, PRIMARY, on=False)
    await increase.a_receipt()
    gate = asyncio.Event()

    async def run_behind_the_gate() -> Run | RunInProgress:
        await gate.wait()
        try:
            return await run_now(scene, PRIMARY)
        except RunInProgress as refused:
            return refused

    workers = [asyncio.create_task(run_behind_the_gate()) for _ in range(10)]
    gate.set()
    outcomes = await asyncio.gather(*workers)

    runs = [own for own in outcomes if isinstance(own, Run)]
    assert sum(run.units for run in runs) == 5
    assert len([run for run in runs if run.lines_filled]) == 1
    assert len(await history(scene, PRIMARY)) == len(runs) >= 1
    assert await scene.granted(increase.waiting) == [5]


@pytest.mark.rule("BO-15")
async def test_while_one_is_at_it_a_second_by_hand_is_refused_and_the_clock_does_nothing(
    scene: Scene,
) -> None:
    await scene.bench.run(handlers.tick)
    await scene.bench.write("UPDATE automation_schedules SET next_at = now() - interval '1 second'")
    async with scene.bench.engine.connect() as db:
        await db.exec_driver_sql("SELECT 1 FROM automation_schedules FOR NO KEY UPDATE")

        with pytest.raises(RunInProgress):
            await run_now(scene, PRIMARY)
        again = await scene.bench.run(handlers.tick)
        await db.rollback()

    assert await history(scene, PRIMARY) == []
    assert again > datetime.now(UTC)


@pytest.mark.rule("BO-15")
async def test_a_long_run_goes_chunk_by_chunk_and_one_that_was_cut_short_goes_on(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automation, "MOST_KEYS", 2)
    await switch(scene, SECONDARY, on=False)
    keys = [(sku, place) for sku in ("TABLE", "CHAIR") for place in ("MAIN", "EAST")]
    orders = [opened(order_line(2, sku, warehouse=place), at=n) for n, (sku, place) in enumerate(keys)]
    await scene.orders(*orders)
    for sku, place in keys:
        await scene.stocked(1, sku, place)

    first = await run_now(scene, SECONDARY)

    assert (first.is_finished, first.keys_looked_at, first.lines_filled) == (False, 2, 2)
    with pytest.raises(RunInProgress):
        await run_now(scene, SECONDARY)
    # whoever keeps the clock next goes on where it stopped, though the schedule is off
    while not (await history(scene, SECONDARY))[0].finished_at:
        await scene.bench.run(handlers.tick)
    (run,) = await history(scene, SECONDARY)
    assert (run.keys_looked_at, run.lines_filled, int(run.units), run.trigger) == (4, 4, 4, "by_hand")
    assert await scene.granted(*orders) == [1, 1, 1, 1]
    assert await scene.bench.sql("SELECT * FROM automation_left") == []


@pytest.mark.rule("BO-15")
async def test_at_its_time_it_sweeps_and_is_due_again_at_the_next(scene: Scene) -> None:
    scene.bench.now = MONDAY
    again = await scene.bench.run(handlers.tick)
    assert again == MONDAY.replace(minute=5)
    await _left_behind(scene)
    scene.bench.now = MONDAY.replace(minute=5)

    await scene.bench.run(handlers.tick)

    (run,) = await history(scene, PRIMARY)
    assert (run.trigger, run.due_at, run.lines_filled) == ("due", MONDAY.replace(minute=5), 1)
    assert await scene.bench.run(handlers.tick) == MONDAY.replace(minute=10)
    assert len(await history(scene, PRIMARY)) == 1


@pytest.mark.rule("BO-15")
async def test_times_that_nobody_kept_are_made_up_for_once(scene: Scene) -> None:
    scene.bench.now = MONDAY
    await scene.bench.run(handlers.tick)
    scene.bench.now = MONDAY + timedelta(days=3)

    for _ in range(6):
        await scene.bench.run(handlers.tick)

    for name in Automation:
        (run,) = await history(scene, name)
        assert (run.trigger, run.due_at.date()) == ("missed", MONDAY.date())


@pytest.mark.rule("BO-15")
async def test_five_clocks_that_strike_at_once_are_one_run_of_each(scene: Scene) -> None:
    scene.bench.now = MONDAY
    await scene.bench.run(handlers.tick)
    await _left_behind(scene)
    scene.bench.now = MONDAY + timedelta(hours=1)

    await asyncio.gather(*(scene.bench.run(handlers.tick) for _ in range(5)))
    await scene.bench.run(handlers.tick)

    runs = await history(scene, PRIMARY) + await history(scene, SECONDARY)
    assert [run.schedule for run in runs] == ["primary", "secondary"]
    assert sum(run.lines_filled for run in runs) == 1


@pytest.mark.rule("BO-13")
@pytest.mark.rule("BO-15")
async def test_openings_gains_switches_and_runs_at_once_leave_the_books_in_order_and_nothing_behind(
    scene: Scene,
) -> None:
    await scene.bench.run(handlers.tick)
    orders = [opened(order_line(n % 4 + 1, ("TABLE", "CHAIR")[n % 2]), at=n) for n in range(20)]

    async def switches(name: Automation) -> None:
        for on in (False, True, False, True):
            await switch(scene, name, on=on)

    async def runs(name: Automation) -> None:
        try:
            await run_now(scene, name)
        except RunInProgress:
            return

    work: list[Any] = [scene.orders(order) for order in orders]
    work += [scene.stocked(5, sku) for sku in ("TABLE", "CHAIR") for _ in range(3)]
    work += [switches(name) for name in Automation]
    work += [runs(name) for name in Automation for _ in range(4)]
    work += [scene.bench.run(handlers.tick) for _ in range(4)]
    random.shuffle(work)
    await asyncio.gather(*work)
    for name in Automation:
        await runs(name)
    while await scene.bench.sql("SELECT 1 FROM automation_runs WHERE finished_at IS NULL"):
        await scene.bench.run(handlers.tick)
    for name in Automation:
        await runs(name)

    assert await scene.broken() == {}
    assert [await scene.available(sku) for sku in ("TABLE", "CHAIR")] == [0, 0]
    assert sum(await scene.granted(*orders)) == 30


async def _left_behind(scene: Scene) -> Any:
    """Units that no transaction has given out, as a fault would leave them."""
    order = opened(order_line(8))
    await scene.orders(order)
    await scene.stocked(5)
    await scene.bench.write("UPDATE allotments SET withdrawn = 5")
    await scene.bench.write("UPDATE demand SET granted = 0")
    await scene.bench.write("UPDATE stock SET allotted = 0")
    return order


@pytest.mark.rule("BO-14")
@pytest.mark.rule("BO-15")
async def test_without_backorder_management_the_clock_gives_nothing_out_and_run_now_does(
    scene: Scene,
) -> None:
    scene.bench.now = MONDAY
    await scene.bench.run(choose, "inventory", Preferences, 0, {"backorder_management": "off"})
    order = await _left_behind_unmanaged(scene)
    scene.bench.now = MONDAY + timedelta(hours=1)
    for _ in range(4):
        await scene.bench.run(handlers.tick)
    assert (await scene.granted(order), await history(scene, SECONDARY)) == ([0], [])

    await run_now(scene, SECONDARY)

    assert await scene.granted(order) == [5]


async def _left_behind_unmanaged(scene: Scene) -> Any:
    order = opened(order_line(8))
    await scene.orders(order)
    await scene.stocked(5)
    await scene.bench.run(handlers.tick)
    return order


# --- changes ---


async def test_a_change_needs_the_version_that_was_read_and_stands_in_the_log(scene: Scene) -> None:
    scene.bench.now = MONDAY
    wanted = {"cron": "0 6 * * *", "time_zone": "Europe/Vienna"}

    after = await scene.bench.run(handlers.change_schedule, PRIMARY, 1, wanted)

    assert (after.version, after.next_at) == (2, datetime(2026, 3, 3, 5, tzinfo=UTC))
    with pytest.raises(ScheduleChanged):
        await scene.bench.run(handlers.change_schedule, PRIMARY, 1, {"enabled": False})
    (entry,) = await scene.bench.log("automation-schedule", "primary")
    assert (entry.before["time_zone"], entry.after["time_zone"]) == ("UTC", "Europe/Vienna")
    same = await scene.bench.run(handlers.change_schedule, PRIMARY, 2, {"enabled": True})
    assert same.version == 2


async def test_a_caller_of_some_warehouses_runs_and_changes_no_schedule(scene: Scene) -> None:
    scene.bench.principal = Principal("east", ALL_SCOPES, Scope(frozenset({"EAST"})))

    with pytest.raises(NotAllWarehouses):
        await run_now(scene, PRIMARY)
    with pytest.raises(NotAllWarehouses):
        await scene.bench.run(handlers.change_schedule, PRIMARY, 1, {"enabled": False})


async def test_a_run_looks_at_each_key_once_however_long_its_queue_is(scene: Scene) -> None:
    await scene.orders(*(opened(order_line(1), order_line(1, "CHAIR", line_no=20), at=n) for n in range(60)))

    run = await run_now(scene, PRIMARY)

    assert (run.keys_looked_at, run.lines_filled, run.trigger) == (2, 0, Trigger.BY_HAND)
