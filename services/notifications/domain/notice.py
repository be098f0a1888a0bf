"""A notice: one message about one subject, open while somebody has to do something (NOTE-1, NOTE-2)."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.decimals import ZERO
from shared.errors import Refused


class Kind(StrEnum):
    """What a notice is about. There is one notice per kind and subject, whatever is redelivered."""

    INSPECTION = "inspection"
    PURCHASE_EXCEPTION = "purchase_exception"
    PURCHASE_TASK = "purchase_task"
    BACKORDERED = "backordered"
    BACKORDER_FILLED = "backorder_filled"
    TAKEN = "taken_by_priority"
    PICK_LOCK = "blocked_by_pick_lock"
    SHIPMENT_READY = "shipment_ready"
    FAILED_INSPECTION = "failed_inspection"
    SHORT_SHIP = "short_ship"
    SHIPMENT_VOIDED = "shipment_voided"


Key = tuple[Kind, UUID]
"""A notice's natural key: its kind and its subject."""


class State(StrEnum):
    """Open while somebody has to look."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Concern:
    """For whom: one order line (or kit component) and its quantity."""

    key: UUID
    """What makes it one: the allotment of a peg, or the exception itself."""
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    qty: Decimal
    sku: str | None = None
    """The item, where a notice groups lines of several; else the notice itself says it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as it stands. `version` counts its changes; `news` is the last one that a reader should see again."""

    notice_id: UUID
    kind: Kind
    subject: UUID
    warehouse: str
    title: str
    sku: str
    raised_at: datetime
    number: str = ""
    state: State = State.OPEN
    version: int = 1
    news: int = 1
    source_version: int = 0
    """The subject's version that the notice has heard of: an older word about it changes nothing."""
    description: str | None = None
    unit: str | None = None
    qty: Decimal = ZERO
    passed: Decimal = ZERO
    failed: Decimal = ZERO
    vendor: str | None = None
    po_id: UUID | None = None
    po_number: str | None = None
    receipt_id: UUID | None = None
    receipt_number: str | None = None
    receipt_line_id: UUID | None = None
    shipment_id: UUID | None = None
    shipment_number: str | None = None
    reason: str | None = None
    message: str | None = None
    closed_at: datetime | None = None
    concerns: tuple[Concern, ...] = ()


BY_HAND = frozenset({Kind.FAILED_INSPECTION, Kind.SHORT_SHIP, Kind.SHIPMENT_VOIDED})
"""What happened, and no fact may ever say that somebody has dealt with it: people close these notices."""


class ClosesByItself(Refused):
    """The notice is open as long as its cause is; nobody closes it before."""


def closed_by_hand(notice: Notice, now: datetime) -> Notice:
    """Somebody has dealt with it. Raises ClosesByItself, naming the kinds that people close."""
    if notice.kind not in BY_HAND:
        raise ClosesByItself(
            f"{notice.number} closes when its cause is gone; people close {', '.join(sorted(BY_HAND))}",
            notice=notice.number,
            kind=notice.kind,
            by_hand=sorted(BY_HAND),
        )
    return closed(notice, now)


def closed(notice: Notice, now: datetime) -> Notice:
    """The notice closed; one that is closed stays as it is."""
    if notice.state is State.CLOSED:
        return notice
    version, closed_at = notice.version + 1, notice.closed_at or now
    return replace(notice, state=State.CLOSED, closed_at=closed_at, version=version)


def turned(notice: Notice, state: State, now: datetime) -> Notice:
    """The notice opened or closed; closing keeps the time of the first close."""
    if state is State.OPEN:
        return replace(notice, state=state, closed_at=None)
    return replace(notice, state=state, closed_at=notice.closed_at or now)


def as_changed(before: Notice, after: Notice) -> Notice:
    """The next version, if anything differs; with news if it was opened again or concerns more units than before."""
    if after == before:
        return before
    version = before.version + 1
    is_news = _is_news(before, after)
    return replace(after, version=version, news=version if is_news else before.news)


def is_raised(before: Notice | None, after: Notice) -> bool:
    """Whether the teams are to be told: it is open and was not before."""
    return after.state is State.OPEN and (before is None or before.state is State.CLOSED)


def _is_news(before: Notice, after: Notice) -> bool:
    if after.state is State.CLOSED:
        return False
    known = {concern.key for concern in before.concerns}
    has_more = any(concern.key not in known for concern in after.concerns) and after.qty > before.qty
    return before.state is State.CLOSED or has_more
