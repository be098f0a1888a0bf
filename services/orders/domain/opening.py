"""Lines become demand: they get their rank, the version that tells them, and the special order of a special line.

SO-1: a special order is made when an order with a flagged line opens, when such a line is added later, or by hand.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from .copying import changed
from .order import Line, Order, OrderState, OrderWithoutLines
from .settlement import Picture, with_marks
from .special import SpecialOrder, SpecialState


def opened(draft: Picture, now: datetime, actor: str, new_id: Callable[[], UUID]) -> Picture:
    """The draft as demand (ORD-1): every line ranked by this moment (BO-6); refused without lines."""
    must_have_lines(draft)
    order = with_marks(draft.order.moved(OrderState.OPEN, now), draft.lines)
    everything = {line.id for line in draft.lines}
    return told(changed(draft, order=order), everything, now, actor, new_id)


def must_have_lines(draft: Picture) -> None:
    """Refuse an order that asks for nothing."""
    if not draft.lines:
        raise OrderWithoutLines(
            f"Order {draft.order.number} has no lines: add one before opening it", order=draft.order.number
        )


def told(
    picture: Picture,
    line_ids: Collection[UUID],
    now: datetime,
    actor: str,
    new_id: Callable[[], UUID],
    *,
    by_hand: bool = False,
) -> Picture:
    """These lines as the order's next version will first list them; each special one with its special order.

    A line that was told before (made special by hand) keeps its rank and the opening that inventory has answered; one
    that had a special order before and took stock instead has it again.
    """
    order = picture.order
    lines: list[Line] = []
    specials = list(picture.specials)
    for line in picture.lines:
        if line.id in line_ids:
            line = changed(
                line, opening_version=line.opening_version or order.told + 1, ranked_at=line.ranked_at or now
            )
            if line.is_special:
                known = line.special_order_id
                line = changed(line, special_order_id=known or new_id())
                if known is None:
                    specials.append(_special_order(line, order, now, actor, by_hand=by_hand))
        lines.append(line)
    return changed(picture, lines=tuple(lines), specials=tuple(specials))


def _special_order(line: Line, order: Order, now: datetime, actor: str, *, by_hand: bool) -> SpecialOrder:
    assert line.special_order_id is not None  # noqa: S101  # just given
    return SpecialOrder(
        id=line.special_order_id,
        number=f"SP-{order.number.removeprefix('SO-')}-{line.line_no}",
        version=1,
        order_id=order.id,
        line_id=line.id,
        component=0,
        sku=line.sku,
        warehouse=line.warehouse,
        customer=order.customer,
        qty=line.need,
        source_vendor=line.source_vendor,
        source_warehouse=line.source_warehouse,
        cost=line.cost,
        state=SpecialState.REQUESTED,
        by_hand=by_hand,
        created_at=now,
        created_by=actor,
    )
