"""What shipping tells: shipments by version, figures by greatest, short lines once; then orders and invoices follow."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.contracts.shipping import (
    AllotmentFigures,
    ReleaseWithdrawn,
    Shipment,
    ShipmentCreated,
    ShipmentLine,
    ShipmentShipped,
    ShipmentState,
    ShipmentUnpicked,
    ShipmentVoided,
    ShortAnswer,
    ShortLine,
    UnitsWithdrawn,
)
from shared.unit_of_work import Told, Tx

from .. import store
from ..domain.cancelling import close_short
from ..domain.invoicing import InvoiceState
from ..domain.settlement import Tell
from .billing import Consignment, bill_shipments
from .settling import DOCUMENT, Cause, Change, settle_orders

ZERO = Decimal(0)
INVOICE_OF = {
    ShipmentState.PENDING: InvoiceState.DRAFT,
    ShipmentState.PICKING: InvoiceState.DRAFT,
    ShipmentState.PACKED: InvoiceState.DRAFT,
    ShipmentState.SHIPPED: InvoiceState.FINAL,
    ShipmentState.VOIDED: InvoiceState.VOID,
}


@dataclass(frozen=True)
class Heard:
    """What any of shipping's facts says to orders."""

    told: Told[Any]
    action: str
    shipments: Sequence[Shipment]
    figures: Sequence[AllotmentFigures] = ()
    short: Sequence[ShortLine] = ()
    by_hand: bool = False
    reason: str | None = None
    emptied: Collection[UUID] = ()
    """Further orders, of which no line may be left on the shipments (SHIP-2)."""

    @property
    def order_ids(self) -> set[UUID]:
        """Every order that the fact is about."""
        on_lines = {line.order_id for shipment in self.shipments for line in shipment.lines}
        return on_lines | {figures.order_id for figures in self.figures} | set(self.emptied)


async def shipment_created(tx: Tx, told: Sequence[Told[ShipmentCreated]]) -> None:
    """A shipment is new or was extended: its draft invoice follows (SO-14)."""
    await _take(tx, [Heard(one, "put on shipment", [one.fact.shipment]) for one in told])


async def shipment_unpicked(tx: Tx, told: Sequence[Told[ShipmentUnpicked]]) -> None:
    """Back to pending."""
    await _take(tx, [Heard(one, "shipment unpicked", [one.fact.shipment]) for one in told])


async def units_withdrawn(tx: Tx, told: Sequence[Told[UnitsWithdrawn]]) -> None:
    """Pending shipments shrank by an answer to inventory; the figures themselves are inventory's to tell.

    What could not move any more is logged on the line that keeps it (BO-10).
    """
    await _log_refused(tx, told)
    await _take(
        tx,
        [
            Heard(
                one,
                "units withdrawn",
                one.fact.shipments,
                emptied={answer.order_id for answer in one.fact.answers},
            )
            for one in told
            if one.fact.shipments
        ],
    )


async def _log_refused(tx: Tx, told: Sequence[Told[UnitsWithdrawn]]) -> None:
    refused = {
        (one.fact.question_id, answer.allotment_id, answer.given): (one, answer)
        for one in told
        for answer in one.fact.answers
        if answer.refused > ZERO
    }
    for key in sorted(await store.keep_answers(tx.db, refused)):
        one, answer = refused[key]
        locks = [{"shipment": lock.number, "qty": lock.qty} for lock in answer.locks]
        tx.record(
            DOCUMENT,
            answer.order_id,
            "blocked by pick lock",
            None,
            {"allotment": answer.allotment_id, "qty": answer.refused, "on": locks},
            part=f"line {answer.line_no}" if answer.line_no else "",
            reason=answer.refused_because,
            because=one,
        )


async def release_withdrawn(tx: Tx, told: Sequence[Told[ReleaseWithdrawn]]) -> None:
    """Pending shipments shrank because a release was revoked."""
    await _take(
        tx,
        [
            Heard(
                one,
                "release withdrawn",
                one.fact.shipments,
                emptied={one.fact.order_id, *one.fact.order_ids},
            )
            for one in told
        ],
    )


async def shipment_shipped(tx: Tx, told: Sequence[Told[ShipmentShipped]]) -> None:
    """Goods left; what did not is backordered or closed (SHIP-3); the invoice is final."""
    await _take(
        tx,
        [
            Heard(
                one,
                "shipped",
                [one.fact.shipment],
                one.fact.allotments,
                one.fact.short,
                reason=one.fact.override_reason,
            )
            for one in told
        ],
    )


async def shipment_voided(tx: Tx, told: Sequence[Told[ShipmentVoided]]) -> None:
    """A shipment will not leave: its units go back to their lines; by hand, they wait for a hand (SHIP-4)."""
    await _take(
        tx,
        [
            Heard(
                one,
                "shipment voided",
                [one.fact.shipment],
                one.fact.allotments,
                (),
                one.fact.by_hand,
                one.fact.reason,
                one.fact.order_ids,
            )
            for one in told
        ],
    )


async def _take(tx: Tx, heard: Sequence[Heard]) -> None:
    if not heard:
        return
    heads = await store.lock_orders(tx.db, {order_id for one in heard for order_id in one.order_ids})
    newest = _newest(heard)
    rows = [_shipment(one, shipment, tx) for one, shipment in newest.values()]
    shares = [share for _, shipment in newest.values() for share in _shares(shipment)]
    stored = await store.keep_shipments(tx.db, rows, shares, _figures(heard))
    short = await store.keep_short_ships(tx.db, _short(heard))
    pictures = await store.complete(tx.db, heads)
    causes = {
        order_id: Cause(one.action, one.told, one.reason) for one in heard for order_id in one.order_ids
    }
    on_their_way = [Change.of(picture, causes[order_id]) for order_id, picture in pictures.items()]
    fresh = {shipment_id: newest[shipment_id] for shipment_id in stored}
    moved = _by_order(fresh.values())
    by_hand = {key: one for key, one in fresh.items() if one[0].by_hand}
    for change in on_their_way:
        _log_shipments(change, moved.get(change.before.order.id, ()))
        if by_hand:
            _block(change, by_hand)
        _close_short(change, short)
    settled = await settle_orders(tx, on_their_way, bill=False)
    after = {order_id: one.picture for order_id, one in settled.items()}
    consignments = [_consignment(one, shipment) for one, shipment in fresh.values()]
    await bill_shipments(tx, sorted(consignments, key=lambda c: (c.number, c.shipment_id)), after)


def _newest(heard: Iterable[Heard]) -> dict[UUID, tuple[Heard, Shipment]]:
    newest: dict[UUID, tuple[Heard, Shipment]] = {}
    for one in heard:
        for shipment in one.shipments:
            known = newest.get(shipment.shipment_id)
            if known is None or known[1].version < shipment.version:
                newest[shipment.shipment_id] = (one, shipment)
    return newest


def _shipment(one: Heard, shipment: Shipment, tx: Tx) -> dict[str, Any]:
    return {
        "id": shipment.shipment_id,
        "number": shipment.number,
        "version": shipment.version,
        "state": shipment.state.value,
        "customer": shipment.customer,
        "warehouse": shipment.warehouse,
        "currency": shipment.currency,
        "ship_to_code": shipment.ship_to_code,
        "carrier": shipment.carrier,
        "tracking_number": shipment.tracking_number,
        "heard_at": tx.now,
        "shipped_at": one.told.fact.shipped_at if isinstance(one.told.fact, ShipmentShipped) else None,
    }


def _shares(shipment: Shipment) -> list[dict[str, Any]]:
    return [
        {
            "shipment_id": shipment.shipment_id,
            "allotment_id": share.allotment_id,
            "shipment_line_id": line.shipment_line_id,
            "order_id": line.order_id,
            "line_id": line.line_id,
            "component": line.component,
            "qty": share.qty,
            "shipped": share.shipped,
        }
        for line in shipment.lines
        for share in line.shares
    ]


def _figures(heard: Iterable[Heard]) -> list[dict[str, Any]]:
    return [
        {"id": told.allotment_id, "shipped": told.shipped, "returned": told.returned, "missing": told.missing}
        for one in heard
        for told in one.figures
    ]


def _short(heard: Iterable[Heard]) -> list[dict[str, Any]]:
    rows = []
    for one in heard:
        for shipment in one.shipments:
            orders = {line.line_id: line.order_id for line in shipment.lines}
            rows += [
                {
                    "shipment_id": shipment.shipment_id,
                    "line_id": line.line_id,
                    "component": line.component,
                    "order_id": orders[line.line_id],
                    "qty": line.short,
                    "answer": line.answer.value,
                }
                for line in one.short
                if line.short > ZERO and line.line_id in orders
            ]
    return rows


Moved = tuple[Heard, Shipment, ShipmentLine]
"""A line of a shipment that has moved, and the fact that said so."""


def _by_order(fresh: Iterable[tuple[Heard, Shipment]]) -> dict[UUID, list[Moved]]:
    found: dict[UUID, list[Moved]] = {}
    for one, shipment in fresh:
        for line in shipment.lines:
            found.setdefault(line.order_id, []).append((one, shipment, line))
    return found


def _log_shipments(change: Change, moved: Iterable[Moved]) -> None:
    """Each line's quantity on each shipment that has moved."""
    change.more_log += [
        (
            f"line {line.line_no}",
            one.action,
            None,
            {"shipment": shipment.number, "qty": line.qty, "shipped": line.shipped},
        )
        for one, shipment, line in moved
    ]


def _block(change: Change, by_hand: Mapping[UUID, tuple[Heard, Shipment]]) -> None:
    """SHIP-4: a void by hand blocks the release of its lines until they are released by hand."""
    voided = {line.line_id for _, shipment in by_hand.values() for line in shipment.lines}
    # an emptied snapshot still says in its figures whose units went back
    voided |= {figures.line_id for one, _ in by_hand.values() for figures in one.figures}
    for line in change.now.lines:
        if line.id in voided:
            change.now = change.now.with_line(replace(line, release_blocked=True))


def _close_short(change: Change, news: Iterable[Mapping[str, Any]]) -> None:
    """SHIP-3, exactly once per shipment, line and component: `close` wants the short part no more.

    A customer without backorders has every short ship closed, special orders excepted (ORD-6).
    """
    order = change.now.order
    own = [row for row in news if row["order_id"] == order.id and row["component"] == 0]
    for row in own:
        line = next((known for known in change.now.lines if known.id == row["line_id"]), None)
        if line is None:
            continue
        closes = row["answer"] == ShortAnswer.CLOSE or (order.no_backorders and not line.is_special)
        closed = close_short(line, row["qty"], order.told + 1) if closes else line
        if closed != line:
            change.now = change.now.with_line(closed)
            change.must_tell = Tell.CHANGED


def _consignment(one: Heard, shipment: Shipment) -> Consignment:
    state = INVOICE_OF[shipment.state]
    by_order: dict[UUID, dict[UUID, Decimal]] = {}
    for line in shipment.lines:
        if line.component == 0:
            qty = line.shipped if state is InvoiceState.FINAL else line.qty
            own = by_order.setdefault(line.order_id, {})
            own[line.line_id] = own.get(line.line_id, ZERO) + qty
    return Consignment(
        shipment.shipment_id,
        shipment.number,
        shipment.customer,
        shipment.warehouse,
        shipment.currency,
        state,
        by_order,
        one.told,
    )
