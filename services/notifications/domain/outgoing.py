"""Outgoing shipments (NOTE-2): ready to be picked, shipped short, voided by hand, or holding what was asked back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeVar
from uuid import UUID, uuid5

from shared.decimals import ZERO

from .notice import Concern, Kind
from .standing import Wish, about, in_turn, order_subject

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Standing:
    """The units of one allotment on a shipment, and how many of the allotment nobody has passed (SO-9)."""

    allotment_id: UUID
    concern: Concern
    unit: str
    uninspected: Decimal


@dataclass(frozen=True, slots=True)
class Parcel:
    """A shipment as its newest snapshot has it."""

    shipment_id: UUID
    number: str
    is_pending: bool
    warehouse: str
    standings: tuple[Standing, ...]

    @property
    def is_ready(self) -> bool:
        """It may be picked, and nothing on it waits for inspection."""
        return self.is_pending and bool(self.standings) and not any(one.uninspected for one in self.standings)


@dataclass(frozen=True, slots=True)
class Lock:
    """Units that were asked back and are being picked or are packed (BO-10)."""

    allotment_id: UUID
    shipment_id: UUID
    shipment_number: str
    warehouse: str
    concern: Concern


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happened to lines of a shipment and is over when they stand on a later one."""

    kind: Kind
    shipment_id: UUID
    number: str
    warehouse: str
    reason: str
    concerns: tuple[Concern, ...]


def ready(parcel: Parcel) -> Wish | None:
    """SHIP-1: somebody may pick it now."""
    if not parcel.is_ready:
        return None
    concerns = _by_line(one.concern for one in parcel.standings)
    return _wish(
        Kind.SHIPMENT_READY, parcel.shipment_id, parcel.number, parcel.warehouse, "is ready to be picked",
        concerns, unit=_one({one.unit for one in parcel.standings}),
    )  # fmt: skip


def happened(incident: Incident) -> Wish:
    """SHIP-3, SHIP-4: it left short, or somebody voided it."""
    words = "shipped short" if incident.kind is Kind.SHORT_SHIP else "was voided"
    return _wish(
        incident.kind, incident.shipment_id, incident.number, incident.warehouse, words, incident.concerns,
        reason=incident.reason,
    )  # fmt: skip


def blocked(order_id: UUID, locks: Sequence[Lock]) -> Wish | None:
    """BO-10: what an order was to give back and cannot, grouped per order and warehouse (all `locks` are of one)."""
    if not locks:
        return None
    concerns = in_turn(_replaced(lock) for lock in locks)
    held = sorted({lock.shipment_number for lock in locks})
    warehouse = locks[0].warehouse
    return Wish(
        Kind.PICK_LOCK,
        order_subject(order_id, warehouse),
        warehouse,
        f"Blocked by pick lock: {about(concerns)} stay on {', '.join(held)}",
        concerns,
        shipment_id=_one({lock.shipment_id for lock in locks}),
        shipment_number=_one({lock.shipment_number for lock in locks}),
        message="Unpick or ship it: until then the units cannot go to whom they were asked back for",
    )


def _replaced(lock: Lock) -> Concern:
    one = lock.concern
    key = uuid5(lock.allotment_id, str(lock.shipment_id))
    return Concern(
        key, one.order_id, one.order_number, one.line_id, one.line_no, one.component, one.qty, one.sku
    )


def _wish(
    kind: Kind,
    shipment_id: UUID,
    number: str,
    warehouse: str,
    words: str,
    concerns: Iterable[Concern],
    *,
    unit: str | None = None,
    reason: str | None = None,
) -> Wish:
    own = in_turn(concerns)
    title = f"{number} {words}: {about(own, unit)}"
    return Wish(kind, shipment_id, warehouse, title, own, unit, shipment_id, number, reason)


def _by_line(concerns: Iterable[Concern]) -> list[Concern]:
    """Units of several allotments of a line are one concern."""
    lines: dict[UUID, Concern] = {}
    for one in concerns:
        known = lines.get(one.key)
        qty = one.qty + (known.qty if known else ZERO)
        lines[one.key] = Concern(
            one.key, one.order_id, one.order_number, one.line_id, one.line_no, one.component, qty, one.sku
        )
    return list(lines.values())


def _one(found: set[T]) -> T | None:
    return next(iter(found)) if len(found) == 1 else None
