"""What shipping tells: what stands on shipments, what left, and whether units could still be taken back."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from shared.contracts.base import Fact, Record
from shared.quantity import Qty


class ShipmentState(StrEnum):
    """SHIP-1: pending shipments may change; from picking on they are locked."""

    PENDING = "pending"
    PICKING = "picking"
    PACKED = "packed"
    SHIPPED = "shipped"
    VOIDED = "voided"


class ShipmentShare(Record):
    """The units of one allotment on a shipment line."""

    allotment_id: UUID
    qty: Qty
    shipped: Qty = Decimal(0)


class ShipmentLine(Record):
    """One order line (or kit component) on the shipment; `qty` is the sum of its shares."""

    shipment_line_id: UUID
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    sku: str
    unit: str
    qty: Qty
    shipped: Qty = Decimal(0)
    shares: list[ShipmentShare]


class Shipment(Record):
    """The whole shipment at one version; a higher version replaces a lower one.

    `version` counts the snapshots that were told (1, 2, 3 … without a gap); REST's ETag counts every change.
    """

    shipment_id: UUID
    number: str
    version: int
    state: ShipmentState
    customer: str
    warehouse: str
    currency: str
    ship_to_code: str
    carrier: str | None = None
    tracking_number: str | None = None
    lines: list[ShipmentLine]


class AllotmentFigures(Record):
    """Shipping's figures of one allotment: absolute, only growing (the claim ticket)."""

    allotment_id: UUID
    order_id: UUID
    line_id: UUID
    component: int
    shipped: Qty
    returned: Qty
    missing: Qty = Decimal(0)
    """How much of `returned` was not found: inventory books it as a discrepancy (SHIP-3)."""
    unproven: Qty = Decimal(0)
    """How much of `returned` nobody had passed: the uninspected rest of a mixed pick that was voided (SO-9)."""


class ShipmentCreated(Fact):
    """A shipment is new, or a pending one was extended: one draft invoice per shipment follows (SO-14)."""

    TYPE: ClassVar[str] = "shipping.shipment.created.v1"

    shipment: Shipment

    @property
    def subject(self) -> str:
        return str(self.shipment.shipment_id)


class ShortAnswer(StrEnum):
    """SHIP-3: what becomes of the part that did not ship."""

    BACKORDER = "backorder"
    CLOSE = "close"


class ShortLine(Record):
    """One order line that shipped less than expected, and the answer that was given."""

    line_id: UUID
    component: int
    short: Qty
    answer: ShortAnswer
    missing: bool


class ShipmentShipped(Fact):
    """The goods left, with actual quantities (SHIP-3)."""

    TYPE: ClassVar[str] = "shipping.shipment.shipped.v1"

    shipment: Shipment
    shipped_at: datetime
    shipped_by: str
    allotments: list[AllotmentFigures]
    short: list[ShortLine] = []
    override_reason: str | None = None
    """Why a complete order or an all-or-nothing line left short (SHIP-3); None when none did."""

    @property
    def subject(self) -> str:
        return str(self.shipment.shipment_id)


class ShipmentVoided(Fact):
    """The shipment will not leave; its units go back to their lines (SHIP-4)."""

    TYPE: ClassVar[str] = "shipping.shipment.voided.v1"

    shipment: Shipment
    by_hand: bool
    reason: str
    allotments: list[AllotmentFigures]
    order_ids: list[UUID] = []
    """Every order that had units on it: an emptied shipment has no line left that would say so (SHIP-2)."""

    @property
    def subject(self) -> str:
        return str(self.shipment.shipment_id)


class ShipmentUnpicked(Fact):
    """Back from picking or packed to pending: inventory may ask again for what was refused."""

    TYPE: ClassVar[str] = "shipping.shipment.unpicked.v1"

    shipment: Shipment

    @property
    def subject(self) -> str:
        return str(self.shipment.shipment_id)


class PickLock(Record):
    """A shipment that is being picked or is packed, and how many of the wanted units it keeps; the lock is over with any
    later version of it."""

    shipment_id: UUID
    number: str
    version: int
    qty: Qty


class WithdrawalAnswer(Record):
    """`given` is the allotment's `withdrawn` figure that shipping grants: absolute; `refused` = wanted - given."""

    allotment_id: UUID
    order_id: UUID
    line_id: UUID
    component: int
    wanted: Qty
    given: Qty
    refused: Qty
    refused_because: str | None = None
    sku: str = ""
    warehouse: str = ""
    order_number: str | None = None
    """None while shipping has not heard of the allotment's release."""
    line_no: int | None = None
    locks: list[PickLock] = []
    """Where refused units are locked (BO-10); empty when nothing was refused, or for another reason."""


class UnitsWithdrawn(Fact):
    """The answer that closes a question by its id; with the pending shipments that shrank by it."""

    TYPE: ClassVar[str] = "shipping.units.withdrawn.v1"

    question_id: UUID
    answers: list[WithdrawalAnswer]
    shipments: list[Shipment] = []

    @property
    def subject(self) -> str:
        return str(self.question_id)


class ReleaseWithdrawn(Fact):
    """Shipments that shrank without a question: orders revoked the release (the allotments stay live and unreleased),
    units failed inspection, or a mixed pick left its uninspected rest on a new shipment (SO-9). Each snapshot is whole."""

    TYPE: ClassVar[str] = "shipping.release.withdrawn.v1"

    order_id: UUID
    shipments: list[Shipment]
    order_ids: list[UUID] = []
    """Every order that had units on these shipments: one may carry several of a customer (SHIP-2), and a line that is
    gone says no more whose it was. Empty: `order_id` alone."""

    @property
    def subject(self) -> str:
        return str(self.order_id)
