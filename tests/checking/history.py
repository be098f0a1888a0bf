"""A history that meets every part of the checker: specials, stock, a failed inspection, a short ship, a cancellation."""

from typing import Any

from tests.integration.story import Story
from tests.integration.test_main_chain import _can_be_picked, special_order


async def told(story: Story) -> list[dict[str, Any]]:
    """Six orders: filled, waiting, waiting behind it, half received, cancelled, and one that nobody can buy."""
    _, filled = await special_order(story, 5)
    await story.receive(await story.purchase_order(filled), 5)
    await story.pending_shipment(filled, 5)
    await story.inspect(filled, passed=4, failed=1)
    await _ship(story, filled, 4)
    await story.receive(await story.purchase_order(filled, 2), 1)
    await story.inspect(filled, passed=1)
    await _ship(story, filled, 1)
    await story.becomes(filled, state="filled")

    gadget = await story.item("GADGET")
    await story.on_the_shelf(gadget, 7)
    waiting = await story.order(filled["customer"], (gadget, 10))
    await story.pending_shipment(waiting, 7)
    behind = await story.order(filled["customer"], (gadget, 2))
    await story.now(behind)

    part = await story.item("PART", special_order=True)
    half = await story.order(filled["customer"], (part, 10))
    await story.receive(await story.purchase_order(half), 6)
    await story.pending_shipment(half, 6)

    gone = await story.order(filled["customer"], (part, 3))
    await story.purchase_order(gone)
    current = await story.now(gone)
    await story.client.act(
        "orders", f"/v1/sales-orders/{gone['id']}/cancel", current["version"], {"reason": "changed my mind"}
    )
    await story.becomes(gone, state="cancelled")

    orphan = await story.item("ORPHAN", special_order=True, vendor=False, cost=None)
    nobody = await story.order(filled["customer"], (orphan, 2))
    await story.now(nobody)
    return [filled, waiting, behind, half, gone, nobody]


async def _ship(story: Story, order: dict[str, Any], qty: int) -> None:
    shipment = await story.pending_shipment(order, qty)
    await story.until(lambda: _can_be_picked(story, shipment), "the good ones may be picked")
    await story.ship(shipment)
