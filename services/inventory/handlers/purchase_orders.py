"""Purchase orders as heard: what is expected to arrive, for whom, and what came before its tie was known."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.incoming import (
    Adjusted,
    IncomingLine,
    IncomingShipment,
    IncomingState,
    Limit,
    PoHead,
    PoLine,
    adjusted,
    advance,
    expected_lines,
    limit_after,
    reduced_supply,
)
from services.inventory.handlers.late_ties import serve_late_ties
from services.inventory.handlers.replenishment import replenish_keys
from services.inventory.store import incoming, snapshots
from services.inventory.store import purchase_orders as pos
from shared.contracts.inventory import ReducedLine, SupplyReduced
from shared.contracts.purchasing import PurchaseOrderSnapshot, SupplyReductionAsked
from shared.decimals import ZERO
from shared.ids import new_id
from shared.unit_of_work import Told, Tx

Heard = dict[UUID, Told[Any]]


async def purchase_order_told(tx: Tx, told: Sequence[Told[Any]]) -> None:
    """Purchase orders opened, changed, cancelled or closed: the newest snapshot of each decides what is expected.

    An open one has one incoming shipment with what is outstanding; a tie heard after its goods is served from what of
    them is still free.
    """
    heard = _newest(told)
    news = await pos.keep_newest(tx.db, [t.fact for t in heard.values()])
    heard = {po: t for po, t in heard.items() if po in news}
    if not heard:
        return
    known = await snapshots.read_known(tx.db, [po for po, is_new in news.items() if not is_new])
    orders = {po: t.fact for po, t in heard.items()}
    lines = await _lines(tx, orders, known)
    ties = list(_ties(orders.values()))
    changed = _incoming(orders, lines, known.shipments)
    days = {line.po_line_id: line.expected_on for po in orders.values() for line in po.lines}
    touched = {(line.sku, orders[line.po_id].warehouse) for line in lines.values()}
    told_now = snapshots.Snapshot(list(lines.values()), days, ties, changed.shipments, changed.rows(lines))
    levelled = await snapshots.save(tx.db, told_now, touched, tx.now)
    await incoming.let_go(tx.db, changed.cancelled, changed.dropped)
    changed.log(tx, heard)
    if _may_be_late(lines, ties, known):
        await serve_late_ties(tx, lines, heard)
    await replenish_keys(tx, levelled, told[0])


def _newest(told: Iterable[Told[Any]]) -> Heard:
    newest: Heard = {}
    for t in told:
        held = newest.get(t.fact.po_id)
        if held is None or held.fact.version < t.fact.version:
            newest[t.fact.po_id] = t
    return newest


async def _lines(
    tx: Tx, orders: Mapping[UUID, PurchaseOrderSnapshot], known: snapshots.Known
) -> dict[UUID, PoLine]:
    """The lines of these snapshots; one that its purchase order no longer has brings nothing more."""
    told = {line.po_line_id: (po, line) for po in orders.values() for line in po.lines}
    # a line may have been asked about before it was told, but not one of an order that nothing was known of
    asked = [id_ for id_, (po, _) in told.items() if po.po_id in known.orders and id_ not in known.lines]
    promised = await pos.promised_supply(tx.db, asked) if asked else {}
    lines = {id_: _line(po, line, known.lines.get(id_), promised) for id_, (po, line) in told.items()}
    gone = {
        id_: replace(line, cancelled=line.ordered) for id_, line in known.lines.items() if id_ not in told
    }
    return lines | gone


def _ties(orders: Iterable[PurchaseOrderSnapshot]) -> Iterator[snapshots.TieRow]:
    for line in (line for po in orders for line in po.lines):
        for tie in line.ties:
            yield snapshots.TieRow(
                tie.tie_id, line.po_line_id, tie.order_id, tie.order_number, tie.line_id, tie.line_no, tie.component,
                tie.special_order_id, tie.qty, tie.closed,
            )  # fmt: skip


def _may_be_late(
    lines: Mapping[UUID, PoLine], ties: Iterable[snapshots.TieRow], known: snapshots.Known
) -> bool:
    """Whether the ties of a line that has received wait for more than is outstanding on it."""
    waiting: dict[UUID, Decimal] = {}
    for tie in ties:
        if lines[tie.po_line_id].received > 0:
            through = known.ties.get(tie.tie_id, snapshots.Through(ZERO, ZERO))
            units = max(ZERO, tie.qty - max(tie.closed, through.close_floor) - through.pegged)
            waiting[tie.po_line_id] = waiting.get(tie.po_line_id, ZERO) + units
    return any(units > lines[id_].outstanding for id_, units in waiting.items())


def _line(
    po: PurchaseOrderSnapshot, line: Any, held: PoLine | None, promised: Mapping[UUID, Decimal]
) -> PoLine:
    limit = (
        Limit(held.supply_limit, held.cancel_floor) if held else Limit(promised.get(line.po_line_id), None)
    )
    limit = limit_after(line.ordered, line.cancelled, limit)
    return PoLine(
        po_line_id=line.po_line_id,
        po_id=po.po_id,
        line_no=line.line_no,
        sku=line.sku,
        description=line.description,
        unit=line.unit,
        ordered=line.ordered,
        cancelled=line.cancelled,
        received=held.received if held else Decimal(0),
        supply_limit=limit.supply,
        cancel_floor=limit.cancel_floor,
    )


@dataclass(frozen=True, slots=True)
class _Changed:
    """Incoming shipments as they shall be: changed ones and new ones, and what they were before."""

    before: Mapping[UUID, IncomingShipment]
    """{PO: its open shipment}"""
    shipments: Sequence[IncomingShipment]
    dropped: Sequence[tuple[UUID, UUID]]

    @property
    def cancelled(self) -> list[UUID]:
        return [s.id for s in self.shipments if s.state is IncomingState.CANCELLED]

    def rows(self, lines: Mapping[UUID, PoLine]) -> list[IncomingLine]:
        return [row for shipment in self.shipments for row in _rows(shipment, lines)]

    def log(self, tx: Tx, causes: Mapping[UUID, Told[Any]]) -> None:
        for shipment in self.shipments:
            _log(tx, self.before.get(shipment.po_id), shipment, causes.get(shipment.po_id))


def _incoming(
    orders: Mapping[UUID, Any], lines: Mapping[UUID, PoLine], open_now: Mapping[UUID, IncomingShipment]
) -> _Changed:
    """Make the open incoming shipment of each purchase order agree with what it still brings.

    `orders` are snapshots (or anything with number, state, vendor, warehouse, drop_ship); their rows are locked.
    """
    of_po: dict[UUID, dict[UUID, PoLine]] = {po: {} for po in orders}
    for line in lines.values():
        of_po[line.po_id][line.po_line_id] = line
    wanted = {id_: {} if po.drop_ship else expected_lines(po.state, of_po[id_]) for id_, po in orders.items()}
    changed = {id_: adjusted(orders[id_].state, held.lines, wanted[id_]) for id_, held in open_now.items()}
    changed = {id_: change for id_, change in changed.items() if change.is_changed}
    after = [_apply(open_now[id_], orders[id_], change) for id_, change in changed.items()]
    fresh = _new_shipments({id_: po for id_, po in orders.items() if id_ not in open_now}, wanted)
    dropped = [(open_now[id_].id, line) for id_, c in changed.items() for line in c.dropped]
    return _Changed(open_now, [*after, *fresh], dropped)


async def expect(
    tx: Tx, orders: Mapping[UUID, PoHead], lines: Mapping[UUID, PoLine], tellers: Mapping[UUID, Tx]
) -> None:
    """The next incoming shipments of purchase orders whose last ones have just been completed, if anything is to come.

    `lines` are all that these purchase orders have; `tellers`: in whose name each is expected.
    """
    of_po: dict[UUID, dict[UUID, PoLine]] = {po: {} for po in orders}
    for line in lines.values():
        of_po[line.po_id][line.po_line_id] = line
    wanted = {id_: expected_lines(po.state, of_po[id_]) for id_, po in orders.items() if not po.drop_ship}
    fresh = _new_shipments(orders, wanted)
    rows = [row for shipment in fresh for row in _rows(shipment, lines)]
    await incoming.save_shipments(tx.db, fresh, rows, tx.now)
    for shipment in fresh:
        _log(tellers[shipment.po_id], None, shipment, None)


def _new_shipments(
    orders: Mapping[UUID, Any], wanted: Mapping[UUID, Mapping[UUID, Decimal]]
) -> list[IncomingShipment]:
    """Shipments of what is to come, if anything is, still without numbers."""
    return [
        IncomingShipment(
            new_id(), "", 1, IncomingState.EXPECTED, id_, po.number, po.vendor, po.warehouse,
            {line: (qty, None) for line, qty in wanted[id_].items()},
        )
        for id_, po in orders.items() if wanted.get(id_)
    ]  # fmt: skip


def _apply(shipment: IncomingShipment, po: Any, change: Adjusted) -> IncomingShipment:
    if change.is_cancelled:
        state = advance(shipment.number, shipment.state, IncomingState.CANCELLED)
        return replace(shipment, version=shipment.version + 1, state=state)
    kept = {line: held for line, held in shipment.lines.items() if line not in change.dropped}
    saved = {line: (qty, kept[line][1] if line in kept else None) for line, qty in change.saved.items()}
    return replace(
        shipment, version=shipment.version + 1, po_number=po.number, vendor=po.vendor, warehouse=po.warehouse,
        lines={**kept, **saved},
    )  # fmt: skip


def _rows(shipment: IncomingShipment, lines: Mapping[UUID, PoLine]) -> list[IncomingLine]:
    if shipment.state is IncomingState.CANCELLED:
        return []
    return [
        IncomingLine(shipment.id, line, lines[line].sku, shipment.warehouse, expected, counted)
        for line, (expected, counted) in shipment.lines.items()
    ]


def _log(tx: Tx, before: IncomingShipment | None, after: IncomingShipment, because: Told[Any] | None) -> None:
    was = _figures(before) if before else None
    action = "cancelled" if after.state is IncomingState.CANCELLED else "changed" if before else "expected"
    tx.record("incoming-shipment", after.id, action, was, _figures(after), because=because)


def _figures(shipment: IncomingShipment) -> dict[str, Any]:
    expected = {str(line): qty for line, (qty, _) in shipment.lines.items()}
    return {"state": shipment.state, "purchase_order": shipment.po_number, "expected": expected}


async def supply_reduction_asked(tx: Tx, told: Sequence[Told[SupplyReductionAsked]]) -> None:
    """A sent purchase order shall shrink: what has arrived, or stands counted at the dock, stays; the rest is given up.

    A question is answered once: asked again, it gets the same answer. One about a purchase order that has not been
    heard of yet is answered with its wish (nothing can have arrived), and limits its lines when they come.
    """
    heads = await pos.lock_purchase_orders(tx.db, {t.fact.po_id for t in told})
    known = await snapshots.read_known(tx.db, heads)
    lines = dict(known.lines)
    at_dock = {line: qty for s in known.shipments.values() for line, qty in s.counted.items()}
    given = await pos.given_answers(tx.db, {t.fact.question_id for t in told})
    fresh = []
    for t in told:
        if t.fact.question_id not in given:
            given[t.fact.question_id] = _promise(t.fact, lines, at_dock)
            fresh += [
                (t.fact.question_id, line, t.fact.po_id, qty)
                for line, qty in given[t.fact.question_id].items()
            ]
        answer = [ReducedLine(po_line_id=line, supply=qty) for line, qty in given[t.fact.question_id].items()]
        tx.announce(SupplyReduced(question_id=t.fact.question_id, po_id=t.fact.po_id, lines=answer), t)
    if fresh:
        await pos.keep_answers(tx.db, fresh, tx.now)
        heard = {id_: head for id_, head in heads.items() if head.version > 0}
        current = await pos.po_lines(tx.db, heard)
        changed = _incoming(heard, current, known.shipments)
        await incoming.save_shipments(tx.db, changed.shipments, changed.rows(current), tx.now)
        await incoming.let_go(tx.db, changed.cancelled, changed.dropped)
        changed.log(tx, {t.fact.po_id: t for t in told})
        touched = {(line.sku, heard[line.po_id].warehouse) for line in current.values()}
        await replenish_keys(tx, touched, told[0])


def _promise(
    question: SupplyReductionAsked, lines: dict[UUID, PoLine], at_dock: Mapping[UUID, Decimal]
) -> dict[UUID, Decimal]:
    """The answer to one question; `lines` remember it, for a later question of the batch may be about them too."""
    promised = {}
    for wish in question.lines:
        line = lines.get(wish.po_line_id)
        supply = reduced_supply(wish.supply, line, at_dock.get(wish.po_line_id, Decimal(0)))
        promised[wish.po_line_id] = supply
        if line is not None:
            lines[wish.po_line_id] = replace(line, supply_limit=supply)
    return promised
