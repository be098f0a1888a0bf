"""BO-9 to BO-11: what a waiting line takes from lines that rank behind it.

The allotment that is due is found by walking the queue by rank over everything that can still move. Between what is and
what is due lie only units that the lowest-ranked holders have and the highest-ranked waiting lines need, so the rule
goes from both ends: the first who waits takes from the last who holds, until the two meet. A raised or lowered priority,
an opening with one, a lost unit, a refusal: each is this one step.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand
from shared.decimals import ZERO


class Reason(StrEnum):
    """Why units are asked back for somebody else."""

    PRIORITY = "priority"
    """For an order of a higher priority (BO-9)."""
    RANK = "rank"
    """For an earlier rank of the same priority (BO-6, BO-11)."""
    LOSS = "loss"
    """They are gone (BO-12)."""


FOR_ANOTHER_LINE = frozenset({Reason.PRIORITY, Reason.RANK})


@dataclass(frozen=True, slots=True)
class Wanting:
    """A line that lacks units, or will when what is asked of it has gone; `asked` are units on their way from it."""

    demand: Demand
    asked: Decimal = ZERO

    @property
    def units(self) -> Decimal:
        """What it will lack when every open question has been answered with yes."""
        return max(ZERO, self.demand.need - self.demand.granted + self.asked)


@dataclass(frozen=True, slots=True)
class Holder:
    """A line that holds free-stock units which may be asked for."""

    demand: Demand
    allotments: tuple[Allotment, ...]


@dataclass(frozen=True, slots=True)
class Take:
    """Units of one allotment that are to be asked back for a line that ranks ahead of its own."""

    taker: Demand
    holder: Demand
    allotment: Allotment
    units: Decimal

    @property
    def reason(self) -> Reason:
        """A higher priority, or an earlier rank within the same."""
        return Reason.PRIORITY if self.taker.priority > self.holder.priority else Reason.RANK


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be asked back, and which list it came to the end of (`None`: neither, the two ends have met)."""

    takes: tuple[Take, ...]
    ran_out_of: str | None = None


def take(coming: Decimal, wanting: Iterable[Wanting], holders: Iterable[Holder]) -> Plan:
    """What is needed and no more: the lowest priority gives first, then the latest rank, its newest units first.

    `coming` units are on their way back already and go to the first who wait. Among equals a later line never takes
    from an earlier one (BO-11).
    """
    tail = [(h.demand, own) for h in sorted(holders, key=_rank) for own in sorted(h.allotments, key=_age)]
    left = {own.id: own.takeable for _, own in tail}
    takes: list[Take] = []
    for want in sorted(wanting, key=_rank):
        served = min(coming, want.units)
        coming, missing = coming - served, want.units - served
        while missing > 0:
            if not tail:
                return Plan(tuple(takes), "holders")
            holder, own = tail[-1]
            if holder.rank <= want.demand.rank:
                return Plan(tuple(takes))
            units = min(missing, left[own.id])
            left[own.id], missing = left[own.id] - units, missing - units
            takes += [Take(want.demand, holder, own, units)] if units > 0 else []
            if left[own.id] == 0:
                tail.pop()
    return Plan(tuple(takes), "wanting")


def _rank(one: Wanting | Holder) -> tuple[object, ...]:
    return one.demand.rank


def _age(own: Allotment) -> UUID:
    return own.id
