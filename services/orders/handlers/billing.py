"""Invoices follow shipments (SO-14): a draft when one is created, final when it ships, void with it.

Customer returns are followed by credit notes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.ids import new_id
from shared.preferences import preferences
from shared.schema import next_numbers
from shared.unit_of_work import Told, Tx

from .. import store
from ..domain.copying import changed
from ..domain.invoicing import (
    BilledLine,
    InvoiceKind,
    InvoiceState,
    bill,
    bill_shipment,
    services_go_to,
    total,
)
from ..domain.order import Line, Order
from ..domain.preferences import Preferences
from ..domain.settlement import Picture
from ..store import Invoice, ShipmentKey

DOCUMENT = "invoice"
ZERO = Decimal(0)


@dataclass(frozen=True)
class Consignment:
    """A shipment as its newest snapshot has it: what of each order's lines is on it, or left with it."""

    shipment_id: UUID
    number: str
    customer: str
    warehouse: str
    currency: str
    state: InvoiceState
    """What its invoices must be: draft while it can still change, final once it has left, void when it never will."""
    by_order: Mapping[UUID, Mapping[UUID, Decimal]]
    because: Told[Any] | None = None

    def parts(self, known: Iterable[ShipmentKey]) -> list["_Part"]:
        """What each order has on it, those that have an invoice of it and stand on it no more included."""
        before = {order_id for shipment_id, order_id in known if shipment_id == self.shipment_id}
        orders = sorted({*self.by_order, *before}, key=str)
        return [
            _Part(self, order_id, self.by_order.get(order_id, {}) if order_id else {}) for order_id in orders
        ]


@dataclass(frozen=True)
class _Part:
    """What one order has on a shipment: what one invoice is for (SO-14, SHIP-2)."""

    of: Consignment
    order_id: UUID | None
    quantities: Mapping[UUID, Decimal]

    @property
    def key(self) -> ShipmentKey:
        """What its invoice is found by."""
        return self.of.shipment_id, self.order_id

    @property
    def is_empty(self) -> bool:
        """Whether nothing of the order is on the shipment, or left with it."""
        return not any(qty > ZERO for qty in self.quantities.values())

    @property
    def state(self) -> InvoiceState:
        """What its invoice must be; the empty one of a shipment that has left is void."""
        return InvoiceState.VOID if self.of.state is InvoiceState.FINAL and self.is_empty else self.of.state


@dataclass
class _Books:
    """The invoices that one transaction writes."""

    new: list[tuple[Invoice, Sequence[BilledLine]]] = field(default_factory=list)
    changed: list[tuple[Invoice, Invoice]] = field(default_factory=list)
    lines: dict[UUID, Sequence[BilledLine]] = field(default_factory=dict)

    def now(self) -> list[Invoice]:
        """Every invoice as it now stands."""
        return [invoice for invoice, _ in self.new] + [after for _, after in self.changed]


async def bill_shipments(
    tx: Tx, consignments: Sequence[Consignment], pictures: Mapping[UUID, Picture]
) -> None:
    """Bring the invoices of these shipments up to their newest snapshots, then place the services of their orders.

    A shipment that carries lines of several orders has an invoice for each of them (SO-14, SHIP-2).
    """
    if not consignments:
        return
    chosen = await preferences(tx, Preferences)
    known = await store.invoices_of_shipments(tx.db, [c.shipment_id for c in consignments])
    parts = [part for consignment in consignments for part in consignment.parts(known)]
    lines = {line.id: line for picture in pictures.values() for line in picture.lines}
    numbers = iter(await _numbers_for(tx, parts, known))
    books = _Books()
    for part in parts:
        invoice = known.get(part.key)
        if invoice is None and not _is_due(part, drafts=chosen.auto_invoice_draft == "on"):
            continue
        if invoice is not None and invoice.state is not InvoiceState.DRAFT:
            continue
        billed = bill_shipment(part.quantities, lines)
        after = _written(tx, invoice or _new(tx, part), part.state, billed, numbers)
        if invoice is None:
            books.new.append((after, billed))
        else:
            books.changed.append((invoice, after))
            if part.state is not InvoiceState.VOID:
                books.lines[invoice.id] = billed
    await store.insert_invoices(tx.db, books.new)
    await store.save_invoices(tx.db, [after for _, after in books.changed])
    await store.rewrite_lines(tx.db, books.lines)
    _record(tx, books, {c.shipment_id: c.because for c in consignments})
    await bill_services(tx, pictures.values(), books.now())


async def _numbers_for(tx: Tx, parts: Sequence[_Part], known: Mapping[ShipmentKey, Invoice]) -> list[str]:
    final = [
        part
        for part in parts
        if part.state is InvoiceState.FINAL
        and (part.key not in known or known[part.key].state is InvoiceState.DRAFT)
    ]
    return await next_numbers(tx.db, "invoice_numbers", "INV", len(final))


def _is_due(part: _Part, *, drafts: bool) -> bool:
    """A shipment without an invoice gets one when it ships, or as a draft while drafts are made by themselves."""
    if part.state is InvoiceState.FINAL:
        return True
    return part.state is InvoiceState.DRAFT and drafts and not part.is_empty


def _new(tx: Tx, part: _Part) -> Invoice:
    consignment = part.of
    return Invoice(
        id=new_id(),
        number=None,
        version=0,
        state=InvoiceState.DRAFT,
        shipment_id=consignment.shipment_id,
        shipment_number=consignment.number,
        order_id=part.order_id,
        customer=consignment.customer,
        currency=consignment.currency,
        warehouses=(consignment.warehouse,),
        net=ZERO,
        tax=ZERO,
        total=ZERO,
        created_at=tx.now,
    )


def _written(
    tx: Tx, invoice: Invoice, state: InvoiceState, billed: Iterable[BilledLine], numbers: Any
) -> Invoice:
    """The invoice as the shipment now makes it; a void one keeps what it had said."""
    moved = changed(invoice, version=invoice.version + 1, state=state)
    if state is InvoiceState.VOID:
        return moved
    worth = total(billed)
    moved = changed(moved, net=worth.net, tax=worth.tax, total=worth.total)
    if state is InvoiceState.FINAL:
        return changed(moved, number=next(numbers), finalised_at=tx.now)
    return moved


def _record(tx: Tx, books: _Books, because: Mapping[UUID, Told[Any] | None]) -> None:
    for invoice, _ in books.new:
        heard = because.get(invoice.shipment_id) if invoice.shipment_id else None
        tx.record(DOCUMENT, invoice.id, _action(invoice), None, _facts(invoice), because=heard)
    for before, after in books.changed:
        heard = because.get(after.shipment_id) if after.shipment_id else None
        tx.record(DOCUMENT, after.id, _action(after), _facts(before), _facts(after), because=heard)


def _action(invoice: Invoice) -> str:
    return {InvoiceState.DRAFT: "drafted", InvoiceState.FINAL: "finalised", InvoiceState.VOID: "voided"}[
        invoice.state
    ]


def _facts(invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "state": invoice.state,
        "shipment": invoice.shipment_number,
        "return": invoice.return_number,
        "net": invoice.net,
        "tax": invoice.tax,
        "total": invoice.total,
    }


@dataclass(frozen=True)
class Returned:
    """Goods of one line that a customer brought back."""

    return_id: UUID
    number: str
    warehouse: str
    qty: Decimal
    order: Order
    line: Line
    because: Told[Any]


async def credit(tx: Tx, returned: Sequence[Returned]) -> None:
    """A credit note for each return, on the terms of its line; the caller brings each return once."""
    numbers = await next_numbers(tx.db, "credit_note_numbers", "CN", len(returned))
    notes: list[tuple[Invoice, Sequence[BilledLine]]] = []
    for number, one in zip(numbers, returned, strict=True):
        credited = bill(one.line, one.qty)
        note = Invoice(
            id=new_id(),
            number=number,
            version=1,
            state=InvoiceState.FINAL,
            shipment_id=None,
            shipment_number=None,
            order_id=None,
            customer=one.order.customer,
            currency=one.order.currency,
            warehouses=(one.warehouse,),
            net=credited.net,
            tax=credited.tax,
            total=credited.net + credited.tax,
            created_at=tx.now,
            finalised_at=tx.now,
            kind=InvoiceKind.CREDIT_NOTE,
            return_id=one.return_id,
            return_number=one.number,
        )
        notes.append((note, [credited]))
        tx.record(DOCUMENT, note.id, "credited", None, _facts(note), because=one.because)
    await store.insert_invoices(tx.db, notes)


async def bill_services(tx: Tx, pictures: Iterable[Picture], written: Sequence[Invoice] = ()) -> None:
    """Place the services that no final invoice has yet: on the shipment that ships, a draft, or one of their own."""
    waiting = await _unbilled_services(tx, pictures)
    if not waiting:
        return
    drafts = await store.invoices_of_orders(tx.db, [picture.order.id for picture, _ in waiting])
    shipped_now = [invoice for invoice in written if invoice.state is InvoiceState.FINAL]
    goods = await store.orders_on_invoices(tx.db, [invoice.id for invoice in shipped_now])
    away: set[UUID] = set()
    to: dict[UUID, list[BilledLine]] = {}
    own: list[tuple[Picture, list[Line]]] = []
    for picture, services in waiting:
        order_drafts = [invoice.id for invoice in drafts.get(picture.order.id, [])]
        final = [invoice.id for invoice in shipped_now if picture.order.id in goods.get(invoice.id, ())]
        goods_left = any(not line.is_service and not line.is_done for line in picture.lines)
        place, alone = services_go_to(final, order_drafts, goods_left=goods_left)
        away.update(order_drafts)
        if place is not None:
            to.setdefault(place, []).extend(bill(line, line.need) for line in services)
        elif alone:
            own.append((picture, services))
    await store.move_services(tx.db, away, to)
    await _invoice_alone(tx, own)


async def _unbilled_services(tx: Tx, pictures: Iterable[Picture]) -> list[tuple[Picture, list[Line]]]:
    wanted = [
        (picture, [line for line in picture.lines if line.is_service and line.need > ZERO])
        for picture in sorted(pictures, key=lambda picture: picture.order.id)
    ]
    line_ids = [line.id for _, services in wanted for line in services]
    if not line_ids:
        return []
    billed = await store.final_service_lines(tx.db, line_ids)
    left = [(picture, [line for line in services if line.id not in billed]) for picture, services in wanted]
    return [(picture, services) for picture, services in left if services]


async def _invoice_alone(tx: Tx, orders: Sequence[tuple[Picture, list[Line]]]) -> None:
    """Services of an order without goods, or whose goods are done: a final invoice of their own."""
    numbers = await next_numbers(tx.db, "invoice_numbers", "INV", len(orders))
    books = _Books()
    for number, (picture, services) in zip(numbers, orders, strict=True):
        order = picture.order
        billed = [bill(line, line.need) for line in services]
        worth = total(billed)
        invoice = Invoice(
            id=new_id(),
            number=number,
            version=1,
            state=InvoiceState.FINAL,
            shipment_id=None,
            shipment_number=None,
            order_id=order.id,
            customer=order.customer,
            currency=order.currency,
            warehouses=tuple(sorted({line.warehouse for line in services})),
            net=worth.net,
            tax=worth.tax,
            total=worth.total,
            created_at=tx.now,
            finalised_at=tx.now,
        )
        books.new.append((invoice, billed))
    await store.insert_invoices(tx.db, books.new)
    _record(tx, books, {})
