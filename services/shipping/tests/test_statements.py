"""How few statements hearing and saving take, and that nothing is lost where one is left out."""

import asyncio
from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from services.shipping import handlers, store
from services.shipping.domain.allotment import Allotment, Terms
from services.shipping.domain.shipment import Line, Share, Shipment
from services.shipping.handlers import Leaving
from services.shipping.store.allotments import ALLOTMENT
from services.shipping.store.rows import LINE, SHARE, SHIPMENT
from services.shipping.store.saving import NUMBER
from shared.auth import Scope
from shared.contracts.base import ShipTo
from shared.contracts.shipping import ShipmentCreated
from shared.testing import Bench
from shared.unit_of_work import Tx

from .counting import statements_counted
from .facts import inspected, released, revoked, units
from .given import said, uid
from .test_handlers import figures, hear, only_shipment, stands

SITE = ShipTo(code="SITE", name="Aurora building site")


def test_rows_are_in_the_order_of_the_values_that_they_become() -> None:
    def fields_of(kind: type[Any]) -> list[str]:
        return [one.name for one in fields(kind)]

    assert fields_of(Shipment) == ["shipment_id", *SHIPMENT[1:], "lines"]
    assert fields_of(Line) == ["shipment_line_id", *LINE[2:], "shares"]
    assert fields_of(Share) == [*SHARE[1:]]
    assert fields_of(Terms) + fields_of(Allotment)[3:] == [*ALLOTMENT[1:]]
    assert fields_of(Allotment)[:3] == ["allotment_id", "order_id", "terms"]


async def test_a_release_of_a_new_order_is_two_looks_one_write_and_the_closing(shipping: Bench) -> None:
    await hear(shipping, released(units(1_000, 5), order=1_000))  # the preferences are kept from here on

    with statements_counted() as seen:
        await shipping.hear(handlers.lines_released, released(units(1, 5)))

    assert len(seen) == 4


async def test_an_inspection_of_known_units_passes_no_turnstile_and_is_two_statements(
    shipping: Bench,
) -> None:
    await hear(shipping, released(units(1, 10, gated=True)))

    with statements_counted() as seen:
        await shipping.hear(handlers.inspection_completed, inspected(1, 10, passed=10))

    assert [one.split()[0] for one in seen] == ["SELECT", "WITH"]
    assert await shipping.sql("SELECT * FROM allotments WHERE passed <> 10") == []


async def test_an_inspection_of_one_known_and_one_unknown_allotment_keeps_both(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 10, gated=True)))

    await asyncio.gather(
        *(
            shipping.hear(
                handlers.inspection_completed, inspected(1, 10, passed=6), inspected(2, 8, passed=turn)
            )
            for turn in range(1, 5)
        )
    )

    rows = await shipping.sql("SELECT passed FROM allotments ORDER BY allotment_id")
    assert [said(row.passed) for row in rows] == ["6", "4"]


async def test_a_departure_is_two_looks_one_write_and_the_closing(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)), released(units(2, 5), order=2))
    first, second = [row.id for row in await shipping.sql("SELECT id FROM shipments ORDER BY id")]
    await shipping.run(handlers.ship_many, [Leaving(first)])

    with statements_counted() as seen:
        await shipping.run(handlers.ship_many, [Leaving(second)])

    assert len(seen) == 4


async def test_new_shipments_are_numbered_in_order_and_told_as_they_are_kept(shipping: Bench) -> None:
    await shipping.hear(
        handlers.lines_released, *(released(units(number, 5), order=number) for number in range(1, 6))
    )

    kept = [row.number for row in await shipping.sql("SELECT number FROM shipments ORDER BY id")]
    first = int(kept[0].removeprefix("SH-"))
    assert kept == [f"SH-{number:06d}" for number in range(first, first + 5)]
    assert [fact.shipment.number for fact in await shipping.told(ShipmentCreated)] == kept


async def test_numbers_are_written_as_those_of_other_documents_and_may_outgrow_six_digits(
    shipping: Bench,
) -> None:
    for number in (1, 999_999, 1_000_000, 12_345_678_901):
        (row,) = await shipping.sql(
            f"SELECT to_char(CAST(:number AS bigint), '{NUMBER}') AS n", number=number
        )
        assert row.n == f"{number:06d}"


@pytest.mark.rule("SHIP-5")
async def test_a_line_that_is_emptied_comes_back_for_other_units_in_the_same_breath(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5), units(2, 3, line=20)))

    # the first units move to the site, and others of their line join the shipment that they leave
    await shipping.hear(
        handlers.lines_released,
        released(units(1, 5, release_no=2), ship_to=SITE),
        released(units(3, 4)),
    )

    assert await stands(shipping) == [
        ("SH-1", "pending", 10, "4"),
        ("SH-1", "pending", 20, "3"),
        ("SH-2", "pending", 10, "5"),
    ]


_EXTENDED = """
    WITH line AS (
        INSERT INTO shipment_lines (id, shipment_id, order_id, order_number, line_id, line_no, component, sku, description,
            unit, precision)
        SELECT gen_random_uuid(), shipment_id, order_id, order_number, gen_random_uuid(), 20, 0, sku, description, unit,
            precision FROM shipment_lines RETURNING id
    ), moved AS (UPDATE shipments SET version = version + 1), grown AS (UPDATE allotments SET qty = 6, standing = 6)
    INSERT INTO shipment_shares SELECT line.id, allotment_id, 1, 0 FROM line, allotments
"""


async def test_lines_that_came_while_a_lock_was_waited_for_are_seen(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)))
    (row,) = await shipping.sql("SELECT id FROM shipments")
    extended = asyncio.Event()

    async def extend(tx: Tx) -> None:
        await tx.db.execute(text(_EXTENDED))
        extended.set()
        await asyncio.sleep(0.3)

    async def look(tx: Tx) -> list[Shipment]:
        await extended.wait()
        return await store.lock_shipments(tx.db, [row.id], Scope())

    _, (found,) = await asyncio.gather(shipping.run(extend), shipping.run(look))

    assert found.version == 2
    assert [(line.line_no, line.qty) for line in found.lines] == [(10, Decimal(5)), (20, Decimal(1))]


async def test_what_was_revoked_and_asked_for_before_its_release_is_written_down_once(
    shipping: Bench,
) -> None:
    await asyncio.gather(
        *(shipping.hear(handlers.release_revoked, revoked(1, 2, revoke_no=turn)) for turn in range(1, 5)),
        shipping.hear(handlers.lines_released, released(units(1, 10, release_no=5))),
    )

    assert await figures(shipping, 1) == "10 0 0 0 0 10"
    rows = await shipping.sql("SELECT revoke_no FROM allotments WHERE allotment_id = :id", id=uid(2))
    assert [row.revoke_no for row in rows] == [4]


@pytest.mark.rule("SO-9")
async def test_units_fail_and_others_join_their_shipment_at_the_same_time(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 10, gated=True), units(20, 1, line=20)))

    await asyncio.gather(
        *(shipping.hear(handlers.inspection_completed, inspected(1, 10, failed=one)) for one in range(1, 5)),
        *(shipping.hear(handlers.lines_released, released(units(one, 1, line=one))) for one in range(30, 38)),
    )

    placed = await stands(shipping)
    assert {number for number, *_ in placed} == {"SH-1"}
    assert sum(int(qty) for *_, qty in placed) == 6 + 1 + 8


@pytest.mark.rule("SHIP-2")
async def test_units_join_a_shipment_that_is_unpicked_while_their_release_waits_for_it(
    shipping: Bench,
) -> None:
    await hear(shipping, released(units(1, 5)))
    shipment_id, version = await only_shipment(shipping)
    picking = await shipping.run(handlers.pick, shipment_id, version)
    unpicked = asyncio.Event()

    async def unpick(tx: Tx) -> None:
        await handlers.unpick(tx, picking.shipment.shipment_id, picking.version)
        unpicked.set()
        await asyncio.sleep(0.3)

    async def release() -> None:
        await unpicked.wait()
        await hear(shipping, released(units(1, 5, release_no=2), units(2, 3, line=20)))

    await asyncio.gather(shipping.run(unpick), release())

    assert await stands(shipping) == [("SH-1", "pending", 10, "5"), ("SH-1", "pending", 20, "3")]


async def test_what_is_not_known_of_an_allotment_yet_is_null(shipping: Bench) -> None:
    await hear(shipping, inspected(1, 10, passed=6))

    (row,) = await shipping.sql("SELECT num_nulls(sku, carrier, ship_to) AS unknown FROM allotments")
    assert row.unknown == 3


async def test_text_comes_back_as_it_was_told(shipping: Bench) -> None:
    odd = """'"\\{}[]:=, \t\n \u2028 \x7f \U0001f4a1 null $1 :ids %s"""
    site = SITE.model_copy(update={"name": odd, "street": "null", "city": "1e3"})
    exact = Decimal("123456789012.000001")

    await hear(shipping, released(units(1, str(exact), description=odd), ship_to=site))

    (line,) = await shipping.sql("SELECT description FROM shipment_lines")
    (share,) = await shipping.sql("SELECT qty FROM shipment_shares")
    places = await shipping.sql("SELECT ship_to FROM shipments UNION ALL SELECT ship_to FROM allotments")
    assert (line.description, share.qty) == (odd, exact)
    assert [row.ship_to for row in places] == [site.model_dump()] * 2
