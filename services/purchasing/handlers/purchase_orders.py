"""Purchase orders by hand: made, changed, sent, cancelled, closed (BUY-3, BUY-16, BUY-19)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from services.purchasing.domain.by_hand import (
    LineChange,
    UnknownItem,
    WantedLine,
    change_line,
    line_by_hand,
    resize,
)
from services.purchasing.domain.closing import may_close
from services.purchasing.domain.preferences import Preferences
from services.purchasing.domain.purchase_order import (
    Break,
    IllegalTransition,
    Line,
    PurchaseOrder,
    State,
    cancel_unsent,
    derive_state,
    fit,
    send,
    shrink,
)
from services.purchasing.domain.reduction import (
    Reduction,
    ReductionKind,
    ReductionUnderWay,
    ending_wishes,
    line_wish,
)
from services.purchasing.handlers.books import Books
from services.purchasing.handlers.settling import settle
from services.purchasing.store import catalogue, desk
from services.purchasing.store import demands as demand_store
from services.purchasing.store import purchase_orders as store
from shared.contracts.purchasing import ReductionWish, SupplyReductionAsked
from shared.decimals import ZERO
from shared.errors import NotFound, Refused, Stale
from shared.ids import new_id
from shared.preferences import preferences
from shared.unit_of_work import Tx


class NoSuchPurchaseOrder(NotFound):
    """There is no such purchase order in the caller's warehouses."""


class NoSuchLine(NotFound):
    """The purchase order has no such line."""


class PurchaseOrderMoved(Stale):
    """The purchase order has changed since it was read."""


class UnknownVendor(Refused):
    """Purchase orders go to active vendors that exist."""


class UnknownWarehouse(Refused):
    """Purchasing has not heard of this warehouse, or it is not one of the caller's."""


class OtherCurrency(Refused):
    """A purchase order is in its vendor's currency."""


# --- making ---


async def create_purchase_order(
    tx: Tx, vendor: str, warehouse: str, currency: str | None, wanted: Sequence[WantedLine], open_now: bool
) -> UUID:
    """A purchase order of untied stock quantity; a draft, or sent at once."""
    if not tx.scope.allows(warehouse) or warehouse not in await catalogue.places(tx, [warehouse]):
        raise UnknownWarehouse(
            f"There is no warehouse {warehouse}, or it is not one of yours", warehouse=warehouse
        )
    seller = await catalogue.lock_vendor(tx, vendor)
    if seller is None or not seller.active:
        raise UnknownVendor(f"There is no active vendor {vendor}: create or activate it first", vendor=vendor)
    if currency not in (None, seller.currency):
        raise OtherCurrency(
            f"{vendor} is paid in {seller.currency}, not in {currency}",
            vendor=seller.currency,
            given=currency,
        )
    lines = await _lines(tx, vendor, wanted)
    [number] = await store.numbers(tx, 1)
    po = PurchaseOrder(
        po_id=new_id(), number=number, state=State.DRAFT, vendor=vendor, warehouse=warehouse, currency=seller.currency,
        buyer=seller.buyer or tx.actor, created_by=tx.actor, created_at=tx.now, by_hand=True, lines=lines,
    )  # fmt: skip
    books = Books()
    await books.know_places(tx, [warehouse])
    books.put(send(po, tx.now) if open_now else po)
    await books.close(tx)
    return po.po_id


async def _lines(tx: Tx, vendor: str, wanted: Sequence[WantedLine]) -> tuple[Line, ...]:
    skus = {line.sku for line in wanted}
    products = await catalogue.products(tx, skus)
    if unknown := sorted(skus - products.keys()):
        raise UnknownItem(f"There is no item {', '.join(unknown)}", skus=unknown)
    offers = await catalogue.offers(tx, {(vendor, sku) for sku in skus})
    return tuple(
        line_by_hand(line, products[line.sku], offers[vendor, line.sku], line_no, new_id())
        for line_no, line in enumerate(wanted, start=1)
    )


# --- sending, changing ---


async def open_purchase_order(tx: Tx, po_id: UUID) -> UUID:
    """Send a draft to its vendor: its goods may arrive from now on."""
    books, po = await _take(tx, po_id)
    books.put(send(po, tx.now))
    await books.close(tx)
    return po_id


async def change_purchase_order_line(
    tx: Tx, po_id: UUID, version: int, line_no: int, change: LineChange
) -> UUID:
    """Change a line's dates, cost or quantity; less of what was sent is asked of inventory first."""
    books, po = await _take(tx, po_id)
    if po.version != version:
        raise PurchaseOrderMoved(f"{po.number} has changed; read it again", current=po.version, given=version)
    line = change_line(po, _line(po, line_no), change)
    if change.qty is None or change.qty == line.supply:
        books.put(po.put(line))
        await books.close(tx)
    elif po.is_sent and change.qty < line.supply:
        books.put(po.put(line))
        reason = change.reason or f"reduced on {po.number}"
        await _ask(tx, books, po_id, ReductionKind.REDUCE_LINE, reason, line_wish(po, line, change.qty))
    else:
        line, breaks = resize(po, line, change)
        await _undone(tx, books, derive_state(po.put(line)), breaks)
    return po_id


async def cancel_purchase_order_line(tx: Tx, po_id: UUID, line_no: int, reason: str) -> UUID:
    """BUY-16: a line is not wanted any more: unsent it goes at once, sent it is asked of inventory."""
    books, po = await _take(tx, po_id)
    line = _line(po, line_no)
    if line.outstanding == 0:
        raise IllegalTransition(
            f"Nothing of {po.number} line {line_no} is outstanding", number=po.number, line=line_no
        )
    if po.is_sent:
        await _ask(tx, books, po_id, ReductionKind.CANCEL_LINE, reason, line_wish(po, line, line.received))
    else:
        smaller, breaks = shrink(replace(line, stock_wanted=ZERO), ZERO, reason)
        await _undone(tx, books, po.put(fit(smaller, reason)), breaks)
    return po_id


# --- ending ---


async def cancel_purchase_order(tx: Tx, po_id: UUID, reason: str) -> UUID:
    """BUY-16: unsent it is cancelled at once; sent, inventory says what can no longer arrive."""
    books, po = await _take(tx, po_id)
    if po.is_sent:
        await _ask(tx, books, po_id, ReductionKind.CANCEL, reason, ending_wishes(po))
    else:
        cancelled, breaks = cancel_unsent(po, reason)
        await _undone(tx, books, cancelled, breaks)
    return po_id


async def close_purchase_order(tx: Tx, po_id: UUID, reason: str) -> UUID:
    """Finished: at once when all has arrived, short when inventory says what can no longer arrive (BUY-16, BUY-19)."""
    wishes = await preferences(tx, Preferences)
    books, po = await _take(tx, po_id)
    closed = replace(po.to(State.CLOSED), reason=reason)
    may_close(po, wishes.close_checks)
    if po.outstanding:
        await _ask(tx, books, po_id, ReductionKind.CLOSE, reason, ending_wishes(po))
    else:
        books.put(closed)
        await books.close(tx)
    return po_id


# --- steps ---


async def _take(tx: Tx, po_id: UUID) -> tuple[Books, PurchaseOrder]:
    """The purchase order under lock, and before it the demands that it has ties with.

    A demand that was tied between the two locks is locked out of order, and so without waiting: if somebody holds it,
    the whole request is tried again.
    """
    if not await store.purchase_order_in_scope(tx, po_id):
        raise NoSuchPurchaseOrder("There is no such purchase order, or it is not in your warehouses")
    keys = await demand_store.demands_tied_to(tx, [po_id])
    await demand_store.lock_demands(tx, keys)
    books = Books()
    await books.take(tx, [po_id])
    po = books.now[po_id]
    late = {tie.demand for line in po.lines for tie in line.ties} - keys
    await demand_store.lock_demands(tx, late, at_once=True)
    return books, po


def _line(po: PurchaseOrder, line_no: int) -> Line:
    for line in po.lines:
        if line.line_no == line_no:
            return line
    raise NoSuchLine(f"{po.number} has no line {line_no}", number=po.number, line=line_no)


async def _undone(tx: Tx, books: Books, po: PurchaseOrder, breaks: Iterable[Break]) -> None:
    """Save what a buyer undid; the demands that lost supply are requests again, and left to a buyer."""
    keys = {each.tie.demand for each in breaks}
    books.put(po)
    await demand_store.leave_to_buyer(tx, keys)
    await books.close(tx)
    await settle(tx, keys)


async def _ask(
    tx: Tx, books: Books, po_id: UUID, kind: ReductionKind, reason: str, supplies: Mapping[UUID, Decimal]
) -> None:
    """Put the question to inventory; until its answer the purchase order is *cancelling*."""
    po = books.now[po_id]
    if await desk.reduction_under_way(tx, po_id):
        raise ReductionUnderWay(
            f"Inventory has not answered the last reduction of {po.number} yet; try again when it has",
            number=po.number,
        )
    reduction = Reduction(new_id(), po_id, kind, reason, tx.actor, supplies)
    await desk.ask_reduction(tx, reduction)
    tx.announce(
        SupplyReductionAsked(
            question_id=reduction.question_id,
            po_id=po_id,
            lines=[ReductionWish(po_line_id=line, supply=supply) for line, supply in supplies.items()],
        )
    )
    numbers = {line.po_line_id: line.line_no for line in po.lines}
    wishes = {str(numbers[line]): supply for line, supply in supplies.items()}
    tx.record(
        "purchase_order", po_id, "reduction asked", None, {"kind": kind, "lines": wishes}, reason=reason
    )
    books.touched.add(po_id)
    await books.close(tx)
