"""What people do to an order: open, change, cancel, close, release, and edit its lines (ORD-1, ORD-3, BO-4)."""

from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.errors import Forbidden, NotFound, Refused, Stale
from shared.ids import new_id
from shared.preferences import preferences
from shared.unit_of_work import Tx

from .. import store
from ..domain.cancelling import wish, wish_all
from ..domain.catalogue import Source
from ..domain.editing import (
    NoSuchLine,
    decreased,
    edited_draft,
    increased,
    must_be_open_change,
    with_terms,
)
from ..domain.entry import comments_must_fit, must_have_room
from ..domain.opening import opened, told
from ..domain.order import Line, OrderState
from ..domain.preferences import Preferences
from ..domain.settlement import Picture, Tell, with_marks
from ..domain.shortage import NOBODY_TO_ASK, Figures, Shelf, all_of, answered
from ..domain.special import use_stock
from ..schemas import LineCancel, LineChange, NewLine, OpenOrder, OrderChange, Reason, ReleaseByHand
from .entry import (
    Answer,
    known_item,
    may_set_priority,
    reminder,
    resolved_line,
)
from .settling import Cause, Change, settle_orders

HEAD_OF_OPEN = frozenset({"ship_type", "priority", "customer_hold", "carrier", "team", "reference", "reason"})


class NoSuchOrder(NotFound):
    """There is no such order in the caller's warehouses."""


class NotAllYours(Forbidden):
    """The order has lines in warehouses that the caller may not touch."""


class OrderChanged(Stale):
    """Somebody else has changed the order since it was read."""


class OrderHeld(Refused):
    """A held order releases nothing."""


class OnlyPriority(Forbidden):
    """The scope for priorities changes priorities, nothing else."""


class NotWhileOpen(Refused):
    """This field of the order's head is fixed when the order opens."""


async def lock_order(tx: Tx, order_id: UUID, version: int | None = None) -> Picture:
    """One order, locked and complete; refused outside the caller's warehouses, and when it has moved on."""
    pictures = await store.complete(tx.db, await store.lock_orders(tx.db, [order_id]))
    picture = pictures.get(order_id)
    if picture is None or not _is_visible(tx, picture):
        raise NoSuchOrder(f"There is no order {order_id} in your warehouses")
    foreign = sorted(place for place in picture.order.warehouses if not tx.scope.allows(place))
    if foreign:
        raise NotAllYours(
            f"Order {picture.order.number} has lines in warehouses that are not yours; somebody with all of them "
            "must change it",
            order=picture.order.number,
        )
    if version is not None and picture.order.version != version:
        raise OrderChanged(
            f"Order {picture.order.number} has changed since you read it (version {version}, now "
            f"{picture.order.version}); read it again",
            given=version,
            current=picture.order.version,
        )
    return picture


def _is_visible(tx: Tx, picture: Picture) -> bool:
    places = picture.order.warehouses
    return not places or any(tx.scope.allows(place) for place in places)


def line_of(picture: Picture, line_no: int) -> Line:
    """The line of this number."""
    line = picture.line(line_no)
    if line is None:
        raise NoSuchLine(
            f"Order {picture.order.number} has no line {line_no}",
            line_no=line_no,
            lines=[known.line_no for known in picture.lines],
        )
    return line


async def _settled(tx: Tx, change: Change, *, policy: str | None = None) -> Answer:
    settled = await settle_orders(tx, [change])
    picture = settled[change.before.order.id].picture
    return Answer(picture, await store.in_the_way(tx.db, picture.order.id), policy)


async def _unchanged(tx: Tx, picture: Picture) -> Answer:
    return Answer(picture, await store.in_the_way(tx.db, picture.order.id))


# --- the life of the order ------------------------------------------------------------------------------------------


async def open_order(
    tx: Tx, order_id: UUID, answers: OpenOrder | None = None, figures: Figures = NOBODY_TO_ASK
) -> Answer:
    """ORD-1: the order is demand from now on, its shortages answered (BO-1); opening an open order returns it."""
    draft = await lock_order(tx, order_id)
    if draft.order.is_open:
        return await _unchanged(tx, draft)
    opening = opened(_with_answers(draft, answers or OpenOrder()), tx.now, tx.actor, new_id)
    ready = _answered(tx, opening, all_of(opening), figures)
    return await _settled(tx, Change(draft, ready, Cause("opened"), Tell.OPENED))


def _with_answers(draft: Picture, answers: OpenOrder) -> Picture:
    given = {line_of(draft, answer.line_no).id: answer.shortage for answer in answers.lines}
    lines = tuple(
        replace(line, shortage_answer=given.get(line.id, line.shortage_answer or answers.shortage))
        if line.is_from_stock
        else line
        for line in draft.lines
    )
    return replace(draft, lines=lines)


def _answered(tx: Tx, opening: Picture, line_ids: Collection[UUID], figures: Figures) -> Picture:
    """The shortage question for these lines, which become demand now."""
    shelf = Shelf(figures)
    shelf.must_know([(opening, line_ids)])
    return answered(opening, line_ids, shelf, now=tx.now, new_id=new_id)


async def cancel_order(tx: Tx, order_id: UUID, why: Reason) -> Answer:
    """ORD-1: a draft is cancelled at once; of an open order everything that has not shipped is wanted no more.

    It is cancelled, or filled if a part had shipped, when inventory has freed what it can.
    """
    picture = await lock_order(tx, order_id)
    order = picture.order
    cause = Cause("cancelled", reason=why.reason)
    if not order.is_open:
        cancelled = replace(picture, order=order.moved(OrderState.CANCELLED, tx.now))
        return await _settled(tx, Change(picture, cancelled, cause))
    wanted = replace(picture, lines=tuple(wish_all(line, order.told + 1) for line in picture.lines))
    if wanted.lines == picture.lines:
        return await _unchanged(tx, picture)
    return await _settled(tx, Change(picture, wanted, cause, Tell.CHANGED))


async def close_order(tx: Tx, order_id: UUID) -> Answer:
    """ORD-1: a filled order is put away."""
    picture = await lock_order(tx, order_id)
    closed = replace(picture, order=picture.order.moved(OrderState.CLOSED, tx.now))
    return await _settled(tx, Change(picture, closed, Cause("closed")))


async def release_order(tx: Tx, order_id: UUID, wanted: ReleaseByHand) -> Answer:
    """Release by hand: pegs while `auto_ship_on_receipt` is off, and lines that a void by hand has blocked."""
    picture = await lock_order(tx, order_id)
    picture.order.must_be(OrderState.OPEN)
    if picture.order.is_held:
        raise OrderHeld(
            f"Order {picture.order.number} is held: lift the hold before releasing anything",
            order=picture.order.number,
            credit_hold=picture.order.credit_hold,
            customer_hold=picture.order.customer_hold,
        )
    every_no = [line.line_no for line in picture.lines]
    chosen = frozenset(
        line_of(picture, line_no).id for line_no in (every_no if wanted.lines is None else wanted.lines)
    )
    lines = tuple(
        replace(line, release_blocked=False) if line.id in chosen else line for line in picture.lines
    )
    cause = Cause("released by hand", reason=wanted.reason)
    return await _settled(tx, Change(picture, replace(picture, lines=lines), cause, by_hand=chosen))


# --- the head -------------------------------------------------------------------------------------------------------


async def change_order(tx: Tx, order_id: UUID, version: int, change: OrderChange) -> Answer:
    """Change the head: a draft's in full, an open order's where ORD-1 and ORD-3 allow it."""
    picture = await lock_order(tx, order_id, version)
    order = picture.order
    order.must_be(OrderState.DRAFT, OrderState.OPEN)
    given = change.model_fields_set
    _may_change(tx, given)
    if order.is_open and (fixed := sorted(given - HEAD_OF_OPEN)):
        raise NotWhileOpen(
            f"Order {order.number} is open: {', '.join(fixed)} cannot change any more",
            order=order.number,
            fixed=fixed,
        )
    values: dict[str, Any] = {
        name: getattr(change, name) for name in given & {"carrier", "team", "reference", "requested_on"}
    }
    values |= {
        name: getattr(change, name)
        for name in given & {"ship_type", "priority", "customer_hold"}
        if getattr(change, name) is not None
    }
    ship_to = picture.ship_to
    if change.ship_to is not None:
        customers = await store.customers_with_addresses(tx.db, [order.customer])
        ship_to = customers[order.customer].ship_to(change.ship_to)
        values["ship_to_code"] = ship_to.code
    if values.get("priority", order.priority) != order.priority:
        _may_change_priority(tx, values["priority"], change.reason)
    changed = replace(picture, order=replace(order, **values), ship_to=ship_to)
    if changed.order == order:
        return await _unchanged(tx, picture)
    must_tell = order.is_open and bool(values.keys() & {"ship_type", "priority", "team"})
    cause = Cause("changed", reason=change.reason)
    policy = await reminder(tx) if changed.order.priority != order.priority else None
    return await _settled(
        tx, Change(picture, changed, cause, Tell.CHANGED if must_tell else Tell.NOTHING), policy=policy
    )


def _may_change(tx: Tx, given: set[str]) -> None:
    more = sorted(given - {"priority", "reason"})
    if more and tx.principal is not None and "orders:write" not in tx.principal.scopes:
        raise OnlyPriority(
            f"The scope orders:priority is for the priority alone; {', '.join(more)} need orders:write",
            needed="orders:write",
        )


def _may_change_priority(tx: Tx, priority: int, reason: str | None) -> None:
    # taking a priority away needs the same right as giving one
    may_set_priority(tx, priority or 1, reason)


# --- lines ----------------------------------------------------------------------------------------------------------


async def add_line(tx: Tx, order_id: UUID, wanted: NewLine, figures: Figures = NOBODY_TO_ASK) -> Answer:
    """A further line: of an open order it is demand at once, ranked by its own time (BO-6), its shortage answered."""
    picture = await lock_order(tx, order_id)
    order = picture.order
    order.must_be(OrderState.DRAFT, OrderState.OPEN)
    must_have_room(len(picture.lines))
    chosen = await preferences(tx, Preferences)
    entries = await store.catalogue_entries(
        tx.db, [(wanted.sku, wanted.warehouse or _only(order.warehouses) or "")]
    )
    line = resolved_line(
        tx,
        wanted,
        _only(order.warehouses),
        order,
        _next_no(picture),
        entries,
        auto_flag_special=chosen.auto_flag_special == "on",
    )
    added = replace(picture, lines=(*picture.lines, line))
    comments_must_fit(added.lines)
    return await _with_new_lines(tx, picture, added, [line.id], Cause("line added"), figures)


def _only(warehouses: tuple[str, ...]) -> str | None:
    return warehouses[0] if len(warehouses) == 1 else None


def _next_no(picture: Picture) -> int:
    return max((line.line_no for line in picture.lines), default=0) + 1


async def _with_new_lines(
    tx: Tx, before: Picture, after: Picture, line_ids: Collection[UUID], cause: Cause, figures: Figures
) -> Answer:
    """Save new lines: a draft's as they are, an open order's told in its next version with their special orders."""
    if not before.order.is_open:
        marked = replace(after, order=with_marks(after.order, after.lines))
        return await _settled(tx, Change(before, marked, cause))
    ready = _answered(tx, told(after, line_ids, tx.now, tx.actor, new_id), line_ids, figures)
    return await _settled(tx, Change(before, ready, cause, Tell.CHANGED))


async def change_line(
    tx: Tx, order_id: UUID, line_no: int, version: int, change: LineChange, figures: Figures = NOBODY_TO_ASK
) -> Answer:
    """Change a line: a draft's in full, an open one's quantity, source, cost, date and comments."""
    picture = await lock_order(tx, order_id, version)
    order = picture.order
    order.must_be(OrderState.DRAFT, OrderState.OPEN)
    line = line_of(picture, line_no)
    values = _line_values(change)
    entry = (await store.catalogue_entries(tx.db, [(line.sku, line.warehouse)]))[line.sku, line.warehouse]
    cause = Cause("line changed", reason=change.reason)
    if not order.is_open:
        lines = picture.with_line(edited_draft(line, values, known_item(entry, line.sku))).lines
        comments_must_fit(lines)
        edited = replace(picture, lines=lines, order=with_marks(order, lines))
        return await _settled(tx, Change(picture, edited, cause))
    must_be_open_change(line, values)
    qty: Decimal = values.get("qty", line.need)
    # the answer that comes with an increase is for what is added
    answer = values.pop("shortage", None) if qty > line.need else None
    changed = with_terms(line, values, entry.item)
    after = picture.with_line(changed)
    comments_must_fit(after.lines)
    twin = increased(
        changed,
        qty,
        answer,
        next_version=order.told + 1,
        line_no=_next_no(picture),
        line_id=new_id(),
        now=tx.now,
    )
    if twin is not None:
        must_have_room(len(picture.lines))
        after = replace(after, lines=(*after.lines, twin))
        return await _with_new_lines(tx, picture, after, [twin.id], cause, figures)
    after = replace(after, lines=decreased(after.lines, changed, line.need - qty, order.told + 1))
    if after == picture:
        return await _unchanged(tx, picture)
    return await _settled(tx, Change(picture, after, cause, Tell.CHANGED))


def _line_values(change: LineChange) -> dict[str, Any]:
    """What was given; null empties only what can be empty."""
    may_be_empty = {"source", "cost", "requested_on", "shortage"}
    values: dict[str, Any] = {
        name: getattr(change, name)
        for name in change.model_fields_set - {"reason"}
        if getattr(change, name) is not None or name in may_be_empty
    }
    if change.source is not None:
        values["source"] = Source(change.source.vendor, change.source.warehouse)
    if change.comments is not None:
        values["comments"] = tuple(change.comments)
    return values


async def remove_line(tx: Tx, order_id: UUID, line_no: int, version: int) -> Answer:
    """Take a line off a draft; the lines of an open order are cancelled instead."""
    picture = await lock_order(tx, order_id, version)
    picture.order.must_be(OrderState.DRAFT)
    line = line_of(picture, line_no)
    lines = tuple(known for known in picture.lines if known.id != line.id)
    after = replace(picture, lines=lines, order=with_marks(picture.order, lines))
    change = Change(picture, after, Cause("line removed"))
    change.more_log.append(
        (f"line {line_no}", "line removed", {"sku": line.sku, "ordered": line.ordered}, None)
    )
    return await _settled(tx, change)


async def use_stock_instead(tx: Tx, order_id: UUID, line_no: int, why: Reason) -> Answer:
    """SO-5: a special line becomes a stock line, by a person's explicit word; its tie and its peg are freed."""
    picture = await lock_order(tx, order_id)
    picture.order.must_be(OrderState.OPEN)
    after = picture.with_line(use_stock(line_of(picture, line_no)))
    return await _settled(
        tx, Change(picture, after, Cause("use stock instead", reason=why.reason), Tell.CHANGED)
    )


async def cancel_line(tx: Tx, order_id: UUID, line_no: int, wanted: LineCancel) -> Answer:
    """Cancel a line or a part of it: a wish, carried out as far as inventory can free it."""
    picture = await lock_order(tx, order_id)
    picture.order.must_be(OrderState.OPEN)
    line = line_of(picture, line_no)
    next_version = picture.order.told + 1
    qty = wanted.qty if wanted.qty is not None else line.need - line.shipped
    after = picture.with_line(wish(line, qty, next_version))
    return await _settled(
        tx, Change(picture, after, Cause("line cancelled", reason=wanted.reason), Tell.CHANGED)
    )
