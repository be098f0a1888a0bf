"""What becomes of a shortage once inventory has answered a line's opening (BO-1 No/Yes, BO-2 fallback, ORD-6).

Until the shortage question is built a shortage acts as `split` without asking. A line has one fate: whatever divides it
makes a linked line with the same price, discount, tax, dates and comments, and a parent link.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO

from .order import Line


@dataclass(frozen=True, slots=True)
class Decision:
    """What the line becomes: itself, with a wish to cancel, or smaller with a linked line for `rest`."""

    line: Line
    rest: Decimal = ZERO


def decide_opening(line: Line, *, no_backorders: bool, may_split: bool) -> Decision:
    """Decide once per line, on inventory's standing for the version that first told it.

    Special lines and services wait for nothing here. A customer without backorders has the waiting part cancelled. A
    line of which a part was granted is split, unless it is all-or-nothing; a line of which nothing was granted is
    backordered whole and takes part fills.
    """
    if line.opening_decided or not line.has_settled:
        return Decision(line)
    decided = replace(line, opening_decided=True)
    if line.is_special or line.is_service or line.drop_ship or line.waiting <= ZERO:
        return Decision(decided)
    if no_backorders:
        return Decision(replace(decided, cancel_wanted=line.cancel_wanted + line.waiting))
    if line.granted <= ZERO or line.all_or_nothing or not may_split:
        return Decision(decided)
    return Decision(replace(decided, ordered=line.ordered - line.waiting), rest=line.waiting)


def linked(line: Line, qty: Decimal, *, line_id: UUID, line_no: int, opening_version: int) -> Line:
    """A linked line for `qty`: the parent's terms and rank, figures of its own."""
    return replace(
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
