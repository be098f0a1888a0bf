"""Stock counts on the real database: the difference is booked once, whoever the units belong to."""

from decimal import Decimal
from typing import Any

import pytest

from services.inventory import handlers
from services.inventory.domain.adjustment import MoreThanIsFree, NotInventoried, TooPrecise
from services.inventory.domain.counting import CountedOtherwise, StockCount, WantedCount
from services.inventory.handlers.items import UnknownItem, UnknownWarehouse
from services.inventory.tests.builders import answered, left, opened, order_line
from services.inventory.tests.scene import Scene
from shared.auth import Principal, Scope
from shared.testing import ALL_SCOPES, Api


async def counted(scene: Scene, qty: object, sku: str = "TABLE", reference: str | None = None) -> StockCount:
    """Somebody counts MAIN."""
    wanted = WantedCount(sku, "MAIN", Decimal(str(qty)), "cycle count", reference)
    return await scene.bench.run(handlers.count_stock, wanted)


async def booked(scene: Scene) -> list[tuple[str, int]]:
    """The adjustments so far."""
    rows = await scene.bench.sql("SELECT kind, qty FROM stock_ledger ORDER BY id")
    return [(row.kind, int(row.qty)) for row in rows]


@pytest.mark.rule("BO-7")
async def test_more_than_the_books_hold_is_found_and_fills_who_waits(scene: Scene) -> None:
    await scene.stocked(5)
    order = opened(order_line(8))
    await scene.orders(order)

    count = await counted(scene, 7)

    assert (int(count.expected), int(count.counted), int(count.discrepancy)) == (5, 7, 2)
    assert await scene.granted(order) == [7]
    assert await booked(scene) == [("adjustment", 5), ("adjustment", 2)]
    (entry,) = await scene.bench.log("stock-count", count.id)
    assert (entry.before["expected"], entry.after["counted"], entry.reason) == ("5", "7", "cycle count")


async def test_a_count_that_agrees_books_nothing(scene: Scene) -> None:
    await scene.stocked(5)

    count = await counted(scene, 5)

    assert (count.adjustment_id, int(count.discrepancy)) == (None, 0)
    assert await booked(scene) == [("adjustment", 5)]
    assert len(await scene.bench.log("stock-count", count.id)) == 1


async def test_units_of_a_shipment_that_has_not_left_are_there_and_shipped_ones_are_not(scene: Scene) -> None:
    await scene.stocked(10)
    order = opened(order_line(6))
    await scene.orders(order)
    (ticket,) = await scene.told_tickets(order)
    assert (await counted(scene, 10)).discrepancy == 0

    await scene.bench.hear(handlers.shipment_shipped, left(ticket, 6, 6))

    assert (await counted(scene, 4)).discrepancy == 0


@pytest.mark.rule("BO-12")
async def test_fewer_than_the_books_hold_takes_free_units_first(scene: Scene) -> None:
    await scene.stocked(10)
    order = opened(order_line(6))
    await scene.orders(order)

    count = await counted(scene, 7)

    assert int(count.discrepancy) == -3
    assert await scene.stock() == {"on_hand": 7, "allotted": 6, "pegged": 0, "quarantined": 0}


@pytest.mark.rule("BO-12")
async def test_a_loss_that_still_asks_is_not_booked_again_by_a_second_count(scene: Scene) -> None:
    await scene.stocked(10)
    order = opened(order_line(10))
    await scene.orders(order)
    first = await counted(scene, 8)

    second = await counted(scene, 8)

    assert (int(first.discrepancy), int(second.discrepancy), second.adjustment_id) == (-2, 0, None)
    (question,) = await scene.questions()
    assert question.reason == "loss"
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [2]))
    assert await scene.stock() == {"on_hand": 8, "allotted": 8, "pegged": 0, "quarantined": 0}
    assert (await counted(scene, 8)).discrepancy == 0


async def test_a_reference_counts_once_and_means_one_count(scene: Scene) -> None:
    await scene.stocked(5)

    first = await counted(scene, 7, reference="c-1")
    again = await counted(scene, 7, reference="c-1")

    assert first == again
    assert await booked(scene) == [("adjustment", 5), ("adjustment", 2)]
    with pytest.raises(CountedOtherwise):
        await counted(scene, 9, reference="c-1")


@pytest.mark.parametrize(
    ("sku", "qty", "refusal"),
    [("GHOST", 1, UnknownItem), ("VISIT", 1, NotInventoried), ("TABLE", "1.5", TooPrecise)],
)
async def test_what_cannot_lie_on_a_shelf_is_not_counted(
    scene: Scene, sku: str, qty: object, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        await counted(scene, qty, sku)


async def test_a_warehouse_of_others_is_not_there(scene: Scene) -> None:
    scene.bench.principal = Principal("east", ALL_SCOPES, Scope(frozenset({"EAST"})))

    with pytest.raises(UnknownWarehouse):
        await counted(scene, 5)


async def test_a_refused_loss_leaves_no_count_behind(scene: Scene) -> None:
    await scene.stocked(3)
    await scene.bench.write("UPDATE stock SET quarantined = 3")

    with pytest.raises(MoreThanIsFree):
        await counted(scene, 1)

    assert await scene.bench.sql("SELECT * FROM stock_counts") == []
    await scene.bench.write("UPDATE stock SET quarantined = 0")


# --- REST ---


@pytest.fixture
async def api(api_inventory: Api, scene: Scene) -> Api:
    """The scene's shop over REST."""
    return api_inventory


async def _post(api: Api, **given: Any) -> Any:
    body = {"sku": "TABLE", "warehouse": "MAIN", "counted": "7", "reason": "cycle count"} | given
    return await api.post("/v1/stock-counts", json=body)


async def test_counts_over_rest_are_made_listed_and_read(api: Api) -> None:
    made = await _post(api)
    await _post(api)
    elsewhere = await _post(api, warehouse="EAST", counted="0")

    assert (made.status_code, made.json()["discrepancy"], made.json()["number"][:3]) == (201, "7", "SC-")
    listed = await api.get("/v1/stock-counts", params={"warehouse": "MAIN"})
    assert [row["discrepancy"] for row in listed.json()["data"]] == ["0", "7"]
    different = await api.get("/v1/stock-counts", params={"with_discrepancy": "true"})
    assert [row["id"] for row in different.json()["data"]] == [made.json()["id"]]
    one = await api.get(f"/v1/stock-counts/{made.json()['id']}")
    assert one.json()["adjustment_id"] == made.json()["adjustment_id"]
    west = api.as_(warehouses=["WEST"])
    assert (await west.get(f"/v1/stock-counts/{elsewhere.json()['id']}")).status_code == 404
    assert (await _post(api, counted="-1")).status_code == 422
    assert (await _post(api, surprise=1)).status_code == 422


@pytest.mark.rule("BO-15")
async def test_schedules_over_rest_are_shown_changed_run_and_remembered(api: Api) -> None:
    url = "/v1/automation-schedules"
    listed = (await api.get(url)).json()["data"]
    assert [(row["name"], row["enabled"], row["last_run"]) for row in listed] == [
        ("primary", True, None),
        ("secondary", True, None),
    ]
    shown = await api.get(f"{url}/primary")
    change = {"enabled": False, "cron": "0 6 * * *", "time_zone": "Europe/Vienna"}

    unsaid = await api.patch(f"{url}/primary", json=change)
    changed = await api.patch(f"{url}/primary", json=change, headers={"If-Match": shown.headers["etag"]})
    stale = await api.patch(f"{url}/primary", json=change, headers={"If-Match": shown.headers["etag"]})
    wrong = await api.patch(
        f"{url}/primary", json={"cron": "every now and then"}, headers={"If-Match": changed.headers["etag"]}
    )
    ran = await api.post(f"{url}/primary/run")

    assert [answer.status_code for answer in (unsaid, changed, stale, wrong, ran)] == [
        428,
        200,
        412,
        409,
        200,
    ]
    assert (changed.json()["next_at"], changed.headers["etag"]) == (None, '"2"')
    assert wrong.json()["code"] == "cron-unreadable"
    assert (ran.json()["state"], ran.json()["started_by"], ran.json()["units"]) == ("finished", "tester", "0")
    runs = (await api.get(f"{url}/primary/runs")).json()["data"]
    assert [row["id"] for row in runs] == [ran.json()["id"]]
    assert (await api.get(f"{url}/primary")).json()["last_run"]["id"] == ran.json()["id"]
    assert (await api.as_(scopes=["inventory:read"]).post(f"{url}/primary/run")).status_code == 403
    assert (await api.as_(warehouses=["EAST"]).post(f"{url}/primary/run")).status_code == 403
    assert (await api.get(f"{url}/tertiary")).status_code in (404, 422)
