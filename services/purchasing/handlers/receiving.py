"""What purchasing hears of purchase orders: receipts, ties that came too late, answers about supply."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.purchasing.domain.demand import DemandKey
from services.purchasing.domain.obstacles import ExceptionKind
from services.purchasing.domain.purchase_order import miss, receive
from services.purchasing.domain.reduction import answer
from services.purchasing.handlers.books import Books
from services.purchasing.handlers.exceptions import tell_exception
from services.purchasing.handlers.facts import allotment_row
from services.purchasing.handlers.settling import settle
from services.purchasing.store import demands as demand_store
from services.purchasing.store import desk
from services.purchasing.store.heard import Receipt, hear
from shared.contracts.inventory import GoodsReceived, ReceivedLine, SupplyReduced, TieMissed
from shared.decimals import ZERO, plain
from shared.ids import new_id
from shared.unit_of_work import Told, Tx


async def goods_received(tx: Tx, told: Sequence[Told[GoodsReceived]]) -> None:
    """SO-6, BUY-19: goods arrived; their pegs are granted to their demands, the purchase orders' states follow."""
    lines = [(t, line) for t in told for line in t.fact.lines]
    granted = [(t, one) for t, line in lines for one in (*line.pegs, *line.fills)]
    receipts = (_receipt(t.fact, line) for t, line in lines)
    news = await hear(tx, (allotment_row(one) for _, one in granted), receipts=receipts)
    await settle(tx, news.demands, {(one.line_id, one.component): t for t, one in granted})
    await _raise_over_receipts(tx, told, set(news.receipt_lines))
    await _book_receipts(tx, {t.fact.po_id: t for t in told})


def _receipt(fact: GoodsReceived, line: ReceivedLine) -> Receipt:
    return Receipt(
        line.receipt_line_id, fact.receipt_id, line.po_line_id, line.received, line.surplus, fact.received_at
    )


async def _book_receipts(tx: Tx, causes: dict[UUID, Told[GoodsReceived]]) -> None:
    books = Books()
    await books.take(tx, causes)
    for po in list(books.now.values()):
        books.put(receive(po, lambda line: books.received.get(line.po_line_id, ZERO)), causes[po.po_id])
    await books.close(tx)


async def _raise_over_receipts(tx: Tx, told: Sequence[Told[GoodsReceived]], new: set[UUID]) -> None:
    """SO-8: more came than was expected; the surplus is free stock, and somebody must look at it."""
    raised = []
    for t in told:
        for line in t.fact.lines:
            if line.surplus and line.receipt_line_id in new:
                new.discard(line.receipt_line_id)
                raised.append(_over_receipt(tx, t.fact, line))
                tell_exception(tx, raised[-1], t)
    await desk.save_exceptions(tx, raised)


def _over_receipt(tx: Tx, fact: GoodsReceived, line: ReceivedLine) -> desk.ExceptionEntry:
    return desk.ExceptionEntry(
        id=new_id(), kind=ExceptionKind.OVER_RECEIPT, warehouse=fact.warehouse, sku=line.sku, qty=line.surplus,
        message=f"{fact.receipt_number}: {plain(line.surplus)} {line.unit} of {line.sku} more than expected came on "
        f"{fact.po_number} line {line.po_line_no}; they are free stock: keep them, or send them back",
        first_seen_at=tx.now, po_id=fact.po_id, po_number=fact.po_number, receipt_line_id=line.receipt_line_id,
    )  # fmt: skip


async def tie_missed(tx: Tx, told: Sequence[Told[TieMissed]]) -> None:
    """A tie came too late for its goods: it is broken by what was missed, and the need is bought again."""
    keys: dict[DemandKey, Told[Any]] = {(t.fact.line_id, t.fact.component): t for t in told}
    await demand_store.lock_demands(tx, keys)
    books = Books()
    await books.take(tx, {t.fact.po_id for t in told})
    for t in told:
        if po := books.now.get(t.fact.po_id):
            books.put(miss(po, t.fact.tie_id, t.fact.missed), t)
    await books.close(tx)
    await settle(tx, keys, keys)


async def supply_reduced(tx: Tx, told: Sequence[Told[SupplyReduced]]) -> None:
    """BUY-16: inventory says how much of a sent purchase order can still arrive; ties break down to that.

    A buyer undid these purchases, so their demands are left to a buyer: buying again at once would undo the undoing.
    """
    facts = {t.fact.question_id: t for t in told}
    keys = await demand_store.demands_tied_to(tx, {t.fact.po_id for t in told})
    await demand_store.lock_demands(tx, keys)
    books = Books()
    await books.take(tx, {t.fact.po_id for t in told})
    questions = await desk.unanswered(tx, facts)
    supplies = {q.question_id: _supplies(facts[q.question_id].fact) for q in questions}
    broken: dict[DemandKey, Told[Any]] = {}
    for question in questions:
        t = facts[question.question_id]
        po, breaks = answer(books.now[question.po_id], question, supplies[question.question_id])
        books.put(po, t)
        broken |= {each.tie.demand: t for each in breaks}
    await desk.answer_reductions(tx, supplies)
    await demand_store.leave_to_buyer(tx, broken)
    await books.close(tx)
    await settle(tx, broken, broken)


def _supplies(fact: SupplyReduced) -> dict[UUID, Decimal]:
    return {line.po_line_id: line.supply for line in fact.lines}
