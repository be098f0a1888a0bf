"""Special orders (SO-1): a record of its own whose state is derived from quantities.

requested -> ordered -> in_progress | ready -> fulfilled, and back when a tie breaks, goods fail or a receipt is
reversed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from shared.decimals import ZERO, plain
from shared.errors import Refused

from .allotment import Allotment
from .copying import changed, named
from .order import ItemKind, Line, LineIsDone


class SpecialState(StrEnum):
    """SO-1, in the order in which they are asked for."""

    CANCELLED = "cancelled"
    FULFILLED = "fulfilled"
    READY = "ready"
    IN_PROGRESS = "in_progress"
    ORDERED = "ordered"
    REQUESTED = "requested"


class AlreadySpecial(Refused):
    """The line is a special order already."""


class NotForSpecial(Refused):
    """Services and drop shipments are not bought as special orders."""


class NotSpecial(Refused):
    """The line is a stock line already."""


class HasNoStock(Refused):
    """A nonstock item is bought against its order only."""


class StockIsThere(Refused):
    """Stock covers the line: only what waits can become a special order by hand."""


@dataclass(frozen=True, slots=True)
class SpecialOrder:
    """What is bought or transferred for one line or kit component; `qty` follows the line's ordered - cancelled."""

    id: UUID
    number: str
    version: int
    order_id: UUID
    line_id: UUID
    component: int
    sku: str
    warehouse: str
    customer: str
    qty: Decimal
    source_vendor: str | None
    source_warehouse: str | None
    cost: Decimal | None
    state: SpecialState
    by_hand: bool
    created_at: datetime
    created_by: str

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """A special order from its stored fields."""
        return named(cls, {**stored, "state": SpecialState(stored["state"])})


@dataclass(frozen=True, slots=True)
class Tie:
    """A quantity of a supply line that belongs to one demand, as purchasing told it."""

    id: UUID
    order_id: UUID
    line_id: UUID
    component: int
    po_id: UUID
    po_number: str
    po_line_id: UUID
    po_line_no: int
    vendor: str
    qty: Decimal
    closed: Decimal
    closed_reason: str | None = None


def pegged(tie: Tie, allotments: Iterable[Allotment]) -> Decimal:
    """What has arrived through the tie.

    Units that a shipment gave back were pegged again under a new allotment, so they count there; missing ones were not.
    """
    through = (a for a in allotments if a.tie_id == tie.id)
    return sum((a.qty - a.returned + a.missing for a in through), ZERO)


def still_open(tie: Tie, allotments: Iterable[Allotment]) -> Decimal:
    """What of the tie is still to come: qty - closed - pegged."""
    return max(ZERO, tie.qty - tie.closed - pegged(tie, allotments))


def closed_off(tie: Tie, allotments: Iterable[Allotment]) -> Decimal:
    """What of the tie will never come.

    Purchasing may close a part in the moment in which it arrives: the goods were there first, so no more is closed than
    was not pegged ("cancel and receipt, either first, end alike").
    """
    return min(tie.closed, max(ZERO, tie.qty - pegged(tie, allotments)))


def state_of(line: Line, granted: Decimal, shipped: Decimal, open_ties: Decimal) -> SpecialState:
    """SO-1: cancelled; fulfilled (all shipped); ready (all granted); in progress (a part); ordered; else requested."""
    qty = line.ordered - line.cancelled
    if qty <= ZERO:
        return SpecialState.CANCELLED
    if shipped >= qty:
        return SpecialState.FULFILLED
    if granted >= qty:
        return SpecialState.READY
    if granted > ZERO:
        return SpecialState.IN_PROGRESS
    return SpecialState.ORDERED if open_ties > ZERO else SpecialState.REQUESTED


def derived(
    special: SpecialOrder, line: Line, allotments: Iterable[Allotment], ties: Iterable[Tie]
) -> SpecialOrder:
    """The special order with its quantity, terms and state as the line and its facts now say.

    A line that takes stock instead (SO-5) has let go of it.
    """
    if not line.is_special:
        return changed(special, state=SpecialState.CANCELLED)
    mine = [allotment for allotment in allotments if allotment.component == special.component]
    to_come = sum((still_open(tie, mine) for tie in ties if tie.component == special.component), ZERO)
    qty = line.ordered - line.cancelled
    return changed(
        special,
        # a cancelled one keeps the quantity it was for
        qty=qty if qty > ZERO else special.qty,
        source_vendor=line.source_vendor,
        source_warehouse=line.source_warehouse,
        cost=line.cost,
        state=state_of(line, line.granted, line.shipped, to_come),
    )


def use_stock(line: Line) -> Line:
    """SO-5, `use stock instead`: from now on a stock line, with the rank that it has.

    Its tie, and what has arrived through it and can still be taken back, is freed by purchasing and inventory.
    """
    if not line.is_special:
        raise NotSpecial(f"Line {line.line_no} is supplied from stock already", line_no=line.line_no)
    if line.kind is ItemKind.NONSTOCK:
        raise HasNoStock(
            f"Line {line.line_no} ({line.sku}) is a nonstock item: it is bought for its order only",
            line_no=line.line_no,
            sku=line.sku,
        )
    if line.is_done:
        raise LineIsDone(
            f"Line {line.line_no} is done: every unit is shipped or cancelled", line_no=line.line_no
        )
    return replace(line, special_order=False)


def must_be_waiting(line: Line, qty: Decimal) -> None:
    """Whether a special order may be made of `qty` of a stock line by hand (SO-1).

    The line's open stock is zero or negative exactly when inventory has answered and the line still waits; what stock
    has granted stays a stock line.
    """
    if line.is_special:
        raise AlreadySpecial(
            f"Line {line.line_no} is a special order already", line_no=line.line_no, sku=line.sku
        )
    if line.is_service or line.drop_ship:
        raise NotForSpecial(
            f"Line {line.line_no} ({line.sku}) is not supplied through a warehouse and cannot be a special order",
            line_no=line.line_no,
            sku=line.sku,
        )
    waits = line.waiting if line.has_settled and line.wish_is_settled else ZERO
    if qty > waits:
        raise StockIsThere(
            f"Only what waits for stock can be made a special order: {plain(waits)} of line {line.line_no} "
            f"({line.sku}), not {plain(qty)}",
            line_no=line.line_no,
            sku=line.sku,
            wanted=qty,
            waiting=waits,
            granted=line.granted,
        )
