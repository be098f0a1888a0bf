"""Shipments that are shipped at the same time leave in one transaction, each in the name of whoever sent it."""

import asyncio

import pytest

from services.shipping import handlers
from shared.testing import Api, Bench

from .facts import released, units
from .test_api import at


@pytest.mark.rule("SHIP-3")
async def test_each_departure_is_its_own_callers(api_shipping: Api, db_shipping: Bench) -> None:
    await db_shipping.hear(handlers.lines_released, *(released(units(n, 5), order=n) for n in range(1, 5)))
    first, second, third, fourth = (
        row.id for row in await db_shipping.sql("SELECT id FROM shipments ORDER BY id")
    )
    anna, bert = api_shipping.as_(subject="anna"), api_shipping.as_(subject="bert")
    elsewhere = api_shipping.as_(subject="elsewhere", warehouses=["NOWHERE"])

    answers = await asyncio.gather(
        anna.post(f"/v1/shipments/{first}/ship", json={}, headers=at(1)),
        bert.post(f"/v1/shipments/{second}/ship", json={}, headers=at(1)),
        elsewhere.post(f"/v1/shipments/{third}/ship", json={}, headers=at(1)),
        bert.post(f"/v1/shipments/{fourth}/ship", json={}, headers=at(7)),
    )

    assert [answer.status_code for answer in answers] == [200, 200, 404, 412], [a.text for a in answers]
    assert answers[3].json()["current"] == 1
    assert answers[0].headers["etag"] == f'"{answers[0].json()["version"]}"'
    for shipment_id, answer, name in ((first, answers[0], "anna"), (second, answers[1], "bert")):
        shipped = [row for row in await db_shipping.log("shipment", shipment_id) if row.action == "shipped"]
        assert [(row.actor, row.cause) for row in shipped] == [(name, answer.headers["x-request-id"])]
    told = await db_shipping.sql(
        "SELECT body::jsonb #>> '{data,shipped_by}' AS who, body::jsonb ->> 'actor' AS actor FROM event_log "
        "WHERE routing_key LIKE '%.shipped.v1' ORDER BY 1"
    )
    assert [tuple(row) for row in told] == [("anna", "anna"), ("bert", "bert")]
