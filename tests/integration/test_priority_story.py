"""Priorities over all five services: the worked example of the rules, its victims, and what is being picked."""

from decimal import Decimal
from typing import Any

import pytest

from tests.integration.story import Story, units

Orders = tuple[dict[str, Any], dict[str, Any], dict[str, Any]]


async def three_orders(story: Story, stock: int = 100, **terms: Any) -> tuple[str, Orders]:
    """Stock 100; entered one after the other: O1 wants 60, O2 50, O3 30, all split."""
    await story.opens()
    sku = await story.item("SCARCE")
    await story.on_the_shelf(sku, stock)
    customer = await story.customer(**terms)
    orders = []
    for qty in (60, 50, 30):
        order = await story.order(customer, (sku, qty))
        await story.now(order)
        orders.append(order)
    return sku, (orders[0], orders[1], orders[2])


async def raised(story: Story, order: dict[str, Any], priority: int) -> None:
    """The order gets another priority, with a reason."""
    current = await story.now(order)
    answer = await story.client.patch(
        "orders",
        f"/v1/sales-orders/{order['id']}",
        current["version"],
        {"priority": priority, "reason": "a hospital"},
    )
    assert answer["reminder"]


async def shares(story: Story, orders: Orders, *wanted: int) -> None:
    """Wait until the orders are granted so much, what is granted stands on pending shipments, and the flags are right."""
    seen: list[Any] = []

    async def same() -> bool:
        seen[:] = [await _share(story, order) for order in orders]
        return [granted for granted, _, _ in seen] == list(wanted) and all(
            on_shipments == granted and flags_right for granted, on_shipments, flags_right in seen
        )

    try:
        await story.until(same, f"{wanted}")
    except AssertionError:
        raise AssertionError(f"granted, on shipments, flags: {seen}, not {wanted}") from None


async def _share(story: Story, order: dict[str, Any]) -> tuple[int, int, bool]:
    now = await story.now(order)
    granted = sum(Decimal(line["granted"]) for line in now["lines"])
    shipments = await story.shipments(order, state="pending")
    flags = all(line["is_backordered"] == (Decimal(line["backordered"]) > 0) for line in now["lines"])
    return int(granted), int(sum(units(one) for one in shipments)), flags


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-11")
async def test_the_worked_example_raise_lower_and_raise_again(story: Story) -> None:
    _, orders = await three_orders(story)
    first, second, third = orders
    await shares(story, orders, 60, 40, 0)

    await raised(story, second, 1)
    await shares(story, orders, 50, 50, 0)
    await raised(story, second, 0)
    await shares(story, orders, 60, 40, 0)
    await raised(story, third, 1)
    await shares(story, orders, 60, 10, 30)
    await raised(story, second, 1)
    await shares(story, orders, 20, 50, 30)

    log = (await story.client.get("orders", f"/v1/sales-orders/{first['id']}/log", limit=200))["data"]
    taken = [row["after"] for row in log if row["action"] == "taken"]
    assert {row["why"] for row in taken} == {"priority"}
    assert {row["for_order"] for row in taken} <= {second["number"], third["number"]}
    assert (await story.now(first))["is_backordered"]


@pytest.mark.rule("BO-7")
async def test_the_worked_example_a_receipt_of_25_and_a_cancelled_first_order(story: Story) -> None:
    sku, orders = await three_orders(story)
    first = orders[0]
    await shares(story, orders, 60, 40, 0)

    await story.on_the_shelf(sku, 25)
    await shares(story, orders, 60, 50, 15)
    current = await story.now(first)
    await story.client.act(
        "orders", f"/v1/sales-orders/{first['id']}/cancel", current["version"], {"reason": "changed mind"}
    )

    await story.becomes(first, state="cancelled")
    await shares(story, orders, 0, 50, 30)
    found = await story.client.get("inventory", "/v1/stock/availability", sku=sku, warehouse=story.warehouse)
    assert found["data"][0]["available"] == "45"


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-10")
async def test_what_is_being_picked_is_never_taken_and_comes_when_it_is_unpicked(story: Story) -> None:
    _, orders = await three_orders(story)
    first, second, _ = orders
    await shares(story, orders, 60, 40, 0)
    (shipment,) = await story.shipments(first, state="pending")
    await story.client.act("shipping", f"/v1/shipments/{shipment['id']}/pick", shipment["version"], {})

    await raised(story, second, 1)

    async def blocked() -> bool:
        log = (await story.client.get("orders", f"/v1/sales-orders/{first['id']}/log", limit=200))["data"]
        return any(row["action"] == "blocked by pick lock" for row in log)

    await story.until(blocked, "the log of the first order says what could not move")
    await story.eventually(first, granted=60)
    await story.eventually(second, 2, granted=0, is_backordered=True)
    current = await story.client.get("shipping", f"/v1/shipments/{shipment['id']}")
    await story.client.act(
        "shipping", f"/v1/shipments/{shipment['id']}/unpick", current["version"], {"reason": "not yet"}
    )
    await shares(story, orders, 50, 50, 0)


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-1")
async def test_an_order_entered_with_a_priority_is_asked_with_what_it_could_take_and_takes_it(
    story: Story,
) -> None:
    sku, orders = await three_orders(story)
    await shares(story, orders, 60, 40, 0)

    vip = await story.order(
        await story.customer("HOSPITAL", shortage_answer=None),
        (sku, 30),
        priority=5,
        priority_reason="a hospital",
    )

    assert [line["ordered"] for line in vip["lines"]] == ["30"]
    await story.eventually(vip, granted=30, released=30, is_backordered=False)
    await shares(story, orders, 60, 10, 0)


@pytest.mark.rule("BO-9")
async def test_an_order_that_takes_a_part_of_what_it_needs_is_not_divided_while_it_comes(
    story: Story,
) -> None:
    await story.opens()
    sku = await story.item("SCARCE")
    await story.on_the_shelf(sku, 100)
    first = await story.order(await story.customer(), (sku, 60))
    await story.pending_shipment(first, 60)

    # 40 are free, 60 can be taken
    vip = await story.order(
        await story.customer("HOSPITAL", shortage_answer=None),
        (sku, 70),
        priority=5,
        priority_reason="a hospital",
    )

    await story.pending_shipment(vip, 70)
    await story.pending_shipment(first, 30)
    assert [line["ordered"] for line in (await story.now(vip))["lines"]] == ["70"]
    await story.eventually(first, granted=30, backordered=30, is_backordered=True)


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-2")
@pytest.mark.rule("ORD-6")
async def test_without_backorders_what_an_order_takes_from_others_is_not_cancelled_while_it_comes(
    story: Story,
) -> None:
    await story.opens()
    sku = await story.item("SCARCE")
    await story.on_the_shelf(sku, 100)
    first = await story.order(await story.customer(), (sku, 60))
    await story.pending_shipment(first, 60)

    # 40 are free, 60 can be taken; 110 are wanted
    vip = await story.order(
        await story.customer("HOSPITAL", no_backorders=True),
        (sku, 110),
        priority=5,
        priority_reason="a hospital",
    )

    await story.eventually(vip, granted=100, cancelled=10, backordered=0, is_backordered=False)
    await story.pending_shipment(vip, 100)
    await story.eventually(first, granted=0, backordered=60, is_backordered=True)


@pytest.mark.rule("BO-9")
async def test_with_victim_whole_what_a_victim_has_left_is_held_for_it_until_all_is_back(
    story: Story,
) -> None:
    await story.opens()
    sku = await story.item("SCARCE")
    await story.on_the_shelf(sku, 100)
    customer = await story.customer()
    victim, vip = await story.order(customer, (sku, 60)), await story.order(customer, (sku, 60))
    await story.eventually(vip, 1, granted=40)

    await chosen(story, victim="whole")
    try:
        await raised(story, vip, 1)
        await story.eventually(victim, granted=40, released=0, all_or_nothing=True, is_backordered=True)
        await raised(story, vip, 0)
        await story.eventually(victim, granted=60, released=60, is_backordered=False)
        await story.pending_shipment(victim, 60)
    finally:
        await chosen(story, victim="split")


async def chosen(story: Story, **preferences: str) -> None:
    """Orders' preferences."""
    path = "/v1/preferences/orders"
    now = await story.client.get("orders", path)
    await story.client.patch("orders", path, now["version"], preferences)
