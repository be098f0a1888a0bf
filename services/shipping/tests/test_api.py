"""Shipping over REST."""

from typing import Any

import pytest

from services.shipping import handlers, schemas
from shared.contracts.shipping import ShipmentShipped
from shared.testing import Api, Bench
from shared.web import Page

from .facts import inspected, released, units
from .given import uid


@pytest.fixture
def scene(api_shipping: Api, db_shipping: Bench) -> tuple[Api, Bench]:
    """The client and the bench on the same database."""
    return api_shipping, db_shipping


async def pending(bench: Bench, *allotments: Any, **other: Any) -> None:
    """A pending shipment of these allotments."""
    await bench.hear(handlers.lines_released, released(*allotments, **other))


async def only(api: Api) -> dict[str, Any]:
    """The one shipment in the list."""
    (row,) = (await api.get("/v1/shipments")).json()["data"]
    found: dict[str, Any] = (await api.get(f"/v1/shipments/{row['id']}")).json()
    return found


def at(version: int) -> dict[str, str]:
    """If-Match."""
    return {"If-Match": f'"{version}"'}


async def test_a_shipment_is_listed_and_shown_with_its_lines(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await pending(bench, units(1, "2.5", precision=1), units(2, 3, line=20))

    listed = await api.get(
        "/v1/shipments", params={"state": "pending", "customer": "AURORA", "warehouse": "MAIN"}
    )

    page = Page[schemas.ShipmentRow].model_validate_json(listed.content)
    assert [(row.line_count, row.waits_for_inspection) for row in page.data] == [(2, False)]
    shown = await api.get(f"/v1/shipments/{page.data[0].id}")
    shipment = schemas.Shipment.model_validate_json(shown.content)
    assert shown.headers["etag"] == '"1"'
    assert shown.json()["lines"][0]["qty"] == "2.5"
    assert [(line.line_no, line.description) for line in shipment.lines] == [(10, "Item 10"), (20, "Item 20")]
    assert (shipment.ship_to.city, shipment.number[:3]) == ("Bremen", "SH-")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"order_id": str(uid(1))}, 1),
        ({"order_id": str(uid(2))}, 0),
        ({"line_id": str(uid(110))}, 1),
        ({"line_id": str(uid(120))}, 0),
        ({"customer": "BOREAL"}, 0),
        ({"warehouse": "EAST"}, 0),
        ({"state": "shipped"}, 0),
        ({"number": "SH-0"}, 0),
        ({"sort": "number"}, 1),
    ],
)
async def test_the_list_is_filtered(scene: tuple[Api, Bench], filters: dict[str, str], found: int) -> None:
    api, bench = scene
    await pending(bench, units(1, 5))

    listed = await api.get("/v1/shipments", params=filters)

    assert (listed.status_code, len(listed.json()["data"])) == (200, found)


async def test_pages_follow_each_other_without_gap(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    for order in range(1, 6):
        await pending(bench, units(order, 1), order=order)

    seen, cursor = [], None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await api.get("/v1/shipments", params=params)).json()
        seen += [row["order_number"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == [f"SO-{order:06}" for order in range(5, 0, -1)]


@pytest.mark.rule("SHIP-1")
async def test_a_shipment_goes_through_its_life_by_etag(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await pending(bench, units(1, 5))
    path = f"/v1/shipments/{(await only(api))['id']}"

    answer = await api.get(path)
    for verb, body in (("pick", None), ("unpick", None), ("pick", None), ("pack", None), ("ship", {})):
        answer = await api.post(f"{path}/{verb}", json=body, headers={"If-Match": answer.headers["etag"]})
        assert answer.status_code == 200, answer.text

    assert (answer.headers["etag"], answer.json()["state"], answer.json()["shipped_by"]) == (
        '"6"',
        "shipped",
        "tester",
    )
    assert (await api.get(path)).json() == answer.json()


@pytest.mark.rule("SHIP-3")
async def test_a_short_shipment_is_asked_about_and_comes_again_with_the_answer(
    scene: tuple[Api, Bench],
) -> None:
    api, bench = scene
    await pending(bench, units(1, 533))
    shipment = await only(api)
    line = {"shipment_line_id": shipment["lines"][0]["shipment_line_id"], "shipped": "500"}
    path = f"/v1/shipments/{shipment['id']}/ship"

    question = await api.post(path, json={"lines": [line]}, headers=at(1))
    answer = await api.post(path, json={"lines": [{**line, "short": "backorder"}]}, headers=at(1))

    problem = question.json()
    assert (question.status_code, problem["code"]) == (409, "short-ship-decision-required")
    assert (problem["lines"][0]["short"], problem["options"]["short"]) == ("33", ["backorder", "close"])
    assert (answer.status_code, answer.json()["lines"][0]["shipped"]) == (200, "500")


@pytest.mark.rule("SO-9")
async def test_a_shipment_that_waits_for_inspection_says_so_and_cannot_be_picked(
    scene: tuple[Api, Bench],
) -> None:
    api, bench = scene
    await pending(bench, units(1, 10, gated=True))
    shipment = await only(api)

    refused = await api.post(f"/v1/shipments/{shipment['id']}/pick", headers=at(shipment["version"]))

    assert shipment["lines"][0]["uninspected"] == "10"
    assert [row["waits_for_inspection"] for row in (await api.get("/v1/shipments")).json()["data"]] == [True]
    assert (refused.status_code, refused.json()["code"]) == (409, "not-inspected")
    assert refused.json()["lines"][0]["uninspected"] == "10"


@pytest.mark.rule("SO-9")
async def test_a_mixed_shipment_is_picked_and_its_rest_says_which_line_it_was_divided_from(
    scene: tuple[Api, Bench],
) -> None:
    api, bench = scene
    await pending(bench, units(1, 10, gated=True))
    await bench.hear(handlers.inspection_completed, inspected(1, 10, passed=6))
    before = await only(api)

    picked = (await api.post(f"/v1/shipments/{before['id']}/pick", headers=at(1))).json()
    (row,) = (await api.get("/v1/shipments", params={"state": "pending"})).json()["data"]
    rest = (await api.get(f"/v1/shipments/{row['id']}")).json()

    (line,), (left,) = picked["lines"], rest["lines"]
    assert (picked["state"], line["qty"], line["uninspected"]) == ("picking", "6", "0")
    assert (left["qty"], left["uninspected"], left["remainder_of"]) == ("4", "4", line["shipment_line_id"])


@pytest.mark.rule("SHIP-3")
async def test_a_short_complete_order_is_refused_with_its_figures_and_leaves_with_a_reason(
    scene: tuple[Api, Bench],
) -> None:
    api, bench = scene
    await pending(bench, units(1, 533, all_or_nothing=True))
    before = await only(api)
    path = f"/v1/shipments/{before['id']}/ship"
    line = {
        "shipment_line_id": before["lines"][0]["shipment_line_id"],
        "shipped": "500",
        "short": "backorder",
    }

    refused = await api.post(path, json={"lines": [line]}, headers=at(1))
    without = await api.post(path, json={"lines": [line], "override_complete": {}}, headers=at(1))
    word = {"lines": [line], "override_complete": {"reason": "the customer agreed"}}
    shipped = await api.post(path, json=word, headers=at(1))

    assert (refused.status_code, refused.json()["code"]) == (409, "complete-would-ship-short")
    assert refused.json()["lines"][0]["short"] == "33"
    assert (without.status_code, without.json()["errors"][0]["pointer"]) == (422, "/override_complete/reason")
    assert (shipped.status_code, shipped.json()["state"]) == (200, "shipped")
    (told,) = await bench.told(ShipmentShipped)
    assert told.override_reason == "the customer agreed"
    entry = (await bench.log("shipment", before["id"]))[-1]
    assert (entry.action, entry.reason) == ("shipped", "the customer agreed")


async def test_many_are_shipped_with_a_result_each(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await pending(bench, units(1, 5))
    shipment = await only(api)

    answer = await api.post(
        "/v1/shipments/ship-batch", json={"shipment_ids": [shipment["id"], str(uid(404)), shipment["id"]]}
    )

    results = schemas.BatchResults.model_validate_json(answer.content)
    assert (answer.status_code, results.shipped, results.refused) == (200, 1, 2)
    assert [(one.index, one.result, one.problem and one.problem.code) for one in results.results] == [
        (0, "shipped", None),
        (1, "refused", "no-such-shipment"),
        (2, "refused", "named-twice"),
    ]
    assert results.results[0].state == "shipped"


@pytest.mark.rule("SHIP-6")
async def test_a_merge_patch_sets_and_clears(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await pending(bench, units(1, 5))
    path = f"/v1/shipments/{(await only(api))['id']}"

    both = await api.patch(path, json={"carrier": "DHL", "tracking_number": "JD01"}, headers=at(1))
    cleared = await api.patch(path, json={"tracking_number": None}, headers=at(2))

    assert (both.json()["carrier"], both.json()["tracking_number"]) == ("DHL", "JD01")
    assert (cleared.json()["carrier"], cleared.json()["tracking_number"]) == ("DHL", None)


async def test_the_same_key_ships_once(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await pending(bench, units(1, 5))
    path = f"/v1/shipments/{(await only(api))['id']}/ship"
    headers = {**at(1), "Idempotency-Key": "once"}

    first = await api.post(path, json={}, headers=headers)
    again = await api.post(path, json={}, headers=headers)

    assert (again.status_code, again.headers["idempotency-replayed"], again.json()) == (
        200,
        "true",
        first.json(),
    )


@pytest.mark.rule("SHIP-4")
async def test_a_void_needs_a_reason(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await pending(bench, units(1, 5))
    path = f"/v1/shipments/{(await only(api))['id']}/void"

    without = await api.post(path, json={"reason": "  "}, headers=at(1))
    voided = await api.post(path, json={"reason": "wrong address"}, headers=at(1))

    assert (without.status_code, without.json()["errors"][0]["pointer"]) == (422, "/reason")
    assert (voided.status_code, voided.json()["void_reason"]) == (200, "wrong address")


BAD = [
    ("post", "pick", None, {"If-Match": None}, 428),
    ("post", "pick", None, {"If-Match": '"9"'}, 412),
    ("post", "pick", None, {"If-Match": "nine"}, 400),
    ("post", "pick", None, {"Idempotency-Key": None}, 400),
    ("post", "pack", None, {}, 409),
    ("post", "unpick", None, {}, 409),
    ("post", "ship", {"lines": [{"shipment_line_id": str(uid(1)), "shipped": "1"}]}, {}, 422),
    ("post", "ship", {"lines": [{"shipment_line_id": "LINE", "shipped": "-1"}]}, {}, 422),
    ("post", "ship", {"lines": [{"shipment_line_id": "LINE", "shipped": "1e3"}]}, {}, 422),
    ("post", "ship", {"lines": [{"shipment_line_id": "LINE", "shipped": "4.5"}]}, {}, 422),
    ("post", "ship", {"lines": [{"shipment_line_id": "LINE", "shipped": 1.5}]}, {}, 422),
    ("post", "ship", {"lines": [{"shipment_line_id": "LINE", "shipped": "1000000000000000"}]}, {}, 422),
    ("post", "ship", {"lines": [{"shipment_line_id": "LINE", "shipped": "6"}]}, {}, 409),
    ("post", "ship", {"lines": [{"shipment_line_id": "LINE", "shipped": "0", "short": "close"}]}, {}, 409),
    ("post", "ship", {"lines": [{"shipment_line_id": "LINE", "shipped": "4", "short": "perhaps"}]}, {}, 422),
    ("post", "ship", {"lines": "all"}, {}, 422),
    ("post", "ship", {"state": "shipped"}, {}, 422),
    ("post", "void", {}, {}, 422),
    ("post", "void", {"reason": "x\u0000y"}, {}, 422),
    ("post", "void", {"reason": "x" * 501}, {}, 422),
    ("patch", "", {"state": "shipped"}, {}, 422),
    ("patch", "", {"carrier": ""}, {}, 422),
    ("patch", "", {"carrier": "a\u0000b"}, {}, 422),
]


@pytest.mark.parametrize(("method", "verb", "body", "headers", "status"), BAD)
async def test_bad_requests_are_refused_with_a_problem_and_change_nothing(
    scene: tuple[Api, Bench],
    method: str,
    verb: str,
    body: dict[str, Any] | None,
    headers: dict[str, str],
    status: int,
) -> None:
    api, bench = scene
    await pending(bench, units(1, 5, precision=0))
    before = await only(api)
    for line in (body or {}).get("lines", []):
        if isinstance(line, dict) and line["shipment_line_id"] == "LINE":
            line["shipment_line_id"] = before["lines"][0]["shipment_line_id"]
    path = f"/v1/shipments/{before['id']}" + (f"/{verb}" if verb else "")

    answer = await api.request(method.upper(), path, json=body, headers={**at(1), **headers})

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert await only(api) == before


async def test_an_empty_batch_and_a_huge_one_are_refused(scene: tuple[Api, Bench]) -> None:
    api, _ = scene

    for ids in ([], [str(uid(number)) for number in range(201)], ["no id"]):
        assert (await api.post("/v1/shipments/ship-batch", json={"shipment_ids": ids})).status_code == 422


async def test_another_warehouses_token_finds_nothing(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await pending(bench, units(1, 5))
    shipment_id = (await only(api))["id"]
    stranger = api.as_(warehouses=["EAST"])

    listed = await stranger.get("/v1/shipments")
    answers = [
        await stranger.get(f"/v1/shipments/{shipment_id}"),
        await stranger.patch(f"/v1/shipments/{shipment_id}", json={"carrier": "DHL"}, headers=at(1)),
        *[
            await stranger.post(f"/v1/shipments/{shipment_id}/{verb}", json=body, headers=at(1))
            for verb, body in (
                ("pick", None),
                ("unpick", None),
                ("pack", None),
                ("ship", {}),
                ("void", {"reason": "x"}),
            )
        ],
    ]

    assert listed.json()["data"] == []
    assert {answer.status_code for answer in answers} == {404}
    assert (await api.as_(warehouses=["MAIN"]).get(f"/v1/shipments/{shipment_id}")).status_code == 200


async def test_reading_needs_one_scope_and_writing_another(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await pending(bench, units(1, 5))
    path = f"/v1/shipments/{(await only(api))['id']}"
    reader = api.as_(scopes=["shipping:read"])

    assert (await reader.get(path)).status_code == 200
    assert (await reader.post(f"{path}/pick", headers=at(1))).status_code == 403
    assert (await api.as_(scopes=["orders:read"]).get(path)).status_code == 403
    assert (await api.get(path, headers={"Authorization": None})).status_code == 401


async def test_an_unknown_parameter_or_sort_is_refused(scene: tuple[Api, Bench]) -> None:
    api, _ = scene

    for params in (
        {"colour": "red"},
        {"sort": "carrier"},
        {"state": "lost"},
        {"order_id": "SO-000001"},
        {"limit": "0"},
    ):
        assert (await api.get("/v1/shipments", params=params)).status_code == 422
