"""Stories of several people who want the same goods at the same time, over all five services: the winners are counted."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from deploy.cli.client import Problem
from tests.integration.story import Story, units

ALL_AT_ONCE = 20


async def _granted(story: Story, order: dict[str, Any]) -> int:
    return int(sum((Decimal(line["granted"]) for line in (await story.now(order))["lines"]), Decimal(0)))


async def _set_priority(story: Story, order: dict[str, Any], priority: int) -> None:
    version = (await story.now(order))["version"]
    body = {"priority": priority, "reason": "key account"}
    await story.client.patch("orders", f"/v1/sales-orders/{order['id']}", version, body)


async def _standing(story: Story, order: dict[str, Any], *states: str) -> int:
    found = [shipment for state in states for shipment in await story.shipments(order, state=state)]
    return int(sum((units(shipment) for shipment in found), Decimal(0)))


@pytest.mark.rule("BO-3")
@pytest.mark.rule("BO-13")
async def test_of_20_orders_at_once_for_the_last_20_units_the_ten_that_opened_first_get_them(
    story: Story,
) -> None:
    await story.opens()
    sku, customer = await story.item("LAST"), await story.customer()
    await story.on_the_shelf(sku, 20)

    orders = await asyncio.gather(*(story.order(customer, (sku, 2)) for _ in range(ALL_AT_ONCE)))
    queue = sorted([await story.now(order) for order in orders], key=lambda o: (o["opened_at"], o["id"]))

    async def is_settled() -> bool:
        return [await _granted(story, order) for order in queue] == [2] * 10 + [0] * 10

    await story.until(is_settled, "the first ten have two each")


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-11")
async def test_a_raised_order_takes_pending_units_from_another_and_gives_them_back_when_lowered(
    story: Story,
) -> None:
    await story.opens()
    sku, customer = await story.item("WANTED"), await story.customer()
    await story.on_the_shelf(sku, 10)
    first = await story.order(customer, (sku, 10))
    await story.pending_shipment(first, 10)
    urgent = await story.order(customer, (sku, 4))
    await story.eventually(urgent, granted=0, is_backordered=True)

    await _set_priority(story, urgent, 5)
    await story.pending_shipment(urgent, 4)
    await story.pending_shipment(first, 6)

    await _set_priority(story, urgent, 0)
    await story.pending_shipment(first, 10)
    assert await _standing(story, urgent, "pending") == 0


@pytest.mark.rule("BO-10")
async def test_a_raise_against_a_pick_ends_with_each_unit_in_one_hand(story: Story) -> None:
    await story.opens()
    sku, customer = await story.item("TUG"), await story.customer()
    await story.on_the_shelf(sku, 10)
    first = await story.order(customer, (sku, 10))
    parcel = await story.pending_shipment(first, 10)
    urgent = await story.order(customer, (sku, 4))
    await story.eventually(urgent, granted=0, is_backordered=True)

    async def pick() -> None:
        try:
            await story.client.act("shipping", f"/v1/shipments/{parcel['id']}/pick", parcel["version"])
        except Problem:
            return  # the units had been taken meanwhile, and the picker's list with them

    await asyncio.gather(_set_priority(story, urgent, 5), pick())

    async def each_in_one_hand() -> bool:
        kept = await _standing(story, first, "pending", "picking"), await _granted(story, first)
        got = await _standing(story, urgent, "pending"), await _granted(story, urgent)
        return (kept, got) in (((10, 10), (0, 0)), ((6, 6), (4, 4)))

    await story.until(each_in_one_hand, "either the picker has ten, or four went to the urgent order")


@pytest.mark.rule("BO-15")
async def test_of_several_runs_of_a_schedule_at_once_one_gives_out_what_was_left(story: Story) -> None:
    await story.opens()
    sku, customer = await story.item("LEFT"), await story.customer()
    order = await story.order(customer, (sku, 5))
    await story.eventually(order, granted=0, is_backordered=True)
    path = "/v1/automation-schedules/secondary"

    async def switch(on: bool) -> None:
        version = (await story.client.get("inventory", path))["version"]
        await story.client.patch("inventory", path, version, {"enabled": on})

    async def run() -> Decimal:
        try:
            ran = await story.client.post("inventory", f"{path}/run")
        except Problem as busy:
            if busy.code != "run-in-progress":
                raise
            return Decimal(0)
        return Decimal(ran["units"])

    await switch(on=False)
    try:
        await asyncio.sleep(1.1)  # what is on is known for a second
        await story.on_the_shelf(sku, 5)
        given = await asyncio.gather(*(run() for _ in range(4)))
    finally:
        await switch(on=True)

    assert sorted(given) == [0, 0, 0, 5]
    await story.eventually(order, granted=5, is_backordered=False)
