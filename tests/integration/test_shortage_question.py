"""The shortage question over all five services: asked with fresh figures, answered, and decided again under lock."""

import asyncio
from typing import Any

import pytest

from deploy.cli.client import Problem
from tests.integration.story import Story


async def scene(story: Story, on_the_shelf: int, **terms: Any) -> tuple[str, str]:
    """An item with some stock, and a customer who has no answer of its own."""
    await story.opens()
    sku = await story.item("TEXTBOOK")
    if on_the_shelf:
        await story.on_the_shelf(sku, on_the_shelf)
    return sku, await story.customer(**{"shortage_answer": None, **terms})


async def question(story: Story, customer: str, *lines: Any, **head: Any) -> dict[str, Any]:
    """The question that is put to an order."""
    with pytest.raises(Problem) as put:
        await story.order(customer, *lines, **head)
    assert put.value.code == "shortage-decision-required", put.value
    return put.value.document


@pytest.mark.rule("BO-1")
@pytest.mark.rule("BO-2")
async def test_25_wanted_20_there_is_a_question_and_yes_ships_20_now_and_5_when_they_come(
    story: Story,
) -> None:
    sku, customer = await scene(story, 20)
    put = await question(story, customer, (sku, 25))
    assert [(row["qty"], row["available"], row["options"]) for row in put["lines"]] == [
        ("25", "20", ["split", "backorder_line"])
    ]

    order = await story.order(customer, {"sku": sku, "qty": "25", "shortage": "split"})
    assert [(line["ordered"], line["is_backordered"]) for line in order["lines"]] == [
        ("20", False),
        ("5", True),
    ]

    await story.eventually(order, 1, granted=20, released=20, is_backordered=False)
    await story.eventually(order, 2, granted=0, backordered=5, is_backordered=True)
    await story.ship(await story.pending_shipment(order, 20))
    await story.on_the_shelf(sku, 5)
    await story.ship(await story.pending_shipment(order, 5))
    await story.becomes(order, state="filled", is_backordered=False)


@pytest.mark.rule("BO-1")
@pytest.mark.rule("BO-5")
async def test_no_holds_the_20_until_all_25_are_there_and_ships_them_together(story: Story) -> None:
    sku, customer = await scene(story, 20)

    order = await story.order(customer, {"sku": sku, "qty": "25", "shortage": "backorder_line"})
    await story.eventually(order, granted=20, released=0, backordered=5, is_backordered=True)
    # what is held for it is nobody else's
    assert not await available(story, sku)
    await story.on_the_shelf(sku, 5)

    await story.eventually(order, granted=25, released=25, is_backordered=False)
    await story.ship(await story.pending_shipment(order, 25))
    await story.becomes(order, state="filled")


async def available(story: Story, sku: str) -> bool:
    """Whether anything of the item is free."""
    found = await story.client.get("inventory", "/v1/stock/availability", sku=sku, warehouse=story.warehouse)
    return bool(found["data"][0]["available"] != "0")


@pytest.mark.rule("BO-2")
@pytest.mark.rule("BO-3")
async def test_two_orders_of_20_that_were_both_shown_20_leave_exactly_one_waiting_and_nobody_is_asked_again(
    story: Story,
) -> None:
    sku, customer = await scene(story, 20)

    first, second = await asyncio.gather(
        *(story.order(customer, {"sku": sku, "qty": "20", "shortage": "split"}) for _ in range(2))
    )

    async def one_waits() -> bool:
        orders = [await story.now(first), await story.now(second)]
        granted = sorted(sum(float(line["granted"]) for line in order["lines"]) for order in orders)
        flags = sorted(any(line["is_backordered"] for line in order["lines"]) for order in orders)
        return granted == [0, 20] and flags == [False, True]

    await story.until(one_waits, "one has all 20, the other one waits")


@pytest.mark.rule("BO-2")
async def test_less_than_was_shown_moves_to_the_twin(story: Story) -> None:
    sku, customer = await scene(story, 20)
    draft = await story.order(customer, {"sku": sku, "qty": "25", "shortage": "split"}, open=False)

    # both are shown 20; the one that inventory hears first has 8 of them
    rival, order = await asyncio.gather(
        story.order(customer, (sku, 8)),
        story.client.post("orders", f"/v1/sales-orders/{draft['id']}/open", {}),
    )

    async def divided() -> bool:
        (other,) = (await story.now(rival))["lines"]
        first, twin = (await story.now(order))["lines"]
        lacks = int(first["ordered"]) - int(first["granted"])
        # the rival opened a moment earlier and was heard a moment later: what rank takes (BO-6) of a line that had all
        # it was shown, and so is decided, waits where it was
        taken = lacks == 8 and other["ranked_at"] < first["ranked_at"]
        whole = int(first["ordered"]) + int(twin["ordered"]) == 25
        return (not lacks or taken) and twin["is_backordered"] and whole

    await story.until(divided, "the first line has what it wants, the twin waits for the rest of 25")


@pytest.mark.rule("BO-2")
async def test_a_customers_answer_answers_by_itself_and_nothing_there_is_no_question(story: Story) -> None:
    sku, asked = await scene(story, 20)
    decided = await story.customer("DECIDED", shortage_answer="backorder_line")

    whole = await story.order(decided, (sku, 25))
    await story.eventually(whole, granted=20, released=0)
    nothing = await story.order(asked, (sku, 5))

    assert [(line["ordered"], line["all_or_nothing"]) for line in whole["lines"]] == [("25", True)]
    assert [(line["ordered"], line["is_backordered"]) for line in nothing["lines"]] == [("5", True)]
    assert not nothing["lines"][0]["all_or_nothing"]


@pytest.mark.rule("BO-4")
async def test_an_increase_asks_and_a_decrease_takes_the_backordered_part_first(story: Story) -> None:
    sku, customer = await scene(story, 12)
    order = await story.order(customer, (sku, 10))
    await story.eventually(order, granted=10)
    now = await story.now(order)
    path = f"/v1/sales-orders/{order['id']}/lines/1"

    with pytest.raises(Problem) as put:
        await story.client.patch("orders", path, now["version"], {"qty": "15"})
    more = await story.client.patch("orders", path, now["version"], {"qty": "15", "shortage": "split"})
    assert put.value.code == "shortage-decision-required"
    assert put.value.document["lines"][0]["available"] == "2"
    assert [line["ordered"] for line in more["lines"]] == ["10", "2", "3"]
    await story.eventually(more, 2, granted=2)
    await story.eventually(more, 3, is_backordered=True)
    current = await story.now(order)

    await story.client.patch(
        "orders", f"/v1/sales-orders/{order['id']}/lines/2", current["version"], {"qty": "1"}
    )

    # the 3 that wait were split off line 2: one of them goes, nothing that was granted
    await story.eventually(order, 3, cancelled=1, backordered=2)
    await story.eventually(order, 2, cancelled=0, granted=2)


@pytest.mark.rule("BO-18")
async def test_why_a_line_waits_is_told_by_both_who_know(story: Story) -> None:
    sku, customer = await scene(story, 20)
    first = await story.order(customer, (sku, 20))
    await story.eventually(first, granted=20)
    order = await story.order(customer, (sku, 5), ship_type="complete")
    await story.eventually(order, is_backordered=True)

    found = await story.client.get("orders", f"/v1/sales-orders/{order['id']}/lines/1/explain")

    assert found["inventory"] == "answered"
    reasons = {row["reason"]: row for row in found["reasons"] if row["by"] == "inventory"}
    assert any(
        part.get("order_number") == first["number"]
        for row in reasons.values()
        for part in row["details"].get("parts", [])
    ), found
    assert any(row["qty"] == "5" for row in reasons.values()), found
