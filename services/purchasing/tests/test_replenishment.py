"""Replenishment proposals (BO-17): kept as inventory tells them, in any order, once per item and warehouse."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from services.purchasing import handlers
from services.purchasing.tests import facts
from shared.contracts.base import Source
from shared.contracts.inventory import ReplenishmentNeeded
from shared.testing import Api, Bench

PATH = "/v1/replenishment-proposals"


def needed(qty: object, version: int = 1, sku: str = "LAMP", **given: Any) -> ReplenishmentNeeded:
    """Stock of an item needs so much."""
    usual: dict[str, Any] = {
        "sku": sku, "warehouse": "MAIN", "version": version, "qty": Decimal(str(qty)), "position": Decimal(-5),
        "minimum": Decimal(10), "target": Decimal(30), "safety": Decimal(4), "lead_time_days": 7,
        "source": Source(vendor="ACME"),
    }  # fmt: skip
    return ReplenishmentNeeded(**(usual | given))


async def proposed(bench: Bench) -> list[tuple[str, str, int]]:
    """What stands proposed."""
    rows = await bench.sql(
        "SELECT sku, warehouse, qty FROM replenishment_proposals WHERE qty > 0 ORDER BY sku, warehouse"
    )
    return [(row.sku, row.warehouse, int(row.qty)) for row in rows]


@pytest.mark.rule("BO-17")
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_the_newest_proposal_stands_in_whatever_order_they_are_heard(
    db_purchasing: Bench, order: tuple[int, ...]
) -> None:
    told = [needed(20, 1), needed(0, 2), needed(35, 3)]

    for n in order:
        await db_purchasing.hear(handlers.replenishment_needed, told[n])

    assert await proposed(db_purchasing) == [("LAMP", "MAIN", 35)]


@pytest.mark.rule("BO-17")
async def test_facts_of_one_batch_are_folded_and_twice_is_once(db_purchasing: Bench) -> None:
    batch = [
        needed(35, 3),
        needed(20, 1),
        needed(35, 3),
        needed(8, 1, "TABLE"),
        needed(5, 1, warehouse="EAST"),
    ]

    await db_purchasing.hear(handlers.replenishment_needed, *batch)
    await db_purchasing.hear(handlers.replenishment_needed, *batch)

    assert await proposed(db_purchasing) == [("LAMP", "EAST", 5), ("LAMP", "MAIN", 35), ("TABLE", "MAIN", 8)]


@pytest.mark.rule("BO-17")
async def test_a_withdrawn_proposal_is_gone_and_an_older_one_does_not_bring_it_back(
    api_purchasing: Api, db_purchasing: Bench
) -> None:
    await db_purchasing.hear(handlers.replenishment_needed, needed(0, 2))
    await db_purchasing.hear(handlers.replenishment_needed, needed(20, 1))

    answer = await api_purchasing.get(PATH)

    assert answer.json()["data"] == []


async def test_proposals_are_filtered_by_item_warehouse_vendor_and_size(
    api_purchasing: Api, db_purchasing: Bench
) -> None:
    await db_purchasing.hear(
        handlers.replenishment_needed,
        needed(20),
        needed(3, sku="BULB"),
        needed(12, warehouse="EAST", source=Source(warehouse="MAIN")),
    )

    async def found(**wanted: str) -> list[tuple[str, str, str]]:
        rows = (await api_purchasing.get(PATH, params=wanted)).json()["data"]
        return [(row["sku"], row["warehouse"], row["qty"]) for row in rows]

    assert await found() == [("BULB", "MAIN", "3"), ("LAMP", "EAST", "12"), ("LAMP", "MAIN", "20")]
    assert await found(sku="LAMP", warehouse="MAIN") == [("LAMP", "MAIN", "20")]
    assert await found(vendor="ACME") == [("BULB", "MAIN", "3"), ("LAMP", "MAIN", "20")]
    assert await found(min_qty="10") == [("LAMP", "EAST", "12"), ("LAMP", "MAIN", "20")]
    assert (await api_purchasing.get(PATH, params={"min_qty": "-1"})).status_code == 422


async def test_a_caller_sees_the_proposals_of_his_warehouses(
    api_purchasing: Api, db_purchasing: Bench
) -> None:
    await db_purchasing.hear(handlers.replenishment_needed, needed(20), needed(12, warehouse="EAST"))

    answer = await api_purchasing.as_(warehouses=["EAST"]).get(PATH)

    assert [row["warehouse"] for row in answer.json()["data"]] == ["EAST"]


@pytest.mark.rule("BO-17")
async def test_what_stands_on_drafts_is_not_to_be_bought_again(
    api_purchasing: Api, db_purchasing: Bench
) -> None:
    await db_purchasing.hear(handlers.warehouse_saved, facts.warehouse())
    await db_purchasing.hear(handlers.item_saved, facts.item())
    await api_purchasing.post("/v1/vendors", json={"code": "ACME", "name": "Acme", "currency": "EUR"})
    await db_purchasing.hear(handlers.replenishment_needed, needed(20))
    body = {"vendor": "ACME", "warehouse": "MAIN", "lines": [{"sku": "LAMP", "qty": "15", "cost": "9.25"}]}
    assert (await api_purchasing.post("/v1/purchase-orders", json=body)).status_code == 201

    row = (await api_purchasing.get(PATH)).json()["data"][0]

    assert (row["qty"], row["on_drafts"], row["to_buy"]) == ("20", "15", "5")
