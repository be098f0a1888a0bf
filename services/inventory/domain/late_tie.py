"""A tie heard after its goods: what of them is still free is pegged to it, the rest is missed (design, section 2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from services.inventory.domain.receiving import OpenTie, Peg, in_turn
from shared.decimals import ZERO


@dataclass(frozen=True, slots=True)
class Missed:
    """Units of a tie that can no longer come through it."""

    tie: OpenTie
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Late:
    """What became of the ties of one PO line that wait for more than is still expected."""

    pegs: tuple[Peg, ...]
    missed: tuple[Missed, ...]


def late(ties: Sequence[OpenTie], outstanding: Decimal, arrived_untied: Decimal, available: Decimal) -> Late:
    """Serve the ties of one PO line from goods that came before they did.

    Ties that wait for no more than is still `outstanding` are not late. Of the rest, the best-ranked are pegged from
    free stock, as far as that PO line brought units nobody had a tie for (`arrived_untied`) and they have not gone to
    others since (`available`). What remains will never come: the last-ranked ties miss it, for the best-ranked are
    served by what is still expected.
    """
    ranked = in_turn(ties)
    waiting = sum((tie.open for tie in ranked), ZERO) - outstanding
    pool = max(ZERO, min(waiting, arrived_untied, available))
    pegs = []
    for tie in ranked:
        units = min(pool, tie.open if tie.lacking is None else min(tie.open, tie.lacking))
        if units > 0:
            pegs.append(Peg(tie, units))
            pool -= units
            waiting -= units
    got = {peg.tie.tie_id: peg.qty for peg in pegs}
    missed = []
    for tie in reversed(ranked):
        units = min(waiting, tie.open - got.get(tie.tie_id, ZERO))
        if units > 0:
            missed.append(Missed(tie, units))
            waiting -= units
    return Late(tuple(pegs), tuple(missed))
