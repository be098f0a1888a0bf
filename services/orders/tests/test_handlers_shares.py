"""The shares of a shipment follow its newest snapshot."""

from decimal import Decimal

from shared.contracts.shipping import Shipment, ShipmentCreated, ShipmentUnpicked

from .. import handlers
from .shop import Shop, shipment_of, ticket


async def test_a_newer_snapshot_drops_changes_and_adds_shares(shop: Shop) -> None:
    order = await shop.order(("TABLE", 9))
    stays, goes, comes = (ticket(order.lines[0], qty) for qty in (2, 3, 4))
    await shop.allot(order, stays, goes, comes)
    released = await shop.released()
    first = shipment_of(order, released, "SH-000001", only=[stays.allotment_id, goes.allotment_id])
    second = _again(
        shipment_of(order, released, "SH-000001", only=[stays.allotment_id, comes.allotment_id]), first
    )

    await shop.bench.hear(handlers.shipment_created, ShipmentCreated(shipment=first))
    await shop.bench.hear(handlers.shipment_unpicked, ShipmentUnpicked(shipment=second))
    await shop.bench.hear(handlers.shipment_created, ShipmentCreated(shipment=first))

    assert await _shares(shop) == {stays.allotment_id: Decimal(2), comes.allotment_id: Decimal(4)}


async def test_an_emptied_snapshot_leaves_no_share(shop: Shop) -> None:
    order = await shop.order(("TABLE", 2))
    await shop.allot(order, ticket(order.lines[0], 2))
    first = shipment_of(order, await shop.released(), "SH-000001")

    await shop.bench.hear(handlers.shipment_created, ShipmentCreated(shipment=first))
    await shop.bench.hear(
        handlers.shipment_unpicked,
        ShipmentUnpicked(shipment=first.model_copy(update={"version": 2, "lines": []})),
    )

    assert await _shares(shop) == {}


def _again(newer: Shipment, older: Shipment) -> Shipment:
    return newer.model_copy(update={"shipment_id": older.shipment_id, "version": 2})


async def _shares(shop: Shop) -> dict[object, Decimal]:
    rows = await shop.bench.sql("SELECT allotment_id, qty FROM shipment_shares")
    return {row.allotment_id: row.qty for row in rows}
