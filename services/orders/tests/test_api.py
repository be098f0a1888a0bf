"""REST of orders: forms, scopes, warehouses, versions, pages and problems."""

from typing import Any

import httpx
import pytest

from shared.ids import new_id
from shared.testing import Api, Bench

from .shop import Shop, ticket


@pytest.fixture
async def shop(api_orders: Api, db_orders: Bench) -> Shop:
    """The shop behind the API; asked for first, so that the API's emptying comes before the shop's filling."""
    return await Shop(db_orders).set_up()


def body(*lines: dict[str, Any], **head: Any) -> dict[str, Any]:
    """An order to be opened."""
    wanted = list(lines) or [{"sku": "TABLE", "qty": "5"}]
    return {"customer": "ACME", "warehouse": "MAIN", "open": True, "lines": wanted, **head}


async def entered(api: Api, *lines: dict[str, Any], **head: Any) -> dict[str, Any]:
    """An order as the API answers it."""
    answer = await api.post("/v1/sales-orders", json=body(*lines, **head))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of a refusal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found: dict[str, Any] = answer.json()
    assert found["code"] == code, found
    assert found["request_id"]
    return found


async def test_an_order_is_entered_read_and_listed(api_orders: Api, shop: Shop) -> None:
    order = await entered(
        api_orders, {"sku": "TABLE", "qty": "5"}, {"sku": "LAMP", "qty": "2"}, reference="PO 7"
    )

    assert (order["state"], order["supply"], order["number"][:3]) == ("open", "pending", "SO-")
    assert [(line["ordered"], line["special_order"]) for line in order["lines"]] == [
        ("5", False),
        ("2", True),
    ]
    assert order["lines"][1]["special"]["state"] == "requested"
    read = await api_orders.get(f"/v1/sales-orders/{order['id']}")
    assert read.json() == order
    assert read.headers["etag"] == '"1"'
    listed = (await api_orders.get("/v1/sales-orders", params={"number": order["number"]})).json()["data"]
    assert [row["id"] for row in listed] == [order["id"]]
    assert (listed[0]["customer_name"], listed[0]["has_special"]) == ("Acme", True)


async def test_waiting_for_supply_returns_as_soon_as_inventory_has_answered(
    api_orders: Api, shop: Shop
) -> None:
    picture = await shop.order(("TABLE", 5))
    url = f"/v1/sales-orders/{picture.order.id}"
    assert (await api_orders.get(url, params={"wait": "0.05"})).json()["supply"] == "pending"

    await shop.allot(picture, ticket(picture.lines[0], 5))

    settled = (await api_orders.get(url, params={"wait": 5})).json()
    assert settled["supply"] == "settled"
    assert settled["lines"][0]["released"] == "5"


async def test_a_batch_answers_each_order_with_itself_or_its_problem(api_orders: Api, shop: Shop) -> None:
    orders = [
        body(),
        body(customer="NOBODY"),
        {"customer": "ACME", "lines": [{"sku": "TABLE", "qty": "-1"}], "surprise": 1},
        body({"sku": "LAMP", "qty": "1"}),
    ]

    answer = await api_orders.post("/v1/sales-orders/batch", json={"orders": orders})

    assert answer.status_code == 200
    found = answer.json()
    assert (found["created"], found["refused"]) == (2, 2)
    codes = [result["problem"] and result["problem"]["code"] for result in found["results"]]
    assert codes == [None, "unknown-customer", "invalid-input", None]
    assert [(r["index"], r["result"]) for r in found["results"]] == [
        (0, "created"), (1, "refused"), (2, "refused"), (3, "created"),
    ]  # fmt: skip
    pointers = {error["pointer"] for error in found["results"][2]["problem"]["errors"]}
    assert pointers == {"/lines/0/qty", "/surprise"}
    assert len((await api_orders.get("/v1/sales-orders")).json()["data"]) == 2


async def test_the_same_key_answers_again_and_another_body_under_it_is_refused(
    api_orders: Api, shop: Shop
) -> None:
    key = {"Idempotency-Key": str(new_id())}
    first = await api_orders.post("/v1/sales-orders", json=body(), headers=key)
    again = await api_orders.post("/v1/sales-orders", json=body(), headers=key)
    other = await api_orders.post("/v1/sales-orders", json=body(priority=1), headers=key)

    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    problem(other, 422, "idempotency-key-reused")
    assert len((await api_orders.get("/v1/sales-orders")).json()["data"]) == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"qty": "0"}, {"qty": "-1"}, {"qty": "1e3"}, {"qty": "NaN"}, {"qty": "9999999999999"}, {"qty": 1.5},
        {"qty": "1", "surprise": True}, {"qty": "1", "sku": ""}, {"qty": "1", "sku": "A\x00B"},
        {"qty": "1", "comments": ["\x00"]},
        {"qty": "1", "discount": "1.5"}, {"qty": "1", "requested_on": "0000-01-01"}, {"qty": "1", "price": "-1"},
        {"qty": "1", "cost": "-1"},
        {"qty": "1", "special_order": True, "drop_ship": True}, {"qty": "1.5"}, {"qty": "1", "price": "0.00001"},
        {"qty": "1", "source": {"vendor": "A", "warehouse": "B"}}, {"qty": "999999999999", "price": "999999999999"},
    ],
)  # fmt: skip
async def test_bad_lines_are_invalid_and_nothing_is_kept(
    api_orders: Api, shop: Shop, bad: dict[str, Any]
) -> None:
    answer = await api_orders.post("/v1/sales-orders", json=body({"sku": "TABLE", **bad}))

    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]
    assert not (await api_orders.get("/v1/sales-orders")).json()["data"]


async def test_an_unknown_item_is_refused_with_what_to_do(api_orders: Api, shop: Shop) -> None:
    answer = await api_orders.post("/v1/sales-orders", json=body({"sku": "GHOST", "qty": "1"}))

    assert problem(answer, 409, "unknown-item")["sku"] == "GHOST"
    missing = await api_orders.get("/v1/catalogue-items/GHOST", params={"wait": "0.05"})
    problem(missing, 404, "no-such-document")
    await shop.item("A/B 1")
    assert (await api_orders.get("/v1/catalogue-items/A/B%201")).json()["sku"] == "A/B 1"


@pytest.mark.rule("ORD-1")
async def test_an_illegal_transition_names_both_states(api_orders: Api, shop: Shop) -> None:
    order = await entered(api_orders, open=False)

    answer = await api_orders.post(f"/v1/sales-orders/{order['id']}/close")

    found = problem(answer, 409, "illegal-transition")
    assert (found["state"], found["wanted"]) == ("draft", "closed")


async def test_changes_need_the_version_that_was_read(api_orders: Api, shop: Shop) -> None:
    order = await entered(api_orders, open=False)
    url = f"/v1/sales-orders/{order['id']}"

    problem(await api_orders.patch(url, json={"reference": "x"}), 428, "version-missing")
    fresh = await api_orders.patch(url, json={"reference": "x"}, headers={"If-Match": '"1"'})
    assert (fresh.status_code, fresh.headers["etag"]) == (200, '"2"')
    stale = await api_orders.patch(url, json={"reference": "y"}, headers={"If-Match": '"1"'})
    assert problem(stale, 412, "order-changed")["current"] == 2
    line = await api_orders.patch(f"{url}/lines/1", json={"qty": "7"}, headers={"If-Match": '"2"'})
    assert line.json()["lines"][0]["ordered"] == "7"
    gone = await api_orders.delete(f"{url}/lines/1", headers={"If-Match": '"3"'})
    assert gone.json()["lines"] == []
    assert (
        problem(await api_orders.post(f"{url}/open"), 409, "order-without-lines")["order"] == order["number"]
    )


async def test_every_route_needs_its_scope(api_orders: Api, shop: Shop) -> None:
    order = await entered(api_orders)
    reader = api_orders.as_(scopes=["orders:read"])
    stranger = api_orders.as_(scopes=["shipping:read"])

    assert (await reader.get(f"/v1/sales-orders/{order['id']}")).status_code == 200
    problem(await reader.post("/v1/sales-orders", json=body()), 403, "scope-missing")
    problem(await reader.post("/v1/customers", json={}), 403, "scope-missing")
    for path in ("sales-orders", "special-orders", "backorders", "invoices", "customers", "catalogue-items"):
        problem(await stranger.get(f"/v1/{path}"), 403, "scope-missing")
    clerk = api_orders.as_(scopes=["orders:write", "orders:read"])
    url = f"/v1/sales-orders/{order['id']}"
    change = {"priority": 5, "reason": "vip"}
    problem(await clerk.patch(url, json=change, headers={"If-Match": '"1"'}), 403, "priority-not-allowed")
    manager = api_orders.as_(scopes=["orders:priority"])
    raised = await manager.patch(url, json=change, headers={"If-Match": '"1"'})
    assert raised.json()["reminder"]
    # the scope for priorities is for priorities alone
    other = await manager.patch(url, json={"reference": "x"}, headers={"If-Match": '"2"'})
    problem(other, 403, "only-priority")


async def test_a_caller_sees_and_touches_only_the_own_warehouses(api_orders: Api, shop: Shop) -> None:
    mine = await entered(api_orders, warehouse="MAIN")
    both = await entered(
        api_orders,
        {"sku": "LAMP", "qty": "1"},
        {"sku": "LAMP", "qty": "2", "warehouse": "SHOP"},
        warehouse="MAIN",
    )
    foreign = await entered(api_orders, {"sku": "LAMP", "qty": "1"}, warehouse="SHOP")
    limited = api_orders.as_(warehouses=["MAIN"])

    listed = (await limited.get("/v1/sales-orders")).json()["data"]
    assert {row["id"] for row in listed} == {mine["id"], both["id"]}
    assert [
        line["warehouse"] for line in (await limited.get(f"/v1/sales-orders/{both['id']}")).json()["lines"]
    ] == ["MAIN"]
    assert {row["warehouse"] for row in (await limited.get("/v1/special-orders")).json()["data"]} == {"MAIN"}
    for path in ("", "/lines/1/trace"):
        problem(await limited.get(f"/v1/sales-orders/{foreign['id']}{path}"), 404, "no-such-document")
    assert (await limited.get(f"/v1/sales-orders/{foreign['id']}/log")).json()["data"] == []
    special = foreign["lines"][0]["special"]["id"]
    problem(await limited.get(f"/v1/special-orders/{special}"), 404, "no-such-document")
    problem(
        await limited.post(f"/v1/sales-orders/{foreign['id']}/cancel", json={"reason": "x"}),
        404,
        "no-such-order",
    )
    problem(
        await limited.post(f"/v1/sales-orders/{both['id']}/cancel", json={"reason": "x"}),
        403,
        "not-all-yours",
    )
    problem(await limited.post("/v1/sales-orders", json=body(warehouse="SHOP")), 409, "unknown-warehouse")
    added = await limited.post(
        f"/v1/sales-orders/{mine['id']}/lines", json={"sku": "TABLE", "qty": "1", "warehouse": "SHOP"}
    )
    problem(added, 409, "unknown-warehouse")


@pytest.mark.rule("ORD-4")
async def test_the_order_list_filters_by_special_backorder_customer_state_and_age(
    api_orders: Api, shop: Shop
) -> None:
    await shop.customer("OTHER")
    special = await shop.order(("LAMP", 1))
    waiting = await shop.order(("TABLE", 5), customer="OTHER")
    await shop.allot(waiting)
    draft = await shop.order(("TABLE", 5), open=False)
    await shop.bench.write(
        "UPDATE sales_orders SET created_at = now() - interval '10 days' WHERE id = :id", id=draft.order.id
    )

    async def found(**filters: Any) -> set[str]:
        rows = (await api_orders.get("/v1/sales-orders", params=filters)).json()["data"]
        return {row["id"] for row in rows}

    ids = {
        name: str(order.order.id)
        for name, order in (("special", special), ("waiting", waiting), ("draft", draft))
    }
    assert await found(has_special="true") == {ids["special"]}
    assert await found(is_backordered="true") == {ids["waiting"]}
    assert await found(customer="OTHER") == {ids["waiting"]}
    assert await found(state="draft") == {ids["draft"]}
    assert await found(min_age_days="5") == {ids["draft"]}
    assert await found(warehouse="MAIN", has_special="false", state="open") == {ids["waiting"]}
    assert await found(warehouse="SHOP") == set()
    problem(await api_orders.get("/v1/sales-orders", params={"colour": "red"}), 422, "unknown-parameter")


async def test_pages_follow_each_other_without_gap_or_repeat(api_orders: Api, shop: Shop) -> None:
    made = {(await entered(api_orders))["id"] for _ in range(5)}

    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2, "sort": "number", **({"cursor": cursor} if cursor else {})}
        page = (await api_orders.get("/v1/sales-orders", params=params)).json()
        seen += [row["id"] for row in page["data"]]
        cursor = page["next_cursor"]
        if not page["has_more"]:
            break

    assert len(seen) == 5
    assert set(seen) == made


@pytest.mark.rule("BO-16")
async def test_backorders_are_listed_by_item_customer_warehouse_and_age(api_orders: Api, shop: Shop) -> None:
    old = await shop.order(("TABLE", 5))
    new = await shop.order(("LAMP", 3))
    for order in (old, new):
        await shop.allot(order)
    await shop.bench.write(
        "UPDATE order_lines SET backordered_at = now() - interval '3 days' WHERE sku = 'TABLE'"
    )

    rows = (await api_orders.get("/v1/backorders")).json()["data"]
    assert [(row["sku"], row["backordered"], row["age_days"]) for row in rows] == [
        ("TABLE", "5", 3),
        ("LAMP", "3", 0),
    ]
    for filters, expected in (
        ({"sku": "LAMP"}, ["LAMP"]), ({"customer": "NOBODY"}, []), ({"min_age_days": 2}, ["TABLE"]),
        ({"warehouse": "SHOP"}, []),
    ):  # fmt: skip
        found = (await api_orders.get("/v1/backorders", params=filters)).json()["data"]
        assert [row["sku"] for row in found] == expected


@pytest.mark.rule("SO-1")
async def test_special_orders_are_listed_read_waited_for_and_made(api_orders: Api, shop: Shop) -> None:
    await shop.item("VASE", special_order=True)
    lamp, vase = await shop.order(("LAMP", 3)), await shop.order(("VASE", 1))

    async def found(**filters: Any) -> list[str]:
        return [
            row["sku"] for row in (await api_orders.get("/v1/special-orders", params=filters)).json()["data"]
        ]

    assert await found() == ["VASE", "LAMP"]
    assert await found(vendor="OAKCO") == ["LAMP"]
    assert await found(no_source="true") == ["VASE"]
    assert await found(state="ordered") == []
    assert await found(order_id=str(vase.order.id)) == ["VASE"]
    special = (await api_orders.get("/v1/special-orders", params={"sku": "LAMP"})).json()["data"][0]
    await shop.tie(lamp.lines[0], 3)
    read = (await api_orders.get(f"/v1/special-orders/{special['id']}", params={"wait": 5})).json()
    assert (read["state"], read["order_number"], read["qty"]) == ("ordered", lamp.order.number, "3")

    stock = await shop.order(("TABLE", 10))
    await shop.allot(stock)
    wanted = {"order_id": str(stock.order.id), "line_no": 1, "qty": "4", "source": {"vendor": "PINECO"}}
    made = await api_orders.post("/v1/special-orders", json=wanted)
    assert made.status_code == 201, made.text
    assert (made.json()["line_no"], made.json()["source"]["vendor"]) == (2, "PINECO")
    again = await api_orders.post("/v1/special-orders", json={**wanted, "qty": "7"})
    assert problem(again, 409, "stock-is-there")["waiting"] == "6"


@pytest.mark.rule("SO-14")
async def test_invoices_are_listed_and_read_with_their_lines(api_orders: Api, shop: Shop) -> None:
    order = await shop.order(
        {"sku": "TABLE", "qty": 3, "price": "9.95", "discount": "0.1", "tax_rate": "0.21"}
    )
    await shop.allot(order, ticket(order.lines[0], 3))
    await shop.ship_out(order)

    params = {"order_id": str(order.order.id), "state": "final", "wait": 5}
    (row,) = (await api_orders.get("/v1/invoices", params=params)).json()["data"]
    found = (await api_orders.get(f"/v1/invoices/{row['id']}")).json()

    assert (found["net"], found["tax"], found["total"]) == ("26.87", "5.64", "32.51")
    (line,) = found["lines"]
    assert (line["order_number"], line["qty"], line["price"]) == (order.order.number, "3", "9.95")
    limited = api_orders.as_(warehouses=["SHOP"])
    assert (await limited.get("/v1/invoices")).json()["data"] == []
    problem(await limited.get(f"/v1/invoices/{row['id']}"), 404, "no-such-document")


@pytest.mark.rule("ORD-5")
async def test_log_and_trace_are_read_over_rest(api_orders: Api, shop: Shop) -> None:
    order = await shop.order(("TABLE", 3))
    await shop.allot(order, ticket(order.lines[0], 3))
    await shop.ship_out(order)
    url = f"/v1/sales-orders/{order.order.id}"

    log = (await api_orders.get(f"{url}/log")).json()["data"]
    assert [row["action"] for row in log][:2] == ["created", "created"]
    assert {"stock allotted", "released", "put on shipment", "shipped"} <= {row["action"] for row in log}
    trace = (await api_orders.get(f"{url}/lines/1/trace")).json()
    assert all(hop["adds_up"] for hop in trace["sums"])
    assert (trace["shipments"][0]["number"], trace["invoices"][0]["state"]) == ("SH-000001", "final")
    problem(await api_orders.get(f"{url}/lines/9/trace"), 404, "no-such-document")


@pytest.mark.rule("ORD-6")
async def test_customers_are_made_changed_and_given_locations(api_orders: Api, shop: Shop) -> None:
    hq = {"code": "HQ", "name": "Head office"}
    new = {"code": "BETA", "name": "Beta Ltd", "ship_tos": [hq]}
    made = await api_orders.post("/v1/customers", json=new)
    assert (made.status_code, made.json()["ship_type"], made.headers["etag"]) == (201, "partial_ok", '"1"')
    problem(await api_orders.post("/v1/customers", json=new), 409, "customer-exists")
    problem(
        await api_orders.post("/v1/customers", json={**new, "code": "C", "ship_tos": [hq, hq]}),
        422,
        "location-twice",
    )

    placed = await api_orders.put(
        "/v1/customers/BETA/ship-tos/EAST", json={"name": "East", "city": "Riga"}, headers={"If-Match": '"1"'}
    )
    assert [place["code"] for place in placed.json()["ship_tos"]] == ["HQ", "EAST"]
    held = await api_orders.patch(
        "/v1/customers/BETA", json={"credit_hold": True}, headers={"If-Match": '"2"'}
    )
    assert held.json()["credit_hold"]
    problem(
        await api_orders.patch("/v1/customers/BETA", json={}, headers={"If-Match": '"1"'}),
        412,
        "customer-changed",
    )
    problem(
        await api_orders.patch("/v1/customers/NOBODY", json={}, headers={"If-Match": '"1"'}),
        404,
        "no-such-customer",
    )
    order = await entered(api_orders, customer="BETA", ship_to="EAST")
    assert (order["ship_to"], order["credit_hold"]) == ("EAST", True)
    elsewhere = await api_orders.post("/v1/sales-orders", json=body(customer="BETA", ship_to="WEST"))
    assert problem(elsewhere, 409, "unknown-ship-to")["known"] == ["HQ", "EAST"]
    assert [row["code"] for row in (await api_orders.get("/v1/customers")).json()["data"]] == ["ACME", "BETA"]
    named = (await api_orders.get("/v1/customers", params={"name": "bet", "credit_hold": "true"})).json()[
        "data"
    ]
    assert [row["code"] for row in named] == ["BETA"]
    assert (await api_orders.get("/v1/customers/BETA")).json()["ship_tos"][1]["city"] == "Riga"


async def test_an_order_that_is_held_releases_nothing_by_hand(api_orders: Api, shop: Shop) -> None:
    picture = await shop.order(("TABLE", 3))
    await shop.allot(picture, ticket(picture.lines[0], 3))
    url = f"/v1/sales-orders/{picture.order.id}"
    version = (await api_orders.get(url)).headers["etag"]

    held = await api_orders.patch(
        url, json={"customer_hold": True, "reason": "on holiday"}, headers={"If-Match": version}
    )
    assert (held.json()["customer_hold"], held.json()["lines"][0]["released"]) == (True, "0")
    problem(await api_orders.post(f"{url}/release", json={}), 409, "order-held")
    lifted = await api_orders.patch(
        url, json={"customer_hold": False}, headers={"If-Match": held.headers["etag"]}
    )
    assert lifted.json()["lines"][0]["released"] == "3"


async def test_a_line_is_cancelled_over_rest(api_orders: Api, shop: Shop) -> None:
    order = await entered(api_orders, {"sku": "TABLE", "qty": "5"})
    url = f"/v1/sales-orders/{order['id']}/lines/1/cancel"

    part = (await api_orders.post(url, json={"qty": "2", "reason": "fewer"})).json()

    line = part["lines"][0]
    assert (line["cancel_wanted"], line["cancelled"], line["is_cancelling"]) == ("2", "0", True)
    problem(await api_orders.post(url, json={"qty": "4", "reason": "more"}), 409, "below-shipped")
    problem(await api_orders.post(url.replace("/1/", "/9/"), json={"reason": "x"}), 404, "no-such-line")
