"""Losses of units that lines hold (BO-12): asked for before they are booked, and gone without ever being free."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from services.inventory.domain.adjustment import Adjustment, Wish, lose
from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Key
from services.inventory.domain.stock import Entry, LedgerKind
from services.inventory.domain.taking import Reason
from services.inventory.handlers.asking import Asker, ask_all
from services.inventory.store import movements
from services.inventory.store import stock as stock_rows
from services.inventory.store.questions import OpenAsk
from services.inventory.store.taking import last_holdings
from shared.decimals import ZERO
from shared.unit_of_work import Tx

Holdings = Mapping[Key, Sequence[Allotment]]


async def holdings(tx: Tx, wishes: Iterable[Wish], available: Mapping[Key, Decimal]) -> Holdings:
    """What lines hold of the items that are to lose more than is free, as far as the losses reach."""
    lost: dict[Key, Decimal] = {}
    for wish in wishes:
        lost[wish.key] = lost.get(wish.key, ZERO) + max(ZERO, -wish.qty)
    beyond = {key: units - available[key] for key, units in lost.items() if units > available[key]}
    return await last_holdings(tx.db, beyond) if beyond else {}


def askable(own: Iterable[Allotment]) -> Decimal:
    """Units that may be asked for."""
    return sum((allotment.askable for allotment in own), ZERO)


async def ask(tx: Tx, made: Iterable[Adjustment], held: Holdings) -> None:
    """Ask for the units that these losses want beyond what was free: last rank first, then pegs likewise."""
    asked: dict[UUID, Decimal] = {}
    wishes = {
        Asker(Reason.LOSS.value, adjustment_id=loss.id): lose(loss.asking, held.get(loss.key, ()), asked)
        for loss in made
        if loss.asking > 0
    }
    await ask_all(tx, wishes)


async def book(
    tx: Tx, claim: Mapping[UUID, Allotment], given: Iterable[tuple[OpenAsk, Decimal, Decimal]]
) -> dict[UUID, Decimal]:
    """Shipping has answered: what losses got leaves the ledger, what they did not get is refused; {allotment: units lost}.

    `given` are (ask, units it got, units refused), of all reasons. The caller moves the stock.
    """
    answers = [
        (ask.adjustment_id, ask, units, refused)
        for ask, units, refused in given
        if ask.adjustment_id is not None and units + refused > 0
    ]
    if not answers:
        return {}
    figures: dict[UUID, tuple[Decimal, Decimal]] = {}
    lost: dict[UUID, Decimal] = {}
    for loss, ask, units, refused in answers:
        answered, stays = figures.get(loss, (ZERO, ZERO))
        figures[loss] = answered + units + refused, stays + refused
        lost[ask.allotment_id] = lost.get(ask.allotment_id, ZERO) + units
    losses = await movements.settle_adjustments(tx.db, figures)
    entries = [
        _entry(losses[loss], claim[ask.allotment_id], ask, units)
        for loss, ask, units, _ in answers
        if units > 0
    ]
    await stock_rows.book(tx.db, entries, tx.now)
    for after in losses.values():
        _log(tx, after, *figures[after.id])
    return lost


def _entry(loss: Adjustment, own: Allotment, ask: OpenAsk, units: Decimal) -> Entry:
    key = f"{loss.id}:{ask.question_id}:{own.id}:{ask.got + units}"
    return Entry(own.key, -units, LedgerKind.ADJUSTMENT, key, loss.number, loss.adjusted_by, loss.reason)


def _log(tx: Tx, loss: Adjustment, answered: Decimal, refused: Decimal) -> None:
    before = {"booked": loss.booked + answered - refused, "asking": loss.asking + answered}
    now = {"booked": loss.booked, "asking": loss.asking, "refused": loss.refused}
    tx.record(
        "adjustment", loss.id, "lost" if answered > refused else "refused", before, now, reason=loss.reason
    )
