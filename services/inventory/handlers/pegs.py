"""Pegs: stock that belongs to one demand because it came, or was kept, for it (SO-6, SO-10)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
        return [peg for peg in self.allotments if peg.receipt_line_id == receipt_line_id]


async def peg(
    tx: Tx, pegs: Sequence[NewPeg], reason: str, because: Told[Any] | None = None, *, is_receipt: bool = False
) -> Pegged:
    """Write new pegs: claim ticket, tie and demand; the caller moves the stock and holds its lock.

    Whether the inspection gate holds is decided here, at birth (SO-9). The receipt lines of a receipt are new, so no
    peg of theirs can be there already.
    """
    if not pegs:
        return Pegged((), {})
    gated = (await preferences(tx, Preferences)).inspection_gate is InspectionGate.REQUIRED
    generations = {} if is_receipt else await _next_generations(tx, pegs)
    born = [_born(new, generations, gated) for new in pegs]
    rows = [(own, new.tie.order_number, new.tie.line_no) for own, new in zip(born, pegs, strict=True)]
    after = await claims.peg(tx.db, rows, tx.now)
    for line, own in telling.by_line(born).items():
        telling.log_granted(tx, after[line], own, reason, because)
    return Pegged(born, after)


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
