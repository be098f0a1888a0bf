"""What shipping tells (NOTE-2): shipments that are ready, left short or were voided, and units that could not be taken."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from services.notifications import store
from services.notifications.domain.notice import Concern, Key, Kind, Notice
from services.notifications.domain.outgoing import Incident, Lock, Parcel, blocked, happened, ready
from services.notifications.domain.standing import Wish, brought, order_subject
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
    UnitsWithdrawn,
)
from shared.decimals import ZERO, plain
from shared.ids import new_id
from shared.unit_of_work import Told, Tx

from .backorders import settle_orders
from .publishing import Board, publish

INCIDENTS = (Kind.SHORT_SHIP, Kind.SHIPMENT_VOIDED)


async def shipment_created(tx: Tx, told: Sequence[Told[ShipmentCreated]]) -> None:
    """A shipment is new or was extended: it may be ready, and what had been left or voided may be on its way again."""
    causes = {line.order_id: t for t in told for line in t.fact.shipment.lines}
    board, seen = await _hear(tx, [(t, t.fact.shipment) for t in told], moved=causes)
    incidents = seen.of(*INCIDENTS)
    because = {key: causes.get(one.concerns[0].order_id, told[0]) for key, one in incidents.items()}
    board.put(await _with_later(tx, incidents), because)
    await publish(tx, board)


async def shipment_unpicked(tx: Tx, told: Sequence[Told[ShipmentUnpicked]]) -> None:
    """Back to pending: ready again, and what was locked can move."""
    board, seen = await _hear(tx, [(t, t.fact.shipment) for t in told], kept_units=True)
    await _settle_locks(tx, board, seen, told)
    await publish(tx, board)


async def release_withdrawn(tx: Tx, told: Sequence[Told[ReleaseWithdrawn]]) -> None:
    """Shipments shrank: what is left may be ready."""
    board, _ = await _hear(tx, [(t, one) for t in told for one in t.fact.shipments])
    await publish(tx, board)


async def shipment_shipped(tx: Tx, told: Sequence[Told[ShipmentShipped]]) -> None:
    """The goods left; short lines are told, and what had been locked is gone."""
    await _left(tx, told, [(t, _short(t.fact)) for t in told if t.fact.short])


async def shipment_voided(tx: Tx, told: Sequence[Told[ShipmentVoided]]) -> None:
    """A shipment will not leave. By hand its units wait for somebody to release them; emptied ones need nobody."""
    await _left(tx, told, [(t, _voided(t.fact)) for t in told if t.fact.by_hand and t.fact.shipment.lines])


async def units_withdrawn(tx: Tx, told: Sequence[Told[UnitsWithdrawn]]) -> None:
    """What could not be taken back because it is being picked (BO-10); pending shipments shrank by the rest."""
    rows = {_lock_key(row): (t, row) for t in told for row in _locks(t.fact)}
    shrunk = [(t, one) for t in told for one in t.fact.shipments]
    board, _ = await _hear(tx, shrunk, locks=[row for _, row in rows.values()])
    if causes := {row["order_id"]: t for t, row in rows.values()}:
        await _wish_locks(tx, board, await store.load_locks(tx.db, causes), causes)
    await publish(tx, board)


def wish_ready(tx: Tx, board: Board, parcels: Iterable[Parcel], causes: Mapping[UUID, Told[Any]]) -> None:
    """Bring the notices of these shipments, which the board knows, in line with what of them waits for inspection."""
    wishes = {(Kind.SHIPMENT_READY, one.shipment_id): ready(one) for one in parcels}
    board.wish(tx, wishes, {key: causes[key[1]] for key in wishes})


async def _hear(
    tx: Tx,
    told: Sequence[tuple[Told[Any], Shipment]],
    *,
    claims: Sequence[Mapping[str, Any]] = (),
    locks: Sequence[Mapping[str, Any]] = (),
    waiting: Iterable[UUID] = (),
    moved: Iterable[UUID] = (),
    kept_units: bool = False,
) -> tuple[Board, store.Look]:
    """Keep the newest snapshot of each shipment, and settle whether those that are news are ready.

    Also kept: figures of allotments, and pick locks. Also looked at: orders that may wait, incidents of orders that have
    moved on, and whether the shipments had kept units that were asked back.
    """
    newest = _newest(told)
    shipments = [one for _, one in newest.values()]
    shares = [share for one in shipments for share in _shares(one)]
    news = await store.keep(
        tx.db, claims=claims, shipments=[_row(one) for one in shipments], shares=shares, locks=locks
    )
    causes = {key: t for key, (t, _) in newest.items() if key in news.shipments}
    keys = [(Kind.SHIPMENT_READY, key) for key in causes]
    seen = await store.look(
        tx.db, keys, waiting=waiting, shipments=newest if kept_units else (), moved=moved, incidents=INCIDENTS,
        renewed=causes, shares=shares,
    )  # fmt: skip
    if seen.has_left_shares:
        await store.drop_left_shares(tx.db, causes, shares)
    board = Board(seen.of(Kind.SHIPMENT_READY))
    gone = [key for key in keys if newest[key[1]][1].state is not ShipmentState.PENDING]
    board.wish(tx, dict.fromkeys(gone), {key: causes[key[1]] for key in gone})
    if pending := causes.keys() - {shipment_id for _, shipment_id in gone}:
        wish_ready(tx, board, await store.load_parcels(tx.db, pending), causes)
    board.knows(seen.notices)
    return board, seen


def _newest(told: Sequence[tuple[Told[Any], Shipment]]) -> dict[UUID, tuple[Told[Any], Shipment]]:
    newest: dict[UUID, tuple[Told[Any], Shipment]] = {}
    for t, one in told:
        known = newest.get(one.shipment_id)
        if known is None or known[1].version < one.version:
            newest[one.shipment_id] = t, one
    return newest


async def _left(
    tx: Tx,
    told: Sequence[Told[ShipmentShipped]] | Sequence[Told[ShipmentVoided]],
    incidents: Sequence[tuple[Told[Any], Incident]],
) -> None:
    """Shipments are shipped or voided: lines that lost units wait again, and what people should look at is raised."""
    waiting: dict[UUID, Told[Any]] = {one.order_id: t for t in told for one in t.fact.allotments}
    board, seen = await _hear(
        tx,
        [(t, t.fact.shipment) for t in told],
        claims=_figures(one for t in told for one in t.fact.allotments),
        waiting=waiting,
        kept_units=True,
    )
    if seen.has_demands:
        await settle_orders(tx, board, waiting)
    await _settle_locks(tx, board, seen, told)
    await _raise(tx, board, incidents)
    await publish(tx, board)


def _figures(told: Iterable[AllotmentFigures]) -> list[dict[str, Any]]:
    """Shipping's figures of allotments, one row each."""
    rows: dict[UUID, dict[str, Any]] = {}
    for one in told:
        known = rows.get(one.allotment_id, {})
        figures = {name: getattr(one, name) for name in ("shipped", "returned", "unproven")}
        head = {"allotment_id": one.allotment_id, "line_id": one.line_id, "component": one.component}
        rows[one.allotment_id] = head | {
            name: max(figure, known.get(name, ZERO)) for name, figure in figures.items()
        }
    return [store.claim(row) for row in rows.values()]


async def _settle_locks(tx: Tx, board: Board, seen: store.Look, told: Sequence[Told[Any]]) -> None:
    if seen.has_locks:
        locks = await store.load_locks(tx.db, shipment_ids=(t.fact.shipment.shipment_id for t in told))
        await _wish_locks(tx, board, locks, {order_id: told[0] for order_id, _ in locks})


async def _wish_locks(
    tx: Tx,
    board: Board,
    groups: Mapping[tuple[UUID, str], Mapping[Any, Lock]],
    causes: Mapping[UUID, Told[Any]],
) -> None:
    wanted: dict[Key, Wish | None] = {}
    because: dict[Key, Told[Any]] = {}
    for (order_id, warehouse), locks in groups.items():
        key = Kind.PICK_LOCK, order_subject(order_id, warehouse)
        wanted[key], because[key] = blocked(order_id, list(locks.values())), causes[order_id]
    board.knows(await store.load_notices_to_bring(tx.db, wanted))
    board.wish(tx, wanted, because)


async def _raise(tx: Tx, board: Board, told: Sequence[tuple[Told[Any], Incident]]) -> None:
    """A notice once per shipment; born closed when its lines stand on a later shipment already."""
    if not told:
        return
    causes = {(one.kind, one.shipment_id): t for t, one in told}
    before = await store.load_notices(tx.db, INCIDENTS, (one.shipment_id for _, one in told))
    new = {key: happened(one) for _, one in told if (key := (one.kind, one.shipment_id)) not in before}
    made = {key: notice for key, wish in new.items() if (notice := brought(None, wish, tx.now, new_id))}
    board.put(await _with_later(tx, made), {key: causes[key] for key in made})


async def _with_later(tx: Tx, notices: Mapping[Key, Notice]) -> dict[Key, Notice]:
    """These notices, closed where all that they concern stands on a later shipment, or left with one."""
    if not notices:
        return {}
    lines = [concern.line_id for notice in notices.values() for concern in notice.concerns]
    newest = await store.newest_shipments(tx.db, lines)
    after: dict[Key, Notice] = {}
    for key, notice in notices.items():
        stands = (newest.get((one.line_id, one.component), notice.subject) for one in notice.concerns)
        is_over = all(shipment_id > notice.subject for shipment_id in stands)
        closed = brought(notice, None, tx.now, new_id) if is_over else notice
        after[key] = closed or notice
    return after


def _short(fact: ShipmentShipped) -> Incident:
    lines = {(line.line_id, line.component): line for line in fact.shipment.lines}
    short = [
        (one, lines[one.line_id, one.component])
        for one in fact.short
        if (one.line_id, one.component) in lines
    ]
    told = (
        f"{line.order_number} line {line.line_no}: {plain(one.short)} of {line.sku} {one.answer}"
        f" ({'missing' if one.missing else 'left'})"
        for one, line in short
    )
    return Incident(
        Kind.SHORT_SHIP, fact.shipment.shipment_id, fact.shipment.number, fact.shipment.warehouse,
        "; ".join(told), tuple(_concern(line, one.short) for one, line in short),
    )  # fmt: skip


def _voided(fact: ShipmentVoided) -> Incident:
    concerns = tuple(_concern(line, line.qty) for line in fact.shipment.lines)
    shipment = fact.shipment
    return Incident(
        Kind.SHIPMENT_VOIDED, shipment.shipment_id, shipment.number, shipment.warehouse, fact.reason, concerns
    )


def _concern(line: ShipmentLine, qty: Any) -> Concern:
    return Concern(
        key=line.shipment_line_id,
        order_id=line.order_id,
        order_number=line.order_number,
        line_id=line.line_id,
        line_no=line.line_no,
        component=line.component,
        qty=qty,
        sku=line.sku,
    )


def _row(shipment: Shipment) -> dict[str, Any]:
    return {
        "id": shipment.shipment_id,
        "number": shipment.number,
        "version": shipment.version,
        "state": shipment.state.value,
        "warehouse": shipment.warehouse,
    }


def _shares(shipment: Shipment) -> list[dict[str, Any]]:
    return [
        {
            "shipment_id": shipment.shipment_id,
            "allotment_id": share.allotment_id,
            "order_id": line.order_id,
            "order_number": line.order_number,
            "line_id": line.line_id,
            "line_no": line.line_no,
            "component": line.component,
            "sku": line.sku,
            "unit": line.unit,
            "qty": share.qty,
        }
        for line in shipment.lines
        for share in line.shares
    ]


def _locks(fact: UnitsWithdrawn) -> list[dict[str, Any]]:
    return [
        {
            "question_id": fact.question_id,
            "allotment_id": answer.allotment_id,
            "shipment_id": lock.shipment_id,
            "shipment_number": lock.number,
            "version": lock.version,
            "order_id": answer.order_id,
            "order_number": answer.order_number or "",
            "line_id": answer.line_id,
            "line_no": answer.line_no or 0,
            "component": answer.component,
            "sku": answer.sku,
            "warehouse": answer.warehouse,
            "qty": min(lock.qty, answer.refused),
        }
        for answer in fact.answers
        for lock in answer.locks
        if answer.refused > ZERO
    ]


def _lock_key(row: Mapping[str, Any]) -> tuple[UUID, UUID, UUID]:
    return row["question_id"], row["allotment_id"], row["shipment_id"]
