"""BO-18: why a line is waiting, from what inventory knows: reasons in order, each with quantities and references."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum

from services.inventory.domain.demand import Demand
from shared.decimals import ZERO, plain

MOST_PARTS = 20
"""A reason names so many lines at most; its quantity is the sum over all of them."""


class Code(StrEnum):
    """What holds a line up, in the order in which it is told."""

    GRANTED = "granted"
    BEING_ASKED_BACK = "being_asked_back"
    WAITS_FOR_ITS_TIE = "waits_for_its_tie"
    PASSED_OVER = "passed_over"
    FILLED_BY_HAND = "filled_by_hand"
    RANKS_AHEAD = "ranks_ahead"
    HELD = "held"
    LOCKED = "locked"
    ASKED_FOR = "asked_for"
    INCOMING = "incoming"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Part:
    """A line, a document or a kind of stock that a reason is about."""

    what: str
    qty: Decimal
    order_number: str | None = None
    line_no: int | None = None
    po_number: str | None = None
    expected_on: date | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """One reason: its quantity, its sentence, and what it is about (the first 20)."""

    code: Code
    qty: Decimal
    says: str
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Supply:
    """What is expected of the item in the warehouse on one purchase order line."""

    po_number: str
    expected_on: date | None
    expected: Decimal
    tied_here: Decimal
    tied_to_others: Decimal
    others: Sequence[Part] = ()
    """For whom it is tied, the first of them."""

    @property
    def untied(self) -> Decimal:
        """Units that will be free stock."""
        return max(ZERO, self.expected - self.tied_here - self.tied_to_others)


@dataclass(frozen=True, slots=True)
class Known:
    """All that inventory knows around one demand."""

    demand: Demand
    allotted: Decimal
    pegged: Decimal
    own_asked: Sequence[Part]
    available: Decimal
    ahead: Sequence[Demand]
    ahead_lacks: Decimal
    ahead_lines: int
    holders: Sequence[Part]
    held: Decimal
    pegged_to_others: Decimal
    peg_owners: Sequence[Part]
    """Whose they are, the first of them."""
    quarantined: Decimal
    locked: Sequence[Part]
    asked_for: Sequence[Part]
    supply: Sequence[Supply]
    skips: bool
    by_hand: bool


def reasons(known: Known) -> list[Why]:
    """Why this line has what it has and waits for the rest; a line that waits for nothing only says what it has."""
    own, lacking = known.demand, known.demand.lacking
    found = [_granted(known)]
    found += _sum(
        Code.BEING_ASKED_BACK, known.own_asked, "{} of its units are asked back and not answered yet"
    )
    if not lacking:
        return found
    if own.special:
        tied = sum((s.tied_here for s in known.supply), ZERO)
        found.append(
            Why(
                Code.WAITS_FOR_ITS_TIE,
                lacking,
                f"It gets only what arrives for it: {plain(tied)} of {plain(lacking)} are on open purchase orders",
            )
        )
        return [*found, *_incoming(known), *_missing(known)]
    if known.skips and own.all_or_nothing:
        free = plain(known.available)
        says = f"All or nothing: passed over until {plain(lacking)} can be granted at once, {free} are free"
        found.append(Why(Code.PASSED_OVER, lacking, says))
    found += _left_lying(known)
    found += _ahead(known) + _held(known)
    found += _sum(
        Code.LOCKED, known.locked, "{} units of lines behind it cannot be taken: they are being picked"
    )
    found += _sum(
        Code.ASKED_FOR, known.asked_for, "{} units are asked back for its order and not answered yet"
    )
    return [*found, *_incoming(known), *_missing(known)]


def _granted(known: Known) -> Why:
    own = known.demand
    says = (
        f"{plain(own.granted)} of {plain(own.need)} granted: {plain(known.allotted)} from stock, {plain(known.pegged)} that "
        f"arrived for it, {plain(own.shipped)} shipped; {plain(own.lacking)} are lacking"
    )
    parts = (Part("allotted", known.allotted), Part("pegged", known.pegged), Part("shipped", own.shipped))
    return Why(Code.GRANTED, own.granted, says, parts)


def _sum(code: Code, parts: Sequence[Part], says: str) -> list[Why]:
    qty = _units(parts)
    return [Why(code, qty, says.format(plain(qty)), tuple(parts[:MOST_PARTS]))] if qty else []


def _left_lying(known: Known) -> list[Why]:
    """Free units that nothing gives out by itself: management, or the schedule that they were left for, is off."""
    if known.by_hand:
        why = "Waiting lines are filled by hand only"
    elif known.available > 0 and not (known.skips and known.demand.all_or_nothing):
        why = "An automation schedule is off"
    else:
        return []
    says = f"{why}: {plain(known.available)} are free; allot them to a line or run the queue"
    return [Why(Code.FILLED_BY_HAND, known.available, says)]


def _ahead(known: Known) -> list[Why]:
    if not known.ahead_lacks:
        return []
    says = f"{known.ahead_lines} lines that lack {plain(known.ahead_lacks)} rank ahead of it"
    parts = tuple(
        Part(ahead_by(known.demand, d), d.lacking, d.order_number, d.line_no)
        for d in known.ahead[:MOST_PARTS]
    )
    return [Why(Code.RANKS_AHEAD, known.ahead_lacks, says, parts)]


def ahead_by(own: Demand, other: Demand) -> str:
    """By which part of the rank (BO-6) another line is ahead."""
    if other.priority != own.priority:
        return "priority"
    if other.ranked_at != own.ranked_at:
        return "opened_earlier"
    return "order_id" if other.order_id != own.order_id else "line_number"


def _held(known: Known) -> list[Why]:
    total = known.held + known.pegged_to_others + known.quarantined
    if not total:
        return []
    says = (
        f"{plain(known.held)} are allotted to other lines, {plain(known.pegged_to_others)} arrived for others, "
        f"{plain(known.quarantined)} are in quarantine"
    )
    named = known.peg_owners[:MOST_PARTS]
    unnamed = max(ZERO, known.pegged_to_others - _units(named))
    kinds = (Part("pegged_to_others", unnamed), Part("quarantined", known.quarantined))
    parts = (*known.holders[:MOST_PARTS], *named, *(part for part in kinds if part.qty))
    return [Why(Code.HELD, total, says, parts)]


def _incoming(known: Known) -> list[Why]:
    if not known.supply:
        return []
    here, others = _total(s.tied_here for s in known.supply), _total(s.tied_to_others for s in known.supply)
    untied = _total(s.untied for s in known.supply)
    says = f"Expected: {plain(here)} for it, {plain(untied)} for the queue, {plain(others)} for other lines"
    parts = [part for supply in known.supply for part in _for_whom(supply)]
    return [Why(Code.INCOMING, here + others + untied, says, tuple(parts[:MOST_PARTS]))]


def _for_whom(supply: Supply) -> list[Part]:
    """What of it is for the line, for the queue, and for which others, with its purchase order and date."""
    kinds = (
        Part("tied_here", supply.tied_here),
        Part("untied", supply.untied),
        *supply.others,
        Part("tied_to_others", max(ZERO, supply.tied_to_others - _units(supply.others))),
    )
    return [
        replace(part, po_number=supply.po_number, expected_on=supply.expected_on)
        for part in kinds
        if part.qty
    ]


def _missing(known: Known) -> list[Why]:
    """What nothing that is known of will bring: the queue's part counts after those who rank ahead."""
    here = _total(s.tied_here for s in known.supply)
    queue = ZERO if known.demand.special else _total(s.untied for s in known.supply)
    coming = here + max(ZERO, queue - known.ahead_lacks) + _units(known.asked_for)
    missing = max(ZERO, known.demand.lacking - coming)
    if not missing:
        return []
    return [Why(Code.MISSING, missing, f"{plain(missing)} are neither there nor on their way")]


def _units(parts: Iterable[Part]) -> Decimal:
    return _total(part.qty for part in parts)


def _total(quantities: Iterable[Decimal]) -> Decimal:
    return sum(quantities, ZERO)
