"""A shipment's life on the real database: picked, packed, shipped, voided."""

import asyncio
from decimal import Decimal
from uuid import UUID

import pytest

from services.shipping import handlers
from services.shipping.domain.departure import (
    CompleteWouldShipShort,
    Count,
    ShortAnswer,
    ShortShipDecisionRequired,
    ShortUnits,
)
from services.shipping.domain.inspection_gate import NotInspected
from services.shipping.domain.preferences import Preferences
from services.shipping.domain.shipment import IllegalShipmentMove
from services.shipping.handlers.shipments import NoSuchShipment, ShipmentMovedOn
from shared.auth import Principal, Scope
from shared.contracts.orders import ShipType
from shared.contracts.shipping import ShipmentCreated, ShipmentShipped, ShipmentUnpicked, ShipmentVoided
from shared.preferences import choose
from shared.testing import ALL_SCOPES, Bench

from .facts import asked, inspected, released, units
from .given import said, uid
from .test_handlers import figures, hear, only_shipment, stands


async def line_of(bench: Bench, line: int = 10) -> UUID:
    """The shipment line of an order line."""
    (row,) = await bench.sql("SELECT id FROM shipment_lines WHERE line_no = :line", line=line)
    key: UUID = row.id
    return key


async def actions(bench: Bench, shipment_id: object) -> list[str]:
    """What the record log says was done with a shipment."""
    return [row.action for row in await bench.log("shipment", shipment_id)]


@pytest.mark.rule("SHIP-1")
async def test_a_shipment_is_picked_packed_and_shipped(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)))
    shipment_id, _ = await only_shipment(shipping)

    await shipping.run(handlers.pick, shipment_id, 1)
    await shipping.run(handlers.pack, shipment_id, 2)
    shown = await shipping.run(handlers.ship, shipment_id, 3, [])

    assert (shown.shipment.state, shown.version) == ("shipped", 4)
    assert await figures(shipping, 1) == "5 0 0 5 0 0"
    (row,) = await shipping.sql("SELECT state, version, shipped_by, shipped_at FROM shipments")
    assert (row.state, row.version, row.shipped_by) == ("shipped", 4, "tester")
    assert await actions(shipping, shipment_id) == ["created", "picked", "packed", "shipped"]


@pytest.mark.rule("SHIP-1")
async def test_shipping_a_pending_shipment_passes_picking_and_packing_and_logs_both(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)))
    shipment_id, version = await only_shipment(shipping)

    await shipping.run(handlers.ship, shipment_id, version, [])

    assert await stands(shipping) == [("SH-1", "shipped", 10, "5")]
    assert await actions(shipping, shipment_id) == ["created", "picked", "packed", "shipped"]


@pytest.mark.rule("SHIP-3")
async def test_533_ordered_500_shipped_and_the_33_that_come_later_make_one_pending_shipment_of_33(
    shipping: Bench,
) -> None:
    await hear(shipping, released(units(1, 533)))
    shipment_id, version = await only_shipment(shipping)
    line = await line_of(shipping)

    await shipping.run(
        handlers.ship, shipment_id, version, [Count(line, Decimal(500), ShortAnswer.BACKORDER)]
    )
    await hear(shipping, released(units(2, 33)))

    assert await stands(shipping) == [("SH-1", "shipped", 10, "533"), ("SH-2", "pending", 10, "33")]
    assert await figures(shipping, 1) == "533 0 0 500 33 0"
    (told,) = await shipping.told(ShipmentShipped)
    (figure,) = told.allotments
    assert said(figure.shipped, figure.returned, figure.missing) == "500 33 33"
    (short,) = told.short
    assert (said(short.short), short.answer, short.missing, short.line_id) == (
        "33",
        "backorder",
        True,
        uid(110),
    )
    assert said(told.shipment.lines[0].qty, told.shipment.lines[0].shipped) == "533 500"


@pytest.mark.rule("SHIP-3")
async def test_a_shortage_without_an_answer_is_a_question_and_changes_nothing(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 533)))
    shipment_id, version = await only_shipment(shipping)
    line = await line_of(shipping)

    with pytest.raises(ShortShipDecisionRequired):
        await shipping.run(handlers.ship, shipment_id, version, [Count(line, Decimal(500))])

    assert await stands(shipping) == [("SH-1", "pending", 10, "533")]
    assert await actions(shipping, shipment_id) == ["created"]


@pytest.mark.rule("SHIP-3")
async def test_the_preference_answers_the_question(shipping: Bench) -> None:
    await shipping.run(choose, "shipping", Preferences, 0, {"short_ship": "close"})
    await hear(shipping, released(units(1, 533)))
    shipment_id, version = await only_shipment(shipping)
    count = Count(await line_of(shipping), Decimal(500), units=ShortUnits.LEFT)

    await shipping.run(handlers.ship, shipment_id, version, [count])

    (told,) = await shipping.told(ShipmentShipped)
    assert [(short.answer, short.missing) for short in told.short] == [("close", False)]
    assert said(told.allotments[0].returned, told.allotments[0].missing) == "33 0"


@pytest.mark.rule("SHIP-3")
@pytest.mark.parametrize("state", ["pending", "picking"])
async def test_a_ship_type_that_changed_after_the_release_counts_when_the_shipment_leaves_short(
    shipping: Bench, state: str
) -> None:
    await hear(shipping, released(units(1, 5)))
    shipment_id, _ = await only_shipment(shipping)
    if state == "picking":
        await shipping.run(handlers.pick, shipment_id, 1)

    await hear(shipping, released(units(1, 5, release_no=2), ship_type=ShipType.COMPLETE))

    _, version = await only_shipment(shipping)
    short = [Count(await line_of(shipping), Decimal(4), ShortAnswer.BACKORDER)]
    with pytest.raises(CompleteWouldShipShort):
        await shipping.run(handlers.ship, shipment_id, version, short)
    assert await stands(shipping) == [("SH-1", state, 10, "5")]
    assert len(await shipping.told(ShipmentCreated)) == 1


@pytest.mark.rule("SO-9")
async def test_uninspected_units_can_be_neither_picked_nor_shipped(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 10, gated=True)))
    shipment_id, version = await only_shipment(shipping)

    with pytest.raises(NotInspected):
        await shipping.run(handlers.pick, shipment_id, version)
    with pytest.raises(NotInspected):
        await shipping.run(handlers.ship, shipment_id, version, [])

    await hear(shipping, inspected(1, 10, passed=10))
    assert (await shipping.run(handlers.ship, shipment_id, version, [])).shipment.state == "shipped"


@pytest.mark.rule("SHIP-1")
async def test_unpicking_tells_that_units_may_be_asked_for_again(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)))
    shipment_id, version = await only_shipment(shipping)
    await shipping.run(handlers.pick, shipment_id, version)
    await shipping.run(handlers.pack, shipment_id, version + 1)

    await shipping.run(handlers.unpick, shipment_id, version + 2)

    assert await stands(shipping) == [("SH-1", "pending", 10, "5")]
    assert [fact.shipment.state for fact in await shipping.told(ShipmentUnpicked)] == ["pending"]


@pytest.mark.rule("SHIP-4")
async def test_a_void_by_hand_gives_units_back_and_ends_their_allotments(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5), units(2, 3, line=20)), asked(50, {1: 1}))
    shipment_id, version = await only_shipment(shipping)

    shown = await shipping.run(handlers.void, shipment_id, version, "customer moved")

    assert (shown.shipment.state, shown.shipment.void_reason) == ("voided", "customer moved")
    assert (await figures(shipping, 1), await figures(shipping, 2)) == ("5 1 0 0 4 0", "3 0 0 0 3 0")
    (told,) = await shipping.told(ShipmentVoided)
    assert (told.by_hand, [said(one.returned) for one in told.allotments]) == (True, ["4", "3"])
    (entry,) = [row for row in await shipping.log("shipment", shipment_id) if row.action == "voided"]
    assert (entry.reason, entry.before, entry.after) == (
        "customer moved",
        {"state": "pending"},
        {"state": "voided"},
    )


@pytest.mark.rule("SHIP-1")
async def test_a_shipped_shipment_can_do_nothing_more(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)))
    shipment_id, version = await only_shipment(shipping)
    await shipping.run(handlers.ship, shipment_id, version, [])

    for verb, rest in (
        (handlers.pick, ()),
        (handlers.pack, ()),
        (handlers.unpick, ()),
        (handlers.ship, ([],)),
        (handlers.void, ("late",)),
        (handlers.change, ({"carrier": "DHL"},)),
    ):
        with pytest.raises(IllegalShipmentMove):
            await shipping.run(verb, shipment_id, version + 1, *rest)

    assert await figures(shipping, 1) == "5 0 0 5 0 0"


async def test_a_stale_version_changes_nothing(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)), released(units(2, 5)))
    shipment_id, _ = await only_shipment(shipping)

    with pytest.raises(ShipmentMovedOn) as stale:
        await shipping.run(handlers.ship, shipment_id, 1, [])

    assert stale.value.facts == {"shipment": stale.value.facts["shipment"], "current": 2, "given": 1}
    assert await stands(shipping) == [("SH-1", "pending", 10, "10")]


async def test_a_shipment_of_another_warehouse_does_not_exist_for_the_caller(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)))
    shipment_id, version = await only_shipment(shipping)
    shipping.principal = Principal("eastern", ALL_SCOPES, Scope(frozenset({"EAST"})))

    with pytest.raises(NoSuchShipment):
        await shipping.run(handlers.pick, shipment_id, version)
    ((_, found, problem),) = await shipping.run(handlers.ship_batch, [shipment_id])

    assert (found, problem.code if problem else None) == (None, "no-such-shipment")


async def test_only_one_of_two_who_ship_at_the_same_time_ships(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)))
    shipment_id, version = await only_shipment(shipping)

    results = await asyncio.gather(
        *(shipping.run(handlers.ship, shipment_id, version, []) for _ in range(8)), return_exceptions=True
    )

    assert sum(1 for result in results if not isinstance(result, BaseException)) == 1
    assert all(isinstance(result, ShipmentMovedOn) for result in results if isinstance(result, BaseException))
    assert len(await shipping.told(ShipmentShipped)) == 1


async def test_a_question_and_a_pick_race_and_one_of_them_wins_whole(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 10)))
    shipment_id, version = await only_shipment(shipping)

    await asyncio.gather(
        shipping.run(handlers.pick, shipment_id, version),
        hear(shipping, asked(50, {1: 4})),
        return_exceptions=True,
    )

    ((_, state, _, qty),) = await stands(shipping)
    assert (state, qty) in {("picking", "10"), ("pending", "6")}


async def test_many_ship_at_once_with_a_result_each(shipping: Bench) -> None:
    await hear(
        shipping,
        released(units(1, 5)),
        released(units(2, 5), order=2),
        released(units(3, 5, gated=True), order=3),
    )
    ids = [row.id for row in await shipping.sql("SELECT id FROM shipments ORDER BY id")]

    results = await shipping.run(handlers.ship_batch, [*ids, uid(404)])

    assert [problem.code if problem else shipment and shipment.state for _, shipment, problem in results] == [
        "shipped",
        "shipped",
        "not-inspected",
        "no-such-shipment",
    ]
    assert [state for _, state, _, _ in await stands(shipping)] == ["shipped", "shipped", "pending"]
    assert len(await shipping.told(ShipmentShipped)) == 2
    assert await actions(shipping, ids[2]) == ["created"]


async def test_a_carrier_and_a_tracking_number_are_logged_and_seen_in_the_next_fact(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)))
    shipment_id, version = await only_shipment(shipping)

    shown = await shipping.run(
        handlers.change, shipment_id, version, {"carrier": "DHL", "tracking_number": "JD01"}
    )
    await hear(shipping, released(units(2, 5)))

    assert shown.version == version + 1
    assert [fact.shipment.tracking_number for fact in await shipping.told(ShipmentCreated)] == [None, "JD01"]
    (entry,) = [row for row in await shipping.log("shipment", shipment_id) if row.action == "changed"]
    assert entry.after == {"carrier": "DHL", "tracking_number": "JD01"}
