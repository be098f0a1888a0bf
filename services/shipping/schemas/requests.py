"""What REST callers send of shipments."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from services.shipping.domain import shipment as domain
from services.shipping.domain.departure import ShortAnswer, ShortUnits
from shared.quantity import PositiveQty, Qty
from shared.web import Input

MOST_IN_A_BATCH = 200

ShortText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class LineCount(Input):
    """What was actually shipped of one line."""

    shipment_line_id: UUID
    shipped: Qty
    short: ShortAnswer | None = Field(
        None, description="When less ships than expected: backorder the rest, or close it"
    )
    units: ShortUnits = Field(
        ShortUnits.MISSING,
        description="Where units are that did not ship: missing (nobody found them) or left (they go back to the line)",
    )


class Override(Input):
    """Somebody's word that what should leave together may leave short."""

    reason: Reason


class ShipRequest(Input):
    """Ship with actual quantities; a line that is not named ships as expected (SHIP-3)."""

    lines: list[LineCount] = Field([], max_length=domain.MOST_SHARES)
    override_complete: Override | None = Field(
        None, description="A complete order or an all-or-nothing line may leave short, for this reason"
    )


class PackageContent(Input):
    """So many units of a shipment line."""

    shipment_line_id: UUID
    qty: PositiveQty


class PackageRequest(Input):
    """What is put into one box."""

    contents: list[PackageContent] = Field(min_length=1, max_length=domain.MOST_SHARES)
    tracking_number: ShortText | None = None
    weight: PositiveQty | None = Field(None, description="In kilograms")


class ShipBatch(Input):
    """Ship many, each as expected."""

    shipment_ids: list[UUID] = Field(min_length=1, max_length=MOST_IN_A_BATCH)


class VoidRequest(Input):
    """Why the shipment will not leave."""

    reason: Reason


class ShipmentChange(Input):
    """A merge patch: what is left out stays, null clears."""

    carrier: ShortText | None = None
    tracking_number: ShortText | None = None
