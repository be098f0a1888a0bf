"""Incoming shipments (SO-16): what a purchase order still brings, and the life of the shipment that brings it."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from services.inventory.domain.demand import Key
from shared.decimals import ZERO
from shared.errors import Refused


class IncomingState(StrEnum):
    """SO-16; only `complete` moves stock."""

    EXPECTED = "expected"
    RECEIVING = "receiving"
    COMPLETE = "complete"
    CANCELLED = "cancelled"
    REVERSED = "reversed"


NEXT: Mapping[IncomingState, frozenset[IncomingState]] = {
    IncomingState.EXPECTED: frozenset(
        {IncomingState.RECEIVING, IncomingState.COMPLETE, IncomingState.CANCELLED}
    ),
    IncomingState.RECEIVING: frozenset(
        {IncomingState.RECEIVING, IncomingState.COMPLETE, IncomingState.CANCELLED}
    ),
    IncomingState.COMPLETE: frozenset({IncomingState.REVERSED}),
    IncomingState.CANCELLED: frozenset(),
    IncomingState.REVERSED: frozenset(),
}

RECEIVABLE = frozenset({"open", "partially_received"})
"""States of a purchase order in which its goods may arrive (BUY-19: receiving needs `open`)."""


class IncomingShipmentMoved(Refused):
    """The shipment's state does not allow that step."""


class PurchaseOrderNotOpen(Refused):
    """Receiving needs an open purchase order (SO-16)."""


def advance(number: str, state: IncomingState, to: IncomingState) -> IncomingState:
    """The next state, or a refusal that names both."""
    if to not in NEXT[state]:
        raise IncomingShipmentMoved(
            f"{number} is {state} and cannot become {to}", state=state.value, wanted=to.value
        )
    return to


def must_be_receivable(po_number: str, po_state: str) -> None:
    """SO-16: only an open purchase order is received."""
    if po_state not in RECEIVABLE:
        raise PurchaseOrderNotOpen(
            f"{po_number} is {po_state}: only an open purchase order can be received; open it first",
            purchase_order=po_number,
            state=po_state,
        )


@dataclass(frozen=True, slots=True)
class PoHead:
    """A purchase order without its lines; version 0: not heard of yet."""

    po_id: UUID
    version: int
    number: str
    state: str
    vendor: str
    warehouse: str
    drop_ship: bool


@dataclass(frozen=True, slots=True)
class PoLine:
    """A purchase order line as inventory knows it.

    `supply_limit` is what inventory has promised purchasing it will let arrive at most, `cancel_floor` the cancelled
    figure by which purchasing has taken that up.
    """

    po_line_id: UUID
    po_id: UUID
    line_no: int
    sku: str
    description: str
    unit: str
    ordered: Decimal
    cancelled: Decimal
    received: Decimal = ZERO
    supply_limit: Decimal | None = None
    cancel_floor: Decimal | None = None

    @property
    def supply(self) -> Decimal:
        """All that the line may bring, received goods included."""
        wanted = self.ordered - self.cancelled
        return wanted if self.supply_limit is None else min(wanted, self.supply_limit)

    @property
    def outstanding(self) -> Decimal:
        """What can still arrive."""
        return max(ZERO, self.supply - self.received)


@dataclass(frozen=True, slots=True)
class Limit:
    """A supply limit in force, or none."""

    supply: Decimal | None
    cancel_floor: Decimal | None


def limit_after(ordered: Decimal, cancelled: Decimal, held: Limit) -> Limit:
    """A limit falls away once purchasing's own figures say it, so that a later increase is not held back by it."""
    if held.supply is None or ordered - cancelled <= held.supply:
        return Limit(None, None)
    floor = held.cancel_floor if held.cancel_floor is not None else ordered - held.supply
    return Limit(None, None) if cancelled >= floor else Limit(held.supply, floor)


def reduced_supply(wish: Decimal, line: PoLine | None, counted: Decimal) -> Decimal:
    """The answer to a wish to shrink: what was received, or stands counted at the dock, has arrived and stays.

    What was promised before is never taken back by a later, larger wish. Of a line not heard of yet nothing can have
    arrived.
    """
    if line is None:
        return wish
    promised = wish if line.supply_limit is None else min(wish, line.supply_limit)
    return max(promised, line.received + counted)


def expected_lines(po_state: str, lines: Mapping[UUID, PoLine]) -> dict[UUID, Decimal]:
    """What the next shipment of a purchase order should bring: {PO line: quantity}; nothing unless it is open."""
    if po_state not in RECEIVABLE:
        return {}
    return {line_id: line.outstanding for line_id, line in lines.items() if line.outstanding > 0}


@dataclass(frozen=True, slots=True)
class Adjusted:
    """What changes on an incoming shipment: lines with a new expected quantity, lines to drop, or all of it."""

    saved: Mapping[UUID, Decimal]
    dropped: tuple[UUID, ...]
    is_cancelled: bool

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.saved or self.dropped or self.is_cancelled)


def adjusted(
    po_state: str, lines: Mapping[UUID, tuple[Decimal, Decimal | None]], wanted: Mapping[UUID, Decimal]
) -> Adjusted:
    """Make a shipment's lines {PO line: (expected, counted)} agree with what its purchase order still brings.

    What stands counted at the dock stays on the shipment even when nothing of it is expected any more.
    """
    counted = {line for line, (_, units) in lines.items() if units}
    if po_state not in RECEIVABLE or not (wanted or counted):
        return Adjusted({}, (), is_cancelled=True)
    target = {**dict.fromkeys(counted, ZERO), **wanted}
    saved = {line: qty for line, qty in target.items() if line not in lines or lines[line][0] != qty}
    return Adjusted(saved, tuple(line for line in lines if line not in target), is_cancelled=False)


@dataclass(frozen=True, slots=True)
class IncomingShipment:
    """An incoming shipment with its lines: {PO line: (expected, counted)}."""

    id: UUID
    number: str
    version: int
    state: IncomingState
    po_id: UUID
    po_number: str
    vendor: str
    warehouse: str
    lines: Mapping[UUID, tuple[Decimal, Decimal | None]]

    @property
    def counted(self) -> dict[UUID, Decimal]:
        """What stands counted at the dock."""
        return {line: counted for line, (_, counted) in self.lines.items() if counted}


@dataclass(frozen=True, slots=True)
class IncomingLine:
    """A line of an incoming shipment."""

    shipment_id: UUID
    po_line_id: UUID
    sku: str
    warehouse: str
    expected: Decimal
    counted: Decimal | None


@dataclass(frozen=True, slots=True)
class ReceiptLine:
    """One counted line of a completed receipt; `pegged` are the units of it that are or were somebody's by a tie."""

    id: UUID
    shipment_id: UUID
    po_id: UUID
    po_line_id: UUID
    sku: str
    warehouse: str
    expected: Decimal
    received: Decimal
    surplus: Decimal
    pegged: Decimal

    @property
    def key(self) -> Key:
        """The stock it went to."""
        return self.sku, self.warehouse
