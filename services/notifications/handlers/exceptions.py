"""Exceptions of purchasing and buyers' tasks: a notice for each, open as long as it is (NOTE-2, BUY-2, BUY-16)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from services.notifications import store
from services.notifications.domain.notice import Concern, Kind
from services.notifications.domain.purchase_exception import Trouble, heard, newest
from shared.contracts.purchasing import ExceptionRaised, ExceptionSnapshot, TaskRaised, TaskSnapshot
from shared.ids import new_id
from shared.unit_of_work import Told, Tx

from .publishing import Board, publish


async def exception_told(tx: Tx, told: Sequence[Told[ExceptionSnapshot]]) -> None:
    """Raised or cleared: the highest version says whether the notice is open, in whatever order they are heard."""
    await _hear(tx, Kind.PURCHASE_EXCEPTION, [(t, _trouble(t.fact)) for t in told])


async def task_told(tx: Tx, told: Sequence[Told[TaskSnapshot]]) -> None:
    """A buyer's task was raised or done: likewise by version."""
    await _hear(tx, Kind.PURCHASE_TASK, [(t, _task(t.fact)) for t in told])


async def _hear(tx: Tx, kind: Kind, told: Sequence[tuple[Told[Any], Trouble]]) -> None:
    await store.lock_stream(tx.db)
    causes = {(kind, one.exception_id): t for t, one in sorted(told, key=_version)}
    board = Board(await store.load_notices(tx.db, [kind], (one.exception_id for _, one in told)))
    after = {
        (kind, subject): heard(board.before.get((kind, subject)), trouble, tx.now, new_id)
        for subject, trouble in newest(one for _, one in told).items()
    }
    board.put(after, causes)
    await publish(tx, board)


def _trouble(fact: ExceptionSnapshot) -> Trouble:
    return Trouble(
        exception_id=fact.exception_id,
        version=fact.version,
        is_open=isinstance(fact, ExceptionRaised),
        reason=fact.kind.value,
        warehouse=fact.warehouse,
        sku=fact.sku,
        qty=fact.qty,
        message=fact.message,
        po_id=fact.po_id,
        po_number=fact.po_number,
        concern=_concern(fact),
    )


def _task(fact: TaskSnapshot) -> Trouble:
    return Trouble(
        exception_id=fact.task_id,
        version=fact.version,
        is_open=isinstance(fact, TaskRaised),
        reason=fact.kind.value,
        warehouse=fact.warehouse,
        sku=fact.sku,
        qty=fact.qty,
        message=fact.message,
        po_id=fact.po_id,
        po_number=fact.po_number,
        concern=Concern(
            key=fact.task_id,
            order_id=fact.order_id,
            order_number=fact.order_number,
            line_id=fact.line_id,
            line_no=fact.line_no,
            component=fact.component,
            qty=fact.qty,
        ),
        kind=Kind.PURCHASE_TASK,
    )


def _concern(fact: ExceptionSnapshot) -> Concern | None:
    order_id: UUID | None = fact.order_id
    if order_id is None or fact.line_id is None:
        return None
    return Concern(
        key=fact.exception_id,
        order_id=order_id,
        order_number=fact.order_number or "",
        line_id=fact.line_id,
        line_no=fact.line_no or 0,
        component=fact.component or 0,
        qty=fact.qty,
    )


def _version(told: tuple[Told[Any], Trouble]) -> int:
    return told[1].version
