"""Packages and printable documents (SHIP-6)."""

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from services.shipping import handlers, schemas
from shared.contracts.base import ShipTo
from shared.testing import Api, Bench

from .facts import inspected, released, units
from .given import uid

NASTY = '<script>alert("x")</script> & Söhne'


@pytest.fixture
def scene(api_shipping: Api, db_shipping: Bench) -> tuple[Api, Bench]:
    """The client and the bench on the same database."""
    return api_shipping, db_shipping


def at(version: int) -> dict[str, str]:
    """If-Match."""
    return {"If-Match": f'"{version}"'}


async def packed(api: Api, bench: Bench, *allotments: Any, **other: Any) -> dict[str, Any]:
    """A packed shipment of these allotments."""
    await bench.hear(handlers.lines_released, released(*allotments, **other))
    (row,) = (await api.get("/v1/shipments")).json()["data"]
    for verb in ("pick", "pack"):
        row = (await api.post(f"/v1/shipments/{row['id']}/{verb}", headers=at(row["version"]))).json()
    return dict(row)


def box(shipment: dict[str, Any], *quantities: str, **other: Any) -> dict[str, Any]:
    """So many units of each line."""
    lines = zip(shipment["lines"], quantities, strict=False)
    contents = [{"shipment_line_id": line["shipment_line_id"], "qty": qty} for line, qty in lines]
    return {"contents": contents, **other}


@pytest.mark.rule("SHIP-6")
async def test_a_packed_shipment_is_put_into_packages_and_says_what_is_in_none(
    scene: tuple[Api, Bench],
) -> None:
    api, bench = scene
    shipment = await packed(api, bench, units(1, 5), units(2, 3, line=20))
    path = f"/v1/shipments/{shipment['id']}/packages"

    first = await api.post(path, json=box(shipment, "2", "3"), headers=at(3))
    second = await api.post(
        path, json=box(shipment, "1", tracking_number="JD01", weight="2.5"), headers=at(4)
    )
    shown = await api.get(path)

    assert (first.status_code, second.status_code, shown.headers["etag"]) == (201, 201, '"5"')
    found = schemas.Packages.model_validate_json(shown.content)
    assert [
        (one.package_no, one.tracking_number, [str(c.qty) for c in one.contents]) for one in found.data
    ] == [
        (1, None, ["2", "3"]),
        (2, "JD01", ["1"]),
    ]
    assert [(one["line_no"], one["qty"]) for one in shown.json()["unpacked"]] == [(10, "2")]
    assert [row.action for row in await bench.log("shipment", shipment["id"])][-2:] == ["package packed"] * 2


@pytest.mark.rule("SHIP-6")
async def test_more_than_is_on_the_shipment_does_not_go_into_packages(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    shipment = await packed(api, bench, units(1, 5))
    path = f"/v1/shipments/{shipment['id']}/packages"
    await api.post(path, json=box(shipment, "4"), headers=at(3))

    refused = await api.post(path, json=box(shipment, "2"), headers=at(4))

    assert (refused.status_code, refused.json()["code"]) == (409, "packed-too-much")
    assert [refused.json()[name] for name in ("expected", "packed", "qty")] == ["5", "4", "2"]


@pytest.mark.rule("SHIP-6")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"contents": []}, 422),
        ({"contents": [{"shipment_line_id": str(uid(9)), "qty": "1"}]}, 422),
        ({"contents": [{"shipment_line_id": "LINE", "qty": "0"}]}, 422),
        ({"contents": [{"shipment_line_id": "LINE", "qty": "1.5"}]}, 422),
        ({"contents": [{"shipment_line_id": "LINE", "qty": "1"}] * 2}, 422),
        ({"contents": [{"shipment_line_id": "LINE", "qty": "1"}], "weight": "-1"}, 422),
        ({"contents": [{"shipment_line_id": "LINE", "qty": "1"}], "colour": "red"}, 422),
    ],
)
async def test_unreadable_packages_are_refused(
    scene: tuple[Api, Bench], body: dict[str, Any], status: int
) -> None:
    api, bench = scene
    shipment = await packed(api, bench, units(1, 5))
    line = shipment["lines"][0]["shipment_line_id"]
    for content in body["contents"]:
        if content["shipment_line_id"] == "LINE":
            content["shipment_line_id"] = line

    answer = await api.post(f"/v1/shipments/{shipment['id']}/packages", json=body, headers=at(3))

    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


@pytest.mark.rule("SHIP-6")
async def test_a_package_is_taken_apart_and_unpicking_unpacks_all(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    shipment = await packed(api, bench, units(1, 5))
    path = f"/v1/shipments/{shipment['id']}"
    await api.post(f"{path}/packages", json=box(shipment, "1"), headers=at(3))
    await api.post(f"{path}/packages", json=box(shipment, "2"), headers=at(4))

    gone = await api.delete(f"{path}/packages/1", headers=at(5))
    missing = await api.delete(f"{path}/packages/7", headers=at(6))
    await api.post(f"{path}/unpick", headers=at(6))

    assert [one["package_no"] for one in gone.json()["data"]] == [2]
    assert (missing.status_code, missing.json()["code"]) == (404, "no-such-package")
    assert (await api.get(f"{path}/packages")).json()["data"] == []
    assert "unpacked" in [row.action for row in await bench.log("shipment", shipment["id"])]


@pytest.mark.rule("SHIP-6")
async def test_only_a_packed_shipment_is_put_into_packages(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await bench.hear(handlers.lines_released, released(units(1, 5)))
    (row,) = (await api.get("/v1/shipments")).json()["data"]
    shipment = (await api.get(f"/v1/shipments/{row['id']}")).json()

    answer = await api.post(f"/v1/shipments/{row['id']}/packages", json=box(shipment, "1"), headers=at(1))

    assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (
        409,
        "not-packed",
        "pending",
    )


class Page(HTMLParser):
    """What a printable page holds: its tags with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the tag, and whatever in it could fetch something."""
        self.tags.append(tag)
        self.links += [name for name, _ in attrs if name in {"src", "href", "style"} or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        """Note the text."""
        self.text += data + " "


@pytest.mark.rule("SHIP-6")
@pytest.mark.parametrize("document", ["pick-list", "packing-slip"])
async def test_the_documents_are_one_page_without_anything_from_elsewhere(
    scene: tuple[Api, Bench], document: str
) -> None:
    api, bench = scene
    place = ShipTo(code="MAIN", name=NASTY, street="Hafenstrasse 4", city="Bremen", country="DE")
    shipment = await packed(
        api, bench, units(1, 5, description=NASTY, sku="VALVE<2>"), ship_to=place, carrier=NASTY
    )
    await api.post(
        f"/v1/shipments/{shipment['id']}/packages",
        json=box(shipment, "5", tracking_number=NASTY),
        headers=at(3),
    )

    answer = await api.get(f"/v1/shipments/{shipment['id']}/{document}")

    page = Page(answer.text)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert page.links == []
    assert not re.search(r"https?://|url\(|@import", answer.text)
    assert NASTY in page.text
    assert "VALVE<2>" in page.text
    assert "@page" in answer.text


@pytest.mark.rule("SHIP-6")
async def test_the_pick_list_names_what_may_be_picked_and_what_waits(scene: tuple[Api, Bench]) -> None:
    api, bench = scene
    await bench.hear(handlers.lines_released, released(units(1, 10, gated=True), units(2, 3, line=20)))
    await bench.hear(handlers.inspection_completed, inspected(1, 10, passed=6))
    (row,) = (await api.get("/v1/shipments")).json()["data"]

    page = Page((await api.get(f"/v1/shipments/{row['id']}/pick-list")).text)

    assert re.search(r"6\s+EA\s+SKU-10\s+Item 10\s+4 wait for inspection: not to be picked", page.text)
    assert row["number"] in page.text


@pytest.mark.rule("SHIP-6")
async def test_the_packing_slip_says_what_is_in_this_shipment_by_order_and_package(
    scene: tuple[Api, Bench],
) -> None:
    api, bench = scene
    shipment = await packed(api, bench, units(1, 533))
    path = f"/v1/shipments/{shipment['id']}"
    await api.post(f"{path}/packages", json=box(shipment, "500", weight="12.5"), headers=at(3))
    line = {
        "shipment_line_id": shipment["lines"][0]["shipment_line_id"],
        "shipped": "500",
        "short": "backorder",
    }
    await api.post(f"{path}/ship", json={"lines": [line]}, headers=at(4))

    page = Page((await api.get(f"{path}/packing-slip")).text)

    assert re.search(r"Order SO-000001 .*533 EA\s+500\s+EA", page.text)
    assert re.search(r"1\s+500 EA SKU-10 \(SO-000001 / 10\)\s+12.5 kg", page.text)


@pytest.mark.rule("SHIP-6")
async def test_a_voided_shipment_has_no_documents_and_another_warehouses_none_at_all(
    scene: tuple[Api, Bench],
) -> None:
    api, bench = scene
    shipment = await packed(api, bench, units(1, 5))
    path = f"/v1/shipments/{shipment['id']}"
    await api.post(f"{path}/void", json={"reason": "lost"}, headers=at(3))
    stranger = api.as_(warehouses=["EAST"])

    assert (await api.get(f"{path}/pick-list")).json()["code"] == "nothing-to-print"
    for document in ("pick-list", "packing-slip", "packages"):
        assert (await stranger.get(f"{path}/{document}")).status_code == 404
