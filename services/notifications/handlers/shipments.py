"""What shipping tells (NOTE-2): shipments that are ready, left short or were voided, and units that could not be taken."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from services.notifications import store
from services.notifications.domain.notice import Concern, Key, Kind, Notice
from services.notifications.domain.outgoing import Incident, blocked, happened, ready
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
from .publishing import bring, publish

INCIDENTS = (Kind.SHORT_SHIP, Kind.SHIPMENT_VOIDED)


async def shipment_created(tx: Tx, told: Sequence[Told[ShipmentCreated]]) -> None:
    """A shipment is new or was extended: it may be ready, and what had been left or voided may be on its way again."""
    await store.lock_stream(tx.db)
    await _keep(tx, [(t, t.fact.shipment) for t in told])
    await _settle_incidents(tx, told)


async def shipment_unpicked(tx: Tx, told: Sequence[Told[ShipmentUnpicked]]) -> None:
    """Back to pending: ready again, and what was locked can move."""
    await store.lock_stream(tx.db)
    await _keep(tx, [(t, t.fact.shipment) for t in told])
    await _settle_locks(tx, {t.fact.shipment.shipment_id: t for t in told})


async def release_withdrawn(tx: Tx, told: Sequence[Told[ReleaseWithdrawn]]) -> None:
    """Shipments shrank: what is left may be ready."""
    await store.lock_stream(tx.db)
    await _keep(tx, [(t, one) for t in told for one in t.fact.shipments])


async def shipment_shipped(tx: Tx, told: Sequence[Told[ShipmentShipped]]) -> None:
    """The goods left; short lines are told, and what had been locked is gone."""
    await store.lock_stream(tx.db)
    await _keep(tx, [(t, t.fact.shipment) for t in told])
    await _take_figures(tx, [(t, one) for t in told for one in t.fact.allotments])
    await _settle_locks(tx, {t.fact.shipment.shipment_id: t for t in told})
    await _raise(tx, [(t, _short(t.fact)) for t in told if t.fact.short])


async def shipment_voided(tx: Tx, told: Sequence[Told[ShipmentVoided]]) -> None:
    """A shipment will not leave. By hand its units wait for somebody to release them; emptied ones need nobody."""
    await store.lock_stream(tx.db)
    await _keep(tx, [(t, t.fact.shipment) for t in told])
    await _take_figures(tx, [(t, one) for t in told for one in t.fact.allotments])
    await _settle_locks(tx, {t.fact.shipment.shipment_id: t for t in told})
    await _raise(tx, [(t, _voided(t.fact)) for t in told if t.fact.by_hand and t.fact.shipment.lines])


async def units_withdrawn(tx: Tx, told: Sequence[Told[UnitsWithdrawn]]) -> None:
    """What could not be taken back because it is being picked (BO-10); pending shipments shrank by the rest."""
    await store.lock_stream(tx.db)
    await _keep(tx, [(t, one) for t in told for one in t.fact.shipments])
    rows = {_lock_key(row): (t, row) for t in told for row in _locks(t.fact)}
    if rows:
        await store.keep_locks(tx.db, [row for _, row in rows.values()])
        await _bring_locks(tx, {row["order_id"]: t for t, row in rows.values()})


async def settle_ready(tx: Tx, causes: Mapping[UUID, Told[Any]], gone: frozenset[UUID] = frozenset()) -> None:
    """Bring the notices of these shipments in line with what of them waits for inspection; `gone` are not pending."""
    if not causes:
        return
    parcels = await store.load_parcels(tx.db, causes.keys() - gone) if causes.keys() - gone else []
    wanted: dict[Key, Wish | None] = {(Kind.SHIPMENT_READY, one): None for one in gone}
    wanted |= {(Kind.SHIPMENT_READY, one.shipment_id): ready(one) for one in parcels}
    await bring(tx, wanted, {key: causes[key[1]] for key in wanted})


async def _keep(tx: Tx, told: Sequence[tuple[Told[Any], Shipment]]) -> None:
    """Keep the newest snapshot of each shipment, and settle those that are news."""
    newest: dict[UUID, tuple[Told[Any], Shipment]] = {}
    for t, one in told:
        known = newest.get(one.shipment_id)
        if known is None or known[1].version < one.version:
            newest[one.shipment_id] = t, one
    if not newest:
        return
    rows = [_row(one) for _, one in newest.values()]
    shares = [share for _, one in newest.values() for share in _shares(one)]
    news = await store.keep_shipments(tx.db, rows, shares)
    gone = frozenset(key for key in news if newest[key][1].state is not ShipmentState.PENDING)
    await settle_ready(tx, {key: newest[key][0] for key in newest if key in news}, gone)


async def _take_figures(tx: Tx, told: Sequence[tuple[Told[Any], AllotmentFigures]]) -> None:
    """Shipping's figures of allotments; lines that lost units wait again."""
    rows: dict[UUID, dict[str, Any]] = {}
    for _, one in told:
        known = rows.get(one.allotment_id, {})
        figures = {name: getattr(one, name) for name in ("shipped", "returned", "unproven")}
        head = {"allotment_id": one.allotment_id, "line_id": one.line_id, "component": one.component}
        rows[one.allotment_id] = head | {
            name: max(figure, known.get(name, ZERO)) for name, figure in figures.items()
        }
    await store.keep_claims(tx.db, list(rows.values()))
    await settle_orders(tx, {one.order_id: t for t, one in told})


async def _settle_locks(tx: Tx, causes: Mapping[UUID, Told[Any]]) -> None:
    orders = await store.orders_locked_on(tx.db, causes)
    anything = next(iter(causes.values()))
    await _bring_locks(tx, dict.fromkeys(orders, anything))


async def _bring_locks(tx: Tx, causes: Mapping[UUID, Told[Any]]) -> None:
    if not causes:
        return
    groups = await store.load_locks(tx.db, causes)
    wanted: dict[Key, Wish | None] = {}
    because: dict[Key, Told[Any]] = {}
    for (order_id, warehouse), locks in groups.items():
        key = Kind.PICK_LOCK, order_subject(order_id, warehouse)
        wanted[key], because[key] = blocked(order_id, list(locks.values())), causes[order_id]
    await bring(tx, wanted, because)


async def _raise(tx: Tx, told: Sequence[tuple[Told[Any], Incident]]) -> None:
    """A notice once per shipment; born closed when its lines stand on a later shipment already."""
    if not told:
        return
    causes = {(one.kind, one.shipment_id): t for t, one in told}
    before = await store.load_notices(tx.db, INCIDENTS, (one.shipment_id for _, one in told))
    new = {key: happened(one) for _, one in told if (key := (one.kind, one.shipment_id)) not in before}
    made = {key: notice for key, wish in new.items() if (notice := brought(None, wish, tx.now, new_id))}
    await publish(tx, {}, await _with_later(tx, made), causes)


async def _settle_incidents(tx: Tx, told: Sequence[Told[ShipmentCreated]]) -> None:
    causes = {line.order_id: t for t in told for line in t.fact.shipment.lines}
    before = await store.open_notices_about_orders(tx.db, INCIDENTS, causes)
    if before:
        because = {key: causes.get(one.concerns[0].order_id, told[0]) for key, one in before.items()}
        await publish(tx, before, await _with_later(tx, before), because)


async def _with_later(tx: Tx, notices: Mapping[Key, Notice]) -> dict[Key, Notice]:
    """These notices, closed where all that they concern stands on a later shipment, or left with one."""
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
