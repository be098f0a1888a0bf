"""Settling an order: its state is a function of the facts that were heard (model.md).

1. Each line's figures are sums over its allotments.
2. A line whose opening inventory has answered is decided once: split (or its rest moved to the twin that the shortage
   question made), backordered whole, cancelled in part, or left waiting.
3. Wishes to cancel that inventory has settled become `cancelled`.
4. Services are granted at once and ship with the first goods, or when no goods are left.
5. Backorder flags, special orders and the order's own state follow.
6. What may ship is released, what may not is revoked.

Any order, doubling or delay of the facts ends in the same result, because every step derives and none accumulates.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.decimals import ZERO

from . import allotment as tickets
from .allotment import Allotment
from .cancelling import freed
from .copying import changed
from .order import MOST_LINES, Address, Line, Order, OrderState, ShortageAnswer
from .release import Releases, decide_releases
from .special import SpecialOrder, Tie, derived
from .splitting import DecidedBy, decide_opening, linked, twin_of


class Tell(StrEnum):
    """Which snapshot of the order is due."""

    NOTHING = "nothing"
    OPENED = "opened"
    CHANGED = "changed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Picture:
    """An order with everything that its state follows from."""

    order: Order
    lines: tuple[Line, ...]
    allotments: tuple[Allotment, ...] = ()
    specials: tuple[SpecialOrder, ...] = ()
    ties: tuple[Tie, ...] = ()
    customer_on_hold: bool = False
    ship_to: Address | None = None

    def line(self, line_no: int) -> Line | None:
        """The line of this number."""
        return next((line for line in self.lines if line.line_no == line_no), None)

    def with_line(self, new: Line) -> "Picture":
        """The picture with one line replaced."""
        return changed(self, lines=tuple(new if line.id == new.id else line for line in self.lines))


@dataclass(frozen=True, slots=True)
class Settled:
    """What settling led to: the new picture, what is to be told, and the lines that a shortage made."""

    picture: Picture
    tell: Tell
    releases: Releases
    filled: bool
    splits: tuple[Line, ...] = ()
    decided: tuple[tuple[UUID, DecidedBy], ...] = ()
    """The lines whose shortage was decided now, and who had answered for it (BO-2)."""


def settle(
    before: Picture,
    *,
    now: datetime,
    new_id: Callable[[], UUID],
    auto_ship_on_receipt: bool,
    shortage_fallback: ShortageAnswer = ShortageAnswer.SPLIT,
    must_tell: Tell = Tell.NOTHING,
    by_hand: Collection[UUID] = (),
    release_anew: bool = False,
) -> Settled:
    """Derive the order anew; `must_tell` says that the caller has changed something that the others must hear.

    `release_anew`: the terms of what is released have changed (ORD-2).
    """
    order = before.order
    if order.told == 0 and not order.is_open:
        # a draft, or one that was cancelled as such: nobody has heard of it
        return Settled(before, Tell.NOTHING, Releases(), filled=False)
    held_anew = order.is_open and order.credit_hold != before.customer_on_hold
    if held_anew:
        order = changed(order, credit_hold=before.customer_on_hold)
    summed = _with_sums(before.lines, before.allotments)
    openings = _decide_openings(order, summed, new_id, shortage_fallback)
    news = any(_is_news(line, was) for line, was in zip(openings.lines, summed, strict=False))
    tell = must_tell
    if tell is Tell.NOTHING and (openings.splits or news or held_anew):
        tell = Tell.CHANGED
    served = _with_services([freed(line) for line in openings.lines])
    known = {line.id: line for line in before.lines}
    lines = tuple(_with_flag(line, known.get(line.id), now) for line in served)
    order = _moved(order, lines, now)
    if order.state is OrderState.CANCELLED and before.order.state is not OrderState.CANCELLED:
        tell = Tell.CANCELLED
    if tell is not Tell.NOTHING:
        order = changed(order, told=order.told + 1)
    releases = decide_releases(
        order,
        lines,
        before.allotments,
        auto_ship_on_receipt=auto_ship_on_receipt,
        by_hand=by_hand,
        anew=release_anew,
    )
    allotments = _renumbered(before.allotments, releases)
    lines = _with_released(lines, allotments)
    specials = _specials(before.specials, lines, allotments, before.ties)
    picture = changed(
        before, order=with_marks(order, lines), lines=lines, allotments=allotments, specials=specials
    )
    filled = order.state is OrderState.FILLED and before.order.state is not OrderState.FILLED
    return Settled(picture, tell, releases, filled, openings.splits, openings.by)


def with_marks(order: Order, lines: Sequence[Line]) -> Order:
    """The order's marks: special (ORD-4), backordered (BO-8), its warehouses, and what inventory has settled of it."""
    goods = [line for line in lines if not line.is_service and not line.drop_ship]
    waiting = [line.settled_version for line in goods if not line.is_done]
    return changed(
        order,
        has_special=any(line.is_special for line in lines),
        is_backordered=any(line.backordered_at is not None and not line.is_done for line in lines),
        warehouses=tuple(sorted({line.warehouse for line in lines})),
        settled_version=min(waiting, default=order.told),
    )


def _with_sums(lines: Iterable[Line], allotments: Iterable[Allotment]) -> list[Line]:
    by_line: dict[UUID, list[Allotment]] = {}
    for ticket in allotments:
        by_line.setdefault(ticket.line_id, []).append(ticket)
    return [
        line
        if line.is_service
        else changed(
            line,
            granted=tickets.granted(by_line.get(line.id, ())),
            shipped=tickets.shipped(by_line.get(line.id, ())),
        )
        for line in lines
    ]


@dataclass(frozen=True, slots=True)
class _Openings:
    """What deciding the openings has led to."""

    lines: list[Line]
    splits: tuple[Line, ...]
    by: tuple[tuple[UUID, DecidedBy], ...]


def _decide_openings(
    order: Order, lines: list[Line], new_id: Callable[[], UUID], fallback: ShortageAnswer
) -> _Openings:
    next_told = order.told + 1
    last_no = max((line.line_no for line in lines), default=0)
    kept: list[Line] = []
    splits: list[Line] = []
    by: list[tuple[UUID, DecidedBy]] = []
    grown: dict[UUID, Decimal] = {}
    for line in lines:
        decision = decide_opening(
            line,
            order,
            twin=None if line.opening_decided else twin_of(line, lines),
            fallback=fallback,
            may_split=len(lines) + len(splits) < MOST_LINES,
        )
        decided = decision.line
        if decided.cancel_wanted != line.cancel_wanted:
            decided = changed(decided, wish_version=next_told)
        kept.append(decided)
        if decision.by is not None:
            by.append((line.id, decision.by))
        if decision.twin is not None:
            grown[decision.twin.id] = decision.rest
        elif decision.rest > ZERO:
            last_no += 1
            splits.append(
                linked(decided, decision.rest, line_id=new_id(), line_no=last_no, opening_version=next_told)
            )
    with_twins = [
        changed(line, ordered=line.ordered + grown[line.id]) if line.id in grown else line for line in kept
    ]
    return _Openings(with_twins + splits, tuple(splits), tuple(by))


def _is_news(line: Line, was: Line) -> bool:
    """Whether the others must hear what deciding the opening has made of the line."""
    return (line.ordered, line.cancel_wanted, line.all_or_nothing) != (
        was.ordered,
        was.cancel_wanted,
        was.all_or_nothing,
    )


def _with_services(lines: Sequence[Line]) -> list[Line]:
    """Services ship with the first goods that ship; when no goods are left, they are done by themselves."""
    goods = [line for line in lines if not line.is_service]
    due = any(line.shipped > ZERO for line in goods) or all(line.is_done for line in goods)
    return [
        changed(line, granted=line.need, shipped=max(line.shipped, line.need) if due else line.shipped)
        if line.is_service
        else line
        for line in lines
    ]


def _with_flag(line: Line, was: Line | None, now: datetime) -> Line:
    """BO-8: the flag stands while something is backordered, once inventory has answered or entry has shown it.

    It is remembered since when, for the order's mark: until the line is done, or at once when what was backordered is
    cancelled and not granted.
    """
    if line.is_service:
        return line
    flagged = line.backordered > ZERO and (line.has_settled or line.is_backordered)
    if flagged == line.is_backordered:
        return line
    if flagged:
        return changed(line, is_backordered=True, backordered_at=line.backordered_at or now)
    only_cancelled = was is not None and line.granted <= was.granted and line.cancelled > was.cancelled
    return changed(line, is_backordered=False, backordered_at=None if only_cancelled else line.backordered_at)


def _moved(order: Order, lines: Sequence[Line], now: datetime) -> Order:
    """ORD-1: all lines cancelled and none shipped: cancelled; every line shipped or cancelled: filled."""
    if not order.is_open or not all(line.is_done for line in lines):
        return order
    anything_shipped = any(line.shipped > ZERO for line in lines)
    return order.moved(OrderState.FILLED if anything_shipped else OrderState.CANCELLED, now)


def _renumbered(allotments: tuple[Allotment, ...], releases: Releases) -> tuple[Allotment, ...]:
    moved = {ticket.id: ticket for ticket in (*releases.released, *releases.revoked)}
    return tuple(moved.get(ticket.id, ticket) for ticket in allotments) if moved else allotments


def _with_released(lines: Sequence[Line], allotments: Iterable[Allotment]) -> tuple[Line, ...]:
    released: dict[UUID, Decimal] = {}
    for ticket in allotments:
        released[ticket.line_id] = released.get(ticket.line_id, ZERO) + ticket.released
    return tuple(
        changed(line, released=line.shipped if line.is_service else released.get(line.id, ZERO))
        for line in lines
    )


def _specials(
    specials: Iterable[SpecialOrder],
    lines: Iterable[Line],
    allotments: Iterable[Allotment],
    ties: Iterable[Tie],
) -> tuple[SpecialOrder, ...]:
    specials = tuple(specials)
    if not specials:
        return specials
    by_id = {line.id: line for line in lines}
    return tuple(
        derived(
            special,
            by_id[special.line_id],
            [ticket for ticket in allotments if ticket.line_id == special.line_id],
            [tie for tie in ties if tie.line_id == special.line_id],
        )
        for special in specials
    )
