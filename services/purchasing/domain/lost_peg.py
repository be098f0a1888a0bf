"""Pegs that were lost in stock (BO-12): whose they were, so that a buyer hears of each loss once.

The need reopens by itself, because what is withdrawn is not granted any more; this is only about telling somebody.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True)
class Peg:
    """An allotment of a line that came through a tie, and all that it has given back so far."""

    allotment_id: UUID
    tie_id: UUID
    withdrawn: Decimal


@dataclass(frozen=True)
class Loss:
    """What one question about lost stock took from a line; `allotment_id` None: it does not say of which allotment."""

    question_id: UUID
    allotment_id: UUID | None
    qty: Decimal


@dataclass(frozen=True)
class LostPeg:
    """So many units of a peg were lost."""

    question_id: UUID
    peg: Peg
    qty: Decimal

    @property
    def key(self) -> tuple[UUID, UUID, Decimal]:
        """What makes it one, however often it is told: the question, and the figure that the peg has come to."""
        return self.question_id, self.peg.allotment_id, self.peg.withdrawn


def lost_pegs(losses: Iterable[Loss], pegs: Sequence[Peg]) -> list[LostPeg]:
    """Which of one standing's pegs its losses took units of; lost free stock concerns no buyer.

    It depends on the standing alone, so the same one told again comes to the same.
    """
    found: dict[tuple[UUID, UUID, Decimal], LostPeg] = {}
    for loss in losses:
        if (peg := _taken_of(loss, pegs)) is None:
            continue
        lost = LostPeg(loss.question_id, peg, loss.qty)
        known = found.get(lost.key)
        found[lost.key] = replace(lost, qty=known.qty + lost.qty) if known else lost
    return list(found.values())


def _taken_of(loss: Loss, pegs: Sequence[Peg]) -> Peg | None:
    if loss.allotment_id is not None:
        return next((peg for peg in pegs if peg.allotment_id == loss.allotment_id), None)
    gave = (peg for peg in pegs if peg.withdrawn > 0)
    return max(gave, key=_by_figure, default=None)


def _by_figure(peg: Peg) -> tuple[Decimal, UUID]:
    return peg.withdrawn, peg.allotment_id
