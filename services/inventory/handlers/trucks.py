"""What a receipt is about while it is carried out: trucks at the dock, what arrived on them, and what became of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from services.inventory.domain.adjustment import must_be_stock
from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Key
from services.inventory.domain.incoming import (
    IncomingShipment,
    IncomingState,
    PoLine,
    ReceiptLine,
    advance,
    must_be_receivable,
)
from services.inventory.domain.inspection import Inspection
from services.inventory.domain.receiving import Divided, LineOutcome, Receiving, counts, must_have_counted
from services.inventory.handlers.pegs import Pegged
from services.inventory.store.queue import Grant
from services.inventory.store.receipts import ToReceive
from shared.decimals import ZERO
from shared.errors import NotFound, Stale
from shared.ids import new_id
from shared.unit_of_work import Tx


class NoSuchIncomingShipment(NotFound):
    """There is no such incoming shipment in the caller's warehouses."""


class IncomingShipmentChanged(Stale):
    """The incoming shipment has moved on since it was read."""


@dataclass(frozen=True, slots=True, eq=False)
class Truck:
    """An incoming shipment that may be received: in whose name, what it starts from, and as it stands counted."""

    tx: Tx
    start: ToReceive
    counted: Mapping[UUID, Decimal]
    after: IncomingShipment

    @property
    def complete(self) -> bool:
        """Whether its stock moves; if not, counting goes on."""
        return self.after.state is IncomingState.COMPLETE

    @property
    def came(self) -> list[UUID]:
        """The lines with units, by number."""
        lines = self.start.lines
        return sorted((id_ for id_, qty in self.counted.items() if qty), key=lambda id_: lines[id_].line_no)


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A line that something came of: of which truck, how it was divided, and its receipt line."""

    truck: Truck
    po_line: PoLine
    divided: Divided
    row: ReceiptLine


def accept(tx: Tx, found: Mapping[UUID, ToReceive], want: Receiving) -> Truck:
    """Check one wish against what it starts from, or refuse it."""
    start = found.get(want.shipment_id)
    if start is None or not tx.scope.allows(start.shipment.warehouse):
        raise NoSuchIncomingShipment("There is no such incoming shipment in your warehouses")
    shipment, lines = start.shipment, start.lines
    _must_be_current(start, want.version)
    numbered = {lines[line].line_no: line for line in shipment.lines}
    saved = {line: units for line, (_, units) in shipment.lines.items()}
    counted = counts(shipment.number, numbered, saved, want.counted)
    for line, qty in counted.items():
        if lines[line].sku in start.units:
            must_be_stock(start.units[lines[line].sku], qty)
    if want.complete:
        must_have_counted(shipment.number, counted)
    return Truck(tx, start, counted, _after(shipment, counted, complete=want.complete))


def _must_be_current(found: ToReceive, version: int) -> None:
    """Nothing has moved on since the caller looked, and the purchase order is open (SO-16)."""
    shipment = found.shipment
    advance(shipment.number, shipment.state, IncomingState.COMPLETE)
    if shipment.version != version:
        raise IncomingShipmentChanged(
            f"{shipment.number} has changed since you read it; read it again",
            current=shipment.version,
            given=version,
        )
    must_be_receivable(found.order.number, found.order.state)


def _after(
    shipment: IncomingShipment, counted: Mapping[UUID, Decimal], *, complete: bool
) -> IncomingShipment:
    to = IncomingState.COMPLETE if complete else IncomingState.RECEIVING
    lines = {line: (expected, counted[line]) for line, (expected, _) in shipment.lines.items()}
    state = advance(shipment.number, shipment.state, to)
    return replace(shipment, version=shipment.version + 1, state=state, lines=lines)


def receipt_line(truck: Truck, line: UUID, divided: Divided) -> ReceiptLine:
    """What came of one line, with a fresh id."""
    shipment, counted = truck.start.shipment, divided.counted
    return ReceiptLine(
        id=new_id(),
        shipment_id=shipment.id,
        po_id=shipment.po_id,
        po_line_id=line,
        sku=truck.start.lines[line].sku,
        warehouse=shipment.warehouse,
        expected=counted.expected,
        received=counted.received,
        surplus=divided.surplus,
        pegged=divided.pegged,
    )


def opened_inspections(
    arrivals: Sequence[Arrival], ids: Mapping[UUID, UUID], numbers: Mapping[UUID, str]
) -> dict[UUID, Inspection]:
    """For each receipt line that pegged the inspection of these goods, all of it still to be done: {receipt line: it}."""
    return {
        row.id: Inspection(
            ids[row.id], numbers[row.id], 1, 0, row.id, row.sku, row.warehouse, row.pegged, ZERO, ZERO, None, shipment.id,
            shipment.number, shipment.po_id, shipment.po_number, row.po_line_id, shipment.vendor,
        )
        for row, shipment in ((a.row, a.truck.start.shipment) for a in arrivals) if row.id in ids
    }  # fmt: skip


def outcomes_of(
    arrivals: Sequence[Arrival], pegged: Pegged, opened: Mapping[UUID, Inspection], grants: Sequence[Grant]
) -> tuple[dict[UUID, list[LineOutcome]], list[Grant]]:
    """What became of each line, by shipment, and the grants that came from units that were free before."""
    left = {a.row.id: a.row.received - a.row.pegged for a in arrivals}
    fills: dict[UUID, list[Allotment]] = {a.row.id: [] for a in arrivals}
    of_key: dict[Key, list[ReceiptLine]] = {}
    for a in arrivals:
        of_key.setdefault(a.row.key, []).append(a.row)
    others = []
    for grant in grants:
        taken = _draw(grant.allotment, of_key.get(grant.allotment.key, []), left)
        if taken is None:
            others.append(grant)
        else:
            fills[taken].append(grant.allotment)
    bore = pegged.by_receipt_line()
    outcomes: dict[UUID, list[LineOutcome]] = {}
    for a in arrivals:
        id_ = a.row.id
        outcome = LineOutcome(
            a.row, a.po_line, a.divided, bore.get(id_, []), fills[id_], left[id_], opened.get(id_)
        )
        outcomes.setdefault(a.row.shipment_id, []).append(outcome)
    return outcomes, others


def _draw(fill: Allotment, rows: list[ReceiptLine], left: dict[UUID, Decimal]) -> UUID | None:
    """Take a fill from the free units of the receipt lines of its item, in order; it is told with the first of them.

    Units of one item are alike, so a fill may reach over two lines: the sums per item agree. None: nothing was left.
    """
    first, qty = None, fill.qty
    while rows and not left[rows[0].id]:
        rows.pop(0)
    for row in rows:
        units = min(qty, left[row.id])
        if units > 0:
            left[row.id] -= units
            qty -= units
            first = first or row.id
    return first
