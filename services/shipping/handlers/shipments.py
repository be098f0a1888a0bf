"""A shipment on its way: picked, packed, taken back, voided, and given a carrier (SHIP-1, SHIP-4, SHIP-6)."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from services.shipping import store
from services.shipping.domain.allotment import Allotment
from services.shipping.domain.inspection_gate import may_pick, uninspected
from services.shipping.domain.shipment import OPEN, IllegalShipmentMove, Shipment, State
from services.shipping.domain.voiding import void as voided
from services.shipping.views import Shown
from shared.contracts.shipping import ShipmentUnpicked, ShipmentVoided
from shared.errors import NotFound, Stale
from shared.unit_of_work import Tx, changes

from .settling import Cause, settle, tell_shrunk
from .wording import figures, snapshot


class NoSuchShipment(NotFound):
    """There is no such shipment in the caller's warehouses."""


class ShipmentMovedOn(Stale):
    """The shipment has changed since it was read."""


@dataclass(frozen=True)
class Held:
    """A locked shipment with its locked allotments."""

    shipment: Shipment
    allotments: dict[UUID, Allotment]

    @property
    def shown(self) -> Shown:
        """As the caller sees it."""
        return Shown(self.shipment, uninspected(self.shipment, self.allotments))


async def pick(tx: Tx, shipment_id: UUID, version: int) -> Shown:
    """From now on the shipment is locked. Raises NotInspected while units wait for inspection (SO-9)."""
    held = await hold(tx, shipment_id, version)
    if held.shipment.state is State.PENDING:
        may_pick(held.shipment, held.allotments)
    return await _step(tx, held, State.PICKING, "picked")


async def pack(tx: Tx, shipment_id: UUID, version: int) -> Shown:
    """Everything that was picked is packed."""
    return await _step(tx, await hold(tx, shipment_id, version), State.PACKED, "packed")


async def unpick(tx: Tx, shipment_id: UUID, version: int) -> Shown:
    """Back to pending. What was refused while it was locked may be asked again; what was revoked leaves now."""
    held = await hold(tx, shipment_id, version)
    moved = held.shipment.moved_to(State.PENDING)
    unpicked = replace(moved, version=moved.version + 1, told=moved.told + 1)
    log_step(tx, held.shipment, unpicked, "unpicked")
    await store.save_shipments(tx.db, [(held.shipment, unpicked)])
    tx.announce(ShipmentUnpicked(shipment=snapshot(unpicked)))
    causes = {key: Cause("unpicked after its release was revoked") for key in held.allotments}
    outcome = await settle(tx, held.allotments, held.allotments, [unpicked], causes)
    tell_shrunk(tx, outcome.shrunk, causes)
    (after,) = await store.read_shipments(tx.db, [shipment_id], tx.scope)
    return Held(after, held.allotments).shown


async def void(tx: Tx, shipment_id: UUID, version: int, reason: str) -> Shown:
    """The shipment will not leave: its units go back to their lines (SHIP-4)."""
    held = await hold(tx, shipment_id, version)
    gone = voided(held.shipment, held.allotments, reason)
    await store.save_allotments(tx.db, held.allotments, gone.allotments)
    await store.save_shipments(tx.db, [(held.shipment, gone.shipment)])
    log_step(tx, held.shipment, gone.shipment, "voided", reason=reason)
    tx.announce(
        ShipmentVoided(
            shipment=snapshot(gone.shipment),
            by_hand=True,
            reason=reason,
            allotments=figures(gone.allotments.values()),
        )
    )
    return Held(gone.shipment, gone.allotments).shown


async def change(tx: Tx, shipment_id: UUID, version: int, wanted: dict[str, Any]) -> Shown:
    """Another carrier or tracking number, until the shipment has left."""
    held = await hold(tx, shipment_id, version)
    if held.shipment.state not in OPEN:
        raise IllegalShipmentMove(
            f"{held.shipment.number} is {held.shipment.state}; only one that has not left can be changed",
            shipment=held.shipment.number,
            state=held.shipment.state,
        )
    after = replace(held.shipment, **wanted)
    if after != held.shipment:
        tx.record("shipment", shipment_id, "changed", *changes(held.shipment, after))
        after = replace(after, version=after.version + 1)
        await store.save_shipments(tx.db, [(held.shipment, after)])
    return Held(after, held.allotments).shown


async def hold(tx: Tx, shipment_id: UUID, version: int) -> Held:
    """Lock a shipment and its allotments. Raises NoSuchShipment, or ShipmentMovedOn when it is not at that version."""
    allotments = await store.lock_allotments_of_shipments(tx.db, [shipment_id])
    found = await store.lock_shipments(tx.db, [shipment_id], tx.scope)
    if not found:
        raise NoSuchShipment("There is no such shipment, or it is not in your warehouses")
    (shipment,) = found
    if shipment.version != version:
        raise ShipmentMovedOn(
            f"{shipment.number} is at version {shipment.version} by now; read it again",
            shipment=shipment.number,
            current=shipment.version,
            given=version,
        )
    refuse_late_allotments(shipment, allotments)
    return Held(shipment, allotments)


def refuse_late_allotments(shipment: Shipment, allotments: dict[UUID, Allotment]) -> None:
    """Raises ShipmentMovedOn when units joined between the two locks, so that their allotments are not held."""
    if any(share.allotment_id not in allotments for share in shipment.shares):
        raise ShipmentMovedOn(
            f"{shipment.number} has just been extended; read it again",
            shipment=shipment.number,
            current=shipment.version,
        )


def log_step(tx: Tx, before: Shipment, after: Shipment, action: str, reason: str | None = None) -> None:
    """One step of a shipment's life in the record log."""
    tx.record(
        "shipment", after.shipment_id, action, {"state": before.state}, {"state": after.state}, reason=reason
    )


async def _step(tx: Tx, held: Held, state: State, action: str) -> Shown:
    moved = held.shipment.moved_to(state)
    after = replace(moved, version=moved.version + 1)
    await store.save_shipments(tx.db, [(held.shipment, after)])
    log_step(tx, held.shipment, after, action)
    return Held(after, held.allotments).shown
