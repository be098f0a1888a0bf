"""`settle`: the one place where demands become purchases, requests or exceptions, or give up their supply.

Every handler that changes a figure of demands ends here. The same demands settled again without a change: nothing.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from services.purchasing.domain.auto_purchase import (
    Basket,
    Purchase,
    fill_baskets,
    line_for,
    tie_for,
)
from services.purchasing.domain.demand import Demand, DemandKey, RequestState, Tie, signed_need
from services.purchasing.domain.preferences import Preferences, Switch
from services.purchasing.domain.purchase_order import (
    Line,
    PurchaseOrder,
    State,
    break_off,
    enlarge,
    hand_over,
    send,
)
from services.purchasing.domain.settlement import GivenUp, Verdict, after_inheritance, given_up, judge
from services.purchasing.handlers.books import Books
from services.purchasing.handlers.exceptions import sync_exceptions
from services.purchasing.store import catalogue
from services.purchasing.store import demands as store
from shared.decimals import ZERO
from shared.ids import new_id
from shared.preferences import preferences
from shared.unit_of_work import Told, Tx

Causes = Mapping[DemandKey, Told[Any]]


async def settle(tx: Tx, keys: Collection[DemandKey], causes: Causes | None = None) -> None:
    """Bring these demands (and their linked lines) to what their figures say."""
    demands = await store.lock_demands(tx, keys)
    if not demands:
        return
    because = causes or {}
    books = Books()
    verdicts = await judge_all(tx, books, demands)
    wishes = await preferences(tx, Preferences)
    await _take(tx, books, verdicts, wishes)
    verdicts, heirs = _give_up(tx, books, verdicts, because)
    purchases = _purchases(verdicts, wishes)
    await buy(tx, books, purchases, wishes, because)
    await keep_verdicts(tx, books, verdicts, {purchase.demand.key for purchase in purchases}, heirs, because)


async def judge_all(tx: Tx, books: Books, demands: Sequence[Demand]) -> list[Verdict]:
    """The verdict on each demand by itself, with its vendor's offer.

    Before something is written down as missing, its vendor is held, so that nobody can add it meanwhile unnoticed.
    """
    verdicts = await _judge_with_offers(tx, books, demands)
    lacking = {
        v.demand.vendor for v in verdicts if v.demand.vendor and any(o.is_about_vendor for o in v.obstacles)
    }
    if not lacking:
        return verdicts
    await catalogue.hold_vendors(tx, lacking)
    return await _judge_with_offers(tx, books, demands)


async def _judge_with_offers(tx: Tx, books: Books, demands: Sequence[Demand]) -> list[Verdict]:
    wanted = {
        (demand.vendor, demand.warehouse, demand.sku)
        for demand in demands
        if demand.vendor and signed_need(demand) > 0
    }
    offers = await books.look(tx, wanted)
    return [judge(demand, offers.get((demand.vendor or "", demand.sku))) for demand in demands]


def _purchases(verdicts: Iterable[Verdict], wishes: Preferences) -> list[Purchase]:
    if wishes.auto_purchase_on_open is Switch.OFF:
        return []
    return [
        Purchase(verdict.demand, verdict.need, verdict.offer, verdict.cost)
        for verdict in verdicts
        if verdict.state is RequestState.OPEN
        and verdict.demand.buys_itself
        and verdict.offer
        and verdict.cost
    ]


async def _take(tx: Tx, books: Books, verdicts: Sequence[Verdict], wishes: Preferences) -> None:
    """Lock every purchase order that may change, in one go and so in id order."""
    unneeded = {
        tie.po_id
        for verdict in verdicts
        for tie in verdict.demand.ties
        if tie.open and (verdict.need < 0 or not verdict.demand.fits(tie))
    }
    await books.take(tx, unneeded | drafts_for(books, _purchases(verdicts, wishes)))


def drafts_for(books: Books, purchases: Iterable[Purchase]) -> set[UUID]:
    """Unsent purchase orders that purchases may be put on, as they were when the demands were judged."""
    groups = {(purchase.offer.vendor, purchase.demand.warehouse) for purchase in purchases}
    return {po_id for group in groups for po_id in books.drafts.get(group, ())}


# --- supply that is not needed ---


def _give_up(
    tx: Tx, books: Books, verdicts: list[Verdict], causes: Causes
) -> tuple[list[Verdict], set[DemandKey]]:
    """Hand over or break off what is tied and not needed; the verdicts after that come back, and who inherited."""
    moves = given_up(verdicts, lambda tie: books.now[tie.po_id].is_sent)
    for move in moves:
        _carry_out(tx, books, move, causes.get(move.tie.demand))
    return after_inheritance(verdicts, moves), {move.heir.key for move in moves if move.heir}


def _carry_out(tx: Tx, books: Books, move: GivenUp, because: Told[Any] | None) -> None:
    po = books.now[move.tie.po_id]
    if move.heir is not None:
        heir = tie_for(move.heir, move.qty, po.po_id, move.tie.po_line_id, new_id())
        books.put(hand_over(po, move.tie.tie_id, move.qty, heir), because)
        return
    shorter, broken = break_off(po, move.tie.tie_id, move.qty, move.reason)
    books.put(shorter, because)
    if po.is_sent and broken.qty:
        books.note(tx, po, broken, move.reason)


# --- buying ---


async def buy(
    tx: Tx, books: Books, purchases: Sequence[Purchase], wishes: Preferences, causes: Causes
) -> list[PurchaseOrder]:
    """SO-2: put purchases on purchase orders, unsent or new, and send those that automation made if it may."""
    if not purchases:
        return []
    append = wishes.append_to_pending_po is Switch.ON
    baskets = fill_baskets(purchases, _drafts(books, wishes), append)
    expected = await _expected_dates(tx, books, purchases)
    bought = []
    for basket in baskets:
        po = basket.po or _new_order(tx, basket, append)
        po = _filled(po, basket, expected)
        if wishes.auto_send_po is Switch.ON and not po.by_hand:
            po = send(po, tx.now)
        first = (*basket.purchases, *(purchase for purchase, _ in basket.joins))[0]
        books.put(po, causes.get(first.demand.key))
        bought.append(po)
    return bought


def _drafts(books: Books, wishes: Preferences) -> list[PurchaseOrder]:
    """Unsent purchase orders that may be appended to.

    A draft that a buyer made is never sent by automation, so with automatic sending it is not appended to either:
    the special order would wait for a purchase order that nobody thinks of.
    """
    only_own = wishes.auto_send_po is Switch.ON
    return [po for po in books.now.values() if po.state is State.DRAFT and not (only_own and po.by_hand)]


def _new_order(tx: Tx, basket: Basket, append: bool) -> PurchaseOrder:
    """It gets its number as it is saved."""
    first = basket.purchases[0]
    return PurchaseOrder(
        po_id=new_id(), number="", state=State.DRAFT, vendor=basket.group.vendor, warehouse=basket.group.warehouse,
        currency=basket.group.currency, buyer=first.offer.buyer or first.demand.created_by, created_by=tx.actor,
        created_at=tx.now, by_hand=False, for_order_id=None if append else first.demand.order_id,
    )  # fmt: skip


def _filled(po: PurchaseOrder, basket: Basket, expected: Mapping[tuple[str, str], date]) -> PurchaseOrder:
    for purchase, line in basket.joins:
        po = enlarge(
            po, line.po_line_id, tie_for(purchase.demand, purchase.qty, po.po_id, line.po_line_id, new_id())
        )
    last = max((line.line_no for line in po.lines), default=0)
    lines = [
        _line(po, purchase, last + nth, expected.get((purchase.offer.vendor, purchase.demand.warehouse)))
        for nth, purchase in enumerate(basket.purchases, start=1)
    ]
    return replace(po, lines=(*po.lines, *lines))


def _line(po: PurchaseOrder, purchase: Purchase, line_no: int, expected_on: date | None) -> Line:
    tie: Tie = tie_for(purchase.demand, purchase.qty, po.po_id, new_id(), new_id())
    return line_for(purchase, line_no, tie, expected_on)


async def _expected_dates(tx: Tx, books: Books, purchases: Iterable[Purchase]) -> dict[tuple[str, str], date]:
    """(vendor, warehouse) -> the day, where the warehouse is, when goods ordered now should arrive."""
    await books.know_places(tx, {purchase.demand.warehouse for purchase in purchases})
    return {
        (purchase.offer.vendor, warehouse): books.local_day(tx, warehouse) + timedelta(days=days)
        for purchase in purchases
        if (days := purchase.offer.lead_time_days) is not None and (warehouse := purchase.demand.warehouse)
    }


# --- keeping ---


async def keep_verdicts(
    tx: Tx,
    books: Books,
    verdicts: Iterable[Verdict],
    bought: Collection[DemandKey],
    heirs: Collection[DemandKey],
    causes: Causes,
) -> None:
    """Save what has changed of the demands' standing and of purchase orders, and raise or clear exceptions.

    A demand that waits for inventory keeps its standing: an exception that flapped would lose its first-seen time.
    """
    final = [
        _bought(verdict) if verdict.demand.key in bought else verdict
        for verdict in verdicts
        if not verdict.waits
    ]
    settled = [_settled(verdict, bought, heirs) for verdict in final]
    books.settled += [
        new for new, verdict in zip(settled, final, strict=True) if new != _standing(verdict.demand)
    ]
    await books.close(tx)
    for verdict in final:
        _log_request(tx, verdict, causes.get(verdict.demand.key))
    await sync_exceptions(tx, final, causes)


def _bought(verdict: Verdict) -> Verdict:
    return replace(verdict, need=ZERO, state=RequestState.NONE, obstacles=())


def _settled(verdict: Verdict, bought: Collection[DemandKey], heirs: Collection[DemandKey]) -> store.Settled:
    demand, is_bought = verdict.demand, verdict.demand.key in bought
    tied = bool(demand.ties) or is_bought or demand.key in heirs
    return store.Settled(
        demand.key, verdict.need, verdict.state, demand.left_to_buyer and not is_bought, tied
    )


def _standing(demand: Demand) -> store.Settled:
    return store.Settled(
        demand.key, demand.need, demand.request_state, demand.left_to_buyer, bool(demand.ties)
    )


def _log_request(tx: Tx, verdict: Verdict, because: Told[Any] | None) -> None:
    demand = verdict.demand
    if demand.request_state is verdict.state and (
        demand.need == verdict.need or verdict.state is RequestState.NONE
    ):
        return
    tx.record(
        "procurement_request", demand.request_id, "settled",
        {"state": demand.request_state, "qty": max(ZERO, demand.need)},
        {"state": verdict.state, "qty": max(ZERO, verdict.need)},
        because=because,
    )  # fmt: skip
