"""Asking for units back: one question per asker, for whatever reason, in the same words (design, section 1)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.claim import Allotment, ask_back
from services.inventory.domain.demand import Demand, Key, Line
from services.inventory.domain.taking import Plan, Take, take
from services.inventory.handlers import telling
from services.inventory.store import questions
from services.inventory.store import taking as ends_of
from services.inventory.store.demand import look_for_stuck
from services.inventory.store.questions import Ask, Question
from services.inventory.store.taking import FIRST_CHUNK, GROWTH
from shared.contracts import inventory as facts
from shared.decimals import ZERO
from shared.ids import new_id
from shared.unit_of_work import Told, Tx


@dataclass(frozen=True, slots=True)
class Asker:
    """In whose name units are asked back; `order_number` is told only when they are for an order other than their own."""

    reason: str
    order_id: UUID | None = None
    order_number: str | None = None
    adjustment_id: UUID | None = None


async def ask_all(
    tx: Tx,
    wishes: Mapping[Asker, Sequence[tuple[Allotment, Decimal]]],
    causes: Mapping[UUID, Told[Any]] | None = None,
    because: Told[Any] | None = None,
) -> None:
    """Ask for so many further units of these allotments; more than 200 asks of one asker are several questions.

    `causes` are the facts that made these orders ask, `because` what made the others.
    """
    asked: dict[UUID, Decimal] = {}
    worded: list[tuple[Question, Asker]] = []
    for asker, units in wishes.items():
        asks = [_ask(allotment, qty, asked) for allotment, qty in units]
        worded += [
            (Question(new_id(), asker.reason, part, asker.order_id, asker.adjustment_id), asker)
            for part in telling.in_parts(asks)
        ]
    if worded:
        await questions.ask(tx.db, [question for question, _ in worded], tx.now)
    for question, asker in worded:
        cause = (causes or {}).get(asker.order_id, because) if asker.order_id else because
        tx.announce(_asked(question, asker), cause)


def _ask(allotment: Allotment, units: Decimal, asked: dict[UUID, Decimal]) -> Ask:
    """The figure that is asked for is absolute, so asking twice is one ask; a second asker's comes on top."""
    before = asked.get(allotment.id, allotment.withdrawn + allotment.asked)
    asked[allotment.id] = before + units
    return Ask(allotment, units, before + units)


def _asked(question: Question, asker: Asker) -> facts.WithdrawalAsked:
    for_order = asker.order_id if asker.order_number else None
    asks = [
        facts.WithdrawalAsk(
            allotment_id=ask.allotment.id,
            order_id=ask.allotment.order_id,
            line_id=ask.allotment.line_id,
            component=ask.allotment.component,
            sku=ask.allotment.sku,
            warehouse=ask.allotment.warehouse,
            wanted=ask.wanted,
            for_order_id=for_order,
            for_order_number=asker.order_number,
        )
        for ask in question.asks
    ]
    return facts.WithdrawalAsked(question_id=question.id, reason=question.reason, asks=asks)


async def ask_for_excess(
    tx: Tx,
    wanted: Iterable[Demand],
    held: Mapping[Line, Sequence[Allotment]],
    reason: str,
    causes: Mapping[UUID, Told[Any]],
    in_full: Collection[Line] = (),
) -> set[Line]:
    """Ask back what these lines hold beyond their need, a question per order; the lines that were asked come back.

    Of the lines `in_full` everything that has not left is asked back.
    """
    wishes: dict[Asker, list[tuple[Allotment, Decimal]]] = {}
    lines = set()
    for demand in sorted(wanted, key=lambda d: (d.order_id, d.line_no, d.component)):
        own = {allotment.id: allotment for allotment in held.get(demand.line, ())}
        live = sum((allotment.live for allotment in own.values()), ZERO)
        excess = live if demand.line in in_full else demand.excess
        for id_, units in ask_back(excess, own.values()).items():
            wishes.setdefault(Asker(reason, demand.order_id), []).append((own[id_], units))
            lines.add(demand.line)
    await ask_all(tx, wishes, causes)
    return lines


async def take_back(
    tx: Tx,
    keys: Iterable[Key],
    *,
    skip: bool,
    causes: Mapping[UUID, Told[Any]] | None = None,
    because: Told[Any] | None = None,
) -> list[Take]:
    """BO-9: ask lower-ranked holders for what higher-ranked lines of these keys lack; usually one look and nothing.

    The caller holds the stock's locks. What is asked counts as on its way, so asking again finds nothing.
    """
    takes = await _plan(tx, await ends_of.inverted(tx.db, keys, skip=skip), skip=skip)
    if not takes:
        return []
    wishes: dict[Asker, list[tuple[Allotment, Decimal]]] = {}
    for own in takes:
        asker = Asker(own.reason.value, own.taker.order_id, own.taker.order_number)
        wishes.setdefault(asker, []).append((own.allotment, own.units))
    await ask_all(tx, {asker: _merged(units) for asker, units in wishes.items()}, causes, because)
    await look_for_stuck(tx.db, {own.holder.line for own in takes})
    for own in takes:
        _log(tx, own, (causes or {}).get(own.taker.order_id, because))
    return takes


async def _plan(tx: Tx, free: Mapping[Key, Decimal], *, skip: bool) -> list[Take]:
    takes: list[Take] = []
    left, chunk = sorted(free), FIRST_CHUNK
    while left:
        ends = await ends_of.read_ends(tx.db, left, chunk, skip=skip)
        plans = {
            key: take(own.coming + free[key], own.wanting(chunk), own.holders)
            for key, own in sorted(ends.items())
        }
        left = [key for key, plan in plans.items() if _goes_on(plan, ends[key], chunk)]
        takes += [own for key, plan in plans.items() if key not in left for own in plan.takes]
        chunk *= GROWTH
    return takes


def _goes_on(plan: Plan, ends: ends_of.Ends, chunk: int) -> bool:
    """Whether the plan came to the end of a list that was cut off: then it must be read further."""
    cut = {"wanting": len(ends.waiting) == chunk, "holders": len(ends.holders) == chunk}
    return cut.get(plan.ran_out_of or "", False)


def _merged(units: Iterable[tuple[Allotment, Decimal]]) -> list[tuple[Allotment, Decimal]]:
    """One ask per allotment, though two lines of the asking order want units of it."""
    sums: dict[UUID, tuple[Allotment, Decimal]] = {}
    for allotment, qty in units:
        sums[allotment.id] = allotment, qty + (sums[allotment.id][1] if allotment.id in sums else ZERO)
    return list(sums.values())


def _log(tx: Tx, own: Take, because: Told[Any] | None) -> None:
    """Both lines keep who asks whom for how many, and by which rule."""
    taker, holder = own.taker, own.holder
    from_whom = {"qty": own.units, "from": holder.order_number, "line": holder.line_no}
    for_whom = {"qty": own.units, "for": taker.order_number, "line": taker.line_no}
    reason = own.reason.value
    tx.record(
        "demand", taker.line_id, "asked for", None, from_whom, part=str(taker.component), reason=reason,
        because=because,
    )  # fmt: skip
    tx.record(
        "demand", holder.line_id, "asked back", None, for_whom, part=str(holder.component), reason=reason,
        because=because,
    )  # fmt: skip
