"""Who gets stock, written as plainly as the rules (BO-6, BO-9..BO-11): sort by rank, subtract. It knows no service."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

Rank = tuple[int, datetime, UUID, int, int]
"""(-priority, first opening, order, line, component): the smallest goes first."""


@dataclass(frozen=True)
class Want:
    """A line of the queue: what its customer still waits for, and what nobody may take from it any more."""

    line: UUID
    qty: Decimal
    """What is wanted and has neither shipped nor arrived through a tie."""
    rank: Rank
    locked: Decimal = Decimal(0)
    """Units from free stock that a picker has in hand (BO-10)."""


def share_out(units: Decimal, wants: Iterable[Want]) -> dict[UUID, Decimal]:
    """Divide the units of one item and warehouse that are pegged to nobody: what is locked stays, the rest goes by rank."""
    turns = sorted(wants, key=lambda want: want.rank)
    left = units - sum(want.locked for want in turns)
    held = {}
    for want in turns:
        more = max(Decimal(0), min(left, want.qty - want.locked))
        held[want.line] = want.locked + more
        left -= more
    return held
