"""Exceptions of purchasing: a notice for each, open as long as it is (NOTE-2, BUY-2)."""

from collections.abc import Sequence
from uuid import UUID

from services.notifications import store
from services.notifications.domain.notice import Concern, Kind
from services.notifications.domain.purchase_exception import Trouble, heard, newest
from shared.contracts.purchasing import ExceptionRaised, ExceptionSnapshot
from shared.ids import new_id
from shared.unit_of_work import Told, Tx

from .publishing import publish


async def exception_told(tx: Tx, told: Sequence[Told[ExceptionSnapshot]]) -> None:
    """Raised or cleared: the highest version says whether the notice is open, in whatever order they are heard."""
    await store.lock_stream(tx.db)
    kind = Kind.PURCHASE_EXCEPTION
    causes = {(kind, t.fact.exception_id): t for t in sorted(told, key=_version)}
    before = await store.load_notices(tx.db, [kind], (t.fact.exception_id for t in told))
    after = {
        (kind, subject): heard(before.get((kind, subject)), trouble, tx.now, new_id)
        for subject, trouble in newest(_trouble(t.fact) for t in told).items()
    }
    await publish(tx, before, after, causes)


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


def _version(told: Told[ExceptionSnapshot]) -> int:
    return told.fact.version
