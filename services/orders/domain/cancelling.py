"""Cancelling and reducing are wishes (model.md): the wish lowers the need at once, `cancelled` follows what was freed.

`cancelled = min(cancel_wanted, ordered - granted)` once inventory has settled the version that told the wish. What
shipping refuses (picking, packed, shipped) stays granted, and the line stays *cancelling* until that is unpicked or
ships.
"""

from dataclasses import replace
from decimal import Decimal

from shared.decimals import ZERO, plain
from shared.errors import Refused

from .copying import changed
from .order import Line


class BelowShipped(Refused):
    """A line cannot go below what was shipped (ORD-1)."""


class NothingToCancel(Refused):
    """Nothing of the line is left that could be cancelled."""


def wish(line: Line, qty: Decimal, wish_version: int) -> Line:
    """The line with a wish to cancel `qty` more; refused with the numbers where that goes below what was shipped."""
    most = line.ordered - line.cancel_wanted - line.shipped
    if most <= ZERO:
        raise NothingToCancel(
            f"Line {line.line_no}: of {plain(line.ordered)} ordered {plain(line.shipped)} are shipped and "
            f"{plain(line.cancel_wanted)} already cancelled; nothing is left to cancel",
            line_no=line.line_no,
            ordered=line.ordered,
            shipped=line.shipped,
            cancelled=line.cancel_wanted,
        )
    if qty > most:
        raise BelowShipped(
            f"Line {line.line_no}: {plain(line.shipped)} of {plain(line.ordered)} are shipped, so at most "
            f"{plain(most)} can be cancelled, not {plain(qty)}",
            line_no=line.line_no,
            ordered=line.ordered,
            shipped=line.shipped,
            wanted=qty,
            most=most,
        )
    return replace(line, cancel_wanted=line.cancel_wanted + qty, wish_version=wish_version)


def wish_all(line: Line, wish_version: int) -> Line:
    """The line with a wish to cancel whatever has not shipped."""
    rest = line.ordered - line.shipped
    if rest <= line.cancel_wanted:
        return line
    return replace(line, cancel_wanted=rest, wish_version=wish_version)


def close_short(line: Line, qty: Decimal, wish_version: int) -> Line:
    """The line after a short ship answered with `close` (SHIP-3): the part that did not ship is wanted no more."""
    wanted = min(line.ordered, line.cancel_wanted + qty)
    if wanted == line.cancel_wanted:
        return line
    return replace(line, cancel_wanted=wanted, wish_version=wish_version)


def freed(line: Line) -> Line:
    """The line with `cancelled` raised by what has really been freed of its wish; it only grows."""
    if line.is_service:
        return changed(line, cancelled=line.cancel_wanted)
    if not line.wish_is_settled or line.cancel_wanted <= line.cancelled:
        return line
    most = max(ZERO, line.ordered - max(line.granted, line.shipped))
    return changed(line, cancelled=max(line.cancelled, min(line.cancel_wanted, most)))
