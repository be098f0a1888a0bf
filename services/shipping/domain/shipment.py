"""A shipment: its life (SHIP-1), its lines, and the shares of allotments that stand on them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.decimals import ZERO
from shared.errors import Refused

from .allotment import Allotment, ShipTo, Terms

MOST_SHARES = 200
"""A shipment holds at most so many shares; what comes then starts the next one. So every fact about it stays small."""


class State(StrEnum):
    """SHIP-1."""

    PENDING = "pending"
    PICKING = "picking"
    PACKED = "packed"
    SHIPPED = "shipped"
    VOIDED = "voided"


NEXT: dict[State, frozenset[State]] = {
    State.PENDING: frozenset({State.PICKING, State.VOIDED}),
    State.PICKING: frozenset({State.PACKED, State.PENDING, State.VOIDED}),
    State.PACKED: frozenset({State.SHIPPED, State.PENDING, State.VOIDED}),
    State.SHIPPED: frozenset(),
    State.VOIDED: frozenset(),
}
"""SHIP-1: what a shipment may become. Unpicking is the way back to pending."""

OPEN = frozenset({State.PENDING, State.PICKING, State.PACKED})
LOCKED = frozenset({State.PICKING, State.PACKED})


class IllegalShipmentMove(Refused):
    """The shipment is not in a state from which it can do that."""


@dataclass(frozen=True, slots=True)
class Share:
    """The units of one allotment on a shipment line."""

    allotment_id: UUID
    qty: Decimal
    shipped: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Line:
    """One order line (or kit component) on a shipment."""

    shipment_line_id: UUID
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    sku: str
    description: str
    unit: str
    precision: int
    remainder_of: UUID | None = None
    """The shipment line that it was divided from by a mixed pick (SO-9): a void gives its units back there (SHIP-4)."""
    shares: tuple[Share, ...] = ()

    @property
    def qty(self) -> Decimal:
        """Expected units."""
        return sum((share.qty for share in self.shares), ZERO)

    @property
    def shipped(self) -> Decimal:
        """Units that left."""
        return sum((share.shipped for share in self.shares), ZERO)

    @property
    def demand(self) -> tuple[UUID, int]:
        """The order line and component that the units are for."""
        return self.line_id, self.component

    def changed_by(self, allotment_id: UUID, units: Decimal) -> "Line":
        """The line with so many more (or fewer) units of an allotment; an empty share goes."""
        shares = {share.allotment_id: share for share in self.shares}
        share = shares.get(allotment_id, Share(allotment_id, ZERO))
        shares[allotment_id] = replace(share, qty=share.qty + units)
        return replace(self, shares=tuple(share for share in shares.values() if share.qty > ZERO))


@dataclass(frozen=True, slots=True)
class Shipment:
    """An outgoing shipment. `version` counts every change (ETag), `told` the snapshots that other services heard."""

    shipment_id: UUID
    number: str
    version: int
    told: int
    state: State
    order_id: UUID
    """The order that it was made for."""
    order_number: str
    customer: str
    warehouse: str
    currency: str
    ship_to: ShipTo
    carrier: str | None
    tracking_number: str | None
    created_at: datetime
    shipped_at: datetime | None = None
    shipped_by: str | None = None
    void_reason: str | None = None
    lines: tuple[Line, ...] = ()

    @property
    def shares(self) -> Iterator[Share]:
        """All shares, line by line."""
        return (share for line in self.lines for share in line.shares)

    def units_of(self, allotment_id: UUID) -> Decimal:
        """How many units of an allotment are on it."""
        return sum((share.qty for share in self.shares if share.allotment_id == allotment_id), ZERO)

    def fits(self, terms: Terms, *, across_orders: bool = False) -> bool:
        """SHIP-2: may units with these terms join? Warehouse, ship-to and currency are equal, and it is pending.

        It was made for the same order, or, `across_orders`, for another one of the customer. A release that names no
        carrier goes with whatever carrier the shipment has by now.
        """
        return (
            self.state is State.PENDING
            and (self.order_id == terms.order_id or (across_orders and self.customer == terms.customer))
            and (self.warehouse, self.currency, self.ship_to) == terms.place
            and terms.carrier in (None, self.carrier)
        )

    def has_room(self, allotment_id: UUID) -> bool:
        """Whether another share fits; units of an allotment that is on it already always do."""
        count = sum(1 for _ in self.shares)
        return count < MOST_SHARES or any(share.allotment_id == allotment_id for share in self.shares)

    def moved_to(self, state: State) -> "Shipment":
        """SHIP-1. Raises IllegalShipmentMove, naming both states."""
        self.refuse_move(state)
        return replace(self, state=state)

    def refuse_move(self, state: State) -> None:
        """SHIP-1. Raises IllegalShipmentMove, naming both states, unless it may become that."""
        if state not in NEXT[self.state]:
            possible = ", ".join(sorted(NEXT[self.state])) or "nothing more"
            raise IllegalShipmentMove(
                f"{self.number} is {self.state} and cannot become {state}; it can become: {possible}",
                shipment=self.number,
                state=self.state,
                wanted_state=state,
            )

    def with_units(self, allotment: Allotment, units: Decimal, new_id: Callable[[], UUID]) -> "Shipment":
        """More units of an allotment: on the line of its demand, which is made when there is none (SHIP-5)."""
        terms = allotment.its_terms
        demand = terms.line_id, terms.component
        lines = list(self.lines)
        at = next((nth for nth, line in enumerate(lines) if line.demand == demand), None)
        if at is None:
            lines.append(new_line(new_id(), allotment, units))
        else:
            lines[at] = lines[at].changed_by(allotment.allotment_id, units)
        return replace(self, lines=tuple(lines))

    def without_units(self, allotment_id: UUID, units: Decimal) -> "Shipment":
        """Fewer units of an allotment; a line that is left empty goes."""
        lines = (
            line.changed_by(allotment_id, -units)
            if any(share.allotment_id == allotment_id for share in line.shares)
            else line
            for line in self.lines
        )
        return replace(self, lines=tuple(line for line in lines if line.shares))


def new_shipment(shipment_id: UUID, terms: Terms, now: datetime, lines: tuple[Line, ...]) -> Shipment:
    """A pending shipment for units with these terms, about to be told; its number is given when it is saved."""
    return Shipment(
        shipment_id=shipment_id,
        number="",
        version=1,
        told=1,
        state=State.PENDING,
        order_id=terms.order_id,
        order_number=terms.order_number,
        customer=terms.customer,
        warehouse=terms.warehouse,
        currency=terms.currency,
        ship_to=terms.ship_to,
        carrier=terms.carrier,
        tracking_number=None,
        created_at=now,
        lines=lines,
    )


def new_line(shipment_line_id: UUID, allotment: Allotment, units: Decimal) -> Line:
    """The line of an allotment's demand, with the first units on it."""
    terms = allotment.its_terms
    return Line(
        shipment_line_id=shipment_line_id,
        order_id=terms.order_id,
        order_number=terms.order_number,
        line_id=terms.line_id,
        line_no=terms.line_no,
        component=terms.component,
        sku=terms.sku,
        description=terms.description,
        unit=terms.unit,
        precision=terms.precision,
        shares=(Share(allotment.allotment_id, units),),
    )
