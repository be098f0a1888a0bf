"""BUY-19: what must hold before a purchase order is closed; the organisation switches each check on or off."""

from collections.abc import Collection
from enum import StrEnum

from services.purchasing.domain.purchase_order import Line, PurchaseOrder
from shared.decimals import plain
from shared.errors import Refused


class CloseCheck(StrEnum):
    """The checks of BUY-19, by what they ask of every line."""

    NOT_OVER = "received <= ordered"
    IN_FULL = "received = ordered"
    BALANCED = "balance zero"
    """Ordered - cancelled - received is nothing: what does not come was cancelled, not forgotten."""


class CloseCheckFailed(Refused):
    """A check that the organisation has switched on does not hold for a line."""


def may_close(po: PurchaseOrder, checks: Collection[CloseCheck]) -> None:
    """Refuse to close the order, naming the first check that fails and its line. Lines cancelled in full do not count."""
    for line in po.lines:
        for check in CloseCheck:
            if check in checks and not line.is_cancelled and not _holds(check, line):
                raise CloseCheckFailed(
                    f"{po.number} cannot be closed: line {line.line_no} has {plain(line.ordered)} ordered, "
                    f"{plain(line.cancelled)} cancelled and {plain(line.received)} received, and `{check}` is asked for",
                    number=po.number,
                    line=line.line_no,
                    check=check,
                    ordered=line.ordered,
                    cancelled=line.cancelled,
                    received=line.received,
                )


def _holds(check: CloseCheck, line: Line) -> bool:
    match check:
        case CloseCheck.NOT_OVER:
            return line.received <= line.ordered
        case CloseCheck.IN_FULL:
            return line.received == line.ordered
        case CloseCheck.BALANCED:
            return line.supply == line.received
