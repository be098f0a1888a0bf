"""Stories over all five services with the real broker: from the customer's order to the shipped goods."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from deploy.cli.client import Problem
from tests.integration.story import Story, units


async def special_order(story: Story, qty: int = 10) -> tuple[str, dict[str, Any]]:
    """A customer orders a special-order item."""
    await story.opens()
    sku = await story.item("SPECIAL", special_order=True)
    customer = await story.customer()
    return sku, await story.order(customer, (sku, qty))


@pytest.mark.rule("SO-6")
async def test_the_full_chain_from_order_to_shipped_goods_and_final_invoice(
    story: Story,
) -> None:  # SO-2 SO-5 NOTE-1
    sku, order = await special_order(story)
    po = await story.purchase_order(order)
    assert (po["state"], po["vendor"], po["lines"][0]["ordered"], po["lines"][0]["cost"]) == (
        "open",
        story.vendor,
        "10",
        "7.5",
    )
    await story.until(lambda: _special_is(story, order, "ordered"), "the special order is ordered")
    assert await story.shipments(order) == []

    receipt = await story.receive(po, 10)

    assert [(arrived["order_number"], arrived["qty"]) for arrived in receipt["arrived"]] == [
        (order["number"], "10")
    ]
    shipment = await story.pending_shipment(order, 10)
    (notice,) = await story.when(
        lambda: story.notices(order, kind="inspection", state="open"), "the inspection notice"
    )
    assert sku in notice["title"] or sku in str(notice)
    (draft,) = await story.when(lambda: story.invoices(order), "the draft invoice")
    assert (draft["state"], draft["total"]) == ("draft", "100")
    assert (await story.special(order))["state"] == "ready"

    with pytest.raises(Problem) as refused:
        await story.ship(shipment)
    assert refused.value.code == "not-inspected"
    await story.inspect(order, passed=10)
    await story.until(lambda: _can_be_picked(story, shipment), "the goods may be picked")
    await story.ship(shipment)

    await story.becomes(order, state="filled", is_backordered=False)
    assert (await story.special(order))["state"] == "fulfilled"
    (final,) = await story.when(lambda: _invoices_in(story, order, "final"), "the final invoice")
    assert final["number"].startswith("INV-")
    await story.until(lambda: _notices_are_closed(story, order), "the notice is closed")
    await adds_up(story, order)


async def _special_is(story: Story, order: dict[str, Any], state: str) -> bool:
    return bool((await story.special(order))["state"] == state)


async def _can_be_picked(story: Story, shipment: dict[str, Any]) -> bool:
    found = await story.client.get("shipping", f"/v1/shipments/{shipment['id']}")
    return all(Decimal(line["uninspected"]) == 0 for line in found["lines"])


async def _invoices_in(story: Story, order: dict[str, Any], state: str) -> list[dict[str, Any]]:
    return [invoice for invoice in await story.invoices(order) if invoice["state"] == state]


async def _notices_are_closed(story: Story, order: dict[str, Any]) -> bool:
    notices = await story.notices(order, kind="inspection")
    return bool(notices) and all(notice["state"] == "closed" for notice in notices)


async def adds_up(story: Story, order: dict[str, Any], line_no: int = 1) -> dict[str, Any]:
    """The trace's quantities add up at every hop."""
    trace = await story.trace(order, line_no)
    assert len(trace["sums"]) >= 3
    for hop in trace["sums"]:
        assert Decimal(hop["qty"]) == sum(Decimal(part) for part in hop["parts"].values()), hop
        assert hop["adds_up"] is True
    return trace


@pytest.mark.rule("SO-8")
async def test_a_partial_receipt_ships_its_part_and_the_tie_keeps_the_rest(story: Story) -> None:
    _, order = await special_order(story)
    po = await story.purchase_order(order)

    await story.receive(po, 4)
    await story.pending_shipment(order, 4)

    await story.eventually(order, granted=4, backordered=6)
    assert (await story.special(order))["state"] == "in_progress"
    await adds_up(story, order)

    await story.receive(po, 6)
    await story.pending_shipment(order, 10)
    await story.eventually(order, granted=10, backordered=0)
    assert (await story.special(order))["state"] == "ready"
    await adds_up(story, order)


@pytest.mark.rule("SO-8")
async def test_two_ties_on_one_receipt_and_the_one_that_is_short_is_named(story: Story) -> None:
    await story.opens()
    sku = await story.item("SPECIAL", special_order=True)
    wanted = {
        "customer": await story.customer(),
        "warehouse": story.warehouse,
        "open": True,
        "lines": [{"sku": sku, "qty": "6"}],
    }
    opened = await story.client.post("orders", "/v1/sales-orders/batch", {"orders": [wanted, wanted]})
    first, second = (result["order"] for result in opened["results"])
    po = await story.purchase_order(first)
    assert po["id"] == (await story.purchase_order(second))["id"]
    ours = [line["waiting"][0]["order_id"] == first["id"] for line in (await story.expected(po))["lines"]]

    receipt = await story.receive(po, *(6 if is_first else 3 for is_first in ours))

    (short,) = receipt["short"]
    assert second["number"] in short
    await story.eventually(first, granted=6, backordered=0)
    await story.eventually(second, granted=3, backordered=3)
    await adds_up(story, first)
    await adds_up(story, second)


@pytest.mark.rule("SO-8")
async def test_what_arrives_beyond_the_order_is_free_stock_and_an_exception(story: Story) -> None:
    sku, order = await special_order(story)
    po = await story.purchase_order(order)

    await story.receive(po, 13)

    await story.pending_shipment(order, 10)
    stock = await story.client.get("inventory", "/v1/stock", sku=sku, warehouse=story.warehouse)
    assert (stock["data"][0]["on_hand"], stock["data"][0]["available"]) == ("13", "3")
    raised = await story.when(lambda: _exceptions(story, sku, "over_receipt"), "the exception")
    assert raised[0]["qty"] == "3"


async def _exceptions(story: Story, sku: str, kind: str, state: str = "open") -> list[dict[str, Any]]:
    rows = (
        await story.client.get(
            "purchasing", "/v1/exceptions", kind=kind, state=state, warehouse=story.warehouse
        )
    )["data"]
    return [row for row in rows if row["sku"] == sku]


@pytest.mark.rule("SO-9")
async def test_a_failed_inspection_is_quarantined_and_bought_again(story: Story) -> None:
    sku, order = await special_order(story)
    await story.receive(await story.purchase_order(order), 10)
    await story.pending_shipment(order, 10)

    await story.inspect(order, passed=8, failed=2)

    shipment = await story.pending_shipment(order, 8)
    await story.eventually(order, granted=8, backordered=2)
    stock = (await story.client.get("inventory", "/v1/stock", sku=sku, warehouse=story.warehouse))["data"][0]
    assert (stock["on_hand"], stock["quarantined"], stock["available"]) == ("10", "2", "0")
    replacement = await story.purchase_order(order, 2)
    assert [tie["qty"] for line in replacement["lines"] for tie in line["ties"]] == ["2"]

    await story.until(lambda: _can_be_picked(story, shipment), "the good ones may be picked")
    await story.ship(shipment)
    await story.receive(replacement, 2)
    await story.inspect(order, passed=2)
    rest = await story.pending_shipment(order, 2)
    await story.until(lambda: _can_be_picked(story, rest), "the replacement may be picked")
    await story.ship(rest)
    await story.becomes(order, state="filled")
    await adds_up(story, order)


@pytest.mark.rule("SHIP-3")
async def test_533_ordered_500_found_33_backordered_and_shipped_when_they_arrive(
    story: Story,
) -> None:  # BO-8
    await story.opens()
    gadget = await story.item("GADGET")
    await story.on_the_shelf(gadget, 533)
    order = await story.order(await story.customer(), (gadget, 533))
    shipment = await story.pending_shipment(order, 533)
    line = shipment["lines"][0]["shipment_line_id"]

    with pytest.raises(Problem) as question:
        await story.ship(shipment, {"shipment_line_id": line, "shipped": "500"})
    assert question.value.code == "short-ship-decision-required"
    await story.ship(shipment, {"shipment_line_id": line, "shipped": "500", "short": "backorder"})

    await story.eventually(order, shipped=500, granted=500, backordered=33, is_backordered=True)
    assert (await story.now(order))["is_backordered"] is True
    stock = (await story.client.get("inventory", "/v1/stock", sku=gadget, warehouse=story.warehouse))["data"][
        0
    ]
    assert stock["on_hand"] == "0"

    await story.on_the_shelf(gadget, 33)
    rest = await story.pending_shipment(order, 33)
    await story.eventually(order, granted=533, is_backordered=False)
    await story.ship(rest)

    await story.becomes(order, state="filled", is_backordered=False)
    finals = await story.when(lambda: _both_final(story, order), "two final invoices")
    assert [invoice["total"] for invoice in finals] == ["5000", "330"]


async def _both_final(story: Story, order: dict[str, Any]) -> list[dict[str, Any]] | None:
    found = await _invoices_in(story, order, "final")
    return found if len(found) == 2 else None


@pytest.mark.rule("BUY-2")
async def test_an_order_without_a_source_opens_and_is_bought_when_the_source_is_filled_in(
    story: Story,
) -> None:  # SO-2
    await story.opens()
    sku = await story.item("ORPHAN", special_order=True, vendor=False)
    order = await story.order(await story.customer(), (sku, 3))
    assert order["state"] == "open"
    (raised,) = await story.when(lambda: _exceptions(story, sku, "no_source"), "the exception")
    assert (raised["order_number"], raised["line_no"], raised["qty"]) == (order["number"], 1, "3")

    current = await story.now(order)
    await story.client.patch(
        "orders",
        f"/v1/sales-orders/{order['id']}/lines/1",
        current["version"],
        {"source": {"vendor": story.vendor}},
    )

    po = await story.purchase_order(order)
    assert po["lines"][0]["sku"] == sku
    await story.until(lambda: _no_exceptions(story, sku), "the exception is cleared")


async def _no_exceptions(story: Story, sku: str) -> bool:
    return not await _exceptions(story, sku, "no_source")


@pytest.mark.rule("BO-3")
async def test_twenty_orders_for_the_last_twelve_units_leave_exactly_the_right_winners(
    story: Story,
) -> None:  # BO-6
    await story.opens()
    sku = await story.item("LAST")
    await story.on_the_shelf(sku, 12)
    customer = await story.customer()

    opened = await asyncio.gather(*(story.order(customer, (sku, 1)) for _ in range(20)))

    async def first_come_first_served() -> list[dict[str, Any]] | None:
        # an order that ranks earlier may be heard later: what it takes of a later one is on its way for a moment
        orders = sorted(
            [await story.now(order) for order in opened],
            key=lambda order: (order["lines"][0]["ranked_at"], order["id"]),
        )
        granted = [order["lines"][0]["granted"] for order in orders]
        flags = [order["lines"][0]["is_backordered"] for order in orders]
        served = granted == ["1"] * 12 + ["0"] * 8 and flags == [False] * 12 + [True] * 8
        return orders[12:] if served else None

    waiting = await story.when(first_come_first_served, "the first twelve have one each")
    stock = (await story.client.get("inventory", "/v1/stock", sku=sku, warehouse=story.warehouse))["data"][0]
    assert (stock["on_hand"], stock["available"]) == ("12", "0")

    await story.on_the_shelf(sku, 8)
    for order in waiting:
        await story.eventually(order, granted=1, is_backordered=False)


@pytest.mark.rule("BUY-16")
async def test_a_cancelled_purchase_order_breaks_its_tie_and_the_request_is_open_again(story: Story) -> None:
    sku, order = await special_order(story)
    po = await story.purchase_order(order)
    await story.expected(po)

    await story.client.act(
        "purchasing", f"/v1/purchase-orders/{po['id']}/cancel", po["version"], {"reason": "vendor is out"}
    )

    await story.until(lambda: _special_is(story, order, "requested"), "the special order is requested again")
    requests = (await story.client.get("purchasing", "/v1/procurement-requests", order_id=order["id"]))[
        "data"
    ]
    assert [(row["sku"], row["qty"]) for row in requests] == [(sku, "10")]
    await adds_up(story, order)

    await story.client.post("purchasing", f"/v1/procurement-requests/{requests[0]['id']}/order", {})
    again = await story.purchase_order(order, 2)
    assert again["lines"][0]["ordered"] == "10"
    await story.receive(again, 10)
    await story.pending_shipment(order, 10)
    await adds_up(story, order)


@pytest.mark.rule("ORD-1")
async def test_a_cancelled_order_gives_back_what_is_not_shipped(story: Story) -> None:  # BO-7
    await story.opens()
    sku = await story.item("WIDGET")
    await story.on_the_shelf(sku, 10)
    customer = await story.customer()
    first = await story.order(customer, (sku, 10))
    await story.pending_shipment(first, 10)
    second = await story.order(customer, (sku, 4))
    await story.eventually(second, granted=0, backordered=4)

    current = await story.now(first)
    await story.client.act(
        "orders", f"/v1/sales-orders/{first['id']}/cancel", current["version"], {"reason": "changed mind"}
    )

    await story.becomes(first, state="cancelled")
    await story.eventually(second, granted=4, backordered=0)
    await story.pending_shipment(second, 4)
    assert await story.shipments(first, state="pending") == []


async def test_the_record_log_tells_who_did_what_and_why(story: Story) -> None:  # ORD-5
    _, order = await special_order(story)
    await story.receive(await story.purchase_order(order), 10)
    await story.eventually(order, granted=10)

    log = (await story.client.get("orders", f"/v1/sales-orders/{order['id']}/log", limit=200))["data"]

    assert log[0]["actor"] == "storyteller"
    assert all(entry["actor"] and entry["cause"] for entry in log)
    assert any("granted" in (entry["after"] or {}) for entry in log)


async def test_units_of_a_shipment_are_counted_once() -> None:
    assert units({"lines": [{"qty": "1.5"}, {"qty": "2"}]}) == Decimal("3.5")
