"""The inspection gate (SO-9): under it nothing uninspected is picked."""

from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO, plain
from shared.errors import Refused

from .allotment import Allotment
from .shipment import Line, Shipment


class NotInspected(Refused):
    """Units on the shipment have not passed inspection yet."""


def uninspected(shipment: Shipment, allotments: Mapping[UUID, Allotment]) -> dict[UUID, Decimal]:
    """The units per shipment line that nobody has passed; lines with none are left out."""
    waiting = {line.shipment_line_id: _waiting(line, allotments) for line in shipment.lines}
    return {shipment_line_id: units for shipment_line_id, units in waiting.items() if units}


def may_pick(shipment: Shipment, allotments: Mapping[UUID, Allotment]) -> None:
    """Raises NotInspected, naming the lines and their quantities."""
    waiting = uninspected(shipment, allotments)
    if not waiting:
        return
    lines = [line for line in shipment.lines if line.shipment_line_id in waiting]
    told = ", ".join(f"{plain(waiting[line.shipment_line_id])} of {line.sku}" for line in lines)
    raise NotInspected(
        f"{shipment.number} cannot be picked: {told} wait for inspection; complete the inspection first",
        shipment=shipment.number,
        lines=[
            {
                "shipment_line_id": line.shipment_line_id,
                "order": line.order_number,
                "line_no": line.line_no,
                "component": line.component,
                "sku": line.sku,
                "qty": line.qty,
                "uninspected": waiting[line.shipment_line_id],
            }
            for line in lines
        ],
    )


def _waiting(line: Line, allotments: Mapping[UUID, Allotment]) -> Decimal:
    return sum((min(share.qty, allotments[share.allotment_id].uninspected) for share in line.shares), ZERO)
