"""Orders that come at the same time are entered in one transaction, each in the name of whoever sent it."""

import asyncio
from typing import Any

import httpx
import pytest

from shared.testing import Api, Bench

from .shop import Shop
from .test_api import body, problem


@pytest.fixture
async def shop(api_orders: Api, db_orders: Bench) -> Shop:
    """The shop behind the API; asked for first, so that the API's emptying comes before the shop's filling."""
    return await Shop(db_orders).set_up()


SPECIAL = {"sku": "LAMP", "qty": "2"}
STOCK = {"sku": "TABLE", "qty": "5"}


async def sent(api: Api, *lines: dict[str, Any], **head: Any) -> httpx.Response:
    return await api.post("/v1/sales-orders", json=body(*lines, **head))


async def test_orders_that_come_together_share_a_transaction(
    api_orders: Api, shop: Shop, db_orders: Bench
) -> None:
    answers = await asyncio.gather(*(sent(api_orders, SPECIAL, reference=f"R{n}") for n in range(20)))

    assert [(a.status_code, a.json()["reference"]) for a in answers] == [(201, f"R{n}") for n in range(20)]
    assert len({a.json()["number"] for a in answers}) == 20
    transactions = await db_orders.sql("SELECT count(DISTINCT xmin::text) FROM sales_orders")
    assert transactions[0][0] < 10


async def test_each_order_is_its_own_callers(api_orders: Api, shop: Shop, db_orders: Bench) -> None:
    anna, bert = api_orders.as_(subject="anna"), api_orders.as_(subject="bert")
    elsewhere = api_orders.as_(subject="elsewhere", warehouses=["NOWHERE"])
    clerk = api_orders.as_(subject="clerk", scopes=["orders:write"])

    first, second, refused, forbidden, unknown = await asyncio.gather(
        sent(anna, SPECIAL),
        sent(bert, SPECIAL, STOCK),
        sent(elsewhere, SPECIAL),
        sent(clerk, SPECIAL, priority=5, priority_reason="a friend"),
        sent(anna, SPECIAL, customer="NOBODY"),
    )

    assert [first.status_code, second.status_code] == [201, 201], (first.text, second.text)
    assert refused.json()["code"] == "unknown-warehouse"
    problem(forbidden, 403, "priority-not-allowed")
    assert unknown.json()["code"] == "unknown-customer"
    for answer, name in ((first, "anna"), (second, "bert")):
        order_id = answer.json()["id"]
        assert {row.actor for row in await db_orders.log("sales-order", order_id)} == {name}
        told = await db_orders.sql(
            "SELECT body::jsonb ->> 'actor' AS actor, body::jsonb ->> 'causationid' AS cause FROM event_log "
            "WHERE subject LIKE '%' || :id || '%'",
            id=order_id,
        )
        assert {(row.actor, row.cause) for row in told} == {(name, answer.headers["x-request-id"])}
    assert len(await db_orders.sql("SELECT 1 FROM sales_orders")) == 2
