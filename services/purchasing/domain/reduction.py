"""Cancelling, closing and reducing what was sent: a question to inventory, and its answer (BUY-16).

Only inventory knows how much of a sent line can no longer be received. Until it says so the purchase order is
*cancelling*; then only that part breaks ties.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.purchasing.domain.purchase_order import (
    Break,
    Finishing,
    IllegalTransition,
    Line,
    PurchaseOrder,
    derive_state,
    shrink,
)
from shared.decimals import plain
from shared.errors import Refused


class ReductionKind(StrEnum):
    """What the buyer asked for."""

    CANCEL = "cancel"
    CLOSE = "close"
    CANCEL_LINE = "cancel_line"
    REDUCE_LINE = "reduce_line"


class BelowReceived(Refused):
    """A line cannot bring less than has been received of it."""


class ReductionUnderWay(Refused):
    """Inventory has not answered the last reduction of this purchase order yet."""


@dataclass(frozen=True)
class Reduction:
    """The question: the lines named shall bring no more than `supplies`, in all."""

    question_id: UUID
    po_id: UUID
    kind: ReductionKind
    reason: str
    asked_by: str
    supplies: Mapping[UUID, Decimal]


def ending_wishes(po: PurchaseOrder) -> dict[UUID, Decimal]:
    """To cancel or close a sent PO: no line with something outstanding shall bring more than it has brought."""
    if not po.is_sent or po.outstanding == 0:
        raise IllegalTransition(
            f"{po.number} is {po.state}: nothing of it is outstanding", number=po.number, state=po.state
        )
    return {line.po_line_id: line.received for line in po.lines if line.outstanding}


def line_wish(po: PurchaseOrder, line: Line, supply: Decimal) -> dict[UUID, Decimal]:
    """One line shall bring only `supply` in all; below what was received is refused."""
    if supply < line.received:
        raise BelowReceived(
            f"{plain(line.received)} {line.unit} of {po.number} line {line.line_no} were received: "
            f"it cannot go down to {plain(supply)}",
            received=line.received,
            wanted=supply,
        )
    return {line.po_line_id: supply}


def answer(
    po: PurchaseOrder, reduction: Reduction, supplies: Mapping[UUID, Decimal]
) -> tuple[PurchaseOrder, list[Break]]:
    """Inventory's answer: a line keeps what came or can still come, ties break down to it, the reason is kept."""
    breaks: list[Break] = []
    for line in po.lines:
        if line.po_line_id in supplies:
            line, broken = shrink(line, supplies[line.po_line_id], reduction.reason)
            po = po.put(line)
            breaks += broken
    if reduction.kind is ReductionKind.CANCEL:
        po = replace(po, finishing=Finishing.CANCEL, reason=reduction.reason)
    elif reduction.kind is ReductionKind.CLOSE:
        po = replace(po, finishing=Finishing.CLOSE, reason=reduction.reason)
    return derive_state(po), breaks
