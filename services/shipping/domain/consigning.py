"""What stands on which shipment: the live units of released allotments, each exactly once (SHIP-2, SHIP-5, SO-6).

1. Units that should no longer be on a shipment are taken off pending ones, the newest shipment first.
2. Units that should be on a shipment and are not join the oldest pending shipment that fits, else a new one.
3. A shipment that was left empty is voided.

The outcome depends on the figures alone, so settling again changes nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO

from .allotment import Allotment, Terms
from .shipment import LOCKED, Shipment, State, new_line, new_shipment


@dataclass(frozen=True, slots=True)
class Change:
    """One shipment before and after; `allotments` are those whose units came or went."""

    before: Shipment | None
    after: Shipment
    allotments: tuple[UUID, ...]

    @property
    def is_emptied(self) -> bool:
        """Nothing is left on it."""
        return self.after.state is State.VOIDED

    @property
    def has_grown(self) -> bool:
        """It is new, or holds more of some allotment than before."""
        if self.before is None:
            return True
        before = {share.allotment_id: share.qty for share in self.before.shares}
        return any(share.qty > before.get(share.allotment_id, ZERO) for share in self.after.shares)


@dataclass(frozen=True, slots=True)
class Stuck:
    """Units that should leave a shipment which is being picked or is packed: they stay (SHIP-1)."""

    shipment: Shipment
    allotment_id: UUID
    units: Decimal


@dataclass(frozen=True, slots=True)
class Settlement:
    """All allotments as they now stand, the shipments that changed, and what could not leave."""

    allotments: dict[UUID, Allotment]
    changes: list[Change]
    stuck: list[Stuck]


def settle(
    allotments: Iterable[Allotment],
    shipments: Iterable[Shipment],
    now: datetime,
    new_id: Callable[[], UUID],
    reasons: Mapping[UUID, str],
    moved: frozenset[UUID] = frozenset(),
    *,
    across_orders: bool = False,
) -> Settlement:
    """Bring shipments in line with the allotments' figures.

    `shipments` are the open ones that hold units of these allotments and the pending ones of their orders, locked.
    `moved` are allotments that were released anew to another place: they leave first, then join what fits. With
    `across_orders` the pending ones of their customers are among the shipments, and may be joined.
    """
    board = _Board(shipments, now, new_id, across_orders)
    settled: dict[UUID, Allotment] = {}
    stuck: list[Stuck] = []
    in_turn = sorted(allotments, key=_turn)
    for allotment in in_turn:
        leaving = (
            allotment.standing if allotment.allotment_id in moved else allotment.standing - allotment.due
        )
        left = board.take_off(allotment.allotment_id, leaving) if leaving > ZERO else ZERO
        if leaving > left:
            stuck += board.locked_units(allotment.allotment_id)
        if left:
            allotment = replace(allotment, standing=allotment.standing - left)
        settled[allotment.allotment_id] = allotment
    for allotment_id in (allotment.allotment_id for allotment in in_turn):
        allotment = settled[allotment_id]
        joining = allotment.due - allotment.standing
        if joining > ZERO:
            board.place(allotment, joining)
            settled[allotment_id] = replace(allotment, standing=allotment.due)
    return Settlement(settled, board.changes(reasons), stuck)


def _turn(allotment: Allotment) -> UUID:
    return allotment.allotment_id


class _Board:
    """The shipments at hand while units come and go."""

    def __init__(
        self, shipments: Iterable[Shipment], now: datetime, new_id: Callable[[], UUID], across_orders: bool
    ) -> None:
        self._before = {shipment.shipment_id: shipment for shipment in shipments}
        self._now = now
        self._new_id = new_id
        self._across_orders = across_orders
        self._after = dict(sorted(self._before.items()))
        self._touched: dict[UUID, dict[UUID, None]] = {}
        self._pending: dict[UUID | str, list[UUID]] = defaultdict(list)
        self._holding: dict[UUID, list[UUID]] = defaultdict(list)
        for shipment in self._after.values():
            self._pending[self._whose(shipment)].append(shipment.shipment_id)
            for allotment_id in {share.allotment_id for share in shipment.shares}:
                self._holding[allotment_id].append(shipment.shipment_id)

    def take_off(self, allotment_id: UUID, units: Decimal) -> Decimal:
        """Take units off pending shipments, newest first; how many could leave."""
        left = ZERO
        for shipment_id in reversed(self._holding[allotment_id]):
            shipment = self._after[shipment_id]
            if shipment.state is not State.PENDING or left == units:
                continue
            leaving = min(units - left, shipment.units_of(allotment_id))
            self._change(shipment.without_units(allotment_id, leaving), allotment_id)
            left += leaving
        return left

    def place(self, allotment: Allotment, units: Decimal) -> None:
        """Put units on the oldest pending shipment that fits, or on a new one (SHIP-2)."""
        terms = allotment.its_terms
        fitting = (
            shipment
            for shipment in (self._after[shipment_id] for shipment_id in self._pending[self._whose(terms)])
            if shipment.fits(terms, across_orders=self._across_orders)
            and shipment.has_room(allotment.allotment_id)
        )
        shipment = next(fitting, None)
        if shipment is None:
            shipment_id, line = self._new_id(), new_line(self._new_id(), allotment, units)
            self._pending[self._whose(terms)].append(shipment_id)
            shipment = new_shipment(shipment_id, terms, self._now, (line,))
        else:
            shipment = shipment.with_units(allotment, units, self._new_id)
        self._change(shipment, allotment.allotment_id)

    def locked_units(self, allotment_id: UUID) -> list[Stuck]:
        """Where units of an allotment stand that cannot leave."""
        return [
            Stuck(shipment, allotment_id, shipment.units_of(allotment_id))
            for shipment in (self._after[shipment_id] for shipment_id in self._holding[allotment_id])
            if shipment.state in LOCKED
        ]

    def changes(self, reasons: Mapping[UUID, str]) -> list[Change]:
        """The shipments that differ, each one version on; empty ones voided with the reason why their units left."""
        changes = []
        for shipment_id, touched in sorted(self._touched.items()):
            before, after = self._before.get(shipment_id), self._after[shipment_id]
            if before is None:
                changes.append(Change(None, after, tuple(touched)))
                continue
            if before.lines == after.lines:
                continue
            after = replace(after, told=after.told + 1, version=after.version + 1)
            if not after.lines:
                reason = next((reasons[one] for one in touched if one in reasons), "nothing is left on it")
                after = replace(after.moved_to(State.VOIDED), void_reason=reason)
            changes.append(Change(before, after, tuple(touched)))
        return changes

    def _whose(self, one: Shipment | Terms) -> UUID | str:
        """Whose pending shipments may be joined: the order's, or all of the customer."""
        return one.customer if self._across_orders else one.order_id

    def _change(self, shipment: Shipment, allotment_id: UUID) -> None:
        self._after[shipment.shipment_id] = shipment
        self._touched.setdefault(shipment.shipment_id, {})[allotment_id] = None
