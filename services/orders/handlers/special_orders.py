"""Special orders by hand (SO-1): from an open stock line that waits, for all of it or for a part as a linked line."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from shared.ids import new_id
from shared.unit_of_work import Tx

from .. import store
from ..domain.catalogue import Source, must_be_one_source, must_fit_unit
from ..domain.entry import must_have_room
from ..domain.opening import told
from ..domain.order import Line, OrderState
from ..domain.settlement import Picture, Tell
from ..domain.special import SpecialOrder, must_be_waiting
from ..domain.splitting import linked
from ..schemas import NewSpecialOrder
from .changing import line_of, lock_order
from .entry import known_item
from .settling import Cause, Change, settle_orders


@dataclass(frozen=True)
class MadeSpecial:
    """A special order with its line and its order's number."""

    special: SpecialOrder
    line: Line
    order_number: str

    @property
    def version(self) -> int:
        """The special order's own version."""
        return self.special.version


async def make_special_order(tx: Tx, wanted: NewSpecialOrder) -> MadeSpecial:
    """Make what waits of a stock line a special order; the line, or a linked one for the part, is told as special."""
    picture = await lock_order(tx, wanted.order_id)
    picture.order.must_be(OrderState.OPEN)
    line = line_of(picture, wanted.line_no)
    qty = wanted.qty if wanted.qty is not None else line.waiting
    must_fit_unit(line.sku, line.unit, line.precision, qty)
    must_be_waiting(line, qty)
    entry = (await store.catalogue_entries(tx.db, [(line.sku, line.warehouse)]))[line.sku, line.warehouse]
    whole = line.granted <= 0 and qty == line.need
    target = line if whole else _part(picture, line, qty)
    target = _as_special(target, wanted, known_item(entry, line.sku).source(line.warehouse))
    after = picture.with_line(target) if whole else _divided(picture, line, target)
    ready = told(after, {target.id}, tx.now, tx.actor, new_id, by_hand=True)
    change = Change(picture, ready, Cause("made a special order", reason=wanted.reason), Tell.CHANGED)
    settled = (await settle_orders(tx, [change]))[picture.order.id].picture
    return _found(settled, target.id)


def _part(picture: Picture, line: Line, qty: Any) -> Line:
    must_have_room(len(picture.lines))
    return linked(
        line,
        qty,
        line_id=new_id(),
        line_no=max(known.line_no for known in picture.lines) + 1,
        opening_version=picture.order.told + 1,
    )


def _divided(picture: Picture, line: Line, part: Line) -> Picture:
    smaller = replace(line, ordered=line.ordered - part.ordered)
    return replace(picture.with_line(smaller), lines=(*picture.with_line(smaller).lines, part))


def _as_special(line: Line, wanted: NewSpecialOrder, default: Source) -> Line:
    source = Source(wanted.source.vendor, wanted.source.warehouse) if wanted.source else default
    must_be_one_source(source, line.warehouse)
    with_source = replace(
        line,
        special_order=True,
        drop_ship=False,
        source_vendor=source.vendor,
        source_warehouse=source.warehouse,
        source_overridden=wanted.source is not None,
    )
    if wanted.cost is None:
        return with_source
    return replace(
        with_source, cost=wanted.cost, cost_overridden=True, cost_unit=wanted.cost_unit or line.unit
    )


def _found(picture: Picture, line_id: UUID) -> MadeSpecial:
    special = next(special for special in picture.specials if special.line_id == line_id)
    line = next(line for line in picture.lines if line.id == line_id)
    return MadeSpecial(special, line, picture.order.number)
