"""Rows in and out: what goes as one text for each column comes back as it was, and a picture has every part once."""

from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from shared.ids import new_id
from shared.unit_of_work import Tx

from .. import store
from ..domain.settlement import Picture
from ..store.rows import insert_rows, update_rows, write_together
from ..tables import catalogue_items, ties
from .shop import Shop, peg, ticket


@pytest.mark.parametrize("words", ['a "quoted", {braced} \\ one', "NULL", "", " spaces ", "null", "é\n☃"])
async def test_words_come_back_as_they_were(shop: Shop, words: str) -> None:
    row = _tie(po_number=words, closed_reason=words)

    await shop.bench.run(_insert, [row])

    (kept,) = await shop.bench.sql("SELECT po_number, closed_reason FROM ties")
    assert tuple(kept) == (words, words)


async def test_what_is_not_known_stays_unknown_beside_what_is(shop: Shop) -> None:
    nothing = _tie(closed_reason=None, expected_on=None, cost=None)
    everything = _tie(closed_reason="late", expected_on=date(2026, 2, 28), cost=Decimal("0.0001"))

    await shop.bench.run(_insert, [nothing, everything])

    kept = {row.id: row for row in await shop.bench.sql("SELECT * FROM ties")}
    for row in (nothing, everything):
        assert {name: kept[row["id"]]._mapping[name] for name in row} == row


@pytest.mark.parametrize("qty", ["0", "0.000001", "999999999999.999999", "1E+3", "-0"])
async def test_quantities_come_back_exact(shop: Shop, qty: str) -> None:
    row = _tie(qty=Decimal("1"))
    await shop.bench.run(_insert, [row])

    await shop.bench.run(_update, [{"id": row["id"], "qty": Decimal(qty)}])

    assert (await shop.bench.sql("SELECT qty FROM ties"))[0].qty == Decimal(qty)


async def test_flags_and_lists_come_back_beside_each_other(shop: Shop) -> None:
    items = [
        {"sku": sku, "version": 2**40, "description": sku, "kind": "stocked", "unit": "EA", "precision": 3,
         "special_order": flag, "sources": [{"warehouse": "*", "source": {"vendor": 'O"AK, CO'}}] if flag else []}
        for sku, flag in (("YES", True), ("NO", False))
    ]  # fmt: skip

    async def insert(tx: Tx) -> None:
        await write_together(tx.db, {catalogue_items: items}, {})

    await shop.bench.run(insert)

    kept = await shop.bench.sql("SELECT * FROM catalogue_items WHERE sku IN ('YES', 'NO') ORDER BY sku DESC")
    assert [{name: row._mapping[name] for name in items[0]} for row in kept] == items


async def test_a_line_with_several_special_orders_and_tickets_has_each_of_them_once(shop: Shop) -> None:
    order = await shop.order(("LAMP", 9), ("TABLE", 5))
    lamp, table = order.lines
    pegs = [peg(lamp, qty) for qty in (2, 3, 4)]
    await shop.receive(*pegs)
    await shop.allot(order, ticket(table, 5))
    # a kit has one for each component
    await shop.bench.write(
        "INSERT INTO special_orders SELECT (jsonb_populate_record(s, jsonb_build_object("
        "'id', gen_random_uuid(), 'number', 'SP-KIT', 'component', 1))).* FROM special_orders s"
    )

    (picture,) = (await shop.bench.run(_pictures, [order.order.id])).values()

    assert [line.id for line in picture.lines] == [lamp.id, table.id]
    assert [special.component for special in picture.specials] == [0, 1]
    of_lamp = [found for found in picture.allotments if found.line_id == lamp.id]
    assert [found.id for found in of_lamp] == sorted(own.allotment_id for own in pegs)
    assert [found.qty for found in picture.allotments if found.line_id == table.id] == [Decimal(5)]


async def _pictures(tx: Tx, ids: list[UUID]) -> dict[UUID, Picture]:
    return await store.complete(tx.db, await store.lock_orders(tx.db, ids))


async def _insert(tx: Tx, rows: list[dict[str, Any]]) -> None:
    await insert_rows(tx.db, ties, rows)


async def _update(tx: Tx, rows: list[dict[str, Any]]) -> None:
    await update_rows(tx.db, ties, rows)


def _tie(**fields: Any) -> dict[str, Any]:
    return {
        "id": new_id(), "order_id": new_id(), "line_id": new_id(), "component": 0, "po_id": new_id(), "po_number": "PO",
        "po_line_id": new_id(), "po_line_no": 1, "vendor": "OAKCO", "qty": Decimal(1), "closed": Decimal(0),
        "closed_reason": None, "expected_on": None, "cost": None,
    } | fields  # fmt: skip
