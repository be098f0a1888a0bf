"""What shipping answers when units are asked back, and what can be asked again (BO-10; design, section 1)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Key, Line
from services.inventory.domain.stock import Move, total
from services.inventory.domain.taking import FOR_ANOTHER_LINE, Reason
from services.inventory.handlers import inspections, losses, telling
from services.inventory.handlers.allotment import allot, allot_and_tell
from services.inventory.handlers.asking import ask_for_excess
from services.inventory.handlers.replenishment import replenish
from services.inventory.store import allotments as claims
from services.inventory.store import demand as demands
from services.inventory.store import incoming, questions
from services.inventory.store import stock as stock_rows
from services.inventory.store.questions import OpenAsk
from services.inventory.store.queue import Grant
from shared.contracts.inventory import Taken
from shared.contracts.shipping import ShipmentUnpicked, UnitsWithdrawn, WithdrawalAnswer
from shared.decimals import ZERO
from shared.unit_of_work import Told, Tx

Answer = tuple[WithdrawalAnswer, Told[Any]]
Answers = dict[tuple[UUID, UUID], Answer]


@dataclass(frozen=True, slots=True)
class Given:
    """What an ask got by these answers, and whether it is closed by one of them; what it did not get then is refused."""

    ask: OpenAsk
    units: Decimal
    answer: WithdrawalAnswer | None

    @property
    def refused(self) -> Decimal:
        """Units that it will not get any more."""
        return self.ask.units - self.ask.got - self.units if self.answer else ZERO


async def units_withdrawn(tx: Tx, told: Sequence[Told[UnitsWithdrawn]]) -> None:
    """Shipping answered: what it gave back is free for the queue, what it refused stays granted; the line is settled.

    Freed stock goes to the queue, not to the asker (BO-10), but what was asked for as lost is gone (BO-12). Of a peg
    only what has not shipped is ever freed, and it becomes free stock. What was refused is not asked for again before
    shipping tells that it can move; meanwhile the next holder is asked.
    """
    answers = {(t.fact.question_id, a.allotment_id): (a, t) for t in told for a in t.fact.answers}
    stock = await stock_rows.lock_stock_of_allotments(tx.db, {id_ for _, id_ in answers})
    before = await claims.allotments_by_id(tx.db, {id_ for _, id_ in answers})
    answers = {key: held for key, held in answers.items() if key[1] in before}
    if not answers:
        return
    asks = await questions.open_asks(tx.db, before)
    withdrawn = _figures(before, answers)
    given = [_given(ask, before[ask.allotment_id], withdrawn, answers) for ask in asks]
    await questions.answer(
        tx.db,
        [(*key, answer.given) for key, (answer, _) in answers.items()],
        {own.ask.key: own.ask.got + own.units for own in given if own.units},
        tx.now,
    )
    stuck = {
        g.ask.allotment_id for g in given if g.answer and g.answer.refused > 0 and not _is_stale(before, g)
    }
    await questions.withdraw(
        tx.db, {id_: (figure, before[id_].locked or id_ in stuck) for id_, figure in withdrawn.items()}
    )
    after = await claims.allotments_by_id(tx.db, before)
    freed = {id_: after[id_].withdrawn - before[id_].withdrawn for id_ in before}

    lost = await losses.book(tx, before, [(g.ask, g.units, g.refused) for g in given])
    await _free(tx, before, freed, lost)
    settled = await demands.settle_demands(tx.db, _by_line(before, freed))
    await demands.look_for_stuck(tx.db, {before[id_].line for id_ in stuck})
    _log(tx, before, freed, settled, answers, given)
    gone = (a for a in after.values() if a.uninspected != before[a.id].uninspected)
    await inspections.settle_inspections(tx, {a.receipt_line_id for a in gone if a.receipt_line_id})
    held = await claims.live_allotments(tx.db, settled)
    await _ask_again(tx, before, settled, held, answers, given)
    grants = await _allot(tx, before, given, told[0])
    served = await demands.settle_takers(tx.db, _takers(before, given))
    held |= await claims.live_allotments(tx.db, served) if served else {}
    _tell(tx, told[0], answers, (settled, served), (after, held), grants, _taken(before, given))
    await replenish(tx, stock, told[0])


def _figures(before: Mapping[UUID, Allotment], answers: Answers) -> dict[UUID, Decimal]:
    """The new `withdrawn` figures: absolute, only growing, never beyond what the allotment still has."""
    figures = {id_: own.withdrawn for id_, own in before.items()}
    for answer, _ in answers.values():
        own = before[answer.allotment_id]
        figures[own.id] = max(figures[own.id], min(answer.given, own.withdrawn + own.live))
    return figures


def _given(ask: OpenAsk, own: Allotment, withdrawn: Mapping[UUID, Decimal], answers: Answers) -> Given:
    answer = answers[ask.key][0] if ask.key in answers else None
    return Given(ask, ask.share(own.withdrawn, withdrawn[own.id]), answer)


def _is_stale(before: Mapping[UUID, Allotment], given: Given) -> bool:
    """Shipping has told since it was asked that units of the allotment can move: the refusal is older than that."""
    return before[given.ask.allotment_id].unlocks != given.ask.unlocks


async def _free(
    tx: Tx, claim: Mapping[UUID, Allotment], freed: Mapping[UUID, Decimal], lost: Mapping[UUID, Decimal]
) -> None:
    """Units that were given back belong to nobody; those that were lost are not on hand any more, and never were free.

    A lost unit of a receipt stays counted as pegged there: no late tie may have it.
    """
    moves = []
    pegs: dict[UUID, Decimal] = {}
    for own in claim.values():
        gone, back = lost.get(own.id, ZERO), freed[own.id]
        moves.append(
            (own.key, Move(-gone, pegged=-back) if own.is_peg else Move(-gone, allotted=-back))
        )  # fmt: skip
        if own.receipt_line_id:
            pegs[own.receipt_line_id] = pegs.get(own.receipt_line_id, ZERO) - back + gone
    await stock_rows.move_stock(tx.db, total(moves))
    await incoming.peg_receipt_lines(tx.db, pegs)


def _by_line(claim: Mapping[UUID, Allotment], freed: Mapping[UUID, Decimal]) -> dict[Line, Decimal]:
    sums: dict[Line, Decimal] = {}
    for own in claim.values():
        sums[own.line] = sums.get(own.line, ZERO) + freed[own.id]
    return sums


async def _ask_again(
    tx: Tx,
    before: Mapping[UUID, Allotment],
    settled: Mapping[Line, Demand],
    held: Mapping[Line, Sequence[Allotment]],
    answers: Answers,
    given: Iterable[Given],
) -> None:
    """A refusal that was overtaken by the news that its units can move: the line's own excess is asked for once more."""
    stale = {
        before[own.ask.allotment_id].line: answers[own.ask.key][1]
        for own in given
        if own.answer and own.answer.refused > 0 and _is_stale(before, own)
    }
    over = [settled[line] for line in stale if line in settled and settled[line].excess > 0]
    causes = {demand.order_id: stale[demand.line] for demand in over}
    await ask_for_excess(tx, over, held, "unpicked", causes)


async def _allot(
    tx: Tx, before: Mapping[UUID, Allotment], given: Iterable[Given], because: Told[Any]
) -> list[Grant]:
    """Units that were wanted for a higher rank reach the queue at once; others as their schedule says (BO-15)."""
    others = {before[own.ask.allotment_id].key for own in given if own.ask.reason in FOR_ANOTHER_LINE}
    grants = await allot(tx, others, "priority", because)
    rest: set[Key] = {own.key for own in before.values()} - others
    return grants + await allot(tx, rest, "withdrawal", because)


def _takers(before: Mapping[UUID, Allotment], given: Iterable[Given]) -> set[tuple[UUID, str, str]]:
    """Whose questions got units or a refusal, and of what stock: they may have settled their order now."""
    return {
        (own.ask.order_id, *before[own.ask.allotment_id].key)
        for own in given
        if own.ask.order_id and own.ask.reason in FOR_ANOTHER_LINE and (own.answer or own.units)
    }


def _taken(before: Mapping[UUID, Allotment], given: Iterable[Given]) -> dict[Line, list[Taken]]:
    """What these answers took from lines for others, or as lost."""
    found: dict[Line, list[Taken]] = {}
    for own in given:
        if own.ask.reason in set(Reason) and own.units > 0:
            taken = Taken(
                qty=own.units,
                reason=own.ask.reason,
                for_order_id=own.ask.order_id,
                for_order_number=own.ask.order_number,
                refused=own.refused,
                question_id=own.ask.question_id,
                allotment_id=own.ask.allotment_id,
            )
            found.setdefault(before[own.ask.allotment_id].line, []).append(taken)
    return found


def _log(
    tx: Tx,
    before: Mapping[UUID, Allotment],
    freed: Mapping[UUID, Decimal],
    settled: Mapping[Line, Demand],
    answers: Answers,
    given: Sequence[Given],
) -> None:
    """What came back, for whom, and what the pick lock kept (BO-10: with the quantity still missing)."""
    causes = {(a.line_id, a.component): t for a, t in answers.values()}
    whom = {before[own.ask.allotment_id].line: own.ask for own in given if own.units}
    for line, units in _by_line(before, freed).items():
        if units:
            also = _whom(whom.get(line))
            telling.log_figures(
                tx, settled[line], (-units, ZERO), "given back", because=causes[line], also=also
            )
    for own in given:
        if own.answer and own.answer.refused > 0:
            kept = {"allotment": own.ask.allotment_id, "missing": own.answer.refused, **_whom(own.ask)}
            tx.record(
                "demand", own.answer.line_id, "blocked by pick lock", None, kept, part=str(own.answer.component),
                reason=own.answer.refused_because, because=answers[own.ask.key][1],
            )  # fmt: skip


def _whom(ask: OpenAsk | None) -> dict[str, Any]:
    """Why units were asked back for others; nothing when the line gave its own up."""
    if ask is None or ask.reason not in set(Reason):
        return {}
    return {"why": ask.reason, **({"for": ask.order_number} if ask.order_number else {})}


def _tell(
    tx: Tx,
    first: Told[Any],
    answers: Answers,
    carried_out: tuple[Mapping[Line, Demand], Mapping[Line, Demand]],
    known: tuple[Mapping[UUID, Allotment], Mapping[Line, Sequence[Allotment]]],
    grants: Sequence[Grant],
    taken: Mapping[Line, Sequence[Taken]],
) -> None:
    """Where the lines stand: an answer to an order names all that its lines have.

    Two kinds of lines are answered: those that units were asked of, and those that have waited for such units.
    """
    after, held = known
    settled, served = carried_out
    causes = {(a.line_id, a.component): t for a, t in answers.values()}
    current = {**settled, **{grant.demand.line: grant.demand for grant in grants}, **served}
    changed = {a.id: a for a in (*after.values(), *(grant.allotment for grant in grants))}
    live = {a.id: a for own in held.values() for a in own if a.live > 0}
    named = telling.by_line({**live, **changed}.values())
    telling.tell_by_cause(tx, "withdrawal", current, named, causes, first, {**settled, **served}, taken)


async def shipment_unpicked(tx: Tx, told: Sequence[Told[ShipmentUnpicked]]) -> None:
    """Units that were locked by picking can move again: they are asked for once more by whoever still wants them.

    Their own lines ask for what they hold beyond their need, higher ranks for what they lack (BO-10). An unpicking that
    is told again is no news: its units may be locked by now.
    """
    news = await claims.keep_unpickings(
        tx.db, {(t.fact.shipment.shipment_id, t.fact.shipment.version) for t in told}
    )
    told = [t for t in told if (t.fact.shipment.shipment_id, t.fact.shipment.version) in news]
    if not told:
        return
    named = {(line.line_id, line.component): t for t in told for line in t.fact.shipment.lines}
    shares = {share.allotment_id for t in told for line in t.fact.shipment.lines for share in line.shares}
    seen = await demands.demands_of_lines(tx.db, named)
    await stock_rows.lock_stock(tx.db, {demand.key for demand in seen.values()})
    current = await demands.demands_of_lines(tx.db, seen)
    keys = await claims.unlock(tx.db, shares)
    if over := [demand for demand in current.values() if demand.excess > 0]:
        held = await claims.live_allotments(tx.db, {demand.line for demand in over})
        causes = {demand.order_id: named[demand.line] for demand in over}
        await ask_for_excess(tx, over, held, "unpicked", causes)
    if keys:
        await allot_and_tell(tx, keys, "unpicked", told[0])
