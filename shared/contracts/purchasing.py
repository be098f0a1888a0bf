"""What purchasing tells: purchase orders with their ties, and what is in the way of buying."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from shared.contracts.base import Fact, Record, ShipTo
from shared.quantity import Money, Qty


class PurchaseOrderState(StrEnum):
    """BUY-19."""

    DRAFT = "draft"
    AWAITING_APPROVAL = "awaiting_approval"
    OPEN = "open"
    PARTIALLY_RECEIVED = "partially_received"
    RECEIVED = "received"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Tie(Record):
    """A quantity of a PO line that belongs to one demand. `open = qty - closed - pegged through it`."""

    tie_id: UUID
    special_order_id: UUID | None = None
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    qty: Qty
    closed: Qty = Decimal(0)
    """Broken off: by a cancellation, a reduction, a close, or because it came too late. Only grows."""
    closed_reason: str | None = None


class PurchaseOrderLine(Record):
    """A line of a purchase order, in the item's unit; `purchase_unit` and `units_per` say how the vendor packs it."""

    po_line_id: UUID
    line_no: int
    sku: str
    description: str
    unit: str
    ordered: Qty
    cancelled: Qty = Decimal(0)
    purchase_unit: str
    units_per: Qty = Decimal(1)
    cost: Money
    """Per item unit, in the PO's currency (BUY-9)."""
    expected_on: date | None = None
    ties: list[Tie]


class PurchaseOrderSnapshot(Fact):
    """The whole purchase order with its ties at one version; a higher version replaces a lower one."""

    po_id: UUID
    number: str
    version: int
    state: PurchaseOrderState
    vendor: str
    warehouse: str
    currency: str
    drop_ship: bool = False
    ship_to: ShipTo | None = None
    sent_at: datetime | None = None
    lines: list[PurchaseOrderLine]

    @property
    def subject(self) -> str:
        return str(self.po_id)


class PurchaseOrderOpened(PurchaseOrderSnapshot):
    """The PO was sent: from now on its goods may arrive."""

    TYPE: ClassVar[str] = "purchasing.purchase-order.opened.v1"


class PurchaseOrderChanged(PurchaseOrderSnapshot):
    """Lines, ties, dates or quantities have changed, or a draft was made. Receipts are inventory's to tell."""

    TYPE: ClassVar[str] = "purchasing.purchase-order.changed.v1"


class PurchaseOrderCancelled(PurchaseOrderSnapshot):
    """Nothing of it can be received any more; every tie is closed down to what was pegged (BUY-16)."""

    TYPE: ClassVar[str] = "purchasing.purchase-order.cancelled.v1"


class PurchaseOrderClosed(PurchaseOrderSnapshot):
    """Finished, in full or short; ties left open are closed (BUY-16)."""

    TYPE: ClassVar[str] = "purchasing.purchase-order.closed.v1"


class ReductionWish(Record):
    """The line should bring no more than `supply` in all, received goods included."""

    po_line_id: UUID
    supply: Qty


class SupplyReductionAsked(Fact):
    """A sent PO, or a line of it, shall shrink: inventory says how much can no longer be received."""

    TYPE: ClassVar[str] = "purchasing.supply.reduction-asked.v1"

    question_id: UUID
    po_id: UUID
    lines: list[ReductionWish]

    @property
    def subject(self) -> str:
        return str(self.po_id)


class ExceptionKind(StrEnum):
    """Why something cannot be bought as it stands; see docs/glossary.md."""

    NO_SOURCE = "no_source"
    TRANSFER_NOT_AVAILABLE = "transfer_not_available"
    """The source is a warehouse, and transfers are not built yet (SO-4)."""
    UNKNOWN_VENDOR = "unknown_vendor"
    ZERO_COST = "zero_cost"
    CREDIT_HOLD = "credit_hold"
    CURRENCY_MISMATCH = "currency_mismatch"
    OVER_RECEIPT = "over_receipt"


class ExceptionSnapshot(Fact):
    """An entry of the exception desk: the Sales exceptions report is the list of these (BUY-2)."""

    exception_id: UUID
    version: int
    kind: ExceptionKind
    order_id: UUID | None = None
    order_number: str | None = None
    line_id: UUID | None = None
    line_no: int | None = None
    component: int | None = None
    po_id: UUID | None = None
    po_number: str | None = None
    warehouse: str
    sku: str
    qty: Qty
    message: str
    first_seen_at: datetime

    @property
    def subject(self) -> str:
        return str(self.exception_id)


class ExceptionRaised(ExceptionSnapshot):
    """Somebody must look."""

    TYPE: ClassVar[str] = "purchasing.exception.raised.v1"


class ExceptionCleared(ExceptionSnapshot):
    """What was in the way is gone."""

    TYPE: ClassVar[str] = "purchasing.exception.cleared.v1"


class TaskKind(StrEnum):
    """What a buyer should look at."""

    TIE_BROKEN = "tie_broken"
    """A tie of a sent PO was broken from the demand's side: its units stay on the PO, untied (BUY-16)."""
    PEG_LOST = "peg_lost"
    """Units that had come through a tie were lost in stock: their need reopens (BO-12)."""


class TaskSnapshot(Fact):
    """A task of a buyer; a higher version replaces a lower one: 1 raised, 2 done."""

    task_id: UUID
    version: int
    kind: TaskKind
    buyer: str
    warehouse: str
    po_id: UUID
    po_number: str
    po_line_no: int
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    sku: str
    qty: Qty
    reason: str
    message: str
    created_at: datetime

    @property
    def subject(self) -> str:
        return str(self.task_id)


class TaskRaised(TaskSnapshot):
    """A buyer has something to look at."""

    TYPE: ClassVar[str] = "purchasing.task.raised.v1"


class TaskDone(TaskSnapshot):
    """Somebody has seen to it."""

    TYPE: ClassVar[str] = "purchasing.task.done.v1"
