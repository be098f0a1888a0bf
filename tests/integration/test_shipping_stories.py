"""Stories of shipments: shared by orders, short, divided by a mixed pick, voided and merged back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest

from deploy.cli.client import Problem
from tests.integration.story import Story, units
from tests.integration.test_main_chain import special_order


async def current(story: Story, shipment: dict[str, Any]) -> dict[str, Any]:
    """The shipment as it stands."""
    found: dict[str, Any] = await story.client.get("shipping", f"/v1/shipments/{shipment['id']}")
    return found


async def do(story: Story, shipment: dict[str, Any], verb: str, body: Any = None) -> dict[str, Any]:
    """A step of the shipment's life."""
    now = await current(story, shipment)
    done: dict[str, Any] = await story.client.act(
        "shipping", f"/v1/shipments/{shipment['id']}/{verb}", now["version"], body
    )
    return done


@asynccontextmanager
async def preference(story: Story, **chosen: str) -> AsyncIterator[None]:
    """A preference of shipping, for a while: the other stories want it as it was."""
    before = await story.client.get("shipping", "/v1/preferences/shipping")
    was = {name: before["chosen"][name] for name in chosen}
    await story.client.patch("shipping", "/v1/preferences/shipping", before["version"], chosen)
    try:
        yield
    finally:
        now = await story.client.get("shipping", "/v1/preferences/shipping")
        await story.client.patch("shipping", "/v1/preferences/shipping", now["version"], was)


async def open_notices(story: Story, order: dict[str, Any]) -> set[str]:
    """The kinds of the order's open notices."""
    return {row["kind"] for row in await story.notices(order, state="open")}


@pytest.mark.rule("SHIP-2")
async def test_two_orders_of_a_customer_share_a_shipment_and_each_is_billed_and_filled(story: Story) -> None:
    await story.opens()
    sku = await story.item("WIDGET")
    await story.on_the_shelf(sku, 12)
    customer = await story.customer()

    async with preference(story, append_across_orders="on"):
        first = await story.order(customer, (sku, 5))
        shipment = await story.pending_shipment(first, 5)
        second = await story.order(customer, (sku, 7))
        shared = await story.pending_shipment(second, 12)
        stranger = await story.order(await story.customer("OTHER"), (sku, 1))

        assert shared["id"] == shipment["id"]
        assert {line["order_number"] for line in shared["lines"]} == {first["number"], second["number"]}
        assert await story.shipments(stranger) == []
        await story.ship(shared)

    for order in (first, second):
        await story.becomes(order, state="filled")


@pytest.mark.rule("SHIP-3")
async def test_a_short_shipment_asks_names_the_options_and_the_rest_of_33_follows(
    story: Story,
) -> None:  # NOTE-2
    await story.opens()
    gadget = await story.item("GADGET")
    await story.on_the_shelf(gadget, 533)
    order = await story.order(await story.customer(), (gadget, 533))
    shipment = await story.pending_shipment(order, 533)
    line = shipment["lines"][0]["shipment_line_id"]

    with pytest.raises(Problem) as question:
        await story.ship(shipment, {"shipment_line_id": line, "shipped": "500"})
    asked = question.value.document
    assert (asked["status"], asked["options"]) == (
        409,
        {"short": ["backorder", "close"], "units": ["missing", "left"]},
    )
    assert [(row["expected"], row["shipped"], row["short"]) for row in asked["lines"]] == [
        ("533", "500", "33")
    ]

    answer = {"shipment_line_id": line, "shipped": "500", "short": "backorder", "units": "missing"}
    await story.ship(shipment, answer)
    await story.eventually(order, shipped=500, backordered=33, is_backordered=True)
    await story.until(
        lambda: _are(story, order, {"backordered", "short_ship"}), "the teams hear of the shortage"
    )
    await story.on_the_shelf(gadget, 33)
    rest = await story.pending_shipment(order, 33)
    await story.eventually(order, granted=533, is_backordered=False)
    await story.until(lambda: _are(story, order, {"shipment_ready"}), "the shortage is over")
    await story.ship(rest)

    await story.becomes(order, state="filled", is_backordered=False)
    await story.until(lambda: _are(story, order, set()), "nothing is left to be told")


async def _are(story: Story, order: dict[str, Any], kinds: set[str]) -> bool:
    found = await open_notices(story, order)
    return found == kinds


@pytest.mark.rule("SHIP-3")
async def test_a_complete_order_leaves_short_only_with_a_reason(story: Story) -> None:
    await story.opens()
    sku = await story.item("WIDGET")
    await story.on_the_shelf(sku, 10)
    order = await story.order(await story.customer(), (sku, 10), ship_type="complete")
    shipment = await story.pending_shipment(order, 10)
    short = {
        "shipment_line_id": shipment["lines"][0]["shipment_line_id"],
        "shipped": "8", "short": "backorder", "units": "missing",
    }  # fmt: skip

    with pytest.raises(Problem) as refused:
        await story.ship(shipment, short)
    assert refused.value.code == "complete-would-ship-short"
    await do(story, shipment, "ship", {"lines": [short], "override_complete": {"reason": "customer agreed"}})

    await story.eventually(order, shipped=8, backordered=2)


@pytest.mark.rule("SHIP-3")
async def test_special_goods_that_are_missing_when_they_ship_are_bought_again(story: Story) -> None:  # SO-9
    _, order = await special_order(story)
    po = await story.purchase_order(order)
    await story.receive(po, 10)
    shipment = await story.pending_shipment(order, 10)
    await story.inspect(order, passed=10)
    line = shipment["lines"][0]["shipment_line_id"]
    await story.until(lambda: _is_inspected(story, shipment), "the goods are inspected")

    await story.ship(shipment, {"shipment_line_id": line, "shipped": "7", "short": "backorder"})

    again = await story.purchase_order(order, 2)
    assert again["lines"][0]["ordered"] == "3"
    await story.eventually(order, shipped=7, backordered=3)


async def _is_inspected(story: Story, shipment: dict[str, Any]) -> bool:
    found = await current(story, shipment)
    return all(line["uninspected"] == "0" for line in found["lines"])


@pytest.mark.rule("SHIP-4")
async def test_a_mixed_pick_is_undone_and_its_rest_merges_back_into_one_shipment(
    story: Story,
) -> None:  # SO-9
    _, order = await special_order(story)
    po = await story.purchase_order(order)
    await story.receive(po, 10)
    shipment = await story.pending_shipment(order, 10)
    await story.inspect(order, passed=6)
    await story.until(lambda: _waits_for(story, shipment, "4"), "six are passed")

    picked = await do(story, shipment, "pick")
    rest = await story.pending_shipment(order, 4)
    assert units(picked) == Decimal(6)
    assert rest["lines"][0]["remainder_of"] == picked["lines"][0]["shipment_line_id"]
    await do(story, shipment, "unpick")
    await do(story, rest, "void", {"reason": "one parcel will do"})

    whole = await story.pending_shipment(order, 10)
    assert whole["id"] == shipment["id"]
    assert (await current(story, rest))["state"] == "voided"
    line = await story.eventually(order, granted=10)
    assert line["release_blocked"] is False
    await story.inspect(order, passed=4)
    await story.until(lambda: _waits_for(story, shipment, "0"), "all are passed")
    await story.ship(shipment)
    await story.becomes(order, state="filled")
    await story.until(lambda: _is_billed_once(story, order), "one final invoice")


async def _waits_for(story: Story, shipment: dict[str, Any], uninspected: str) -> bool:
    found = await current(story, shipment)
    return bool(found["lines"][0]["uninspected"] == uninspected)


async def _is_billed_once(story: Story, order: dict[str, Any]) -> bool:
    states = sorted(invoice["state"] for invoice in await story.invoices(order))
    return [state for state in states if state != "void"] == ["final"]


@pytest.mark.rule("SHIP-4")
async def test_a_void_by_hand_waits_for_a_hand_and_then_ships(story: Story) -> None:
    await story.opens()
    sku = await story.item("WIDGET")
    await story.on_the_shelf(sku, 8)
    order = await story.order(await story.customer(), (sku, 8))
    shipment = await story.pending_shipment(order, 8)
    await do(story, shipment, "pick")

    await do(story, shipment, "void", {"reason": "damaged box"})
    await story.eventually(order, granted=8, release_blocked=True)
    assert await story.shipments(order, state="pending") == []
    await story.until(lambda: _are(story, order, {"shipment_voided"}), "the teams hear of the void")

    now = await story.now(order)
    await story.client.act("orders", f"/v1/sales-orders/{order['id']}/release", now["version"])
    again = await story.pending_shipment(order, 8)
    assert again["id"] != shipment["id"]
    await story.until(lambda: _are(story, order, {"shipment_ready"}), "the void is dealt with")
