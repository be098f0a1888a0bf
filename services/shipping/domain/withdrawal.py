"""The one question: may these units be taken back? (design, section 1; BO-10, SHIP-4)"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO, plain

from .allotment import Allotment
from .shipment import LOCKED, Shipment


@dataclass(frozen=True, slots=True)
class Answer:
    """`given` is absolute, like the `wanted` it answers; `refused` is what cannot be given, with the reason."""

    given: Decimal
    refused: Decimal
    refused_because: str | None
    locks: tuple[tuple[Shipment, Decimal], ...] = ()
    """The shipments that keep refused units locked (BO-10)."""


def answer(allotment: Allotment, wanted: Decimal, shipments: Iterable[Shipment]) -> Answer:
    """How much of the withdrawal shipping grants: what has not left and is not being picked.

    An allotment that is not known yet gives all: its release will be netted when it comes. Nothing that was given
    before is taken back, so the answer never falls below the last one.
    """
    if allotment.qty is None:
        given = wanted
    else:
        locked = sum((share for _, share in _locked(allotment, shipments)), ZERO)
        given = min(wanted, allotment.withdrawn + max(ZERO, allotment.live - locked))
    given = max(allotment.withdrawn, given)
    refused = max(ZERO, wanted - given)
    if not refused:
        return Answer(given, refused, None)
    return Answer(given, refused, _why_not(allotment, shipments), tuple(_locked(allotment, shipments)))


def _locked(allotment: Allotment, shipments: Iterable[Shipment]) -> list[tuple[Shipment, Decimal]]:
    return [
        (shipment, shipment.units_of(allotment.allotment_id))
        for shipment in sorted(shipments, key=_age)
        if shipment.state in LOCKED and shipment.units_of(allotment.allotment_id)
    ]


def _why_not(allotment: Allotment, shipments: Iterable[Shipment]) -> str:
    """The reasons in the order of their weight: what left, what is locked, what is gone from the line already."""
    reasons = [f"{plain(allotment.shipped)} shipped"] if allotment.shipped else []
    reasons += [
        f"{plain(qty)} {shipment.state} on {shipment.number}"
        for shipment, qty in _locked(allotment, shipments)
    ]
    reasons += [f"{plain(allotment.returned)} gone back to the line"] if allotment.returned else []
    reasons += [f"{plain(allotment.failed)} failed inspection"] if allotment.failed else []
    return ", ".join(reasons) or "more than the allotment holds"


def _age(shipment: Shipment) -> UUID:
    return shipment.shipment_id
