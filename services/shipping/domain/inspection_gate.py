"""The inspection gate (SO-9): under it nothing uninspected is picked.

A complete order waits as a whole, wherever its units stand: what is passed, or needs no inspection, does not leave from
one warehouse while the rest of the order may still fail in another (ORD-2).
"""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO, plain
from shared.errors import Refused

from .allotment import Allotment
from .shipment import Line, Share, Shipment, State

Newer = Mapping[UUID, Decimal]
"""Units of allotments on pending shipments that are newer than the one at hand."""
NOTHING: Newer = {}
COMPLETE = "complete"
Late = Mapping[UUID, Sequence[str]]
"""Complete orders with uninspected units on pending shipments: the numbers of those that the caller may know."""
NOBODY: Late = {}


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


def complete_orders(shipment: Shipment, allotments: Mapping[UUID, Allotment]) -> set[UUID]:
    """The orders on a shipment of which nothing leaves before all may, as far as these allotments tell."""
    return {
        line.order_id
        for line in shipment.lines
        for one in line.shares
        if (own := allotments.get(one.allotment_id)) and own.its_terms.ship_type == COMPLETE
    }


def not_inspected(
    shipment: Shipment, found: Mapping[UUID, Decimal], why: str = "", elsewhere: Collection[str] = ()
) -> NotInspected:
    """The refusal, naming lines with quantities, and other shipments; `found`: the uninspected units per shipment line."""
    lines = [line for line in shipment.lines if line.shipment_line_id in found]
    told = [f"{plain(found[line.shipment_line_id])} of {line.sku}" for line in lines]
    if elsewhere:
        told.append(f"units of its complete order on {', '.join(elsewhere)}")
    if not told:
        told.append("units of its complete order in another warehouse")
    return NotInspected(
        f"{shipment.number} cannot be picked: {', '.join(told)} wait for inspection{why}; complete the inspection first",
        shipment=shipment.number,
        lines=[_told(line, found[line.shipment_line_id]) for line in lines],
        other_shipments=[*elsewhere],
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
