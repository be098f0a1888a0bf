"""Stories in which somebody changes their mind, holds, cancels or competes, over all five services."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from deploy.cli.client import Problem
from tests.integration.story import Story, units
from tests.integration.test_main_chain import _special_is, adds_up, special_order


async def stock_of(story: Story, sku: str) -> dict[str, Any]:
    """The item's figures in the story's warehouse."""
    found: dict[str, Any] = (
        await story.client.get("inventory", "/v1/stock", sku=sku, warehouse=story.warehouse)
    )["data"][0]
    return found


async def cancel_line(story: Story, order: dict[str, Any], line_no: int = 1, qty: int | None = None) -> None:
    """The customer does not want a line, or a part of it, any more."""
    current = await story.now(order)
    body = {"reason": "changed mind"} | ({} if qty is None else {"qty": str(qty)})
    await story.client.act(
        "orders", f"/v1/sales-orders/{order['id']}/lines/{line_no}/cancel", current["version"], body
    )


@pytest.mark.rule("BO-8")
async def test_25_ordered_20_there_become_two_linked_lines_and_the_rest_ships_when_it_comes(
    story: Story,
) -> None:
    await story.opens()
    book = await story.item("TEXTBOOK")
    await story.on_the_shelf(book, 20)
    order = await story.order(await story.customer(), (book, 25))

    await story.eventually(order, 1, ordered=20, granted=20, is_backordered=False)
    twin = await story.eventually(order, 2, ordered=5, granted=0, is_backordered=True)
    assert twin["parent_line_no"] == 1
    assert (await story.now(order))["is_backordered"] is True
    await story.ship(await story.pending_shipment(order, 20))

    await story.on_the_shelf(book, 3)
    await story.pending_shipment(order, 3)
    await story.on_the_shelf(book, 2)
    rest = await story.pending_shipment(order, 5)
    await story.eventually(order, 2, granted=5, is_backordered=False)
    await story.ship(rest)
    await story.becomes(order, state="filled", is_backordered=False)


@pytest.mark.rule("BO-6")
async def test_what_arrives_goes_to_priority_first_then_to_who_came_first(story: Story) -> None:  # ORD-3 BO-7
    await story.opens()
    sku = await story.item("SCARCE")
    customer = await story.customer()
    first, second, third = [await story.order(customer, (sku, 10)) for _ in range(3)]
    for order in (first, second, third):
        await story.eventually(order, backordered=10)
    current = await story.now(third)
    raised = await story.client.patch(
        "orders",
        f"/v1/sales-orders/{third['id']}",
        current["version"],
        {"priority": 9, "reason": "key account"},
    )
    assert raised["reminder"]

    async def ranked() -> bool:
        rows = (await story.client.get("inventory", "/v1/demand", sku=sku, warehouse=story.warehouse))["data"]
        return any(row["order_id"] == third["id"] and row["priority"] == 9 for row in rows)

    await story.until(ranked, "inventory ranks by the new priority")
    await story.on_the_shelf(sku, 15)

    await story.eventually(third, granted=10)
    await story.eventually(first, granted=5)
    await story.eventually(second, granted=0)
    demand = (await story.client.get("inventory", "/v1/demand", sku=sku, warehouse=story.warehouse))["data"]
    figures = await stock_of(story, sku)
    assert sum(Decimal(row["open"]) for row in demand) == Decimal(figures["demand"]) == 30  # BO-16


@pytest.mark.rule("ORD-6")
async def test_a_credit_hold_grants_but_releases_and_buys_nothing_until_it_is_lifted(story: Story) -> None:
    await story.opens()
    stocked = await story.item("WIDGET")
    special = await story.item("SPECIAL", special_order=True)
    await story.on_the_shelf(stocked, 5)
    customer = await story.customer(credit_hold=True)

    order = await story.order(customer, (stocked, 5), (special, 2))
    await story.eventually(order, 1, granted=5)

    async def held() -> list[dict[str, Any]]:
        rows = (
            await story.client.get(
                "purchasing", "/v1/exceptions", kind="credit_hold", state="open", order_id=order["id"]
            )
        )["data"]
        return list(rows)

    (exception,) = await story.when(held, "the exception")
    assert (exception["sku"], exception["qty"]) == (special, "2")
    assert await story.shipments(order) == []
    assert (await story.now(order))["credit_hold"] is True

    known = await story.client.get("orders", f"/v1/customers/{customer}")
    await story.client.patch(
        "orders", f"/v1/customers/{customer}", known["version"], {"credit_hold": False, "reason": "paid"}
    )
    await story.pending_shipment(order, 5)
    po = await story.purchase_order(order)
    assert po["lines"][0]["sku"] == special
    await story.until(lambda: _empty(held), "the exception is cleared")


async def _empty(look: Any) -> bool:
    return not await look()


@pytest.mark.rule("ORD-6")
async def test_for_a_customer_without_backorders_a_shortage_is_cancelled(story: Story) -> None:
    await story.opens()
    sku = await story.item("WIDGET")
    await story.on_the_shelf(sku, 6)

    order = await story.order(await story.customer(no_backorders=True), (sku, 10))

    await story.eventually(order, granted=6, cancelled=4, backordered=0, is_backordered=False)
    await story.ship(await story.pending_shipment(order, 6))
    await story.becomes(order, state="filled")


@pytest.mark.rule("BUY-16")
async def test_a_special_line_cancelled_after_its_purchase_was_sent_leaves_a_task_and_free_goods(
    story: Story,
) -> None:
    sku, order = await special_order(story)
    po = await story.purchase_order(order)
    await story.receive(po, 4)
    await story.pending_shipment(order, 4)

    await cancel_line(story, order)

    await story.becomes(order, state="cancelled")
    await story.until(lambda: _special_is(story, order, "cancelled"), "the special order is cancelled")
    figures = await stock_of(story, sku)
    assert (figures["on_hand"], figures["available"], figures["pegged"]) == ("4", "4", "0")

    async def tasks() -> list[dict[str, Any]]:
        return list((await story.client.get("purchasing", "/v1/tasks", po_id=po["id"], state="open"))["data"])

    assert await story.when(tasks, "a task for the buyer")
    await story.receive(po, 6)
    assert (await stock_of(story, sku))["available"] == "10"
    assert await story.shipments(order, state="pending") == []
    await adds_up(story, order)


@pytest.mark.rule("ORD-1")
async def test_what_is_being_picked_is_not_cancelled_until_it_is_unpicked(story: Story) -> None:  # SHIP-1
    await story.opens()
    sku = await story.item("WIDGET")
    await story.on_the_shelf(sku, 8)
    order = await story.order(await story.customer(), (sku, 8))
    shipment = await story.pending_shipment(order, 8)
    picked = await story.client.act("shipping", f"/v1/shipments/{shipment['id']}/pick", shipment["version"])

    await cancel_line(story, order, qty=3)
    line = await story.eventually(order, cancelled=0, granted=8)
    assert line["is_cancelling"] is True

    await story.client.act("shipping", f"/v1/shipments/{shipment['id']}/unpick", picked["version"])
    await story.eventually(order, cancelled=3, granted=5, is_cancelling=False)
    await story.ship(await story.pending_shipment(order, 5))
    await story.becomes(order, state="filled")
    assert (await stock_of(story, sku))["available"] == "3"


@pytest.mark.rule("SHIP-1")
async def test_a_void_gives_its_units_back_and_blocks_release_until_released_by_hand(story: Story) -> None:
    await story.opens()
    sku = await story.item("WIDGET")
    await story.on_the_shelf(sku, 8)
    order = await story.order(await story.customer(), (sku, 8))
    shipment = await story.pending_shipment(order, 8)

    await story.client.act(
        "shipping", f"/v1/shipments/{shipment['id']}/void", shipment["version"], {"reason": "damaged box"}
    )

    await story.eventually(order, granted=8, release_blocked=True)
    assert await story.shipments(order, state="pending") == []
    (invoice,) = await story.invoices(order)
    assert invoice["state"] == "void"

    current = await story.now(order)
    await story.client.act("orders", f"/v1/sales-orders/{order['id']}/release", current["version"], {})
    await story.ship(await story.pending_shipment(order, 8))
    await story.becomes(order, state="filled")


@pytest.mark.rule("SO-10")
async def test_what_was_bought_for_one_customer_is_nobody_elses(story: Story) -> None:  # SO-5
    sku, order = await special_order(story, 5)
    rival_sku = sku
    rival = await story.order(
        await story.customer("RIVAL"), {"sku": rival_sku, "qty": "5", "special_order": False}, priority=0
    )
    await story.eventually(rival, backordered=5)

    await story.receive(await story.purchase_order(order), 5)

    await story.eventually(order, granted=5)
    await story.eventually(rival, granted=0, backordered=5)
    await story.on_the_shelf(sku, 5)
    await story.eventually(rival, granted=5)


@pytest.mark.rule("SO-8")
async def test_a_complete_order_waits_for_its_special_line(story: Story) -> None:
    await story.opens()
    stocked = await story.item("WIDGET")
    special = await story.item("SPECIAL", special_order=True)
    await story.on_the_shelf(stocked, 5)
    order = await story.order(await story.customer(), (stocked, 5), (special, 10), ship_type="complete")
    await story.eventually(order, 1, granted=5)
    po = await story.purchase_order(order)

    await story.receive(po, 6)
    await story.eventually(order, 2, granted=6, backordered=4)
    assert await story.shipments(order) == []

    await story.receive(po, 4)
    shipment = await story.pending_shipment(order, 15)
    assert units(shipment) == 15


@pytest.mark.rule("SO-2")
async def test_a_batch_of_orders_is_opened_bought_and_each_refusal_stands_alone(story: Story) -> None:
    await story.opens()
    sku = await story.item("SPECIAL", special_order=True)
    customer = await story.customer()
    good = {
        "customer": customer,
        "warehouse": story.warehouse,
        "open": True,
        "lines": [{"sku": sku, "qty": "2"}],
    }
    bad = {**good, "lines": [{"sku": "NO-SUCH-ITEM", "qty": "1"}]}

    answer = await story.client.post(
        "orders", "/v1/sales-orders/batch", {"orders": [*[good] * 20, bad, *[good] * 20]}
    )

    assert (answer["created"], answer["refused"]) == (40, 1)
    assert answer["results"][20]["problem"]["code"] == "unknown-item"
    opened = [result["order"] for result in answer["results"] if result["order"]]
    pos = {(await story.purchase_order(order))["id"] for order in opened}
    for po_id in pos:
        po = await story.client.get("purchasing", f"/v1/purchase-orders/{po_id}")
        await story.receive(po, *[line["ordered"] for line in po["lines"]])
    for order in opened:
        await story.pending_shipment(order, 2)


async def test_a_cancellation_and_a_receipt_at_once_end_alike_whoever_is_first(
    story: Story,
) -> None:  # SO-8 BUY-16
    for _ in range(4):
        sku, order = await special_order(story, 10)
        po = await story.purchase_order(order)
        await story.expected(po)

        await asyncio.gather(cancel_line(story, order, qty=6), story.receive(po, 10))

        await story.eventually(order, cancelled=6, granted=4, backordered=0)
        await story.pending_shipment(order, 4)
        figures = await stock_of(story, sku)
        assert (figures["on_hand"], figures["available"], figures["pegged"]) == ("10", "6", "4")
        await adds_up(story, order)
        story.mark = f"{story.mark}X"
        story.warehouse, story.vendor = story.code("WH"), story.code("VENDOR")


async def test_a_buyer_cannot_ship_and_a_branch_sees_only_its_own(story: Story) -> None:
    _, order = await special_order(story)
    stranger = story.as_(warehouses=["ELSEWHERE"])
    with pytest.raises(Problem) as unseen:
        await stranger.client.get("orders", f"/v1/sales-orders/{order['id']}")
    assert unseen.value.document["status"] == 404
    reader = story.as_(scopes=["shipping:read"])
    with pytest.raises(Problem) as forbidden:
        await reader.client.get("orders", f"/v1/sales-orders/{order['id']}")
    assert forbidden.value.document["status"] == 403
    await stranger.client.aclose()
    await reader.client.aclose()


async def test_an_inspection_notice_reaches_the_live_stream(story: Story) -> None:  # NOTE-1 NOTE-3
    _, order = await special_order(story)
    po = await story.purchase_order(order)
    heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def listen() -> None:
        async for line in story.client.stream("notifications", "/v1/notices/stream?after=0"):
            if line.startswith("data:") and po["number"] in line:
                heard.set_result(line)
                return

    listening = asyncio.create_task(listen())
    await story.receive(po, 10)
    assert "inspection" in await asyncio.wait_for(heard, 15)
    await asyncio.wait_for(listening, 5)


@pytest.mark.rule("SO-5")
@pytest.mark.rule("SO-14")
async def test_stock_instead_frees_tie_and_peg_and_what_comes_back_is_credited(story: Story) -> None:
    await story.opens()
    sku = await story.item("LAMP", special_order=True)
    order = await story.order(await story.customer(), (sku, 10))
    po = await story.purchase_order(order)
    await story.receive(po, 4)
    await story.eventually(order, granted=4, backordered=6)
    await story.on_the_shelf(sku, 10)

    why = {"reason": "the customer needs them today"}
    await story.client.post("orders", f"/v1/sales-orders/{order['id']}/lines/1/use-stock", why)

    async def is_untied() -> bool:
        found = await story.client.get("purchasing", f"/v1/purchase-orders/{po['id']}")
        tasks = (await story.client.get("purchasing", "/v1/tasks", po_id=po["id"]))["data"]
        (tie,) = found["lines"][0]["ties"]
        return tie["open"] == "0" and [task["qty"] for task in tasks] == ["6"]

    async def is_all_from_stock() -> bool:
        tickets = (await story.trace(order))["allotments"]
        return {ticket["origin"] for ticket in tickets if Decimal(ticket["granted"])} == {"stock"}

    await story.until(is_untied, "the tie is broken, with a task")
    await story.until(is_all_from_stock, "the peg is freed")
    shipment = await story.pending_shipment(order, 10)
    assert [line["uninspected"] for line in shipment["lines"]] == ["0"]
    await story.ship(shipment)
    await story.becomes(order, state="filled")
    assert (await stock_of(story, sku))["on_hand"] == "4"

    line = await story.line(order)
    back = {"sku": sku, "warehouse": story.warehouse, "qty": "2", "to": "stock", "line_id": line["line_id"]}
    await story.client.post("inventory", "/v1/customer-returns", {**back, "reason": "two were too many"})

    async def credited() -> dict[str, Any] | None:
        notes = await story.client.get("orders", "/v1/invoices", order_id=order["id"], kind="credit_note")
        return notes["data"][0] if notes["data"] else None

    note = await story.when(credited, "the credit note")
    assert (note["state"], note["total"], note["shipment_number"]) == ("final", "20", None)
    await adds_up(story, order)
