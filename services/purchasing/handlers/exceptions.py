"""The exception desk: raised and cleared as demands are settled, closed by hand for what only people can judge."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from services.purchasing.domain.demand import DemandKey, RequestState
from services.purchasing.domain.obstacles import ExceptionKind, Obstacle
from services.purchasing.domain.settlement import Verdict
from services.purchasing.store import desk as store
from services.purchasing.store.desk import ExceptionEntry
from shared.contracts import purchasing as facts
from shared.errors import NotFound, Refused
from shared.ids import new_id
from shared.unit_of_work import Told, Tx


class NoSuchException(NotFound):
    """There is no such exception in the caller's warehouses."""


class ClearsByItself(Refused):
    """Exceptions about a demand are cleared by mending what is in the way, not by hand."""


class AlreadyCleared(Refused):
    """The exception was cleared before."""


async def sync_exceptions(tx: Tx, verdicts: Iterable[Verdict], causes: Mapping[DemandKey, Told[Any]]) -> None:
    """BUY-2, BUY-9: one open exception per demand and kind, as long as it stands in the way; both ways are told."""
    concerned = [
        verdict
        for verdict in verdicts
        if verdict.obstacles or verdict.demand.request_state is RequestState.EXCEPTION
    ]
    known = await store.open_exceptions(tx, [verdict.demand.key for verdict in concerned])
    changed: list[ExceptionEntry] = []
    for verdict in concerned:
        entries = known.get(verdict.demand.key, [])
        for entry in _cleared(tx, entries, verdict) + _raised(tx, entries, verdict):
            changed.append(entry)
            tell_exception(tx, entry, causes.get(verdict.demand.key))
    await store.save_exceptions(tx, changed)


def _cleared(tx: Tx, entries: Collection[ExceptionEntry], verdict: Verdict) -> list[ExceptionEntry]:
    standing = {obstacle.kind for obstacle in verdict.obstacles}
    reason = "mended" if verdict.need > 0 or verdict.demand.wanted > 0 else "no longer needed"
    return [entry.cleared(tx.now, tx.actor, reason) for entry in entries if entry.kind not in standing]


def _raised(tx: Tx, entries: Collection[ExceptionEntry], verdict: Verdict) -> list[ExceptionEntry]:
    known = {entry.kind: entry for entry in entries}
    raised = []
    for obstacle in verdict.obstacles:
        old = known.get(obstacle.kind)
        new = _entry(tx, obstacle, verdict) if old is None else _renewed(old, obstacle, verdict)
        if new != old:
            raised.append(new)
    return raised


def _entry(tx: Tx, obstacle: Obstacle, verdict: Verdict) -> ExceptionEntry:
    demand = verdict.demand
    return ExceptionEntry(
        id=new_id(), kind=obstacle.kind, warehouse=demand.warehouse, sku=demand.sku, qty=verdict.need,
        message=obstacle.message, first_seen_at=tx.now, line_id=demand.line_id, component=demand.component,
        order_id=demand.order_id, order_number=demand.order_number, line_no=demand.line_no,
    )  # fmt: skip


def _renewed(old: ExceptionEntry, obstacle: Obstacle, verdict: Verdict) -> ExceptionEntry:
    if (old.qty, old.message) == (verdict.need, obstacle.message):
        return old
    return replace(old, version=old.version + 1, qty=verdict.need, message=obstacle.message)


def tell_exception(tx: Tx, entry: ExceptionEntry, because: Told[Any] | None = None) -> None:
    """Log an entry of the desk and tell it: raised, or cleared."""
    kind = facts.ExceptionCleared if entry.cleared_at else facts.ExceptionRaised
    tx.announce(
        kind(
            exception_id=entry.id, version=entry.version, kind=facts.ExceptionKind(entry.kind),
            order_id=entry.order_id, order_number=entry.order_number, line_id=entry.line_id, line_no=entry.line_no,
            component=entry.component, po_id=entry.po_id, po_number=entry.po_number, warehouse=entry.warehouse,
            sku=entry.sku, qty=entry.qty, message=entry.message, first_seen_at=entry.first_seen_at,
        ),
        because,
    )  # fmt: skip
    state = {"kind": entry.kind, "qty": entry.qty, "state": "cleared" if entry.cleared_at else "open"}
    before = {"kind": entry.kind, "state": "open"} if entry.version > 1 else None
    action = "cleared" if entry.cleared_at else "raised"
    tx.record("exception", entry.id, action, before, state, reason=entry.clear_reason, because=because)


async def close_exception(tx: Tx, exception_id: UUID, reason: str) -> ExceptionEntry:
    """Close an over-receipt that somebody has looked at (SO-8); the others clear themselves when they are mended."""
    entry = await store.lock_exception(tx, exception_id)
    if entry is None:
        raise NoSuchException("There is no such exception, or it is not in your warehouses")
    if entry.kind is not ExceptionKind.OVER_RECEIPT:
        raise ClearsByItself(
            f"This {entry.kind} exception clears by itself once it is mended: {entry.message}",
            kind=entry.kind,
        )
    if entry.cleared_at is not None:
        raise AlreadyCleared("This exception was closed before", cleared_at=entry.cleared_at)
    closed = entry.cleared(tx.now, tx.actor, reason)
    await store.save_exceptions(tx, [closed])
    tell_exception(tx, closed)
    return closed
