"""A shipment on its way: picked, packed, taken back, voided, and given a carrier (SHIP-1, SHIP-4, SHIP-6)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.shipping import store, views
from services.shipping.domain.allotment import Allotment
from services.shipping.domain.inspection_gate import Late, Newer, complete_orders, uninspected
from services.shipping.domain.mixed_pick import pick as pick_what_may
from services.shipping.domain.shipment import OPEN, IllegalShipmentMove, Shipment, State
from services.shipping.domain.voiding import void as voided
from services.shipping.views import Shown
from shared.auth import Scope
from shared.contracts.shipping import ReleaseWithdrawn, ShipmentCreated, ShipmentUnpicked, ShipmentVoided
from shared.decimals import ZERO
from shared.errors import NotFound, Stale
from shared.ids import new_id
from shared.unit_of_work import Tx, changes

from .settling import Cause, orders_on, settle, tell_shrunk
from .wording import figures, snapshot, unit_changes


class NoSuchShipment(NotFound):
    """There is no such shipment in the caller's warehouses."""


class ShipmentMovedOn(Stale):
    """The shipment has changed since it was read."""


LateIn = Mapping[UUID, Sequence[tuple[str, str]]]
"""Complete orders that wait for an inspection: the shipments that they wait for, each with its warehouse."""


@dataclass(frozen=True)
class Held:
    """A locked shipment with its locked allotments, and what of them stands on newer pending shipments."""

    shipment: Shipment
    allotments: dict[UUID, Allotment]
    newer: Newer = field(default_factory=dict)
    others: tuple[Shipment, ...] = ()
    """Further shipments that were locked with it."""

    @property
    def shown(self) -> Shown:
        """As the caller sees it."""
        return Shown(self.shipment, uninspected(self.shipment, self.allotments, self.newer))


async def pick(tx: Tx, shipment_id: UUID, version: int) -> Shown:
    """From now on the shipment is locked; what of it waits for inspection stays on a new pending one (SO-9)."""
    held = await hold(tx, shipment_id, version)
    late = seen_by(tx.scope, await late_orders(tx, [held.shipment], held.allotments))
    picked = pick_what_may(held.shipment, held.allotments, held.newer, tx.now, new_id, late)
    if picked.rest is None:
        return await _step(tx, held, picked.shipment, "picked")
    before, after = held.shipment, picked.shipment
    after = replace(after, version=after.version + 1, told=after.told + 1)
    numbers = await store.save(tx.db, [(before, after), (None, picked.rest)])
    log_step(tx, before, after, "picked")
    tell_rest(tx, before, after, picked.rest, numbers)
    orders = orders_on([before])
    tx.announce(ReleaseWithdrawn(order_id=before.order_id, shipments=[snapshot(after)], order_ids=orders))
    return Held(after, held.allotments).shown


def tell_rest(
    tx: Tx, before: Shipment, after: Shipment, left_behind: Shipment, numbers: Mapping[UUID, str]
) -> None:
    """Log what a mixed pick left behind, on both shipments, and announce the new one with its number."""
    rest = replace(left_behind, number=numbers[left_behind.shipment_id])
    was, now = unit_changes(before, after)
    tx.record("shipment", before.shipment_id, "divided", was, {**now, "rest": rest.number})
    _, moved = unit_changes(None, rest)
    reason = f"waits for inspection; left behind when {before.number} was picked"
    tx.record("shipment", rest.shipment_id, "created", None, moved, reason=reason)
    tx.announce(ShipmentCreated(shipment=snapshot(rest)))


async def pack(tx: Tx, shipment_id: UUID, version: int) -> Shown:
    """Everything that was picked is packed."""
    held = await hold(tx, shipment_id, version)
    return await _step(tx, held, held.shipment.moved_to(State.PACKED), "packed")


async def unpick(tx: Tx, shipment_id: UUID, version: int) -> Shown:
    """Back to pending. What was refused while it was locked may be asked again; what was revoked leaves now."""
    held = await hold(tx, shipment_id, version)
    moved = held.shipment.moved_to(State.PENDING)
    unpicked = replace(moved, version=moved.version + 1, told=moved.told + 1)
    log_step(tx, held.shipment, unpicked, "unpicked")
    await unpack(tx, held.shipment)
    await store.save(tx.db, [(held.shipment, unpicked)])
    tx.announce(ShipmentUnpicked(shipment=snapshot(unpicked)))
    causes = {key: Cause("unpicked after its release was revoked") for key in held.allotments}
    outcome = await settle(tx, held.allotments, held.allotments, [unpicked], causes)
    tell_shrunk(tx, outcome.shrunk, causes)
    (after,) = await store.read_shipments(tx.db, [shipment_id], tx.scope)
    return Held(after, held.allotments, (await newer_units(tx, [after], held.allotments))[shipment_id]).shown


async def void(tx: Tx, shipment_id: UUID, version: int, reason: str) -> Shown:
    """The shipment will not leave: its units go back to their lines, a remainder to the line that it was divided from."""
    originals = await store.originals_of(tx.db, shipment_id)
    held = await hold(tx, shipment_id, version, also=originals)
    gone = voided(held.shipment, held.allotments, reason, held.others, held.newer)
    await unpack(tx, held.shipment)
    written = [(held.shipment, gone.shipment), *gone.extended]
    await store.save(tx.db, written, held.allotments, gone.allotments)
    log_step(tx, held.shipment, gone.shipment, "voided", reason=reason)
    back = {share.allotment_id for share in gone.shipment.shares}
    tx.announce(
        ShipmentVoided(
            shipment=snapshot(gone.shipment),
            by_hand=True,
            reason=reason,
            allotments=figures(one for key, one in gone.allotments.items() if key in back),
            order_ids=orders_on([held.shipment]),
        )
    )
    for before, after in gone.extended:
        was, now = unit_changes(before, after)
        why = f"{held.shipment.number} was voided: {reason}"
        tx.record("shipment", after.shipment_id, "extended", was, now, reason=why)
        tx.announce(ShipmentCreated(shipment=snapshot(after)))
    return Held(gone.shipment, gone.allotments).shown


async def unpack(tx: Tx, shipment: Shipment) -> None:
    """What was packed in packages is taken out of them again (SHIP-6)."""
    if shipment.state is not State.PACKED:
        return
    packages = await views.packages_of(tx.db, shipment.shipment_id)
    if packages:
        await store.drop_packages(tx.db, packages)
        numbers = [package.package_no for package in packages]
        tx.record("shipment", shipment.shipment_id, "unpacked", {"packages": numbers}, {"packages": []})


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
        await store.save(tx.db, [(held.shipment, after)])
    return Held(after, held.allotments).shown


async def hold(tx: Tx, shipment_id: UUID, version: int, also: Iterable[UUID] = ()) -> Held:
    """Lock a shipment with its allotments, `also` others. Raises NoSuchShipment, or ShipmentMovedOn."""
    allotments = await store.lock_allotments_of_shipments(tx.db, [shipment_id])
    found = {
        one.shipment_id: one for one in await store.lock_shipments(tx.db, [shipment_id, *also], tx.scope)
    }
    shipment = found.pop(shipment_id, None)
    if shipment is None:
        raise NoSuchShipment("There is no such shipment, or it is not in your warehouses")
    refuse_stale(shipment, version)
    refuse_late_allotments(shipment, allotments)
    newer = (await newer_units(tx, [shipment], allotments))[shipment_id]
    return Held(shipment, allotments, newer, tuple(found.values()))


async def newer_units(
    tx: Tx, shipments: Iterable[Shipment], allotments: Mapping[UUID, Allotment]
) -> dict[UUID, dict[UUID, Decimal]]:
    """By shipment: the units of its uninspected allotments on newer pending shipments (SO-9).

    Nothing is read unless an allotment waits for inspection and stands on more than this shipment.
    """
    found: dict[UUID, dict[UUID, Decimal]] = {one.shipment_id: {} for one in shipments}
    mixed = {
        share.allotment_id
        for one in shipments
        for share in one.shares
        if (own := allotments.get(share.allotment_id)) and own.uninspected and own.standing > share.qty
    }
    for allotment_id, shipment_id, qty in await store.pending_units(tx.db, mixed) if mixed else ():
        for key, units in found.items():
            if shipment_id > key:
                units[allotment_id] = units.get(allotment_id, ZERO) + qty
    return found


async def late_orders(tx: Tx, shipments: Iterable[Shipment], allotments: Mapping[UUID, Allotment]) -> LateIn:
    """The complete orders on pending ones of these shipments that wait for an inspection, and on which shipments (SO-9).

    Not locked: units that pass meanwhile are seen at the next try; what is released later was never waited for.
    Nothing is read unless a complete order is to be picked.
    """
    pending = [one for one in shipments if one.state is State.PENDING]
    complete = set[UUID]().union(*(complete_orders(one, allotments) for one in pending))
    late: dict[UUID, list[tuple[str, str]]] = {}
    waiting = await store.not_passed_of_orders(tx.db, complete) if complete else []
    for order_id, number, warehouse in waiting:
        late.setdefault(order_id, []).append((number, warehouse))
    return late


def seen_by(scope: Scope, late: LateIn) -> Late:
    """The same with the numbers that a caller may know."""
    return {
        order_id: [number for number, warehouse in found if scope.allows(warehouse)]
        for order_id, found in late.items()
    }


def refuse_stale(shipment: Shipment, version: int) -> None:
    """Raises ShipmentMovedOn when the shipment is not at that version."""
    if shipment.version != version:
        raise ShipmentMovedOn(
            f"{shipment.number} is at version {shipment.version} by now; read it again",
            shipment=shipment.number,
            current=shipment.version,
            given=version,
        )


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


async def _step(tx: Tx, held: Held, moved: Shipment, action: str) -> Shown:
    after = replace(moved, version=moved.version + 1)
    await store.save(tx.db, [(held.shipment, after)])
    log_step(tx, held.shipment, after, action)
    return Held(after, held.allotments).shown
