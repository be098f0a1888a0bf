"""Pegs: stock that belongs to one demand because it came, or was kept, for it (SO-6, SO-10)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Line
from services.inventory.domain.incoming import ReceiptLine
from services.inventory.domain.preferences import InspectionGate, Preferences
from services.inventory.domain.receiving import OpenTie
from services.inventory.handlers import telling
from services.inventory.store import allotments as claims
from shared.decimals import ZERO
from shared.ids import new_id
from shared.preferences import preferences
from shared.unit_of_work import Told, Tx


@dataclass(frozen=True, slots=True)
class NewPeg:
    """Units of a receipt line that become a tie's demand's."""

    tie: OpenTie
    receipt_line: ReceiptLine
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Pegged:
    """The new claim tickets, and their demands as they stand after them."""

    allotments: Sequence[Allotment]
    demands: Mapping[Line, Demand]

    def of(self, receipt_line_id: UUID) -> list[Allotment]:
        """The pegs that one receipt line bore."""
        return self.by_receipt_line().get(receipt_line_id, [])

    def by_receipt_line(self) -> dict[UUID, list[Allotment]]:
        """All of them: {receipt line: its pegs}."""
        found: dict[UUID, list[Allotment]] = {}
        for own in self.allotments:
            if own.receipt_line_id is not None:
                found.setdefault(own.receipt_line_id, []).append(own)
        return found


async def peg(tx: Tx, pegs: Sequence[NewPeg], reason: str, because: Told[Any]) -> Pegged:
    """Write new pegs: claim ticket, tie and demand; the caller moves the stock and holds its lock."""
    born = await bear(tx, pegs, await _next_generations(tx, pegs))
    pegged = Pegged(born, await claims.peg(tx.db, as_rows(born, pegs), tx.now))
    log_pegged(pegged, lambda _: tx, reason, because)
    return pegged


async def bear(
    tx: Tx, pegs: Sequence[NewPeg], generations: Mapping[tuple[UUID, Line], int] | None = None
) -> list[Allotment]:
    """The claim tickets of new pegs, not yet written. Whether the inspection gate holds is decided here, at birth (SO-9).

    Without `generations` they are of receipt lines that are new, so that no peg of theirs can be there already.
    """
    if not pegs:
        return []
    gated = (await preferences(tx, Preferences)).inspection_gate is InspectionGate.REQUIRED
    return [_born(new, generations or {}, gated) for new in pegs]


def as_rows(born: Sequence[Allotment], pegs: Sequence[NewPeg]) -> list[claims.NewPeg]:
    """The claim tickets with the numbers of their orders and lines, for writing."""
    return [(own, new.tie.order_number, new.tie.line_no) for own, new in zip(born, pegs, strict=True)]


def log_pegged(
    pegged: Pegged, teller: Callable[[UUID], Tx], reason: str, because: Told[Any] | None = None
) -> None:
    """One entry per receipt line and demand, in turn: each says what the demand had got before it."""
    born = pegged.by_receipt_line()
    pieces = [(id_, line, own) for id_, pegs in born.items() for line, own in telling.by_line(pegs).items()]
    granted = {line: demand.granted for line, demand in pegged.demands.items()}
    for _, line, own in pieces:
        granted[line] -= _units(own)
    for id_, line, own in pieces:
        granted[line] += _units(own)
        after = pegged.demands[line]
        if after.granted != granted[line]:
            after = replace(after, granted=granted[line])
        telling.log_granted(teller(id_), after, own, reason, because)


def _units(born: Iterable[Allotment]) -> Decimal:
    return sum((own.qty for own in born), ZERO)


async def _next_generations(tx: Tx, pegs: Sequence[NewPeg]) -> dict[tuple[UUID, Line], int]:
    """A receipt line may peg to one demand again (a later tie): each time is a further generation."""
    wanted = [(new.receipt_line.id, new.tie.line) for new in pegs]
    last = await claims.last_generations(tx.db, wanted)
    return {key: last.get(key, -1) + 1 for key in wanted}


def _born(new: NewPeg, generations: Mapping[tuple[UUID, Line], int], gated: bool) -> Allotment:
    return Allotment(
        id=new_id(),
        order_id=new.tie.order_id,
        line_id=new.tie.line_id,
        component=new.tie.component,
        sku=new.receipt_line.sku,
        warehouse=new.receipt_line.warehouse,
        qty=new.qty,
        receipt_line_id=new.receipt_line.id,
        tie_id=new.tie.tie_id,
        generation=generations.get((new.receipt_line.id, new.tie.line), 0),
        gated=gated,
    )
