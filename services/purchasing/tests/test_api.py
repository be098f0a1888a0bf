"""REST: the wire, its refusals, and who sees what."""

from typing import Any

import pytest

from services.purchasing import handlers
from services.purchasing.tests import facts
from services.purchasing.tests.builders import uid
from shared.contracts.base import Source
from shared.contracts.purchasing import PurchaseOrderOpened
from shared.testing import Api, Bench

ACME = {"code": "ACME", "name": "Acme Lamps", "currency": "EUR", "lead_time_days": 7, "buyer": "bob"}
LAMPS = {"sku": "LAMP", "qty": "10", "cost": "9.25"}


@pytest.fixture
async def api(api_purchasing: Api, db_purchasing: Bench) -> Api:
    """Warehouses MAIN and EAST, item LAMP, vendor ACME."""
    await db_purchasing.hear(handlers.warehouse_saved, facts.warehouse(), facts.warehouse("EAST"))
    await db_purchasing.hear(handlers.item_saved, facts.item())
    assert (await api_purchasing.post("/v1/vendors", json=ACME)).status_code == 201
    return api_purchasing


async def ordered(api: Api, **given: Any) -> dict[str, Any]:
    """A purchase order by hand."""
    body = {"vendor": "ACME", "warehouse": "MAIN", "lines": [LAMPS]} | given
    answer = await api.post("/v1/purchase-orders", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.rule("BUY-19")
async def test_a_purchase_order_by_hand_from_draft_to_cancelling(api: Api, db_purchasing: Bench) -> None:
    draft = await ordered(api)
    url = f"/v1/purchase-orders/{draft['id']}"

    patched = await api.patch(
        f"{url}/lines/1", json={"qty": "12"}, headers={"If-Match": f'"{draft["version"]}"'}
    )
    sent = await api.post(f"{url}/open")
    asked = await api.post(f"{url}/cancel", json={"reason": "vendor is out of it"})

    assert draft["state"] == "draft"
    assert (draft["lines"][0]["untied"], draft["total"]) == ("10", "92.5")
    assert patched.json()["lines"][0]["ordered"] == "12"
    assert patched.headers["etag"] == '"2"'
    assert sent.json()["state"] == "open"
    assert (asked.json()["state"], asked.json()["cancelling"]) == ("open", True)
    assert asked.json()["lines"][0]["wanted_supply"] == "0"
    assert (await api.get(url)).json() == asked.json()


async def test_a_post_sent_again_is_answered_again_not_carried_out_again(api: Api) -> None:
    body = {"vendor": "ACME", "warehouse": "MAIN", "lines": [LAMPS]}
    headers = {"Idempotency-Key": "once"}

    first = await api.post("/v1/purchase-orders", json=body, headers=headers)
    second = await api.post("/v1/purchase-orders", json=body, headers=headers)

    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"
    assert len((await api.get("/v1/purchase-orders")).json()["data"]) == 1


@pytest.mark.parametrize(
    ("line", "pointer"),
    [
        pytest.param({"sku": "LAMP", "qty": "0"}, "qty", id="zero"),
        pytest.param({"sku": "LAMP", "qty": "-1"}, "qty", id="negative"),
        pytest.param({"sku": "LAMP", "qty": "1e3"}, "qty", id="exponent"),
        pytest.param({"sku": "LAMP", "qty": 1.5}, "qty", id="float"),
        pytest.param({"sku": "LAMP", "qty": "1" * 30}, "qty", id="huge"),
        pytest.param({"sku": "LAMP", "qty": "1", "cost": "-2"}, "cost", id="negative cost"),
        pytest.param({"sku": "LA\x00MP", "qty": "1"}, "", id="NUL"),
        pytest.param({"sku": "LAMP", "qty": "1", "tied": "1"}, "tied", id="unknown field"),
    ],
)
async def test_what_means_nothing_is_422_and_changes_nothing(
    api: Api, line: dict[str, Any], pointer: str
) -> None:
    answer = await api.post(
        "/v1/purchase-orders", json={"vendor": "ACME", "warehouse": "MAIN", "lines": [line]}
    )

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert pointer in answer.text
    assert (await api.get("/v1/purchase-orders")).json()["data"] == []


@pytest.mark.rule("BUY-9")
async def test_no_cost_and_no_price_is_negative(api: Api) -> None:
    line = {"sku": "LAMP", "qty": "1", "cost": "-0.01"}
    order = {"vendor": "ACME", "warehouse": "MAIN", "lines": [line]}
    price = {"vendor": "ACME", "sku": "LAMP", "price": "-0.01"}

    answers = [
        await api.post("/v1/purchase-orders", json=order),
        await api.post("/v1/vendor-prices", json=price),
        await api.post("/v1/vendor-prices/batch", json={"prices": [price]}),
    ]

    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert all("must not be negative" in answer.json()["detail"] for answer in answers)
    assert (await api.get("/v1/vendor-prices")).json()["data"] == []


async def test_the_businesss_no_is_409_with_its_numbers(api: Api) -> None:
    no_cost = await api.post(
        "/v1/purchase-orders",
        json={"vendor": "ACME", "warehouse": "MAIN", "lines": [{"sku": "LAMP", "qty": "10"}]},
    )
    draft = await ordered(api)
    closed = await api.post(f"/v1/purchase-orders/{draft['id']}/close", json={"reason": "done"})

    assert (no_cost.status_code, no_cost.json()["code"]) == (409, "no-cost")
    assert (closed.status_code, closed.json()["code"]) == (409, "illegal-transition")
    assert (closed.json()["state"], closed.json()["wanted"]) == ("draft", "closed")


async def test_updates_say_which_version_they_mean(api: Api) -> None:
    draft = await ordered(api)
    url = f"/v1/purchase-orders/{draft['id']}/lines/1"

    missing = await api.patch(url, json={"qty": "4"})
    stale = await api.patch(url, json={"qty": "4"}, headers={"If-Match": '"9"'})

    assert (missing.status_code, stale.status_code) == (428, 412)


async def test_a_token_of_another_warehouse_sees_and_changes_nothing(api: Api, db_purchasing: Bench) -> None:
    await db_purchasing.hear(handlers.order_told, facts.opened("SO-1", facts.line(source=Source())))
    await db_purchasing.hear(handlers.order_told, facts.opened("SO-2"))
    await db_purchasing.hear(handlers.order_told, facts.changed("SO-2", 2, facts.line("SO-2", ordered=7)))
    po = (await api.get("/v1/purchase-orders")).json()["data"][0]
    request = (await api.get("/v1/procurement-requests")).json()["data"][0]
    exception = (await api.get("/v1/exceptions")).json()["data"][0]
    task = (await api.get("/v1/tasks")).json()["data"][0]
    east = api.as_(warehouses=["EAST"])

    for listed in ("purchase-orders", "procurement-requests", "exceptions", "tasks"):
        assert (await east.get(f"/v1/{listed}")).json()["data"] == []
    assert (await east.get(f"/v1/purchase-orders/{po['id']}")).status_code == 404
    assert (
        await east.post(f"/v1/purchase-orders/{po['id']}/cancel", json={"reason": "x"})
    ).status_code == 404
    assert (await east.post(f"/v1/procurement-requests/{request['id']}/order", json={})).status_code == 404
    assert (await east.get(f"/v1/exceptions/{exception['id']}")).status_code == 404
    assert (
        await east.post(f"/v1/exceptions/{exception['id']}/close", json={"reason": "x"})
    ).status_code == 404
    assert (await east.post(f"/v1/tasks/{task['id']}/done")).status_code == 404
    refused = await east.post(
        "/v1/purchase-orders", json={"vendor": "ACME", "warehouse": "MAIN", "lines": [LAMPS]}
    )
    assert refused.status_code == 409


async def test_scopes_are_asked_for(api: Api) -> None:
    reader = api.as_(scopes=["purchasing:read"])

    assert (await reader.get("/v1/vendors")).status_code == 200
    assert (await reader.post("/v1/vendors", json=ACME | {"code": "X"})).status_code == 403
    assert (await reader.post("/v1/purchase-orders", json={})).status_code == 403
    assert (await api.as_(scopes=["purchasing:write"]).get("/v1/tasks")).status_code == 403


async def test_purchase_orders_are_found_by_what_is_on_them(api: Api, db_purchasing: Bench) -> None:
    await db_purchasing.hear(handlers.order_told, facts.opened("SO-1"))
    by_hand = await ordered(api, warehouse="EAST")

    async def found(query: str) -> list[str]:
        return [row["id"] for row in (await api.get(f"/v1/purchase-orders?{query}")).json()["data"]]

    tied = await found(f"order_id={uid('SO-1')}")
    assert len(tied) == 1
    assert await found("state=open&warehouse=MAIN&vendor=ACME&sku=LAMP") == tied
    assert await found("warehouse=EAST") == [by_hand["id"]]
    assert await found("sku=GHOST") == []
    assert (await api.get("/v1/purchase-orders?colour=red")).status_code == 422


async def test_lists_go_page_by_page(api: Api) -> None:
    made = [(await ordered(api))["number"] for _ in range(3)]

    first = (await api.get("/v1/purchase-orders?limit=2&sort=number")).json()
    rest = (await api.get(f"/v1/purchase-orders?limit=2&sort=number&cursor={first['next_cursor']}")).json()

    assert [row["number"] for row in first["data"] + rest["data"]] == made
    assert (first["has_more"], rest["has_more"]) == (True, False)


@pytest.mark.rule("BUY-2")
async def test_the_sales_exceptions_report_and_the_request_behind_it(api: Api, db_purchasing: Bench) -> None:
    await db_purchasing.hear(handlers.order_told, facts.opened("SO-1", facts.line(source=Source())))

    [entry] = (await api.get("/v1/exceptions?report=sales&state=open&kind=no_source")).json()["data"]
    [request] = (await api.get("/v1/procurement-requests?state=exception&sku=LAMP")).json()["data"]
    refused = await api.post(f"/v1/procurement-requests/{request['id']}/order", json={})
    po = await api.post(f"/v1/procurement-requests/{request['id']}/order", json={"vendor": "ACME"})
    [cleared] = (await api.get("/v1/exceptions?report=sales&state=cleared")).json()["data"]

    assert (entry["order_number"], entry["line_no"], entry["qty"]) == ("SO-1", 1, "10")
    assert (request["qty"], request["exceptions"]) == ("10", ["no_source"])
    assert (await api.get(f"/v1/exceptions/{entry['id']}")).json() == cleared
    assert (refused.status_code, refused.json()["exceptions"]) == (409, ["no_source"])
    assert po.json()["lines"][0]["ties"][0]["order_number"] == "SO-1"
    assert cleared["id"] == entry["id"]
    assert (await api.get(f"/v1/procurement-requests/{request['id']}")).status_code == 404


@pytest.mark.rule("SO-8")
async def test_an_over_receipt_is_closed_by_hand(api: Api, db_purchasing: Bench) -> None:
    await ordered(api, open=True)
    [po] = await db_purchasing.told(PurchaseOrderOpened)
    await db_purchasing.hear(handlers.goods_received, facts.received(po, 12, surplus=2))
    [entry] = (await api.get("/v1/exceptions?kind=over_receipt")).json()["data"]

    closed = await api.post(f"/v1/exceptions/{entry['id']}/close", json={"reason": "we keep them"})

    assert (closed.json()["state"], closed.json()["clear_reason"]) == ("cleared", "we keep them")
    assert (await api.get("/v1/exceptions?report=sales")).json()["data"] == []
    shown = (await api.get(f"/v1/purchase-orders/{po.po_id}")).json()
    assert (shown["state"], shown["lines"][0]["received"]) == ("received", "12")
    assert shown["lines"][0]["receipts"][0]["surplus"] == "2"


async def test_vendors_prices_and_product_lines_are_kept(api: Api) -> None:
    vendor = await api.patch(
        "/v1/vendors/ACME", json={"buyer": None, "lead_time_days": 3}, headers={"If-Match": '"1"'}
    )
    null = await api.patch("/v1/vendors/ACME", json={"currency": None}, headers={"If-Match": '"2"'})
    price = await api.post("/v1/vendor-prices", json={"vendor": "ACME", "sku": "LAMP", "price": "9.25"})
    again = await api.post("/v1/vendor-prices", json={"vendor": "ACME", "sku": "LAMP", "price": "9.25"})
    changed = await api.patch(
        f"/v1/vendor-prices/{price.json()['id']}", json={"price": "9.5"}, headers={"If-Match": '"1"'}
    )
    line = await api.post(
        "/v1/product-lines",
        json={"code": "LIGHT", "name": "Lighting", "target_buy": "10000", "currency": "EUR"},
    )
    moved = await api.patch("/v1/product-lines/LIGHT", json={"vendor": "ACME"}, headers={"If-Match": '"1"'})

    assert (vendor.json()["buyer"], vendor.json()["lead_time_days"], vendor.headers["etag"]) == (
        None,
        3,
        '"2"',
    )
    assert null.status_code == 422
    assert (price.status_code, price.json()["units_per"]) == (201, "1")
    assert (again.status_code, again.json()["code"]) == (409, "active-price-exists")
    assert changed.json()["price"] == "9.5"
    assert (line.status_code, moved.json()["vendor"]) == (201, "ACME")
    assert [row["code"] for row in (await api.get("/v1/vendors?active=true")).json()["data"]] == ["ACME"]
    assert len((await api.get("/v1/vendor-prices?vendor=ACME&sku=LAMP&active=true")).json()["data"]) == 1
    assert (await api.get("/v1/product-lines/LIGHT")).json() == moved.json()
    assert (await api.get("/v1/product-lines/DARK")).status_code == 404
    assert len((await api.get("/v1/product-lines")).json()["data"]) == 1


async def test_a_price_list_has_a_result_for_each_row(api: Api) -> None:
    rows = [
        {"vendor": "ACME", "sku": "LAMP", "price": "9"},
        {"vendor": "NOBODY", "sku": "LAMP", "price": "9"},
        {"vendor": "ACME", "sku": "LAMP", "price": "8"},
    ]

    answer = await api.post("/v1/vendor-prices/batch", json={"prices": rows})

    found = answer.json()
    assert [(row["index"], row["result"]) for row in found["results"]] == [
        (0, "created"),
        (1, "refused"),
        (2, "refused"),
    ]
    assert (found["created"], found["changed"], found["unchanged"], found["refused"]) == (1, 0, 0, 2)
    problems = [row["problem"] for row in found["results"]]
    assert problems[0] is None
    assert [(problem["code"], problem["status"]) for problem in problems[1:]] == [
        ("no-such-vendor", 404),
        ("price-twice", 409),
    ]
    assert "NOBODY" in problems[1]["detail"]


@pytest.mark.rule("BUY-16")
async def test_a_task_names_the_buyer_and_the_reason_until_it_is_done(api: Api, db_purchasing: Bench) -> None:
    await db_purchasing.hear(handlers.order_told, facts.opened())
    await db_purchasing.hear(handlers.order_told, facts.changed("SO-1", 2, facts.line(ordered=7)))
    [task] = (await api.get("/v1/tasks?state=open&buyer=bob")).json()["data"]

    done = await api.post(f"/v1/tasks/{task['id']}/done")

    assert (task["reason"], task["qty"], task["order_number"]) == ("SO-1 line 1 needs less", "3", "SO-1")
    assert (done.json()["state"], done.json()["done_by"]) == ("done", "tester")
    assert (await api.get("/v1/tasks?state=open")).json()["data"] == []


async def test_preferences_are_served(api: Api) -> None:
    answer = await api.get("/v1/preferences/purchasing")

    assert answer.status_code == 200
    assert "auto_purchase_on_open" in answer.text
