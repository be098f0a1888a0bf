"""The inspection notice (NOTE-1): special-order goods have arrived; what, how many, for whom, from which PO.

One notice per inspection. It is made by the first word of its pegs (a receipt, or a tie heard after its goods) and
extended by the others. It closes with its inspection; an inspection that was completed before the receipt is heard of
makes a notice that is born closed.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO, plain

from .notice import Concern, Kind, Notice, State, as_changed, turned


@dataclass(frozen=True, slots=True)
class Arrival:
    """Units that arrived for somebody and want inspection: the pegs of one receipt line, or some of them."""

    inspection_id: UUID
    inspection_version: int
    warehouse: str
    sku: str
    description: str
    unit: str
    vendor: str
    po_id: UUID
    po_number: str
    receipt_id: UUID
    receipt_number: str
    receipt_line_id: UUID
    concerns: tuple[Concern, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """Where an inspection stands: sums over its rounds, newest version."""

    inspection_id: UUID
    version: int
    passed: Decimal
    failed: Decimal
    closed: bool


def newest(findings: Iterable[Finding]) -> dict[UUID, Finding]:
    """One finding per inspection: the one with the highest version."""
    kept: dict[UUID, Finding] = {}
    for finding in sorted(findings, key=_version):
        kept[finding.inspection_id] = finding
    return kept


def arrived(
    notice: Notice | None,
    arrival: Arrival,
    finding: Finding | None,
    now: datetime,
    new_id: Callable[[], UUID],
) -> Notice:
    """The notice of the arrival's inspection: made, or extended by the pegs that it did not know."""
    if notice is None:
        return _as_found(_complete(_made(new_id(), arrival, now), arrival), finding, now)
    return as_changed(notice, _as_found(_complete(notice, arrival), finding, now))


def inspected(notice: Notice, finding: Finding, now: datetime) -> Notice:
    """The notice with what inspection has found so far."""
    return as_changed(notice, _as_found(notice, finding, now))


@dataclass(frozen=True, slots=True)
class Failure:
    """Units that failed an inspection, of whichever receipt line; figures are sums over its rounds."""

    arrival: Arrival
    failed: Decimal
    passed: Decimal
    reason: str | None


def failed(
    notice: Notice | None, failure: Failure, now: datetime, new_id: Callable[[], UUID]
) -> Notice | None:
    """The notice of what failed (SO-9): raised with the first failed unit, with more of them opened again.

    Nothing that we hear says that somebody has dealt with the goods, so people close it.
    """
    version = failure.arrival.inspection_version
    if not failure.failed or (notice is not None and version <= notice.source_version):
        return notice
    arrival = failure.arrival
    known = notice or replace(_made(new_id(), arrival, now), kind=Kind.FAILED_INSPECTION, version=0)
    qty = failure.failed
    told = replace(
        known,
        qty=qty,
        failed=qty,
        passed=failure.passed,
        reason=failure.reason,
        source_version=version,
        title=f"Failed inspection: {plain(qty)} of {arrival.sku} from {arrival.po_number}",
        concerns=tuple(sorted(arrival.concerns, key=_turn)),
    )
    if notice is None:
        return replace(told, version=1, news=1)
    return as_changed(notice, turned(told, State.OPEN, now) if qty > notice.failed else told)


def _made(notice_id: UUID, arrival: Arrival, now: datetime) -> Notice:
    return Notice(
        notice_id=notice_id,
        kind=Kind.INSPECTION,
        subject=arrival.inspection_id,
        warehouse=arrival.warehouse,
        title="",
        sku=arrival.sku,
        raised_at=now,
        description=arrival.description,
        unit=arrival.unit,
        vendor=arrival.vendor,
        po_id=arrival.po_id,
        po_number=arrival.po_number,
        receipt_id=arrival.receipt_id,
        receipt_number=arrival.receipt_number,
        receipt_line_id=arrival.receipt_line_id,
    )


def _complete(notice: Notice, arrival: Arrival) -> Notice:
    """The notice with the arrival's pegs; one that it has already counts once."""
    concerns = {concern.key: concern for concern in (*arrival.concerns, *notice.concerns)}
    in_turn = tuple(sorted(concerns.values(), key=_turn))
    qty = sum((concern.qty for concern in in_turn), ZERO)
    return replace(
        notice,
        concerns=in_turn,
        qty=qty,
        title=f"Inspect {plain(qty)} {arrival.unit} of {arrival.sku} from {arrival.po_number}",
        source_version=max(notice.source_version, arrival.inspection_version),
    )


def _as_found(notice: Notice, finding: Finding | None, now: datetime) -> Notice:
    """Closed once everything is inspected; a completion that did not know the newest pegs closes nothing."""
    if finding is None:
        return notice
    done = finding.closed and finding.version >= notice.source_version
    return replace(
        notice,
        passed=finding.passed,
        failed=finding.failed,
        state=State.CLOSED if done else State.OPEN,
        closed_at=(notice.closed_at or now) if done else None,
    )


def _turn(concern: Concern) -> tuple[str, int, int, UUID]:
    return concern.order_number, concern.line_no, concern.component, concern.key


def _version(finding: Finding) -> int:
    return finding.version
