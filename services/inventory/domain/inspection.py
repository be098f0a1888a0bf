"""Inspection of special-order goods (SO-9): rounds of passed and failed units, divided over the pegs of a receipt line."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Key, Line, Rank
from shared.decimals import ZERO, plain
from shared.errors import Refused


class InspectedTooMuch(Refused):
    """More units inspected than are left to inspect."""


class NothingInspected(Refused):
    """A round without units."""


class UnitsAskedBack(Refused):
    """An allotment of the receipt line is the subject of an open question."""


@dataclass(frozen=True, slots=True)
class Round:
    """A wish to judge so many units of an inspection."""

    inspection_id: UUID
    passed: Decimal
    failed: Decimal
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What this round says about one peg."""

    allotment: Allotment
    passed: Decimal
    failed: Decimal


def inspect(
    number: str, pegs: Sequence[Allotment], ranks: Mapping[Line, Rank], passed: Decimal, failed: Decimal
) -> list[Verdict]:
    """Divide one round over the pegs: good units go to the best-ranked demands, failures fall on the last-ranked.

    So a customer who ranks first is the last to wait for a replacement.
    """
    _must_fit(number, pegs, passed, failed)
    ranked = sorted(pegs, key=lambda peg: (ranks[peg.line], peg.generation, peg.id))
    left = {peg.id: peg.uninspected for peg in ranked}
    good = _take(ranked, left, passed)
    bad = _take(ranked[::-1], left, failed)
    touched = (peg for peg in ranked if peg.id in good or peg.id in bad)
    return [Verdict(peg, good.get(peg.id, ZERO), bad.get(peg.id, ZERO)) for peg in touched]


def _must_fit(number: str, pegs: Sequence[Allotment], passed: Decimal, failed: Decimal) -> None:
    if passed + failed <= 0:
        raise NothingInspected(f"{number}: say how many units passed and how many failed; both are 0")
    if any(peg.asked > 0 for peg in pegs):
        raise UnitsAskedBack(
            f"{number}: units of it are being asked back from shipping; try again in a moment"
        )
    left = sum((peg.uninspected for peg in pegs), ZERO)
    if passed + failed > left:
        raise InspectedTooMuch(
            f"{number} has {plain(left)} left to inspect, {plain(passed + failed)} were inspected",
            left=left,
            passed=passed,
            failed=failed,
        )


def _take(pegs: Sequence[Allotment], left: dict[UUID, Decimal], wanted: Decimal) -> dict[UUID, Decimal]:
    taken = {}
    for peg in pegs:
        units = min(wanted, left[peg.id])
        if units > 0:
            taken[peg.id] = units
            left[peg.id] -= units
            wanted -= units
    return taken


@dataclass(frozen=True, slots=True)
class InspectionFigures:
    """Sums over all rounds. What left its peg uninspected (withdrawn, returned) is nobody's to inspect any more."""

    to_inspect: Decimal
    passed: Decimal
    failed: Decimal

    @property
    def is_closed(self) -> bool:
        """Nothing is left to inspect."""
        return self.to_inspect == self.passed + self.failed


def inspection_figures(passed: Decimal, failed: Decimal, pegs: Iterable[Allotment]) -> InspectionFigures:
    """Where an inspection stands: what was inspected in all, and what of its pegs still can be."""
    left = sum((peg.uninspected for peg in pegs), ZERO)
    return InspectionFigures(passed + failed + left, passed, failed)


@dataclass(frozen=True, slots=True)
class Inspection:
    """The inspection of one receipt line, and where its goods came from.

    `version` counts its changes (ETag), `told` the facts about it, so that these are numbered without a gap.
    """

    id: UUID
    number: str
    version: int
    told: int
    receipt_line_id: UUID
    sku: str
    warehouse: str
    to_inspect: Decimal
    passed: Decimal
    failed: Decimal
    inspected_by: str | None
    receipt_id: UUID
    receipt_number: str
    po_id: UUID
    po_number: str
    po_line_id: UUID
    vendor: str

    @property
    def key(self) -> Key:
        """The stock that it is about."""
        return self.sku, self.warehouse

    @property
    def figures(self) -> InspectionFigures:
        """Its sums."""
        return InspectionFigures(self.to_inspect, self.passed, self.failed)
