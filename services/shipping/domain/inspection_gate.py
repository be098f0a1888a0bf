"""The inspection gate (SO-9): under it nothing uninspected is picked."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO, plain
from shared.errors import Refused

from .allotment import Allotment
from .shipment import Line, Share, Shipment, State

Newer = Mapping[UUID, Decimal]
"""Units of allotments on pending shipments that are newer than the one at hand."""
NOTHING: Newer = {}


class NotInspected(Refused):
    """Units on the shipment have not passed inspection yet."""


def waiting(shipment: Shipment, share: Share, allotments: Mapping[UUID, Allotment], newer: Newer) -> Decimal:
    """How many units of a share nobody has passed.

    Only pending shipments hold such units. Where an allotment stands on several, the oldest has the passed ones.
    """
    if shipment.state is not State.PENDING:
        return ZERO
    left = allotments[share.allotment_id].uninspected - newer.get(share.allotment_id, ZERO)
    return min(share.qty, max(ZERO, left))


def uninspected(
    shipment: Shipment, allotments: Mapping[UUID, Allotment], newer: Newer = NOTHING
) -> dict[UUID, Decimal]:
    """The units per shipment line that nobody has passed; lines with none are left out."""
    found = {
        line.shipment_line_id: sum((waiting(shipment, one, allotments, newer) for one in line.shares), ZERO)
        for line in shipment.lines
    }
    return {shipment_line_id: units for shipment_line_id, units in found.items() if units}


def not_inspected(shipment: Shipment, found: Mapping[UUID, Decimal], why: str = "") -> NotInspected:
    """The refusal, naming the lines and their quantities; `found` are the uninspected units per shipment line."""
    lines = [line for line in shipment.lines if line.shipment_line_id in found]
    told = ", ".join(f"{plain(found[line.shipment_line_id])} of {line.sku}" for line in lines)
    return NotInspected(
        f"{shipment.number} cannot be picked: {told} wait for inspection{why}; complete the inspection first",
        shipment=shipment.number,
        lines=[_told(line, found[line.shipment_line_id]) for line in lines],
    )


def _told(line: Line, units: Decimal) -> dict[str, object]:
    return {
        "shipment_line_id": line.shipment_line_id,
        "order": line.order_number,
        "line_no": line.line_no,
        "component": line.component,
        "sku": line.sku,
        "qty": line.qty,
        "uninspected": units,
    }
