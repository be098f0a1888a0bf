"""REST of the shortage question and of the explanation, with inventory's answers at the one seam: the transport."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from shared.ids import new_id
from shared.testing import Api, Bench

from ..api.inventory import InventoryReads
from ..domain.shortage import Wanted
from ..main import app
from .shop import Shop, ticket
from .test_api import problem


@dataclass
class Inventory:
    """Inventory's REST as orders sees it: figures by item, reasons, or silence."""

    figures: dict[str, tuple[str, str]] = field(default_factory=dict)
    reasons: list[dict[str, Any]] = field(default_factory=list)
    asked: list[httpx.Request] = field(default_factory=list)
    fails: Callable[[httpx.Request], httpx.Response] | None = None

    def answer(self, request: httpx.Request) -> httpx.Response:
        """One read."""
        self.asked.append(request)
        if self.fails:
            return self.fails(request)
        if request.url.path.endswith("/explain"):
            return httpx.Response(200, json={"reasons": self.reasons, "said_by_a_newer_version": 1})
        wanted = request.url.params
        rows = [
            {
                "sku": sku,
                "warehouse": wanted["warehouse"],
                "available": self.figures.get(sku, ("0", "0"))[0],
                "takeable": self.figures.get(sku, ("0", "0"))[1],
            }
            for sku in wanted.get_list("sku")
        ]
        return httpx.Response(200, json={"data": rows})


@pytest.fixture
async def inventory(api_orders: Api) -> AsyncIterator[Inventory]:
    """The stand-in, behind the API."""
    stand_in = Inventory()
    reads = InventoryReads("http://inventory", httpx.MockTransport(stand_in.answer))
    app.state.inventory = reads
    yield stand_in
    app.state.inventory = None
    await reads.close()


@pytest.fixture
async def shop(api_orders: Api, db_orders: Bench) -> Shop:
    """The shop behind the API, with a customer who is asked."""
    shop = await Shop(db_orders).set_up()
    await shop.customer("ASKED")
    return shop


def body(*lines: dict[str, Any], **head: Any) -> dict[str, Any]:
    """An order of ASKED."""
    return {"customer": "ASKED", "warehouse": "MAIN", "open": True, "lines": list(lines), **head}


def table(qty: int, **fields: Any) -> dict[str, Any]:
    """A line of tables."""
    return {"sku": "TABLE", "qty": str(qty), **fields}


@pytest.mark.rule("BO-1")
@pytest.mark.rule("BO-2")
async def test_a_shortage_is_409_with_figures_and_options_and_the_answer_comes_with_the_repeated_request(
    api_orders: Api, shop: Shop, inventory: Inventory
) -> None:
    inventory.figures["TABLE"] = ("20", "0")

    key = {"Idempotency-Key": str(new_id())}
    asked = await api_orders.post("/v1/sales-orders", json=body(table(25)), headers=key)
    answered = await api_orders.post("/v1/sales-orders", json=body(table(25, shortage="split")), headers=key)

    put = problem(asked, 409, "shortage-decision-required")
    assert put["lines"] == [
        {
            "line_no": 1, "sku": "TABLE", "warehouse": "MAIN", "qty": "25", "available": "20", "takeable": "0",
            "options": ["split", "backorder_line"],
        }
    ]  # fmt: skip
    assert answered.status_code == 201, answered.text
    lines = answered.json()["lines"]
    assert [(line["ordered"], line["is_backordered"], line["parent_line_no"]) for line in lines] == [
        ("20", False, None),
        ("5", True, 1),
    ]
    listed = (await api_orders.get("/v1/sales-orders")).json()["data"]
    assert [row["is_backordered"] for row in listed] == [True]


@pytest.mark.rule("BO-2")
async def test_the_read_is_one_request_per_warehouse_with_the_callers_token_and_the_priority(
    api_orders: Api, shop: Shop, inventory: Inventory
) -> None:
    await shop.item("CHAIR")
    inventory.figures = {"TABLE": ("20", "5"), "CHAIR": ("9", "0")}
    lines = [table(25), {"sku": "CHAIR", "qty": "1"}, table(1, warehouse="SHOP", shortage="split")]

    answer = await api_orders.post(
        "/v1/sales-orders", json=body(*lines, priority=7, priority_reason="hospital")
    )

    assert answer.status_code == 201, answer.text
    first, second = inventory.asked
    assert first.url.path == "/v1/stock/availability"
    assert first.url.params.get_list("sku") == ["CHAIR", "TABLE"]
    assert (first.url.params["warehouse"], second.url.params["warehouse"]) == ("MAIN", "SHOP")
    assert first.url.params["priority"] == "7"
    assert first.headers["authorization"] == api_orders.headers["Authorization"]
    assert answer.json()["reminder"]


@pytest.mark.rule("BO-2")
async def test_special_lines_and_drafts_ask_inventory_nothing(
    api_orders: Api, shop: Shop, inventory: Inventory
) -> None:
    special = await api_orders.post("/v1/sales-orders", json=body({"sku": "LAMP", "qty": "5"}))
    draft = await api_orders.post("/v1/sales-orders", json=body(table(25), open=False))

    assert [special.status_code, draft.status_code] == [201, 201]
    assert inventory.asked == []


def _refuses(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(503, json={})


def _is_away(request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("nobody listens", request=request)


def _talks_nonsense(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"data": [{"sku": "TABLE"}]})


@pytest.mark.rule("BO-2")
@pytest.mark.parametrize("fails", [_refuses, _is_away, _talks_nonsense])
async def test_without_an_answer_no_question_is_put_and_the_order_opens(
    api_orders: Api, shop: Shop, inventory: Inventory, fails: Callable[[httpx.Request], httpx.Response]
) -> None:
    inventory.fails = fails

    opened = await api_orders.post("/v1/sales-orders", json=body(table(25)))

    assert opened.status_code == 201, opened.text
    assert [(line["ordered"], line["is_backordered"]) for line in opened.json()["lines"]] == [("25", False)]
    assert len(inventory.asked) == 1


@pytest.mark.rule("BO-2")
async def test_a_batch_is_asked_about_in_one_request_and_answered_order_by_order(
    api_orders: Api, shop: Shop, inventory: Inventory
) -> None:
    inventory.figures["TABLE"] = ("20", "0")
    orders = [body(table(15)), body(table(15)), body(table(5)), body({"sku": "LAMP", "qty": "1"})]

    found = (await api_orders.post("/v1/sales-orders/batch", json={"orders": orders})).json()

    codes = [row["problem"] and row["problem"]["code"] for row in found["results"]]
    assert codes == [None, "shortage-decision-required", None, None]
    assert found["results"][1]["problem"]["lines"][0]["available"] == "5"
    assert len(inventory.asked) == 1


@pytest.mark.rule("BO-2")
@pytest.mark.rule("BO-4")
async def test_opening_a_draft_and_increasing_an_open_line_put_the_question_too(
    api_orders: Api, shop: Shop, inventory: Inventory
) -> None:
    inventory.figures["TABLE"] = ("20", "0")
    draft = (await api_orders.post("/v1/sales-orders", json=body(table(25), open=False))).json()
    url = f"/v1/sales-orders/{draft['id']}"

    problem(await api_orders.post(f"{url}/open"), 409, "shortage-decision-required")
    opened = await api_orders.post(f"{url}/open", json={"lines": [{"line_no": 1, "shortage": "split"}]})
    tag = {"If-Match": opened.headers["etag"]}
    more = await api_orders.patch(f"{url}/lines/1", json={"qty": "45"}, headers=tag)
    problem(more, 409, "shortage-decision-required")
    increased = await api_orders.patch(
        f"{url}/lines/1", json={"qty": "45", "shortage": "backorder_line"}, headers=tag
    )

    assert [line["ordered"] for line in opened.json()["lines"]] == ["20", "5"]
    last = increased.json()["lines"][-1]
    assert (last["ordered"], last["all_or_nothing"], last["parent_line_no"]) == ("25", True, 1)
    assert (await api_orders.post(f"{url}/open")).status_code == 200


@pytest.mark.rule("BO-1")
async def test_a_customers_answer_can_be_given_and_taken_away(
    api_orders: Api, shop: Shop, inventory: Inventory
) -> None:
    inventory.figures["TABLE"] = ("20", "0")
    given = await api_orders.patch(
        "/v1/customers/ASKED", json={"shortage_answer": "split"}, headers={"If-Match": '"1"'}
    )
    by_itself = await api_orders.post("/v1/sales-orders", json=body(table(25)))
    taken = await api_orders.patch(
        "/v1/customers/ASKED", json={"shortage_answer": None}, headers={"If-Match": '"2"'}
    )

    assert given.json()["shortage_answer"] == "split"
    assert [line["ordered"] for line in by_itself.json()["lines"]] == ["20", "5"]
    assert taken.json()["shortage_answer"] is None
    again = await api_orders.post("/v1/sales-orders", json=body(table(25)))
    problem(again, 409, "shortage-decision-required")


async def test_more_than_a_hundred_items_are_several_requests() -> None:
    stand_in = Inventory()
    reads = InventoryReads("http://inventory", httpx.MockTransport(stand_in.answer))

    figures = await reads.availability([Wanted("MAIN", 0, f"S{n:03}") for n in range(150)], "Bearer x")

    assert len(figures.of) == 150
    assert sorted(len(request.url.params.get_list("sku")) for request in stand_in.asked) == [50, 100]
    await reads.close()


@pytest.mark.rule("BO-18")
async def test_the_explanation_has_inventorys_reasons_between_those_of_orders(
    api_orders: Api, shop: Shop, inventory: Inventory
) -> None:
    inventory.reasons = [
        {"code": "ranks_ahead", "says": "SO-1 ranks ahead", "qty": "7", "parts": [{"order_number": "SO-1"}]}
    ]
    picture = await shop.order({"sku": "TABLE", "qty": "10", "all_or_nothing": True})
    await shop.allot(picture, ticket(picture.lines[0], 3))

    url = f"/v1/sales-orders/{picture.order.id}/lines/1/explain"
    found = (await api_orders.get(url)).json()

    assert (found["inventory"], found["granted"], found["backordered"]) == ("answered", "3", "7")
    assert [(row["by"], row["reason"], row["qty"]) for row in found["reasons"]] == [
        ("inventory", "ranks_ahead", "7"),
        ("orders", "all_or_nothing", "3"),
    ]
    first = found["reasons"][0]
    assert (first["message"], first["details"]) == ("SO-1 ranks ahead", {"parts": [{"order_number": "SO-1"}]})
    assert inventory.asked[-1].url.path == f"/v1/demand/{picture.lines[0].id}/explain"


def _forbids(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(403, json={})


def _knows_nothing(_request: httpx.Request) -> httpx.Response:
    return httpx.Response(404, json={})


@pytest.mark.rule("BO-18")
@pytest.mark.parametrize(
    ("fails", "says"),
    [
        (_is_away, "unreachable"),
        (_refuses, "unreachable"),
        (_talks_nonsense, "unreachable"),
        (_forbids, "not allowed"),
        (_knows_nothing, "not heard yet"),
    ],
)
async def test_an_explanation_without_inventory_says_so_and_has_the_rest(
    api_orders: Api,
    shop: Shop,
    inventory: Inventory,
    fails: Callable[[httpx.Request], httpx.Response],
    says: str,
) -> None:
    inventory.fails = fails
    picture = await shop.order(("TABLE", 10))

    url = f"/v1/sales-orders/{picture.order.id}/lines/1/explain"
    found = (await api_orders.get(url)).json()

    assert found["inventory"] == says
    assert [row["reason"] for row in found["reasons"]] == ["not_answered"]


@pytest.mark.rule("BO-18")
async def test_an_explanation_is_for_those_who_may_see_the_line(
    api_orders: Api, shop: Shop, inventory: Inventory
) -> None:
    picture = await shop.order(("TABLE", 10))
    url = f"/v1/sales-orders/{picture.order.id}/lines"

    stranger = api_orders.as_(scopes=["orders:read"], warehouses=["SHOP"])

    problem(await stranger.get(f"{url}/1/explain"), 404, "no-such-document")
    problem(await api_orders.get(f"{url}/2/explain"), 404, "no-such-document")
    problem(await api_orders.as_(scopes=["shipping:read"]).get(f"{url}/1/explain"), 403, "scope-missing")
    assert inventory.asked == []
