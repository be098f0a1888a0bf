"""What becomes of a shortage once inventory has answered a line's opening (BO-2, ORD-6), and linked lines.

Inventory decides under lock, so it may grant less than was shown when the question was asked; no second question is
put. The shortfall moves to the twin that the answer made; without a twin the line's answer decides, else the
customer's, else the preference `shortage_fallback`. A line has one fate: whatever divides it makes a linked line with the
same price, discount, tax, dates and comments, and a parent link.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.decimals import ZERO

from .copying import changed
from .order import Line, Order, ShortageAnswer


class DecidedBy(StrEnum):
    """Who has answered for a shortage."""

    TWIN = "twin"
    LINE = "line"
    CUSTOMER = "customer"
    PREFERENCE = "shortage_fallback"
    NO_BACKORDERS = "no backorders"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the line becomes: itself, with a wish to cancel, or smaller, with `rest` for a linked line (or its twin).

    `by` is None where nothing was short.
    """

    line: Line
    rest: Decimal = ZERO
    twin: Line | None = None
    by: DecidedBy | None = None


def decide_opening(
    line: Line, order: Order, *, twin: Line | None, fallback: ShortageAnswer, may_split: bool
) -> Decision:
    """Decide once per line, on inventory's standing for the version that first told it.

    Special lines and services wait for nothing here. A customer without backorders has the waiting part cancelled. A
    line of which nothing was granted is backordered whole and takes part fills, unless somebody has answered
    `backorder_line`.
    """
    if line.opening_decided or not line.has_settled:
        return Decision(line)
    decided = changed(line, opening_decided=True)
    if not line.is_from_stock or line.waiting <= ZERO:
        return Decision(decided)
    if order.no_backorders:
        wish = changed(decided, cancel_wanted=line.cancel_wanted + line.waiting)
        return Decision(wish, by=DecidedBy.NO_BACKORDERS)
    if line.all_or_nothing:
        return Decision(decided)
    answer, by = _answer(line, order, fallback)
    if line.granted <= ZERO:
        whole = answer is ShortageAnswer.BACKORDER_LINE and by is not DecidedBy.PREFERENCE
        return Decision(changed(decided, all_or_nothing=whole), by=by if whole else None)
    if twin is not None:
        return Decision(
            changed(decided, ordered=line.ordered - line.waiting), line.waiting, twin, DecidedBy.TWIN
        )
    if answer is ShortageAnswer.BACKORDER_LINE:
        return Decision(changed(decided, all_or_nothing=True), by=by)
    if not may_split:
        return Decision(decided)
    return Decision(changed(decided, ordered=line.ordered - line.waiting), line.waiting, by=by)


def _answer(line: Line, order: Order, fallback: ShortageAnswer) -> tuple[ShortageAnswer, DecidedBy]:
    if line.shortage_answer is not None:
        return line.shortage_answer, DecidedBy.LINE
    if order.shortage_answer is not None:
        return order.shortage_answer, DecidedBy.CUSTOMER
    return fallback, DecidedBy.PREFERENCE


def twin_of(line: Line, lines: Iterable[Line]) -> Line | None:
    """The linked line that took the rest when the line was entered, if it still waits for stock."""
    for other in lines:
        same_opening = other.opening_version == line.opening_version and other.opening_decided
        if other.parent_line_id == line.id and same_opening and other.is_from_stock and not other.is_gone:
            return other
    return None


def linked(line: Line, qty: Decimal, *, line_id: UUID, line_no: int, opening_version: int) -> Line:
    """A linked line for `qty`: the parent's terms and rank, figures of its own."""
    return changed(
        line,
        id=line_id,
        line_no=line_no,
        parent_line_id=line.id,
        ordered=qty,
        special_order_id=None,
        cancel_wanted=ZERO,
        cancelled=ZERO,
        granted=ZERO,
        released=ZERO,
        shipped=ZERO,
        opening_version=opening_version,
        wish_version=0,
        settled_version=0,
        # its parent's shortage has been decided; a twin that waits takes part fills
        opening_decided=True,
        release_blocked=False,
        is_backordered=False,
        backordered_at=None,
    )
