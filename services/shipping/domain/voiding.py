"""A shipment that will not leave (SHIP-4): its units go back to their lines."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from shared.decimals import ZERO

from .allotment import Allotment
from .shipment import Shipment, State


@dataclass(frozen=True, slots=True)
class Voided:
    """The voided shipment, and its allotments with the units that went back."""

    shipment: Shipment
    allotments: dict[UUID, Allotment]


def void(shipment: Shipment, allotments: Mapping[UUID, Allotment], reason: str) -> Voided:
    """Void by hand, from pending, picking or packed: every live unit on it is returned."""
    gone = replace(
        shipment.moved_to(State.VOIDED),
        version=shipment.version + 1,
        told=shipment.told + 1,
        void_reason=reason,
    )
    after = dict(allotments)
    for share in shipment.shares:
        after[share.allotment_id] = after[share.allotment_id].departed(share.qty, ZERO, missing=False)
    return Voided(gone, after)
