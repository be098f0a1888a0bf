"""Shipments leave: one with counted quantities, or many as expected (SHIP-3)."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from services.shipping import store
from services.shipping.domain.allotment import Allotment
from services.shipping.domain.departure import Count, Departure, depart, made_ready
from services.shipping.domain.preferences import Preferences
from services.shipping.domain.shipment import Shipment, State
from services.shipping.views import Shown
from shared.contracts.shipping import ShipmentShipped
from shared.errors import Refused, TielineError
from shared.preferences import preferences
from shared.unit_of_work import Tx

from .shipments import Held, NoSuchShipment, hold, log_step, refuse_late_allotments
from .wording import figures, line_name, short_lines, snapshot


class NamedTwice(Refused):
    """A batch names a shipment twice; it ships once."""


_DONE = {State.PICKING: "picked", State.PACKED: "packed"}


async def ship(tx: Tx, shipment_id: UUID, version: int, counts: Sequence[Count]) -> Shown:
    """The goods leave, with actual quantities. From pending the shipment passes picking and packing on the way."""
    held = await hold(tx, shipment_id, version)
    chosen = await preferences(tx, Preferences)
    gone = _leave(tx, held.shipment, held.allotments, counts, chosen)
    await store.save_allotments(tx.db, held.allotments, gone.allotments)
    await store.save_shipments(tx.db, [(held.shipment, gone.shipment)])
    return Held(gone.shipment, gone.allotments).shown


async def ship_batch(tx: Tx, ids: Sequence[UUID]) -> list[tuple[UUID, Shipment | None, TielineError | None]]:
    """Many shipments leave as expected, with a result each: one that may not leave keeps no other from leaving."""
    before = await store.lock_allotments_of_shipments(tx.db, ids)
    found = {one.shipment_id: one for one in await store.lock_shipments(tx.db, ids, tx.scope)}
    chosen = await preferences(tx, Preferences)
    after = dict(before)
    results: list[tuple[UUID, Shipment | None, TielineError | None]] = []
    left: list[tuple[Shipment | None, Shipment]] = []
    for nth, shipment_id in enumerate(ids):
        shipment = found.get(shipment_id)
        try:
            if shipment is None:
                raise NoSuchShipment("There is no such shipment, or it is not in your warehouses")
            if shipment_id in ids[:nth]:
                raise NamedTwice(f"{shipment.number} stands twice in the list", shipment=shipment.number)
            refuse_late_allotments(shipment, before)
            gone = _leave(tx, shipment, after, (), chosen)
        except TielineError as problem:
            results.append((shipment_id, shipment, problem))
        else:
            after |= gone.allotments
            left.append((shipment, gone.shipment))
            results.append((shipment_id, gone.shipment, None))
    await store.save_allotments(tx.db, before, after)
    await store.save_shipments(tx.db, left)
    return results


def _leave(
    tx: Tx,
    shipment: Shipment,
    allotments: Mapping[UUID, Allotment],
    counts: Sequence[Count],
    chosen: Preferences,
) -> Departure:
    """Decide one departure, log its steps and announce it; nothing is logged when it is refused."""
    own = {share.allotment_id: allotments[share.allotment_id] for share in shipment.shares}
    steps = made_ready(shipment, own)
    gone = depart(steps[-1] if steps else shipment, own, counts, chosen.short_ship, tx.now, tx.actor)
    before = shipment
    for step in steps:
        log_step(tx, before, step, _DONE[step.state])
        before = step
    _log_departure(tx, before, gone)
    tx.announce(
        ShipmentShipped(
            shipment=snapshot(gone.shipment),
            shipped_at=tx.now,
            shipped_by=tx.actor,
            allotments=figures(gone.allotments.values()),
            short=short_lines(gone.short),
        )
    )
    return gone


def _log_departure(tx: Tx, before: Shipment, gone: Departure) -> None:
    shipped = {line_name(line): line.shipped for line in gone.shipment.lines}
    short = {
        line_name(line): {"short": one.qty, "answer": one.answer, "missing": one.missing}
        for one in gone.short
        for line in gone.shipment.lines
        if line.demand == (one.line_id, one.component)
    }
    after = {"state": gone.shipment.state, "shipped": shipped, **({"short": short} if short else {})}
    tx.record("shipment", gone.shipment.shipment_id, "shipped", {"state": before.state}, after)
