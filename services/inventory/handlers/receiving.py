"""Receipts (SO-6, SO-8, SO-16): counted goods become pegs, fills and free stock, any number of them in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.demand import Key
from services.inventory.domain.incoming import IncomingLine, IncomingShipment
from services.inventory.domain.inspection import Inspection
from services.inventory.domain.preferences import Preferences
from services.inventory.domain.receiving import Counted, Receipt, Receiving, divide
from services.inventory.domain.stock import Stock
from services.inventory.handlers.allotment import allot, tell_grants
from services.inventory.handlers.inspections import log_opened
from services.inventory.handlers.pegs import NewPeg, Pegged, as_rows, bear, log_pegged
from services.inventory.handlers.purchase_orders import expect
from services.inventory.handlers.receipt_telling import tell_receipt
from services.inventory.handlers.replenishment import replenish
from services.inventory.handlers.trucks import (
    Arrival,
    Truck,
    accept,
    opened_inspections,
    outcomes_of,
    receipt_line,
)
from services.inventory.store import incoming, receipts
from services.inventory.store import purchase_orders as pos
from services.inventory.store import stock as stock_rows
from shared.decimals import ZERO
from shared.errors import TielineError
from shared.ids import new_id
from shared.preferences import preferences
from shared.unit_of_work import Tx


async def receive(
    tx: Tx, shipment_id: UUID, version: int, counted: Sequence[tuple[UUID | int, Decimal]], complete: bool
) -> Receipt:
    """Receive an incoming shipment as it was counted; only a complete one moves stock (SO-16).

    With `complete` false the counts are kept and the shipment is `receiving`.
    """
    (outcome,) = await receive_many(tx, [Receiving(shipment_id, version, counted, complete)])
    if isinstance(outcome, TielineError):
        raise outcome
    return outcome


async def receive_many(tx: Tx, wanted: Sequence[Receiving]) -> list[Receipt | TielineError]:
    """Receive many, each with its outcome or its refusal; a refused one hinders no other.

    Goods of all of them that nobody has a tie to go to the queue together. A shipment that stands twice in the list
    has moved on when the second comes.
    """
    moving = {want.shipment_id for want in wanted if want.complete}
    start = await receipts.lock_for_receipts(tx.db, {want.shipment_id for want in wanted}, moving)
    found = start.shipments
    outcomes: dict[int, Receipt | TielineError] = {}
    trucks: dict[int, Truck] = {}
    for n, (own, want) in enumerate(zip(tx.each(len(wanted)), wanted, strict=True)):
        try:
            trucks[n] = accept(own, found, want)
        except TielineError as refusal:
            outcomes[n] = refusal
        else:
            was = found[want.shipment_id]
            moved = replace(was.shipment, version=was.shipment.version + 1)
            found[want.shipment_id] = replace(was, shipment=moved)
    await _keep_counts(tx, [truck for truck in trucks.values() if not truck.complete])
    done = await _complete(tx, [truck for truck in trucks.values() if truck.complete], start.stock)
    for n, truck in trucks.items():
        outcomes[n] = done.get(truck.start.shipment.id) or Receipt(truck.after, (), {})
    return [outcomes[n] for n in range(len(wanted))]


async def _keep_counts(tx: Tx, trucks: Sequence[Truck]) -> None:
    if not trucks:
        return
    rows = [row for truck in trucks for row in _rows(truck)]
    await incoming.save_shipments(tx.db, [truck.after for truck in trucks], rows, tx.now)
    for truck in trucks:
        _log(truck, "counted")


def _rows(truck: Truck) -> list[IncomingLine]:
    shipment = truck.after
    return [
        IncomingLine(shipment.id, line, truck.start.lines[line].sku, shipment.warehouse, expected, counted)
        for line, (expected, counted) in shipment.lines.items()
    ]


def _log(truck: Truck, action: str) -> None:
    before, after = truck.start.shipment, truck.after
    truck.tx.record("incoming-shipment", after.id, action, _counts(before), _counts(after))


def _counts(shipment: IncomingShipment) -> dict[str, Any]:
    return {
        "state": shipment.state,
        "counted": {str(line): counted for line, (_, counted) in shipment.lines.items()},
    }


async def _complete(tx: Tx, trucks: Sequence[Truck], held: Mapping[Key, Stock]) -> dict[UUID, Receipt]:
    """Move the stock of completed shipments: {shipment: what it did}; `held` is stock that is locked already."""
    if not trucks:
        return {}
    arrivals, stock = await _divide(tx, trucks, held)
    pegged, opened = await _write(tx, trucks, arrivals)
    # what serves several trucks is the first one's doing
    lead = trucks[0].tx
    free = {a.row.key: a.truck.tx for a in reversed(arrivals) if a.row.received > a.row.pegged}
    grants = await allot(lead, free, "receipt", tellers=free) if free else []
    await _expect_the_rest(tx, trucks)

    outcomes, others = outcomes_of(arrivals, pegged, opened, grants)
    demands = {**pegged.demands, **{grant.demand.line: grant.demand for grant in grants}}
    done = {truck.after.id: Receipt(truck.after, outcomes[truck.after.id], demands) for truck in trucks}
    for truck in trucks:
        tell_receipt(truck.tx, done[truck.after.id])
    tell_grants(lead, others, "receipt", tellers=free)
    await replenish(lead, stock)
    return done


async def _write(
    tx: Tx, trucks: Sequence[Truck], arrivals: Sequence[Arrival]
) -> tuple[Pegged, dict[UUID, Inspection]]:
    """Write what came, with its pegs and their inspections: {receipt line: inspection}."""
    new = [NewPeg(p.tie, a.row, p.qty) for a in arrivals for p in a.divided.pegs]
    born = await bear(tx, new)
    inspected = {a.row.id: new_id() for a in arrivals if a.divided.pegs}
    completed = [(truck.after, truck.tx.actor) for truck in trucks]
    rows = [a.row for a in arrivals]
    written = await receipts.receive(tx.db, completed, rows, as_rows(born, new), inspected, tx.now)
    pegged = Pegged(born, written.demands)
    opened = opened_inspections(arrivals, inspected, written.numbers)
    receivers = {a.row.id: a.truck.tx for a in arrivals}
    for truck in trucks:
        _log(truck, "completed")
    log_pegged(pegged, receivers.__getitem__, "receipt")
    for line, inspection in opened.items():
        log_opened(receivers[line], inspection)
    return pegged, opened


async def _divide(
    tx: Tx, trucks: Sequence[Truck], held: Mapping[Key, Stock]
) -> tuple[list[Arrival], Mapping[Key, Stock]]:
    """Lock the stock of what came, and say who gets what of it by a tie; lines are served in the list's order."""
    came = [(truck, line) for truck in trucks for line in truck.came]
    keys = {(truck.start.lines[line].sku, truck.start.shipment.warehouse) for truck, line in came}
    if keys <= held.keys():
        stock = {key: held[key] for key in keys}
    else:
        stock = await stock_rows.lock_stock(tx.db, keys)
    ties = await pos.open_ties(tx.db, [line for _, line in came])
    wish = (await preferences(tx, Preferences)).over_receipt
    counted = [
        Counted(line, truck.start.shipment.lines[line][0], truck.counted[line]) for truck, line in came
    ]
    return [
        Arrival(truck, truck.start.lines[line], divided, receipt_line(truck, line, divided))
        for (truck, line), divided in zip(came, divide(counted, ties, wish), strict=True)
    ], stock


async def _expect_the_rest(tx: Tx, trucks: Sequence[Truck]) -> None:
    lines = {
        id_: replace(line, received=line.received + truck.counted.get(id_, ZERO))
        for truck in trucks
        for id_, line in truck.start.lines.items()
    }
    orders = {truck.start.order.po_id: truck.start.order for truck in trucks}
    await expect(tx, orders, lines, {truck.start.order.po_id: truck.tx for truck in trucks})
