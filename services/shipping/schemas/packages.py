"""What REST callers get of a shipment's packages."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from pydantic import Field

from services.shipping.domain import shipment as domain
from services.shipping.domain.packing import packed_units
from services.shipping.domain.shipment import State
from shared.decimals import ZERO
from shared.quantity import Qty
from shared.web import Output


class Content(Output):
    """So many units of a shipment line in a package."""

    shipment_line_id: UUID
    order_number: str = Field(examples=["SO-000123"])
    line_no: int
    component: int
    sku: str
    qty: Qty


class Package(Output):
    """One box of a shipment."""

    package_no: int
    tracking_number: str | None
    weight: Qty | None = Field(description="In kilograms")
    contents: list[Content]


class Packages(Output):
    """The packages of a shipment, and what of it is in none."""

    shipment_id: UUID
    number: str = Field(examples=["SH-000123"])
    version: int
    state: State
    data: list[Package]
    unpacked: list[Content]


def packages(packed: Any) -> Packages:
    """A shipment's packages (`views.Packed`), as callers get them."""
    lines = {line.shipment_line_id: line for line in packed.shipment.lines}
    boxes = packed_units(packed.packages)
    left = {key: line.qty - boxes.get(key, ZERO) for key, line in lines.items()}
    return Packages(
        shipment_id=packed.shipment.shipment_id,
        number=packed.shipment.number,
        version=packed.shipment.version,
        state=packed.shipment.state,
        data=[
            Package(
                package_no=one.package_no,
                tracking_number=one.tracking_number,
                weight=one.weight,
                contents=[_content(lines[c.shipment_line_id], c.qty) for c in one.contents],
            )
            for one in packed.packages
        ],
        unpacked=[_content(lines[key], qty) for key, qty in left.items() if qty],
    )


def _content(line: domain.Line, qty: Decimal) -> Content:
    return Content(
        shipment_line_id=line.shipment_line_id,
        order_number=line.order_number,
        line_no=line.line_no,
        component=line.component,
        sku=line.sku,
        qty=qty,
    )
