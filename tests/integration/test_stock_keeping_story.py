"""Keeping stock over the services: schedules that are switched, counts, and what stock itself needs."""

from typing import Any

import pytest

from tests.integration.story import Story


async def switched(story: Story, name: str, *, on: bool) -> None:
    """Somebody switches an automation schedule; it is the whole house's."""
    path = f"/v1/automation-schedules/{name}"
    current = await story.client.get("inventory", path)
    await story.client.patch("inventory", path, current["version"], {"enabled": on})


@pytest.mark.rule("BO-15")
async def test_what_a_count_found_while_its_schedule_was_off_is_given_out_when_it_is_on_again(
    story: Story,
) -> None:
    await story.opens()
    sku = await story.item("CHAIR")
    order = await story.order(await story.customer(), (sku, 10))
    await switched(story, "secondary", on=False)
    try:
        count = await story.client.post(
            "inventory",
            "/v1/stock-counts",
            {"sku": sku, "warehouse": story.warehouse, "counted": "4", "reason": "found behind the door"},
        )
        waiting = await story.line(order)
    finally:
        await switched(story, "secondary", on=True)

    assert (count["discrepancy"], waiting["granted"]) == ("4", "0")
    await story.eventually(order, granted=4, backordered=6)
    await story.pending_shipment(order, 4)
    runs = await story.client.get("inventory", "/v1/automation-schedules/secondary/runs")
    assert runs["data"][0]["trigger"] == "switched_on"


@pytest.mark.rule("BO-17")
async def test_stock_below_its_minimum_is_proposed_to_the_buyers_until_it_is_ordered(story: Story) -> None:
    await story.opens()
    sku = await story.item("CHAIR")
    await story.on_the_shelf(sku, 12)
    await story.client.put(
        "inventory", f"/v1/items/{sku}/replenishment/{story.warehouse}",
        {"minimum": "10", "target": "30", "safety": "0", "lead_time_days": 7}, version=0,
    )  # fmt: skip

    async def proposed(*wanted: str) -> None:
        async def so() -> bool:
            found = await story.client.get("purchasing", "/v1/replenishment-proposals", sku=sku)
            return [row["qty"] for row in found["data"]] == list(wanted)

        await story.until(so, f"proposals {wanted}")

    await story.order(await story.customer(), (sku, 20))
    await proposed("38")
    bought: dict[str, Any] = await story.client.post(
        "purchasing", "/v1/purchase-orders",
        {"vendor": story.vendor, "warehouse": story.warehouse, "lines": [{"sku": sku, "qty": "38", "cost": "7.50"}]},
    )  # fmt: skip
    await proposed("38")
    await story.client.post("purchasing", f"/v1/purchase-orders/{bought['id']}/open")
    await proposed()


@pytest.mark.rule("BO-12")
@pytest.mark.rule("NOTE-2")
async def test_a_lost_peg_is_bought_again_and_its_buyer_has_a_task_until_he_has_seen_to_it(
    story: Story,
) -> None:
    await story.opens()
    sku = await story.item("LAMP", special_order=True)
    order = await story.order(await story.customer(), (sku, 10))
    po = await story.purchase_order(order)
    await story.receive(po, 10)
    await story.pending_shipment(order, 10)

    lost = {"sku": sku, "warehouse": story.warehouse, "qty": "-4", "reason": "a shelf broke"}
    await story.client.post("inventory", "/v1/stock/adjustments", lost)

    async def tasks() -> list[dict[str, Any]]:
        found = await story.client.get("purchasing", "/v1/tasks", po_id=po["id"], state="open")
        return list(found["data"])

    async def notices(state: str) -> list[dict[str, Any]]:
        return await story.notices(order, kind="purchase_task", state=state)

    (task,) = await story.when(tasks, "a task for the buyer")
    assert (task["kind"], task["qty"], task["order_number"]) == ("peg_lost", "4", order["number"])
    again = await story.purchase_order(order, 2)
    assert await story.when(lambda: notices("open"), "a notice of the task")
    await story.receive(again, 4)
    await story.eventually(order, granted=10)
    await story.client.post("purchasing", f"/v1/tasks/{task['id']}/done")
    assert await story.when(lambda: notices("closed"), "the notice is closed")
