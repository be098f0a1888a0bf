"""What inventory and purchasing tell: who got stock, what arrived, what is tied, what is in the way."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.contracts.inventory import (
    Allotment,
    GoodsPegged,
    GoodsReceived,
    GoodsReturned,
    InspectionCompleted,
    LineStanding,
    StockAllotted,
    Taken,
)
from shared.contracts.purchasing import ExceptionCleared, ExceptionSnapshot, PurchaseOrderSnapshot, Tie
from shared.decimals import ZERO
from shared.preferences import preferences
from shared.unit_of_work import Told, Tx

from .. import store
from ..domain.preferences import Preferences
from ..domain.settlement import Picture
from .billing import Returned, credit
from .settling import DOCUMENT, Cause, Change, settle_heard, settle_orders
from .victims import Victims


async def stock_allotted(tx: Tx, told: Sequence[Told[StockAllotted]]) -> None:
    """Stock went to, or came back from, lines; each standing is complete in itself (BO-3, BO-7, BO-9)."""
    standings = [(one, line) for one in told for line in one.fact.lines]
    causes = {line.order_id: Cause("stock allotted", one, one.fact.reason) for one, line in standings}
    heads = await store.lock_orders(tx.db, causes)
    await store.keep_standings(
        tx.db,
        [_ticket(a) for _, line in standings for a in line.allotments],
        [
            {"id": line.line_id, "settled_version": line.settled_version}
            for _, line in standings
            if line.component == 0
        ],
    )
    chosen = await preferences(tx, Preferences)
    pictures = await store.complete(tx.db, heads)
    changes = [Change.of(picture, causes[order_id]) for order_id, picture in pictures.items()]
    victims = Victims(await _new_takings(tx, [line for _, line in standings if line.taken]))
    for change in changes:
        victims.note(change, whole=chosen.victim == "whole")
    await settle_orders(tx, changes)


async def _new_takings(tx: Tx, standings: Sequence[LineStanding]) -> list[LineStanding]:
    """The standings with what was taken by decisions that were not heard before."""
    keyed = [(line, [(_taking(line, taken), taken) for taken in line.taken]) for line in standings]
    news = await store.keep_answers(tx.db, {key for _, own in keyed for key, _ in own if key})
    return [
        line.model_copy(update={"taken": [taken for key, taken in own if key is None or key in news]})
        for line, own in keyed
    ]


def _taking(line: LineStanding, taken: Taken) -> tuple[UUID, UUID, Decimal] | None:
    """Its natural key: the question, the allotment and the figure that this has come to."""
    if taken.question_id is None or taken.allotment_id is None:
        return None
    figures = {own.allotment_id: own.withdrawn for own in line.allotments}
    return taken.question_id, taken.allotment_id, figures.get(taken.allotment_id, ZERO)


async def goods_received(tx: Tx, told: Sequence[Told[GoodsReceived]]) -> None:
    """Goods arrived: the pegs and fills of every line of the receipt (SO-6, SO-8)."""
    received = [(one, line) for one in told for line in one.fact.lines]
    tickets = [(one, ticket) for one, line in received for ticket in (*line.pegs, *line.fills)]
    causes = {
        ticket.order_id: Cause("goods received", one, f"receipt {one.fact.receipt_number}")
        for one, ticket in tickets
    }
    heads = await store.lock_orders(tx.db, causes)
    rows = [
        {
            "id": line.receipt_line_id,
            "receipt_id": one.fact.receipt_id,
            "receipt_number": one.fact.receipt_number,
            "po_id": one.fact.po_id,
            "po_number": one.fact.po_number,
            "po_line_id": line.po_line_id,
            "vendor": one.fact.vendor,
            "received": line.received,
            "received_at": one.fact.received_at,
            "inspection_id": line.inspection_id,
        }
        for one, line in received
    ]
    await store.keep_receipts(tx.db, rows, [_ticket(ticket) for _, ticket in tickets])
    await settle_heard(tx, heads, causes)


async def goods_pegged(tx: Tx, told: Sequence[Told[GoodsPegged]]) -> None:
    """A tie came after its goods, and what of them was free is pegged now."""
    causes = {
        ticket.order_id: Cause("goods pegged", one, f"receipt {one.fact.receipt_number}")
        for one in told
        for ticket in one.fact.pegs
    }
    heads = await store.lock_orders(tx.db, causes)
    rows = [
        {
            "id": one.fact.receipt_line_id,
            "receipt_id": one.fact.receipt_id,
            "receipt_number": one.fact.receipt_number,
            "po_id": one.fact.po_id,
            "po_number": one.fact.po_number,
            "po_line_id": one.fact.po_line_id,
            "vendor": one.fact.vendor,
            # the receipt's own fact says these
            "received": None,
            "received_at": None,
            "inspection_id": one.fact.inspection_id,
        }
        for one in told
    ]
    await store.keep_receipts(tx.db, rows, [_ticket(ticket) for one in told for ticket in one.fact.pegs])
    await settle_heard(tx, heads, causes)


async def inspection_completed(tx: Tx, told: Sequence[Told[InspectionCompleted]]) -> None:
    """Units passed or failed; failed ones are no longer granted (SO-9)."""
    causes = {
        ticket.order_id: Cause("inspection completed", one, one.fact.reason)
        for one in told
        for ticket in one.fact.allotments
    }
    heads = await store.lock_orders(tx.db, causes)
    rows = [
        {
            "id": one.fact.inspection_id,
            "version": one.fact.version,
            "receipt_line_id": one.fact.receipt_line_id,
            "to_inspect": one.fact.to_inspect,
            "passed": one.fact.passed,
            "failed": one.fact.failed,
            "closed": one.fact.closed,
            "inspected_by": one.fact.inspected_by,
            "reason": one.fact.reason,
        }
        for one in told
    ]
    await store.keep_inspections(
        tx.db, rows, [_ticket(ticket) for one in told for ticket in one.fact.allotments]
    )
    await settle_heard(tx, heads, causes)


def _ticket(told: Allotment) -> dict[str, Any]:
    return {
        "id": told.allotment_id,
        "order_id": told.order_id,
        "line_id": told.line_id,
        "component": told.component,
        "sku": told.sku,
        "warehouse": told.warehouse,
        "qty": told.qty,
        "origin": told.origin.value,
        "receipt_line_id": told.receipt_line_id,
        "tie_id": told.tie_id,
        "gated": told.gated,
        "withdrawn": told.withdrawn,
        "failed": told.failed,
        "passed": told.passed,
    }


# --- purchase orders ------------------------------------------------------------------------------------------------


async def purchase_order_told(tx: Tx, told: Sequence[Told[PurchaseOrderSnapshot]]) -> None:
    """A purchase order's newest version: its ties are the supply of special orders (SO-1, BUY-16)."""
    newest = _newest(told)
    # a first version that is news has no ties yet; one that is stale changes nothing
    told_before = [po_id for po_id, one in newest.items() if one.fact.version > 1]
    before = await store.order_ids_tied_to(tx.db, told_before)
    causes = {
        tie.order_id: Cause("purchase order told", one, f"purchase order {one.fact.number}")
        for one in newest.values()
        for line in one.fact.lines
        for tie in line.ties
    }
    heads = await store.lock_orders(tx.db, {*before, *causes})
    stored = await store.keep_purchase_orders(tx.db, [_purchase_order(one.fact) for one in newest.values()])
    fresh = {po_id: newest[po_id] for po_id in stored}
    known = await store.ties_of(tx.db, stored.intersection(told_before))
    rows = [row for one in fresh.values() for row in _ties(one.fact)]
    gone = _without_line(known, {row["id"] for row in rows})
    await store.keep_ties(tx.db, [*rows, *gone])
    changed: dict[UUID, list[dict[str, Any]]] = {}
    for row in (*rows, *gone):
        changed.setdefault(row["order_id"], []).append(row)
    pictures = await store.complete(tx.db, heads)
    on_their_way = []
    for order_id, picture in pictures.items():
        of_order = changed.get(order_id, [])
        because = next((fresh[row["po_id"]] for row in of_order), None)
        change = Change.of(picture, causes.get(order_id) or Cause("purchase order told", because))
        numbers = {line.id: line.line_no for line in picture.lines}
        change.more_log = [
            (
                f"line {numbers.get(row['line_id'], 0)}",
                "tied",
                _tie_facts(known.get(row["id"])),
                _tie_facts_of(row),
            )
            for row in of_order
        ]
        on_their_way.append(change)
    await settle_orders(tx, on_their_way)


def _newest(told: Iterable[Told[PurchaseOrderSnapshot]]) -> dict[UUID, Told[PurchaseOrderSnapshot]]:
    newest: dict[UUID, Told[PurchaseOrderSnapshot]] = {}
    for one in told:
        known = newest.get(one.fact.po_id)
        if known is None or known.fact.version < one.fact.version:
            newest[one.fact.po_id] = one
    return newest


def _purchase_order(fact: PurchaseOrderSnapshot) -> dict[str, Any]:
    return {"id": fact.po_id, "number": fact.number, "version": fact.version, "state": fact.state.value}


def _ties(fact: PurchaseOrderSnapshot) -> list[dict[str, Any]]:
    return [_tie(fact, line, tie) for line in fact.lines for tie in line.ties]


def _tie(fact: PurchaseOrderSnapshot, line: Any, tie: Tie) -> dict[str, Any]:
    return {
        "id": tie.tie_id,
        "order_id": tie.order_id,
        "line_id": tie.line_id,
        "component": tie.component,
        "po_id": fact.po_id,
        "po_number": fact.number,
        "po_line_id": line.po_line_id,
        "po_line_no": line.line_no,
        "vendor": fact.vendor,
        "qty": tie.qty,
        "closed": tie.closed,
        "closed_reason": tie.closed_reason,
        "expected_on": line.expected_on,
        "cost": line.cost,
    }


def _without_line(known: dict[UUID, Any], listed: set[UUID]) -> list[dict[str, Any]]:
    """Ties whose purchase-order line is gone from the newest version: broken in full."""
    return [
        {
            **row._mapping,
            "closed": row.qty,
            "closed_reason": row.closed_reason or "purchase order line deleted",
        }
        for tie_id, row in known.items()
        if tie_id not in listed
    ]


def _tie_facts(row: Any) -> dict[str, Any] | None:
    return _tie_facts_of(row._mapping) if row is not None else None


def _tie_facts_of(row: Any) -> dict[str, Any]:
    return {
        name: row[name]
        for name in ("po_number", "po_line_no", "vendor", "qty", "closed", "closed_reason", "expected_on")
    }


# --- exceptions and returns -----------------------------------------------------------------------------------------


async def exception_told(tx: Tx, told: Sequence[Told[ExceptionSnapshot]]) -> None:
    """What is in the way of buying for a line, or no longer is (BUY-2); shown on the line."""
    newest: dict[UUID, Told[ExceptionSnapshot]] = {}
    for one in told:
        known = newest.get(one.fact.exception_id)
        if one.fact.order_id is not None and (known is None or known.fact.version < one.fact.version):
            newest[one.fact.exception_id] = one
    news = await store.keep_exceptions(tx.db, [_exception(one.fact) for one in newest.values()])
    for exception_id in sorted(news):
        fact = newest[exception_id].fact
        action = "obstacle cleared" if isinstance(fact, ExceptionCleared) else "obstacle raised"
        tx.record(
            DOCUMENT,
            fact.order_id,
            action,
            None,
            {"kind": fact.kind.value, "qty": fact.qty, "message": fact.message},
            part=f"line {fact.line_no}" if fact.line_no else "",
            because=newest[exception_id],
        )


def _exception(fact: ExceptionSnapshot) -> dict[str, Any]:
    return {
        "id": fact.exception_id,
        "version": fact.version,
        "order_id": fact.order_id,
        "line_id": fact.line_id,
        "component": fact.component,
        "kind": fact.kind.value,
        "qty": fact.qty,
        "message": fact.message,
        "first_seen_at": fact.first_seen_at,
        "cleared": isinstance(fact, ExceptionCleared),
    }


async def goods_returned(tx: Tx, told: Sequence[Told[GoodsReturned]]) -> None:
    """A customer brought goods back: kept for the trace, logged (SO-12), and credited (SO-14)."""
    by_id = {one.fact.return_id: one for one in told}
    heads = await store.lock_orders(tx.db, {one.fact.order_id for one in told if one.fact.order_id})
    rows = [
        {
            "id": one.fact.return_id,
            "number": one.fact.number,
            "order_id": one.fact.order_id,
            "line_id": one.fact.line_id,
            "sku": one.fact.sku,
            "warehouse": one.fact.warehouse,
            "qty": one.fact.qty,
            "to_quarantine": one.fact.to_quarantine,
            "reason": one.fact.reason,
            "heard_at": tx.now,
        }
        for one in by_id.values()
    ]
    news = [by_id[return_id] for return_id in sorted(await store.keep_returns(tx.db, rows))]
    pictures = await store.complete(tx.db, heads)
    await credit(tx, [returned for one in news if (returned := _returned(one, pictures))])
    for one in news:
        if one.fact.order_id is not None:
            tx.record(
                DOCUMENT, one.fact.order_id, "goods returned", None, _return_facts(one.fact), because=one
            )


def _returned(one: Told[GoodsReturned], pictures: Mapping[UUID, Picture]) -> Returned | None:
    """What is to be credited; None for goods that no line of ours has shipped."""
    fact = one.fact
    picture = pictures.get(fact.order_id) if fact.order_id else None
    line = next((line for line in picture.lines if line.id == fact.line_id), None) if picture else None
    if picture is None or line is None:
        return None
    return Returned(fact.return_id, fact.number, fact.warehouse, fact.qty, picture.order, line, one)


def _return_facts(fact: GoodsReturned) -> dict[str, Any]:
    return {
        "return": fact.number,
        "sku": fact.sku,
        "qty": fact.qty,
        "to_quarantine": fact.to_quarantine,
        "reason": fact.reason,
    }
