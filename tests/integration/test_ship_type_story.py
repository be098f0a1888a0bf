"""Ship types over all five services: complete orders wait for all, and what was sent on its way is taken back (ORD-2)."""

from typing import Any

import pytest

from deploy.cli.client import Problem
from tests.integration.story import Story, units


async def change(story: Story, order: dict[str, Any], **head: Any) -> dict[str, Any]:
    """The head of an order is changed."""
    current = await story.now(order)
    changed: dict[str, Any] = await story.client.patch(
        "orders", f"/v1/sales-orders/{order['id']}", current["version"], head
    )
    return changed


async def nothing_pending(story: Story, order: dict[str, Any]) -> None:
    """Wait until no pending shipment holds anything of the order."""

    async def none() -> bool:
        return not any(units(found) for found in await story.shipments(order, state="pending"))

    await story.until(none, f"nothing of {order['number']} is pending")


@pytest.mark.rule("ORD-2")
async def test_partial_to_complete_takes_back_what_was_sent_on_its_way_and_back_again_releases_it(
    story: Story,
) -> None:
    await story.opens()
    there, scarce = await story.item("THERE"), await story.item("SCARCE")
    await story.on_the_shelf(there, 5)
    order = await story.order(await story.customer(), (there, 5), (scarce, 3))
    await story.pending_shipment(order, 5)

    await change(story, order, ship_type="complete")
    await nothing_pending(story, order)
    held = await story.eventually(order, 1, granted=5, released=0)
    await change(story, order, ship_type="partial_ok")

    assert held["granted"] == "5"
    await story.eventually(order, 1, released=5)
    await story.ship(await story.pending_shipment(order, 5))
    await story.on_the_shelf(scarce, 3)
    await story.ship(await story.pending_shipment(order, 3))
    await story.becomes(order, state="filled", is_backordered=False)


@pytest.mark.rule("ORD-2")
async def test_a_complete_order_waits_for_its_other_warehouse_and_its_special_line_and_not_for_a_cancelled_one(
    story: Story,
) -> None:
    await story.opens()
    stock, lamp, never = (
        await story.item("STOCK"),
        await story.item("LAMP", special_order=True),
        await story.item("NEVER"),
    )
    elsewhere = await _shop(story)
    await story.on_the_shelf(stock, 5)
    order = await _entered(
        story,
        {"sku": stock, "qty": "5"},
        {"sku": lamp, "qty": "2"},
        {"sku": never, "qty": "4"},
        {"sku": stock, "qty": "1", "warehouse": elsewhere},
    )
    await story.eventually(order, 1, granted=5, released=0)
    po = await story.purchase_order(order)
    await story.receive(po, 2)
    await story.eventually(order, 2, granted=2, released=0)
    current = await story.now(order)
    await story.client.act(
        "orders",
        f"/v1/sales-orders/{order['id']}/lines/3/cancel",
        current["version"],
        {"reason": "not needed"},
    )
    await story.eventually(order, 3, cancelled=4)
    await story.eventually(order, 2, released=0)

    await story.client.post(
        "inventory",
        "/v1/stock/adjustments",
        {"sku": stock, "warehouse": elsewhere, "qty": "1", "reason": "opening balance"},
    )

    for line_no, qty in ((1, 5), (2, 2), (4, 1)):
        await story.eventually(order, line_no, released=qty)
    await _pending_in(story, order, {story.warehouse: 7, elsewhere: 1})


async def _shop(story: Story) -> str:
    """Another warehouse."""
    code = story.code("SHOP")
    await story.client.post(
        "inventory", "/v1/warehouses", {"code": code, "name": "Shop", "company": "TL1", "time_zone": "UTC"}
    )

    async def known() -> bool:
        rows = (await story.client.get("inventory", "/v1/warehouses", limit=200))["data"]
        return any(row["code"] == code for row in rows)

    await story.until(known, "the shop is known")
    return code


async def _entered(story: Story, *lines: dict[str, Any]) -> dict[str, Any]:
    """A complete order of these lines, opened."""
    customer = await story.customer()
    entered: dict[str, Any] = {}

    async def accepted() -> bool:
        # orders hears of the new warehouse a moment after inventory has it
        try:
            entered.update(await story.order(customer, *lines, ship_type="complete"))
        except Problem as problem:
            if problem.code != "unknown-warehouse":
                raise
            return False
        return True

    await story.until(accepted, "orders knows the shop")
    return entered


async def _pending_in(story: Story, order: dict[str, Any], wanted: dict[str, int]) -> None:
    async def there() -> bool:
        found = await story.shipments(order, state="pending")
        return {one["warehouse"]: int(units(one)) for one in found} == wanted

    await story.until(there, f"pending shipments of {wanted}")


@pytest.mark.rule("ORD-2")
@pytest.mark.rule("SO-9")
async def test_a_complete_order_leaves_no_warehouse_before_all_of_it_is_inspected(story: Story) -> None:
    await story.opens()
    stock, lamp = await story.item("STOCK"), await story.item("LAMP", special_order=True)
    shop = await _shop(story)
    await story.on_the_shelf(stock, 5)
    order = await _entered(story, {"sku": stock, "qty": "5"}, {"sku": lamp, "qty": "2", "warehouse": shop})
    await story.receive(await story.purchase_order(order), 2)
    await _pending_in(story, order, {story.warehouse: 5, shop: 2})

    for shipment in await story.shipments(order):
        with pytest.raises(Problem) as refused:
            await story.ship(shipment)
        assert refused.value.code == "not-inspected"
    await story.inspect(order, passed=2)

    async def all_left() -> bool:
        # shipping hears of the inspection a moment after inventory has written it down
        for shipment in await story.shipments(order, state="pending"):
            try:
                await story.ship(shipment)
            except Problem as problem:
                if problem.code != "not-inspected":
                    raise
        return not await story.shipments(order, state="pending")

    await story.until(all_left, "both shipments have left")
    await story.becomes(order, state="filled")


@pytest.mark.rule("ORD-2")
@pytest.mark.rule("SO-9")
async def test_a_covered_complete_order_of_which_a_unit_fails_inspection_is_taken_back(story: Story) -> None:
    await story.opens()
    sku = await story.item("SPECIAL", special_order=True)
    order = await story.order(await story.customer(), (sku, 4), ship_type="complete")
    po = await story.purchase_order(order)
    await story.receive(po, 4)
    await story.pending_shipment(order, 4)

    await story.inspect(order, passed=3, failed=1)

    await nothing_pending(story, order)
    await story.eventually(order, granted=3, released=0, backordered=1)
