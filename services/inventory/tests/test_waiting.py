"""What stands at the head of the queue, what is filled by hand, and why a line waits (BO-1, BO-5, BO-14, BO-18)."""

from datetime import date
from typing import Any

import pytest

from services.inventory import handlers
from services.inventory.handlers.by_hand import NothingIsFree, NothingIsLacking, OnlyItsTie
from services.inventory.schemas import queue as schemas
from services.inventory.schemas import stock as stock_schemas
from services.inventory.tests.builders import answered, changed, opened, order_line, po_line, sent, tied
from services.inventory.tests.scene import Scene
from shared.contracts.orders import SalesOrderChanged
from shared.preferences import forget_kept
from shared.testing import Api, Bench


async def prefer(scene: Scene, chosen: str) -> None:
    await scene.bench.write("DELETE FROM preferences")
    await scene.bench.write(
        "INSERT INTO preferences (chosen, version) VALUES (CAST(:chosen AS jsonb), 1)", chosen=chosen
    )
    forget_kept()


OFF = '{"backorder_management": "off"}'
ON = '{"backorder_management": "on"}'
SKIP = '{"head_of_line": "skip"}'


async def queue(scene: Scene, *quantities: int, **other: Any) -> list[Any]:
    orders = [opened(order_line(qty, **other), at=n) for n, qty in enumerate(quantities)]
    await scene.orders(*orders)
    return orders


# --- head of line (BO-5) ----------------------------------------------------------------------------------------------


@pytest.mark.rule("BO-5")
async def test_stock_is_held_for_an_all_or_nothing_line_while_it_waits(scene: Scene) -> None:
    (whole,) = await queue(scene, 10, all_or_nothing=True)
    (behind,) = await queue(scene, 4)

    await scene.stocked(6)

    assert await scene.granted(whole, behind) == [6, 0]


@pytest.mark.rule("BO-5")
async def test_with_skip_the_queue_passes_it_over_until_its_whole_need_can_be_granted(scene: Scene) -> None:
    await prefer(scene, SKIP)
    (whole,) = await queue(scene, 10, all_or_nothing=True)
    (behind,) = await queue(scene, 4)

    await scene.stocked(6)
    assert await scene.granted(whole, behind) == [0, 4]
    await scene.stocked(7)
    assert await scene.granted(whole, behind) == [0, 4]
    await scene.stocked(1)

    assert await scene.granted(whole, behind) == [10, 4]
    assert await scene.questions() == []


@pytest.mark.rule("BO-5")
async def test_with_skip_a_line_that_was_granted_in_part_waits_for_its_whole_rest(scene: Scene) -> None:
    (order,) = await queue(scene, 10)
    await scene.stocked(4)
    await prefer(scene, SKIP)
    whole = order.model_copy(
        update={"version": 2, "lines": [order.lines[0].model_copy(update={"all_or_nothing": True})]}
    )
    await scene.orders(changed(whole, SalesOrderChanged, version=3))

    await scene.stocked(5)
    assert await scene.granted(order) == [4]
    await scene.stocked(1)

    assert await scene.granted(order) == [10]


@pytest.mark.rule("BO-5")
async def test_with_skip_an_all_or_nothing_line_takes_nothing_from_others(scene: Scene) -> None:
    await prefer(scene, SKIP)
    await scene.stocked(10)
    (holder,) = await queue(scene, 10)

    await scene.orders(opened(order_line(5, all_or_nothing=True), at=5, priority=9))

    assert await scene.questions() == []
    assert await scene.granted(holder) == [10]


# --- backorder management off (BO-14) ---------------------------------------------------------------------------------


@pytest.mark.rule("BO-14")
async def test_when_off_waiting_lines_are_not_filled_by_what_comes(scene: Scene) -> None:
    await prefer(scene, OFF)
    (order,) = await queue(scene, 10)

    await scene.stocked(8)

    assert await scene.granted(order) == [0]
    assert await scene.available() == 8
    await scene.bench.run(handlers.sweep, None, None)


@pytest.mark.rule("BO-14")
async def test_when_off_new_openings_get_only_what_the_waiting_need_leaves(scene: Scene) -> None:
    await prefer(scene, OFF)
    waiting = await queue(scene, 3, 4)
    await scene.stocked(10)

    fresh = opened(order_line(5), at=9, priority=7)
    await scene.orders(fresh)

    assert await scene.granted(*waiting, fresh) == [0, 0, 3]
    assert await scene.questions() == []
    await scene.bench.run(handlers.sweep, None, None)
    assert await scene.granted(*waiting, fresh) == [3, 2, 5]


@pytest.mark.rule("BO-14")
async def test_when_off_one_waiting_line_is_filled_by_hand_whoever_ranks_ahead(scene: Scene) -> None:
    await prefer(scene, OFF)
    first, second = await queue(scene, 6, 4)
    await scene.stocked(5)

    made = await scene.bench.run(handlers.allot_line, second.lines[0].line_id, 0)

    assert (int(made.qty), int(made.demand.granted)) == (4, 4)
    assert await scene.granted(first, second) == [0, 4]
    logged = await scene.bench.log("demand", second.lines[0].line_id)
    assert [(row.action, row.reason, row.actor) for row in logged] == [("allotted", "by hand", "tester")]
    assert [int(a.qty) for a in (await scene.last_standing(second)).allotments] == [4]
    await scene.bench.run(handlers.sweep, None, None)


@pytest.mark.rule("BO-14")
async def test_a_line_that_cannot_be_filled_by_hand_says_why(scene: Scene) -> None:
    await prefer(scene, OFF)
    (waiting, full, special) = (*await queue(scene, 6, 4), *await queue(scene, 3, special=True))
    with pytest.raises(NothingIsFree) as refused:
        await scene.bench.run(handlers.allot_line, waiting.lines[0].line_id, 0)
    assert (refused.value.facts["available"], refused.value.facts["lacking"]) == ("0", "6")
    await scene.stocked(4)
    await scene.bench.run(handlers.allot_line, full.lines[0].line_id, 0)

    with pytest.raises(NothingIsLacking):
        await scene.bench.run(handlers.allot_line, full.lines[0].line_id, 0)
    with pytest.raises(OnlyItsTie):
        await scene.bench.run(handlers.allot_line, special.lines[0].line_id, 0)


@pytest.mark.rule("BO-14")
async def test_switched_on_again_a_run_puts_the_queue_in_order(scene: Scene) -> None:
    await prefer(scene, OFF)
    first, second = await queue(scene, 6, 4)
    await scene.stocked(4)
    await scene.bench.run(handlers.allot_line, second.lines[0].line_id, 0)
    await prefer(scene, ON)

    await scene.bench.run(handlers.sweep, None, None)
    (question,) = await scene.questions()
    await scene.bench.hear(
        handlers.units_withdrawn, answered(question, [ask.wanted for ask in question.asks])
    )

    assert await scene.granted(first, second) == [4, 0]


# --- REST -------------------------------------------------------------------------------------------------------------


@pytest.fixture
async def shop(api_inventory: Api, db_inventory: Bench) -> Scene:
    """The same database behind the API."""
    scene = Scene(db_inventory)
    await scene.set_up()
    return scene


async def available(
    api: Api, *skus: str, priority: int = 0, warehouse: str = "MAIN"
) -> dict[str, tuple[str, str]]:
    wanted = "&".join(f"sku={sku}" for sku in skus)
    answer = await api.get(f"/v1/stock/availability?warehouse={warehouse}&priority={priority}&{wanted}")
    assert answer.status_code == 200, answer.text
    schemas.Availabilities.model_validate(answer.json())
    return {row["sku"]: (row["available"], row["takeable"]) for row in answer.json()["data"]}


@pytest.mark.rule("BO-1")
async def test_availability_says_what_is_free_and_what_a_priority_could_take(
    api_inventory: Api, shop: Scene
) -> None:
    await shop.stocked(10)
    await shop.stocked(3, "CHAIR")
    (order,) = await queue(shop, 6)
    await shop.orders(opened(order_line(4), at=5, priority=2))

    assert await available(api_inventory, "TABLE", "CHAIR", "GHOST") == {
        "CHAIR": ("3", "0"),
        "GHOST": ("0", "0"),
        "TABLE": ("0", "0"),
    }
    assert await available(api_inventory, "TABLE", priority=1) == {"TABLE": ("0", "6")}
    assert await available(api_inventory, "TABLE", priority=3) == {"TABLE": ("0", "10")}
    await shop.bench.write(
        "UPDATE allotments SET locked = true WHERE line_id = :id", id=order.lines[0].line_id
    )
    assert await available(api_inventory, "TABLE", priority=3) == {"TABLE": ("0", "4")}


@pytest.mark.rule("BO-14")
async def test_what_waiting_lines_need_is_not_available_while_nothing_is_filled_by_itself(
    api_inventory: Api, shop: Scene
) -> None:
    await prefer(shop, OFF)
    await queue(shop, 6)
    await shop.stocked(10)

    assert await available(api_inventory, "TABLE", priority=3) == {"TABLE": ("4", "0")}


@pytest.mark.rule("BO-1")
@pytest.mark.parametrize("priority", [1001, -1001, 2**31, -(2**63)])
async def test_availability_for_a_priority_that_no_order_can_have_is_refused(
    scene: Scene, api_inventory: Api, priority: int
) -> None:
    answer = await api_inventory.get(f"/v1/stock/availability?warehouse=MAIN&sku=TABLE&priority={priority}")

    assert answer.status_code == 422
    assert "priority" in answer.text


async def test_availability_outside_the_callers_warehouses_is_not_there(
    api_inventory: Api, shop: Scene
) -> None:
    east = api_inventory.as_(scopes=["orders:write"], warehouses=["EAST"])

    assert (await east.get("/v1/stock/availability?warehouse=MAIN&sku=TABLE")).status_code == 404
    assert (await east.get("/v1/stock/availability?warehouse=EAST&sku=TABLE")).status_code == 200
    many = "&".join(f"sku=S{n}" for n in range(101))
    assert (await east.get(f"/v1/stock/availability?warehouse=EAST&{many}")).status_code == 422


async def why(api: Api, order: Any) -> dict[str, Any]:
    answer = await api.get(f"/v1/demand/{order.lines[0].line_id}/explain")
    assert answer.status_code == 200, answer.text
    schemas.Explanation.model_validate(answer.json())
    return {reason["code"]: reason for reason in answer.json()["reasons"]}


@pytest.mark.rule("BO-18")
async def test_a_waiting_line_is_told_who_ranks_ahead_what_is_held_what_comes_and_what_is_missing(
    api_inventory: Api, shop: Scene
) -> None:
    special = opened(order_line(5, special=True), at=0)
    await shop.orders(special)
    po = sent(po_line(5, tied(special, 5)))
    await shop.buys(po)
    await shop.receives(po, {1: 5})
    await shop.stocked(8)
    holder, first = await queue(shop, 8, 6)
    await shop.buys(sent(po_line(10, expected_on=date(2026, 4, 1))))
    other = opened(order_line(3, special=True), at=1)
    await shop.orders(other)
    await shop.buys(sent(po_line(3, tied(other, 3), expected_on=date(2026, 4, 2))))
    last = opened(order_line(9), at=9)
    await shop.orders(last)

    told = await why(api_inventory, last)

    assert list(told) == ["granted", "ranks_ahead", "held", "incoming", "missing"]
    assert (told["ranks_ahead"]["qty"], told["ranks_ahead"]["parts"][0]["order_number"]) == (
        "6",
        first.number,
    )
    assert told["ranks_ahead"]["parts"][0]["what"] == "opened_earlier"
    assert [(p["what"], p["qty"], p["order_number"]) for p in told["held"]["parts"]] == [
        ("holds", "8", holder.number),
        ("pegged_to", "5", special.number),
    ]
    assert [
        (p["what"], p["qty"], p["expected_on"], p["order_number"]) for p in told["incoming"]["parts"]
    ] == [
        ("untied", "10", "2026-04-01", None),
        ("tied_to", "3", "2026-04-02", other.number),
    ]
    assert told["missing"]["qty"] == "5"


@pytest.mark.rule("BO-18")
async def test_what_is_locked_and_what_is_asked_for_is_told_with_the_lines_that_hold_it(
    api_inventory: Api, shop: Scene
) -> None:
    await shop.stocked(10)
    first, second = await queue(shop, 5, 5)
    vip = opened(order_line(7), at=9, priority=1)
    await shop.orders(vip)
    (question,) = await shop.questions()
    assert [(reason["qty"], reason["parts"][0]["order_number"]) for reason in (
        (await why(api_inventory, vip))["asked_for"], (await why(api_inventory, second))["being_asked_back"]
    )] == [("7", first.number), ("5", vip.number)]  # fmt: skip

    await shop.bench.hear(handlers.units_withdrawn, answered(question, [0, 2]))

    told = await why(api_inventory, vip)
    assert (told["locked"]["qty"], told["locked"]["parts"][0]["order_number"]) == ("5", second.number)
    assert told["asked_for"]["qty"] == "3"


@pytest.mark.rule("BO-18")
async def test_a_special_line_waits_for_its_tie_alone(api_inventory: Api, shop: Scene) -> None:
    await shop.stocked(10)
    special = opened(order_line(5, special=True), at=0)
    await shop.orders(special)
    await shop.buys(sent(po_line(8, tied(special, 3))))

    told = await why(api_inventory, special)

    assert list(told) == ["granted", "waits_for_its_tie", "incoming", "missing"]
    assert [(p["what"], p["qty"]) for p in told["incoming"]["parts"]] == [("tied_here", "3"), ("untied", "5")]
    assert told["missing"]["qty"] == "2"


async def test_a_line_of_another_warehouse_is_not_explained(api_inventory: Api, shop: Scene) -> None:
    (order,) = await queue(shop, 5)
    east = api_inventory.as_(warehouses=["EAST"])

    assert (await east.get(f"/v1/demand/{order.lines[0].line_id}/explain")).status_code == 404
    answer = await east.post(f"/v1/demand/{order.lines[0].line_id}/allot", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-demand")


@pytest.mark.rule("BO-14")
async def test_a_line_is_filled_by_hand_over_rest(api_inventory: Api, shop: Scene) -> None:
    await prefer(shop, OFF)
    (order,) = await queue(shop, 5)
    await shop.stocked(3)

    answer = await api_inventory.post(f"/v1/demand/{order.lines[0].line_id}/allot", json={"component": 0})

    assert answer.status_code == 200
    schemas.AllottedLine.model_validate(answer.json())
    assert (answer.json()["allotted"], answer.json()["lacking"]) == ("3", "2")


@pytest.mark.rule("BO-12")
async def test_a_loss_that_is_being_asked_for_can_be_followed(api_inventory: Api, shop: Scene) -> None:
    await shop.stocked(5)
    await queue(shop, 5)
    made = await api_inventory.post(
        "/v1/stock/adjustments", json={"sku": "TABLE", "warehouse": "MAIN", "qty": "-2", "reason": "broken"}
    )
    assert (made.status_code, made.json()["state"], made.json()["asking"]) == (201, "asking", "2")
    (question,) = await shop.questions()

    await shop.bench.hear(handlers.units_withdrawn, answered(question, [1]))

    shown = await api_inventory.get(f"/v1/stock/adjustments/{made.json()['id']}?wait=1")
    stock_schemas.AdjustmentListed.model_validate(shown.json())
    assert [shown.json()[name] for name in ("state", "booked", "refused")] == ["done", "-1", "1"]
    east = api_inventory.as_(warehouses=["EAST"])
    assert (await east.get(f"/v1/stock/adjustments/{made.json()['id']}")).status_code == 404


@pytest.mark.rule("BO-16")
async def test_an_items_demand_is_listed_in_rank_order_and_sums_to_the_figure_shown(
    api_inventory: Api, shop: Scene
) -> None:
    await shop.stocked(7)
    first, second, special = opened(order_line(6), at=1), opened(order_line(4), at=2), opened(
        order_line(3, special=True), at=3
    )  # fmt: skip
    vip = opened(order_line(2), at=9, priority=1)
    await shop.orders(first, second, special, vip)

    sort = "-priority,ranked_at,order,line_no,component"
    rows = (await api_inventory.get(f"/v1/demand?sku=TABLE&warehouse=MAIN&sort={sort}")).json()["data"]

    assert [row["order_number"] for row in rows] == [o.number for o in (vip, first, second, special)]
    figures = (await api_inventory.get("/v1/stock/TABLE/MAIN")).json()
    assert sum(int(row["open"]) for row in rows) == int(figures["demand"]) == 15
    assert sum(int(row["backordered"]) for row in rows) == int(figures["backordered"]) == 8
