"""Fault 53 on real data: with another warehouse's token no document of a story is there, to see or to change."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest

from deploy.cli.client import EVERY_SCOPE
from shared.auth import development_token
from shared.ids import new_id
from tests.doors import DOORS, Door
from tests.integration.conftest import House
from tests.integration.story import Story
from tests.integration.test_twice import a_history, books, differing, quiet

pytestmark = pytest.mark.slow

FOR_EVERYBODY = (
    "/v1/customers", "/v1/catalogue-items", "/v1/items", "/v1/warehouses", "/v1/vendors", "/v1/vendor-prices",
    "/v1/product-lines", "/v1/teams", "/v1/subscriptions", "/v1/preferences", "/v1/ops", "/v1/automation-schedules",
)  # fmt: skip
"""What belongs to the organisation, not to a warehouse; `ops` is for operators, who see all."""
LISTS = {
    "order_id": ("orders", "/v1/sales-orders"), "special_order_id": ("orders", "/v1/special-orders"),
    "invoice_id": ("orders", "/v1/invoices"), "inspection_id": ("inventory", "/v1/inspections"),
    "po_id": ("purchasing", "/v1/purchase-orders"), "request_id": ("purchasing", "/v1/procurement-requests"),
    "exception_id": ("purchasing", "/v1/exceptions"), "task_id": ("purchasing", "/v1/tasks"),
    "adjustment_id": ("inventory", "/v1/stock/adjustments"), "count_id": ("inventory", "/v1/stock-counts"),
    "notice_id": ("notifications", "/v1/notices"),
}  # fmt: skip
"""Path parameter: where a real one is found."""


BODIES = {"/v1/incoming-shipments/{shipment_id}/receive": {"lines": [{"line_no": 1, "qty": "1"}]}}
"""Where the smallest body of the document would be refused for its form."""
QUESTIONS = {"/v1/stock/availability": "?warehouse={warehouse}&sku={sku}"}
"""Lists that need to be asked about a warehouse."""


class Caller:
    """Raw requests to the house with a token of its own."""

    def __init__(self, house: House, warehouses: list[str] | None) -> None:
        token = development_token(house.keys, "somebody", EVERY_SCOPE, warehouses=warehouses)
        self._house = house
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
        )

    async def send(self, method: str, service: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Idempotency-Key": str(new_id()), **options.pop("headers", {})}
        url = f"{self._house.place.urls[service]}{path}"
        return await self._http.request(method, url, headers=headers, **options)

    async def close(self) -> None:
        await self._http.aclose()


@pytest.fixture
async def owner(house: House) -> AsyncIterator[Caller]:
    """Somebody who sees all warehouses."""
    caller = Caller(house, None)
    yield caller
    await caller.close()


@pytest.fixture
async def stranger(house: House) -> AsyncIterator[Caller]:
    """Somebody with every scope, in another warehouse."""
    caller = Caller(house, ["NOWHERE"])
    yield caller
    await caller.close()


@pytest.mark.fault(53)
async def test_no_document_of_another_warehouse_is_there(
    story: Story, house: House, owner: Caller, stranger: Caller
) -> None:
    await a_history(story)
    unpriced = await story.item("UNPRICED", special_order=True, cost=None)
    await story.order(await story.customer("ANOTHER"), (unpriced, 1))
    await story.when(lambda: _rows(story, "purchasing", "/v1/exceptions"), "an exception")
    counted = {
        "warehouse": story.warehouse,
        "sku": story.code("GADGET"),
        "counted": "7",
        "reason": "yearly count",
    }
    await story.client.post("inventory", "/v1/stock-counts", counted)
    await quiet(house)
    before = await books(house)
    real = await real_ids(story)

    seen, untried, wrong = [], [], []
    for door in (d for d in DOORS if not d.path.startswith(FOR_EVERYBODY)):
        places = real | (
            {"shipment_id": real[f"{door.service} shipment"]} if "shipment_id" in door.path else {}
        )
        if any(name not in places for name in door.parameters):
            untried.append(str(door))
        elif door.parameters:
            wrong.append(await _is_not_there(door, door.path.format(**places), owner, stranger))
            seen.append(str(door))
        elif door.path in QUESTIONS:
            wrong.append(
                await _is_not_there(door, door.path + QUESTIONS[door.path].format(**places), owner, stranger)
            )
            seen.append(str(door))
        elif door.method == "GET":
            await _lists_nothing(door, stranger)
            seen.append(str(door))

    assert [words for words in wrong if words] == []
    assert len(seen) > 45
    assert [door for door in untried if "/tasks/" not in door] == []
    assert differing(before, await books(house)) == {}


async def real_ids(story: Story) -> dict[str, str]:
    """Ids of this story's documents, by path parameter."""
    found = {"sku": story.code("GADGET"), "warehouse": story.warehouse, "line_no": "1"}
    for name, (service, path) in LISTS.items():
        if rows := await _rows(story, service, path):
            found[name] = rows[0]["id"]
    found["line_id"] = (await _rows(story, "inventory", "/v1/demand"))[0]["line_id"]
    found["package_no"] = "1"
    found["shipping shipment"] = (await _rows(story, "shipping", "/v1/shipments"))[0]["id"]
    found["inventory shipment"] = (await _rows(story, "inventory", "/v1/incoming-shipments"))[0]["id"]
    return found


async def _rows(story: Story, service: str, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await story.client.get(service, path, limit=200))["data"]
    return rows


async def _is_not_there(door: Door, path: str, owner: Caller, stranger: Caller) -> str | None:
    """What is wrong, if the stranger learns or changes anything: 404, or for a list within a document nothing in it."""
    shown = await owner.send("GET", door.service, path)
    if door.method == "GET" and shown.status_code != 200:
        return f"{door}: {shown.text[:300]}"  # else a 404 for the stranger would say nothing
    options: Mapping[str, Any] = {
        "headers": {"If-Match": shown.headers.get("etag", '"1"')}, "json": BODIES.get(door.path) or door.smallest_body()
    }  # fmt: skip

    answer = await stranger.send(door.method, door.service, path, **options)

    is_empty = door.method == "GET" and answer.status_code == 200 and answer.json().get("data") == []
    if answer.status_code == 404 or is_empty:
        return None
    return f"{door} {path}: {answer.status_code} {answer.text[:300]}"


async def _lists_nothing(door: Door, stranger: Caller) -> None:
    answer = await stranger.send("GET", door.service, door.path)
    assert answer.status_code == 200, f"{door}: {answer.text[:300]}"
    assert answer.json()["data"] == [], f"{door}: {answer.text[:300]}"


async def test_a_stranger_writes_nothing_for_another_warehouse(
    story: Story, house: House, stranger: Caller
) -> None:
    await story.opens()
    sku = await story.item("GADGET")
    customer = await story.customer()
    line = {"sku": sku, "qty": "1"}
    attempts = {
        ("orders", "/v1/sales-orders"): {"customer": customer, "warehouse": story.warehouse, "lines": [line]},
        ("inventory", "/v1/stock/adjustments"): {**line, "warehouse": story.warehouse, "reason": "mine"},
        ("purchasing", "/v1/purchase-orders"): {"vendor": story.vendor, "warehouse": story.warehouse, "lines": [line]},
    }  # fmt: skip
    before = await books(house)

    for (service, path), body in attempts.items():
        answer = await stranger.send("POST", service, path, json=body)
        assert answer.status_code in (403, 404, 409, 422), f"{path}: {answer.status_code} {answer.text[:300]}"

    assert differing(before, await books(house)) == {}
