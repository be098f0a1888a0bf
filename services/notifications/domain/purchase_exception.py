"""The notice of what a buyer should look at (NOTE-2, BUY-2): open while its exception, or his task, is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from .notice import Concern, Kind, Notice, State, as_changed, turned


@dataclass(frozen=True, slots=True)
class Trouble:
    """An entry of the exception desk, or a buyer's task, at one version: raised, or cleared (done)."""

    exception_id: UUID
    version: int
    is_open: bool
    reason: str
    warehouse: str
    sku: str
    qty: Decimal
    message: str
    po_id: UUID | None
    po_number: str | None
    concern: Concern | None
    kind: Kind = Kind.PURCHASE_EXCEPTION


def newest(troubles: Iterable[Trouble]) -> dict[UUID, Trouble]:
    """One word per exception: the one with the highest version."""
    kept: dict[UUID, Trouble] = {}
    for trouble in sorted(troubles, key=_version):
        kept[trouble.exception_id] = trouble
    return kept


def heard(notice: Notice | None, trouble: Trouble, now: datetime, new_id: Callable[[], UUID]) -> Notice:
    """The notice as its exception now stands; an older word than the last one changes nothing."""
    if notice is None:
        return _as_told(_made(new_id(), trouble, now), trouble, now)
    if trouble.version <= notice.source_version:
        return notice
    return as_changed(notice, _as_told(notice, trouble, now))


def _made(notice_id: UUID, trouble: Trouble, now: datetime) -> Notice:
    return Notice(
        notice_id=notice_id,
        kind=trouble.kind,
        subject=trouble.exception_id,
        warehouse=trouble.warehouse,
        title="",
        sku=trouble.sku,
        raised_at=now,
    )


def _as_told(notice: Notice, trouble: Trouble, now: datetime) -> Notice:
    told = replace(
        notice,
        source_version=trouble.version,
        warehouse=trouble.warehouse,
        title=_title(trouble),
        sku=trouble.sku,
        qty=trouble.qty,
        reason=trouble.reason,
        message=trouble.message,
        po_id=trouble.po_id,
        po_number=trouble.po_number,
        concerns=(trouble.concern,) if trouble.concern else (),
    )
    return turned(told, State.OPEN if trouble.is_open else State.CLOSED, now)


def _title(trouble: Trouble) -> str:
    """In words: "No source: VALVE-2IN for SO-000123 line 10"."""
    what = trouble.reason.replace("_", " ").capitalize()
    of = f" for {trouble.concern.order_number} line {trouble.concern.line_no}" if trouble.concern else ""
    on = f" on {trouble.po_number}" if trouble.po_number else ""
    return f"{what}: {trouble.sku}{of}{on}"


def _version(trouble: Trouble) -> int:
    return trouble.version
