"""Mixed picks and what is left of them, on the real database (SO-9, SHIP-4)."""

from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shipping import handlers, views
from services.shipping.domain.inspection_gate import NotInspected
from services.shipping.handlers import Leaving
from services.shipping.tables import shipments
from shared.auth import Scope
from shared.contracts.orders import ShipType
from shared.contracts.shipping import ReleaseWithdrawn, ShipmentCreated, ShipmentShipped, ShipmentVoided
from shared.testing import Bench

from .counting import statements_counted
from .facts import asked, inspected, released, revoked, units
from .given import said, uid
from .test_handlers import figures, hear, only_shipment, stands


async def mixed(bench: Bench) -> tuple[object, object]:
    """10 special units of which 6 are passed, and 5 of stock, picked: the shipment, and the one with the rest."""
    await hear(bench, released(units(1, 10, gated=True), units(2, 5, line=20)), inspected(1, 10, passed=6))
    shipment_id, version = await only_shipment(bench)
    await bench.run(handlers.pick, shipment_id, version)
    (rest,) = await bench.sql("SELECT id FROM shipments WHERE state = 'pending'")
    return shipment_id, rest.id


async def version_of(bench: Bench, shipment_id: object) -> int:
    """For If-Match."""
    (row,) = await bench.sql("SELECT version FROM shipments WHERE id = :id", id=shipment_id)
    version: int = row.version
    return version


@pytest.mark.rule("SO-9")
async def test_a_mixed_pick_takes_the_passed_units_and_tells_both_shipments_whole(shipping: Bench) -> None:
    first, rest = await mixed(shipping)

    assert await stands(shipping) == [
        ("SH-1", "picking", 10, "6"),
        ("SH-1", "picking", 20, "5"),
        ("SH-2", "pending", 10, "4"),
    ]
    assert await figures(shipping, 1) == "10 0 0 0 0 10"
    assert [said(fact.shipment.lines[0].qty) for fact in await shipping.told(ShipmentCreated)] == ["10", "4"]
    (shrunk,) = await shipping.told(ReleaseWithdrawn)
    assert (shrunk.shipments[0].state, said(shrunk.shipments[0].lines[0].qty)) == ("picking", "6")
    assert shrunk.order_ids == [uid(1)]
    assert [row.action for row in await shipping.log("shipment", first)] == ["created", "picked", "divided"]
    (made,) = await shipping.log("shipment", rest)
    assert (made.action, made.after) == ("created", {"SO-000001/10": "4"})


@pytest.mark.rule("SO-9")
async def test_shipping_a_mixed_shipment_from_pending_ships_what_is_passed(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 10, gated=True)), inspected(1, 10, passed=6))
    shipment_id, version = await only_shipment(shipping)

    shown = await shipping.run(handlers.ship, shipment_id, version, [])
    await hear(shipping, inspected(1, 10, passed=9, failed=1, version=2))
    left, rest_version = await only_pending(shipping)
    await shipping.run(handlers.ship, left, rest_version, [])

    assert said(shown.shipment.lines[0].shipped) == "6"
    assert await stands(shipping) == [("SH-1", "shipped", 10, "6"), ("SH-2", "shipped", 10, "3")]
    assert await figures(shipping, 1) == "10 0 1 9 0 0"
    assert [fact.short for fact in await shipping.told(ShipmentShipped)] == [[], []]


async def only_pending(bench: Bench) -> tuple[object, int]:
    """Id and version of the one pending shipment."""
    (row,) = await bench.sql("SELECT id, version FROM shipments WHERE state = 'pending'")
    return row.id, row.version


@pytest.mark.rule("SO-9")
async def test_under_complete_nothing_is_picked_before_all_of_it_is_inspected(shipping: Bench) -> None:
    release = released(units(1, 10, gated=True), units(2, 5, line=20), ship_type=ShipType.COMPLETE)
    await hear(shipping, release, inspected(1, 10, passed=6))
    shipment_id, version = await only_shipment(shipping)

    with pytest.raises(NotInspected):
        await shipping.run(handlers.pick, shipment_id, version)

    assert [state for _, state, _, _ in await stands(shipping)] == ["pending", "pending"]


async def of_two_warehouses(bench: Bench, ship_type: ShipType) -> tuple[Leaving, Leaving]:
    """5 units of stock from MAIN, and 10 special ones of the same order, not inspected yet, from SHOP."""
    special = released(units(1, 10, gated=True), warehouse="SHOP", ship_type=ship_type)
    await hear(bench, released(units(2, 5, line=20), ship_type=ship_type), special)
    stock, shop = await bench.sql("SELECT id, version FROM shipments ORDER BY warehouse")
    return Leaving(stock.id, stock.version), Leaving(shop.id, shop.version)


@pytest.mark.rule("SO-9")
@pytest.mark.rule("ORD-2")
async def test_a_complete_order_waits_in_one_warehouse_for_what_is_inspected_in_another(
    shipping: Bench,
) -> None:
    stock, shop = await of_two_warehouses(shipping, ShipType.COMPLETE)

    with pytest.raises(NotInspected) as refused:
        await shipping.run(handlers.pick, stock.shipment_id, 1)
    both = await shipping.run(handlers.ship_many, [stock, shop])
    as_batch = await shipping.run(handlers.ship_batch, [stock.shipment_id])

    (number,) = await shipping.sql("SELECT number FROM shipments WHERE id = :id", id=shop.shipment_id)
    assert (refused.value.facts["lines"], refused.value.facts["other_shipments"]) == ([], [number.number])
    assert [type(one) for one in (*both, as_batch[0][2])] == [NotInspected] * 3
    assert [row[1:] for row in await stands(shipping)] == [("pending", 20, "5"), ("pending", 10, "10")]


@pytest.mark.rule("SO-9")
async def test_a_complete_order_leaves_both_warehouses_once_all_of_it_has_passed(shipping: Bench) -> None:
    stock, shop = await of_two_warehouses(shipping, ShipType.COMPLETE)
    await hear(shipping, inspected(1, 10, passed=6))
    with pytest.raises(NotInspected):
        await shipping.run(handlers.pick, stock.shipment_id, 1)
    await hear(shipping, inspected(1, 10, passed=10, version=2))

    await shipping.run(handlers.ship_many, [stock, shop])

    assert [row[1:] for row in await stands(shipping)] == [("shipped", 20, "5"), ("shipped", 10, "10")]


@pytest.mark.rule("SO-9")
async def test_under_partial_ok_the_other_warehouse_is_not_even_asked(shipping: Bench) -> None:
    stock, _ = await of_two_warehouses(shipping, ShipType.PARTIAL_OK)

    with statements_counted() as seen:
        await shipping.run(handlers.ship_many, [stock])

    assert not [statement for statement in seen if "DISTINCT shipment_lines.order_id" in statement]
    assert [row[1:] for row in await stands(shipping)] == [("shipped", 20, "5"), ("pending", 10, "10")]


@pytest.mark.rule("SO-9")
async def test_what_is_picked_already_leaves_though_more_of_its_complete_order_must_be_inspected(
    shipping: Bench,
) -> None:
    await hear(shipping, released(units(2, 5, line=20), ship_type=ShipType.COMPLETE))
    shipment_id, version = await only_shipment(shipping)
    shown = await shipping.run(handlers.pick, shipment_id, version)
    special = released(units(1, 10, gated=True), warehouse="SHOP", ship_type=ShipType.COMPLETE)
    await hear(shipping, special)

    await shipping.run(handlers.ship, shipment_id, shown.version, [])

    assert [row[1:] for row in await stands(shipping)] == [("shipped", 20, "5"), ("pending", 10, "10")]


@pytest.mark.rule("SO-9")
async def test_an_unpicked_shipment_keeps_the_passed_units_and_can_be_picked_again(shipping: Bench) -> None:
    first, rest = await mixed(shipping)

    shown = await shipping.run(handlers.unpick, first, await version_of(shipping, first))
    with pytest.raises(NotInspected):
        await shipping.run(handlers.pick, rest, await version_of(shipping, rest))
    await shipping.run(handlers.pick, first, shown.version)

    assert shown.uninspected == {}
    assert [state for _, state, _, _ in await stands(shipping)] == ["picking", "picking", "pending"]


@pytest.mark.rule("SHIP-4")
async def test_a_voided_remainder_goes_back_to_its_original_line_while_that_is_pending(
    shipping: Bench,
) -> None:
    first, rest = await mixed(shipping)
    await shipping.run(handlers.unpick, first, await version_of(shipping, first))

    await shipping.run(handlers.void, rest, await version_of(shipping, rest), "one parcel will do")

    assert await stands(shipping) == [("SH-1", "pending", 10, "10"), ("SH-1", "pending", 20, "5")]
    assert await figures(shipping, 1) == "10 0 0 0 0 10"
    (voided,) = await shipping.told(ShipmentVoided)
    assert (voided.by_hand, voided.shipment.lines, voided.allotments, voided.order_ids) == (
        True,
        [],
        [],
        [uid(1)],
    )
    assert [said(fact.shipment.lines[0].qty) for fact in await shipping.told(ShipmentCreated)][-1] == "10"
    extended = (await shipping.log("shipment", first))[-1]
    assert (extended.action, extended.before, extended.after) == (
        "extended",
        {"SO-000001/10": "6"},
        {"SO-000001/10": "10"},
    )


@pytest.mark.rule("SHIP-4")
async def test_a_remainder_whose_original_is_being_picked_goes_back_to_its_order_line(
    shipping: Bench,
) -> None:
    first, rest = await mixed(shipping)

    await shipping.run(handlers.void, rest, await version_of(shipping, rest), "not wanted now")
    await shipping.run(handlers.unpick, first, await version_of(shipping, first))
    shown = await shipping.run(handlers.pick, first, await version_of(shipping, first))

    assert await figures(shipping, 1) == "10 0 0 0 4 6"
    (voided,) = await shipping.told(ShipmentVoided)
    (figure,) = voided.allotments
    assert said(figure.returned, figure.unproven) == "4 4"
    assert shown.shipment.state == "picking"  # the 6 passed ones do not wait for the 4 that nobody looked at


@pytest.mark.rule("BO-10")
async def test_units_are_taken_back_from_the_rest_and_refused_where_they_are_picked(shipping: Bench) -> None:
    await mixed(shipping)

    await hear(shipping, asked(50, {1: 7}), revoked(2))

    assert await figures(shipping, 1) == "10 4 0 0 0 6"
    assert [row[1:] for row in await stands(shipping)] == [("picking", 10, "6"), ("picking", 20, "5")]


@pytest.mark.rule("SO-9")
async def test_the_list_and_the_shipment_say_what_waits_on_which_of_the_two(shipping: Bench) -> None:
    first, _ = await mixed(shipping)
    await shipping.run(handlers.unpick, first, await version_of(shipping, first))

    async def waiting(db: AsyncConnection) -> list[bool]:
        rows = await db.execute(views.shipment_list(Scope()).order_by(shipments.c.id))
        return [row.waits_for_inspection for row in rows]

    assert await shipping.read(waiting) == [False, True]


@pytest.mark.rule("SO-9")
async def test_a_refusal_names_no_shipment_of_a_warehouse_that_its_caller_may_not_see(
    shipping: Bench,
) -> None:
    stock, shop = await of_two_warehouses(shipping, ShipType.COMPLETE)
    (there,) = await shipping.sql("SELECT number FROM shipments WHERE id = :id", id=shop.shipment_id)
    shipping.principal = replace(shipping.principal, scope=Scope(frozenset({"MAIN"})))

    (refused,) = await shipping.run(handlers.ship_many, [stock])
    with pytest.raises(NotInspected, match="units of its complete order in another warehouse wait") as picked:
        await shipping.run(handlers.pick, stock.shipment_id, 1)

    for problem in (refused, picked.value):
        assert isinstance(problem, NotInspected)
        assert there.number not in str(problem)
        assert problem.facts["other_shipments"] == []


async def waiting(bench: Bench) -> dict[str, bool]:
    """What the list says of each warehouse's shipment."""

    async def listed(db: AsyncConnection) -> dict[str, bool]:
        rows = await db.execute(views.shipment_list(Scope()))
        return {row.warehouse: row.waits_for_inspection for row in rows}

    return await bench.read(listed)


@pytest.mark.rule("SO-9")
async def test_the_list_says_of_every_shipment_of_a_complete_order_that_it_waits(shipping: Bench) -> None:
    await of_two_warehouses(shipping, ShipType.COMPLETE)

    assert await waiting(shipping) == {"MAIN": True, "SHOP": True}
    await hear(shipping, inspected(1, 10, passed=6))
    assert await waiting(shipping) == {"MAIN": True, "SHOP": True}
    await hear(shipping, inspected(1, 10, passed=10, version=2))
    assert await waiting(shipping) == {"MAIN": False, "SHOP": False}


@pytest.mark.rule("SO-9")
async def test_the_list_says_of_a_partial_order_what_waits_on_each_shipment_alone(shipping: Bench) -> None:
    await of_two_warehouses(shipping, ShipType.PARTIAL_OK)
    whole = {"warehouse": "EAST", "ship_type": ShipType.COMPLETE}
    await hear(shipping, released(units(3, 1, line=30), order=2, **whole))

    assert await waiting(shipping) == {"MAIN": False, "SHOP": True, "EAST": False}
