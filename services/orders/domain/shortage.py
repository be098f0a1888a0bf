"""The shortage question (BO-1, BO-2): what becomes of a line of which there is less than is ordered.

1. Enough is there: no question.
2. A part is there: `split` makes two linked lines, what is there for now and the rest backordered; `backorder_line`
   backorders the whole line, and nothing of it ships until all of it is allotted. Without an answer of the line's own
   or the customer's the question is put.
3. Nothing is there: the whole line is backordered and takes part fills, unless the answer is `backorder_line`.

What is there is what inventory has just said, less what earlier lines of the same request take; an order with a
priority counts the units that it could take (BO-9). Special lines, services and drop shipments ask nothing, and neither
do orders of a customer without backorders, whose shortage is cancelled (ORD-6). Inventory decides under lock when the
order opens; what it grants less than was shown is `splitting`'s.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.decimals import ZERO, plain
from shared.errors import Refused

from .copying import changed
from .order import MOST_LINES, Line, Order, ShortageAnswer
from .settlement import Picture
from .splitting import linked

OPTIONS = [answer.value for answer in ShortageAnswer]


class ShortageDecisionRequired(Refused):
    """Lines are short, and nobody has said whether to split them or to backorder them whole."""


@dataclass(frozen=True, slots=True, order=True)
class Wanted:
    """What inventory is asked about: an item in a warehouse, for an order of this priority."""

    warehouse: str
    priority: int
    sku: str


class FiguresWanted(Refused):
    """Inventory has to be asked what is there before this can be decided."""

    def __init__(self, wanted: Iterable[Wanted]) -> None:
        super().__init__("Ask inventory first")
        self.wanted = frozenset(wanted)


@dataclass(frozen=True, slots=True)
class Figure:
    """What is free of an item, below zero where more is wanted than there is; and what this priority could take."""

    available: Decimal
    takeable: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Figures:
    """What inventory has said. What it did not say, because it was not reached, is no question."""

    of: Mapping[Wanted, Figure] = field(default_factory=dict)
    has_asked: bool = True


NOT_ASKED_YET = Figures(has_asked=False)
NOBODY_TO_ASK = Figures()


class Shelf:
    """What the lines of one request leave of the figures, line after line."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures
        self._taken: dict[tuple[str, str], Decimal] = {}

    def there(self, wanted: Wanted) -> Decimal | None:
        """How many units are there for the next line; None: inventory has not said."""
        figure = self._figures.of.get(wanted)
        if figure is None:
            return None
        taken = self._taken.get((wanted.warehouse, wanted.sku), ZERO)
        return max(ZERO, figure.available + figure.takeable - taken)

    def take(self, wanted: Wanted, qty: Decimal) -> None:
        """A line takes these units."""
        key = wanted.warehouse, wanted.sku
        self._taken[key] = self._taken.get(key, ZERO) + qty

    def left(self, wanted: Wanted) -> Figure:
        """The figure as inventory said it, less what earlier lines take."""
        said = self._figures.of[wanted]
        return replace(said, available=said.available - self._taken.get((wanted.warehouse, wanted.sku), ZERO))

    def put_back(self, taken: Mapping[tuple[str, str], Decimal]) -> None:
        """What a refused order would have taken is there for the next one."""
        self._taken = dict(taken)

    @property
    def taken(self) -> Mapping[tuple[str, str], Decimal]:
        """What the lines so far take."""
        return dict(self._taken)

    def must_know(self, opening: Iterable[tuple[Picture, Collection[UUID]]]) -> None:
        """Raise what inventory has to be asked about these lines of these orders, if it was not asked yet."""
        if self._figures.has_asked:
            return
        unknown = [_wanted(picture.order, line) for picture, ids in opening for line in _asking(picture, ids)]
        if unknown:
            raise FiguresWanted(unknown)


def all_of(picture: Picture) -> frozenset[UUID]:
    """Every line of the order."""
    return frozenset(line.id for line in picture.lines)


def _asking(picture: Picture, line_ids: Collection[UUID]) -> list[Line]:
    """The lines that stock may be short of, in the order in which they take it."""
    if picture.order.no_backorders:
        return []
    lines = (line for line in picture.lines if line.id in line_ids and line.is_from_stock)
    return sorted(lines, key=lambda line: line.line_no)


def _wanted(order: Order, line: Line) -> Wanted:
    return Wanted(line.warehouse, order.priority, line.sku)


@dataclass(frozen=True, slots=True)
class _Part:
    """What a short line becomes: itself, and what of it is split off."""

    line: Line
    rest: Decimal = ZERO


def answered(
    picture: Picture, line_ids: Collection[UUID], shelf: Shelf, *, now: datetime, new_id: Callable[[], UUID]
) -> Picture:
    """The picture as these lines open: divided, or backordered whole; refused with the figures where nobody has said."""
    before = shelf.taken
    open_questions: list[dict[str, Any]] = []
    for line in _asking(picture, line_ids):
        wanted = _wanted(picture.order, line)
        there = shelf.there(wanted)
        if there is None:
            continue
        shown = shelf.left(wanted)
        shelf.take(wanted, min(there, line.need))
        answer = _answer(picture.order, line)
        if there >= line.need:
            continue
        if answer is None and there > ZERO:
            open_questions.append(_question(line, shown))
            continue
        part = _decided(line, there, answer, now, may_split=len(picture.lines) < MOST_LINES)
        picture = picture.with_line(part.line)
        if part.rest > ZERO:
            picture = _divided(picture, part, new_id)
    if open_questions:
        shelf.put_back(before)
        raise _unanswered(open_questions)
    return picture


def _answer(order: Order, line: Line) -> ShortageAnswer | None:
    if line.all_or_nothing:
        return ShortageAnswer.BACKORDER_LINE
    return line.shortage_answer or order.shortage_answer


def _decided(
    line: Line, there: Decimal, answer: ShortageAnswer | None, now: datetime, *, may_split: bool
) -> _Part:
    if answer is ShortageAnswer.SPLIT and there > ZERO and may_split:
        return _Part(changed(line, ordered=line.ordered - (line.need - there)), line.need - there)
    whole = changed(line, is_backordered=True, backordered_at=line.backordered_at or now)
    return _Part(changed(whole, all_or_nothing=answer is ShortageAnswer.BACKORDER_LINE))


def _divided(picture: Picture, part: _Part, new_id: Callable[[], UUID]) -> Picture:
    last = max(line.line_no for line in picture.lines)
    twin = linked(
        part.line, part.rest, line_id=new_id(), line_no=last + 1, opening_version=part.line.opening_version
    )
    flagged = changed(twin, is_backordered=True, backordered_at=part.line.ranked_at)
    return changed(picture, lines=(*picture.lines, flagged))


def _question(line: Line, figure: Figure) -> dict[str, Any]:
    return {
        "line_no": line.line_no,
        "sku": line.sku,
        "warehouse": line.warehouse,
        "qty": line.need,
        "available": figure.available,
        "takeable": figure.takeable,
        "options": OPTIONS,
    }


def _unanswered(questions: list[dict[str, Any]]) -> ShortageDecisionRequired:
    first = questions[0]
    more = f" (and {len(questions) - 1} more lines)" if len(questions) > 1 else ""
    return ShortageDecisionRequired(
        f"Line {first['line_no']}: {plain(first['available'] + first['takeable'])} of {plain(first['qty'])} "
        f"{first['sku']} are there{more}. Send the request again with `shortage` on each of these lines: `split` ships "
        "what is there and backorders the rest, `backorder_line` waits until all of it is there",
        lines=questions,
    )
