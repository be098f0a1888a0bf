"""A small honest model of shipping: what stands on which shipment, what left, and yes or no to the one question.

Everything that inventory told is taken as released, so each claim ticket goes to a pending shipment of its order. Only
pending shipments change; what is being picked is refused (BO-10). No word here is awaited: each call is one moment.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from functools import singledispatchmethod
from uuid import UUID

from services.inventory.tests.builders import DAY_ONE, named
from shared.contracts import inventory, shipping
from shared.contracts.base import Fact
from shared.contracts.shipping import ShipmentState as State
from shared.ids import new_id

ZERO = Decimal(0)
OPEN = (State.PENDING, State.PICKING, State.PACKED)
LOCKED = (State.PICKING, State.PACKED)


@dataclass
class Ticket:
    """Shipping's figures of an allotment; `claim` is None as long as only a question has named it."""

    claim: inventory.Allotment | None = None
    withdrawn: Decimal = ZERO
    shipped: Decimal = ZERO
    returned: Decimal = ZERO
    missing: Decimal = ZERO

    @property
    def live(self) -> Decimal:
        """Units that could stand on a shipment."""
        if self.claim is None:
            return ZERO
        gone = self.withdrawn + self.claim.failed + self.shipped + self.returned
        return max(ZERO, self.claim.qty - gone)

    @property
    def is_inspected(self) -> bool:
        """Whether the inspection gate lets what is left of it be picked (SO-9)."""
        return self.claim is None or not self.claim.gated or self.claim.passed >= self.live + self.shipped


@dataclass
class Parcel:
    """A shipment of one order from one warehouse: units of each claim ticket."""

    id: UUID
    number: str
    order: UUID
    warehouse: str
    state: State = State.PENDING
    version: int = 0
    shares: dict[UUID, Decimal] = field(default_factory=dict)
    left: dict[UUID, Decimal] = field(default_factory=dict)


@dataclass
class Dispatch:
    """All shipments and claim tickets, and the questions that were answered."""

    tickets: dict[UUID, Ticket] = field(default_factory=dict)
    parcels: list[Parcel] = field(default_factory=list)
    answered: dict[UUID, shipping.UnitsWithdrawn] = field(default_factory=dict)

    # --- hearing inventory --------------------------------------------------------------------------------------------

    @singledispatchmethod
    def hear(self, fact: Fact) -> list[Fact]:
        """What shipping says to a fact of inventory."""
        return []

    @hear.register
    def _(self, fact: inventory.StockAllotted) -> list[Fact]:
        return self._release(claim for line in fact.lines for claim in line.allotments)

    @hear.register
    def _(self, fact: inventory.GoodsReceived) -> list[Fact]:
        return self._release(claim for line in fact.lines for claim in (*line.pegs, *line.fills))

    @hear.register
    def _(self, fact: inventory.GoodsPegged) -> list[Fact]:
        return self._release(fact.pegs)

    @hear.register
    def _(self, fact: inventory.InspectionCompleted) -> list[Fact]:
        return self._release(fact.allotments)

    @hear.register
    def _(self, fact: inventory.WithdrawalAsked) -> list[Fact]:
        if fact.question_id in self.answered:
            return [self.answered[fact.question_id]]
        answer = shipping.UnitsWithdrawn(
            question_id=fact.question_id, answers=[self._answer(ask) for ask in fact.asks]
        )
        self.answered[fact.question_id] = answer
        return [answer, *self._settle(ask.allotment_id for ask in fact.asks)]

    def _release(self, claims: Iterable[inventory.Allotment]) -> list[Fact]:
        """Figures only grow, so a claim that is heard late never replaces a newer one."""
        heard = list(claims)
        for claim in heard:
            ticket = self.tickets.setdefault(claim.allotment_id, Ticket())
            known = ticket.claim or claim
            grown = {"failed": max(known.failed, claim.failed), "passed": max(known.passed, claim.passed)}
            ticket.claim = claim.model_copy(update=grown)
        return self._settle(claim.allotment_id for claim in heard)

    def _answer(self, ask: inventory.WithdrawalAsk) -> shipping.WithdrawalAnswer:
        ticket = self.tickets.setdefault(ask.allotment_id, Ticket())
        free = ask.wanted if ticket.claim is None else ticket.live - self.locked(ask.allotment_id)
        ticket.withdrawn = max(ticket.withdrawn, min(ask.wanted, ticket.withdrawn + max(ZERO, free)))
        refused = max(ZERO, ask.wanted - ticket.withdrawn)
        return shipping.WithdrawalAnswer(
            allotment_id=ask.allotment_id, order_id=ask.order_id, line_id=ask.line_id, component=ask.component,
            wanted=ask.wanted, given=ticket.withdrawn, refused=refused,
            refused_because="picking" if refused else None,
        )  # fmt: skip

    # --- people in the warehouse --------------------------------------------------------------------------------------

    def in_state(self, *states: State) -> list[Parcel]:
        """The shipments that stand so, oldest first."""
        return [parcel for parcel in self.parcels if parcel.state in states]

    def pick(self, parcel: Parcel) -> list[Fact]:
        """From now on it is locked; one with goods that nobody has inspected stays where it is."""
        if all(self.tickets[id_].is_inspected for id_ in parcel.shares):
            parcel.state = State.PICKING
        return []

    def unpick(self, parcel: Parcel) -> list[Fact]:
        """Back to pending."""
        parcel.state = State.PENDING
        ids = list(parcel.shares)
        return [shipping.ShipmentUnpicked(shipment=self._snapshot(parcel)), *self._settle(ids)]

    def void(self, parcel: Parcel, *, by_hand: bool = True) -> list[Fact]:
        """It will not leave: its units go back to their lines."""
        parcel.state = State.VOIDED
        for id_, qty in parcel.shares.items():
            self.tickets[id_].returned += qty
        return [
            shipping.ShipmentVoided(
                shipment=self._snapshot(parcel), by_hand=by_hand, reason="voided", allotments=self._figures(parcel)
            )
        ]  # fmt: skip

    def ship(self, parcel: Parcel, short: Decimal, *, is_missing: bool) -> list[Fact]:
        """It leaves with as much less than expected; the rest goes back to its line, or was not found (SHIP-3)."""
        if not all(self.tickets[id_].is_inspected for id_ in parcel.shares):
            return []
        parcel.state = State.SHIPPED
        short = min(short, sum(parcel.shares.values(), ZERO) - 1)
        for id_ in sorted(parcel.shares, reverse=True):
            ticket, kept = self.tickets[id_], min(short, parcel.shares[id_])
            short -= kept
            parcel.left[id_] = parcel.shares[id_] - kept
            ticket.shipped += parcel.left[id_]
            ticket.returned += kept
            ticket.missing += kept if is_missing else ZERO
        return [
            shipping.ShipmentShipped(
                shipment=self._snapshot(parcel), shipped_at=DAY_ONE, shipped_by="packer",
                allotments=self._figures(parcel),
            )
        ]  # fmt: skip

    # --- what stands where --------------------------------------------------------------------------------------------

    def locked(self, ticket: UUID) -> Decimal:
        """Units of it that a picker has in hand."""
        return sum((parcel.shares.get(ticket, ZERO) for parcel in self.in_state(*LOCKED)), ZERO)

    def of_line(self, line: UUID) -> Iterator[tuple[UUID, Ticket]]:
        """The claim tickets of an order line."""
        return ((id_, own) for id_, own in self.tickets.items() if own.claim and own.claim.line_id == line)

    def _settle(self, tickets: Iterable[UUID]) -> list[Fact]:
        """What is live stands on a shipment, what is not leaves the pending ones; an emptied one is voided."""
        told: list[Fact] = []
        for id_ in tickets:
            ticket = self.tickets[id_]
            standing = sum((p.shares.get(id_, ZERO) for p in self.in_state(*OPEN)), ZERO)
            if ticket.claim and ticket.live > standing:
                shares = self._pending(ticket.claim).shares
                shares[id_] = shares.get(id_, ZERO) + ticket.live - standing
            elif ticket.live < standing:
                told += self._shrink(id_, standing - ticket.live)
        return told

    def _pending(self, claim: inventory.Allotment) -> Parcel:
        for parcel in self.in_state(State.PENDING):
            if (parcel.order, parcel.warehouse) == (claim.order_id, claim.warehouse):
                return parcel
        number = len(self.parcels) + 1
        self.parcels.append(
            Parcel(named(9_000_000 + number), f"SH-{number}", claim.order_id, claim.warehouse)
        )
        return self.parcels[-1]

    def _shrink(self, ticket: UUID, by: Decimal) -> list[Fact]:
        told: list[Fact] = []
        for parcel in self.in_state(State.PENDING):
            units = min(by, parcel.shares.get(ticket, ZERO))
            if units:
                by -= units
                parcel.shares[ticket] -= units
                parcel.shares = {id_: qty for id_, qty in parcel.shares.items() if qty}
                told += [] if parcel.shares else self.void(parcel, by_hand=False)
        return told

    # --- wording ------------------------------------------------------------------------------------------------------

    def _snapshot(self, parcel: Parcel) -> shipping.Shipment:
        parcel.version += 1
        lines = [self._line(parcel, id_, qty) for id_, qty in parcel.shares.items()]
        return shipping.Shipment(
            shipment_id=parcel.id, number=parcel.number, version=parcel.version, state=parcel.state, customer="ACME",
            warehouse=parcel.warehouse, currency="USD", ship_to_code="HQ", lines=lines,
        )  # fmt: skip

    def _line(self, parcel: Parcel, ticket: UUID, qty: Decimal) -> shipping.ShipmentLine:
        claim, left = self._claim(ticket), parcel.left.get(ticket, ZERO)
        return shipping.ShipmentLine(
            shipment_line_id=new_id(), order_id=claim.order_id, order_number=claim.order_number,
            line_id=claim.line_id, line_no=claim.line_no, component=claim.component, sku=claim.sku, unit="EA", qty=qty,
            shipped=left, shares=[shipping.ShipmentShare(allotment_id=ticket, qty=qty, shipped=left)],
        )  # fmt: skip

    def _figures(self, parcel: Parcel) -> list[shipping.AllotmentFigures]:
        return [
            shipping.AllotmentFigures(
                allotment_id=id_, order_id=parcel.order, line_id=self._claim(id_).line_id,
                component=self._claim(id_).component, shipped=self.tickets[id_].shipped,
                returned=self.tickets[id_].returned, missing=self.tickets[id_].missing,
            )
            for id_ in parcel.shares
        ]  # fmt: skip

    def _claim(self, ticket: UUID) -> inventory.Allotment:
        claim = self.tickets[ticket].claim
        assert claim is not None, "a ticket that was never released stands on no shipment"
        return claim
