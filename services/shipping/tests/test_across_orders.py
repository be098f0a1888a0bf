"""Appending across orders of one customer and location (SHIP-2), on the real database."""

import asyncio

import pytest

from services.shipping import handlers
from services.shipping.domain.preferences import Preferences
from services.shipping.handlers.shipments import ShipmentMovedOn
from shared.contracts.base import ShipTo
from shared.contracts.shipping import ReleaseWithdrawn, ShipmentCreated, ShipmentVoided
from shared.preferences import choose
from shared.testing import Bench

from .facts import inspected, released, revoked, units
from .given import uid
from .test_handlers import hear, only_shipment, stands


async def switch_on(bench: Bench) -> None:
    """append_across_orders."""
    await bench.run(choose, "shipping", Preferences, 0, {"append_across_orders": "on"})


@pytest.mark.rule("SHIP-2")
async def test_without_the_preference_each_order_has_its_own_shipment(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)), released(units(2, 7, line=20), order=2))

    assert await stands(shipping) == [("SH-1", "pending", 10, "5"), ("SH-2", "pending", 20, "7")]


@pytest.mark.rule("SHIP-2")
async def test_with_it_another_order_of_the_customer_and_location_joins(shipping: Bench) -> None:
    await switch_on(shipping)

    await hear(shipping, released(units(1, 5)), released(units(2, 7, line=20), order=2))

    assert await stands(shipping) == [("SH-1", "pending", 10, "5"), ("SH-1", "pending", 20, "7")]
    last = (await shipping.told(ShipmentCreated))[-1].shipment
    assert [(line.order_number, line.order_id) for line in last.lines] == [
        ("SO-000001", uid(1)),
        ("SO-000002", uid(2)),
    ]


@pytest.mark.rule("SHIP-2")
async def test_the_oldest_pending_shipment_of_the_customer_is_joined_first(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)), released(units(2, 7, line=20), order=2))
    await switch_on(shipping)

    await hear(shipping, released(units(3, 1, line=20), order=2), released(units(4, 1, line=30), order=3))

    assert await stands(shipping) == [
        ("SH-1", "pending", 10, "5"),
        ("SH-1", "pending", 20, "1"),
        ("SH-1", "pending", 30, "1"),
        ("SH-2", "pending", 20, "7"),
    ]


@pytest.mark.rule("SHIP-2")
@pytest.mark.parametrize(
    "other",
    [
        {"customer": "BOREAL"},
        {"ship_to": ShipTo(code="SITE", name="Aurora building site")},
        {"warehouse": "EAST"},
        {"currency": "USD"},
        {"carrier": "UPS"},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_what_does_not_match_gets_a_shipment_of_its_own(
    shipping: Bench, other: dict[str, object]
) -> None:
    await switch_on(shipping)

    await hear(shipping, released(units(1, 5)), released(units(2, 7, line=20), order=2, **other))

    assert [number for number, *_ in await stands(shipping)] == ["SH-1", "SH-2"]


@pytest.mark.rule("SHIP-2")
async def test_what_leaves_a_shared_shipment_names_every_order_that_was_on_it(shipping: Bench) -> None:
    await switch_on(shipping)
    await hear(shipping, released(units(1, 5)), released(units(2, 7, line=20), order=2))

    await hear(shipping, revoked(2, order=2), revoked(1))

    (shrunk,) = await shipping.told(ReleaseWithdrawn)
    assert shrunk.order_ids == [uid(1), uid(2)]
    (voided,) = await shipping.told(ShipmentVoided)
    assert (voided.order_ids, voided.shipment.lines) == ([uid(1)], [])


@pytest.mark.rule("SHIP-2")
async def test_a_mixed_pick_of_a_shared_shipment_leaves_the_other_orders_rest(shipping: Bench) -> None:
    await switch_on(shipping)
    await hear(
        shipping, released(units(1, 5)), released(units(2, 7, line=20, gated=True), order=2),
        inspected(2, 7, passed=3, line=20, order=2),
    )  # fmt: skip

    await shipping.run(handlers.pick, *await only_shipment(shipping))

    (rest,) = await shipping.sql("SELECT order_id, order_number FROM shipments WHERE state = 'pending'")
    assert (rest.order_id, rest.order_number) == (uid(2), "SO-000002")
    assert [row[1:] for row in await stands(shipping)] == [
        ("picking", 10, "5"),
        ("picking", 20, "3"),
        ("pending", 20, "4"),
    ]


@pytest.mark.rule("SHIP-2")
async def test_twelve_orders_of_a_customer_released_at_the_same_time_share_one_shipment(
    shipping: Bench,
) -> None:
    await switch_on(shipping)

    await asyncio.gather(*(hear(shipping, released(units(n, 1, line=n), order=n)) for n in range(1, 13)))

    assert {number for number, *_ in await stands(shipping)} == {"SH-1"}
    assert len(await stands(shipping)) == 12


@pytest.mark.rule("SHIP-2")
@pytest.mark.parametrize("turn", range(4))
async def test_a_pick_and_an_append_race_and_one_of_two_ends_is_reached(shipping: Bench, turn: int) -> None:
    await switch_on(shipping)
    await hear(shipping, released(units(1, 5)))
    shipment_id, version = await only_shipment(shipping)

    async def pick() -> bool:
        await asyncio.sleep(0.001 * turn)
        try:
            await shipping.run(handlers.pick, shipment_id, version)
        except ShipmentMovedOn:
            return False
        return True

    picked, _ = await asyncio.gather(pick(), hear(shipping, released(units(2, 7, line=20), order=2)))

    # the pick wins: a new shipment; the append wins: the picker reads again
    ends = {
        True: [("SH-1", "picking", 10, "5"), ("SH-2", "pending", 20, "7")],
        False: [("SH-1", "pending", 10, "5"), ("SH-1", "pending", 20, "7")],
    }
    assert await stands(shipping) == ends[picked]


@pytest.mark.rule("SHIP-2")
async def test_of_many_pickers_and_appenders_one_picker_wins_at_most_and_no_unit_is_lost(
    shipping: Bench,
) -> None:
    await switch_on(shipping)
    await hear(shipping, released(units(1, 5)))
    shipment_id, version = await only_shipment(shipping)

    results = await asyncio.gather(
        *(shipping.run(handlers.pick, shipment_id, version) for _ in range(6)),
        *(hear(shipping, released(units(n, 1, line=n), order=n)) for n in range(2, 8)),
        return_exceptions=True,
    )

    winners = [one for one in results[:6] if not isinstance(one, BaseException)]
    assert len(winners) <= 1
    assert all(isinstance(one, ShipmentMovedOn) for one in results[:6] if isinstance(one, BaseException))
    assert results[6:] == [None] * 6
    assert sum(int(qty) for *_, qty in await stands(shipping)) == 11


@pytest.mark.rule("SHIP-2")
async def test_the_customers_pending_shipments_are_found_by_an_index(shipping: Bench) -> None:
    await switch_on(shipping)
    for customer, state, reason in (("'AURORA'", "voided", "'old'"), ("'C' || n", "pending", "NULL")):
        await shipping.write(
            "INSERT INTO shipments (id, number, state, order_id, order_number, customer, warehouse, currency, ship_to,"
            f" created_at, void_reason) SELECT gen_random_uuid(), '{state}-' || n, '{state}', gen_random_uuid(), 'SO',"
            f" {customer}, 'MAIN', 'EUR', '{{}}', now(), {reason} FROM generate_series(1, 3000) AS n"
        )
    await shipping.write("ANALYZE shipments")

    (plan,) = await shipping.sql(
        "EXPLAIN (FORMAT JSON) SELECT id FROM shipments WHERE customer = ANY(ARRAY['AURORA']) AND state = 'pending'"
    )

    assert "shipments_pending_customer_ix" in str(plan[0])
    await shipping.write("DELETE FROM shipments")
