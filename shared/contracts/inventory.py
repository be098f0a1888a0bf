"""What inventory tells: what exists, who got it, and the one question about taking it back."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from shared.contracts.base import Fact, ItemKind, Record, Source
from shared.quantity import Money, Qty, SignedQty


class KitRecipeLine(Record):
    """One component of a kit (ITEM-7)."""

    seq: int
    sku: str
    qty_per_kit: Qty


class WarehouseSource(Record):
    """Where an item's special orders for one warehouse come from (ITEM-6); warehouse "*" is the default."""

    warehouse: str
    source: Source


class ItemSaved(Fact):
    """An item as it now stands; a higher version replaces a lower one. Open lines never follow it (ITEM-1)."""

    TYPE: ClassVar[str] = "inventory.item.saved.v1"

    sku: str
    version: int
    description: str
    kind: ItemKind
    unit: str
    precision: int
    product_line: str | None = None
    special_order: bool
    drop_ship: bool
    price: Money | None = None
    currency: str | None = None
    sources: list[WarehouseSource] = []
    kit: list[KitRecipeLine] = []

    @property
    def subject(self) -> str:
        return self.sku


class WarehouseSaved(Fact):
    """A warehouse or store as it now stands."""

    TYPE: ClassVar[str] = "inventory.warehouse.saved.v1"

    code: str
    version: int
    name: str
    company: str
    time_zone: str

    @property
    def subject(self) -> str:
        return self.code


class Origin(StrEnum):
    """Where an allotment's units came from: the free stock, or a receipt line through a tie (a peg)."""

    STOCK = "stock"
    RECEIPT = "receipt"


class Allotment(Record):
    """The claim ticket: a fixed quantity of stock that belongs to one order line (or kit component).

    Every figure is absolute and only grows. Inventory writes the ones told here; `taken = withdrawn + failed`;
    live = qty - taken - shipped - returned, where shipping writes the last two.
    """

    allotment_id: UUID
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    sku: str
    warehouse: str
    qty: Qty
    origin: Origin
    receipt_line_id: UUID | None = None
    tie_id: UUID | None = None
    gated: bool = False
    withdrawn: Qty = Decimal(0)
    """Given back through the question: a cancellation, reduction, priority or loss."""
    failed: Qty = Decimal(0)
    """Failed inspection; now in quarantine."""
    passed: Qty = Decimal(0)
    """Inspected and good; under the gate only these can be picked."""


class Taken(Record):
    """What one decision took from a line: for a higher-ranked order (BO-9), or because stock was lost (BO-12).

    Its news says it once: it is what this decision took, not a sum over time. `qty` units came back and are granted to
    the line no more; `refused` units were wanted too but could not move any more (BO-10: blocked by pick lock).
    """

    qty: Qty
    reason: str
    """priority: an order of a higher priority; rank: an earlier rank of the same priority; loss."""
    for_order_id: UUID | None = None
    """The order at whose request the units were taken; they go to the queue, so not necessarily to it alone."""
    for_order_number: str | None = None
    refused: Qty = Decimal(0)
    question_id: UUID | None = None
    """The question that brought them: with the allotment and its `withdrawn` figure the natural key of this news."""
    allotment_id: UUID | None = None
    """Whose units they were; the standing names the allotment. None: told before this was said."""


class LineStanding(Record):
    """What inventory has now decided for one line or component."""

    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    sku: str
    warehouse: str
    settled_version: int
    """The newest version of the order that inventory has carried out for this line, questions answered: those that ask
    the line for units, and those that ask others for what it lacks (BO-9). 0: not yet, or the standing is no answer to an
    order (a fill from goods that came): alone it is nothing to decide on."""
    allotments: list[Allotment]
    """The line's allotments that are new or have changed; of an answer to its order every live one, so that it may be
    heard before an older one."""
    taken: list[Taken] = []
    """What this decision took from the line for others; empty for a fill, and when the line itself gave units up."""


class StockAllotted(Fact):
    """Stock went to, or came back from, these lines: at an opening (all its lines, even with nothing), a change, a fill.

    Each standing is complete in itself; a long list is told in several facts.
    """

    TYPE: ClassVar[str] = "inventory.stock.allotted.v1"

    reason: str
    """opened, changed, cancelled, adjustment, return, receipt, ship, void, withdrawal, inspection, sweep, by hand,
    unpicked, primary schedule, secondary schedule."""
    lines: list[LineStanding]

    @property
    def subject(self) -> str:
        return str(self.lines[0].order_id)


class ShortTie(Record):
    """A tie that this receipt did not fill: who is short, and by how much (SO-8)."""

    tie_id: UUID
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    missing: Qty


class ReceivedLine(Record):
    """One line of a completed receipt: `received = pegged + filled + free`."""

    receipt_line_id: UUID
    po_line_id: UUID
    po_line_no: int
    sku: str
    description: str
    unit: str
    expected: Qty
    received: Qty
    surplus: Qty
    """Received beyond what was expected (SO-8: free stock, and an exception)."""
    free: Qty
    inspection_id: UUID | None = None
    pegs: list[Allotment]
    fills: list[Allotment]
    short: list[ShortTie] = []


class GoodsReceived(Fact):
    """An incoming shipment was completed (SO-6, SO-16): the stock moved, pegs and fills were made in one transaction.

    A line with more allotments than one part holds stands again in the next part: the same `receipt_line_id` with the
    same figures and further allotments.
    """

    TYPE: ClassVar[str] = "inventory.goods.received.v1"

    receipt_id: UUID
    receipt_number: str
    part: int = 1
    parts: int = 1
    po_id: UUID
    po_number: str
    vendor: str
    warehouse: str
    received_at: datetime
    received_by: str
    lines: list[ReceivedLine]

    @property
    def subject(self) -> str:
        return str(self.receipt_id)


class GoodsPegged(Fact):
    """A tie heard after its goods: what of them was still free is pegged now; does all that GoodsReceived's pegs do."""

    TYPE: ClassVar[str] = "inventory.goods.pegged.v1"

    receipt_id: UUID
    receipt_number: str
    receipt_line_id: UUID
    po_id: UUID
    po_number: str
    po_line_id: UUID
    vendor: str
    sku: str
    description: str
    unit: str
    warehouse: str
    inspection_id: UUID
    inspection_version: int = 0
    """The inspection's version after these pegs extended it: a completion of an older version does not cover them."""
    pegs: list[Allotment]

    @property
    def subject(self) -> str:
        return str(self.receipt_line_id)


class TieMissed(Fact):
    """A tie came too late: its goods are gone. Purchasing breaks it by `missed` in all and requests again."""

    TYPE: ClassVar[str] = "inventory.tie.missed.v1"

    tie_id: UUID
    po_id: UUID
    po_line_id: UUID
    order_id: UUID
    line_id: UUID
    component: int
    missed: Qty

    @property
    def subject(self) -> str:
        return str(self.tie_id)


class InspectionCompleted(Fact):
    """Units of one receipt line were inspected (SO-9). Figures are sums over all rounds of this inspection."""

    TYPE: ClassVar[str] = "inventory.inspection.completed.v1"

    inspection_id: UUID
    version: int
    receipt_id: UUID
    receipt_number: str
    receipt_line_id: UUID
    po_id: UUID
    po_number: str
    po_line_id: UUID
    vendor: str
    sku: str
    warehouse: str
    to_inspect: Qty
    passed: Qty
    failed: Qty
    closed: bool
    """Nothing is left to inspect."""
    inspected_by: str
    reason: str | None = None
    allotments: list[Allotment]

    @property
    def subject(self) -> str:
        return str(self.inspection_id)


class GoodsReturned(Fact):
    """A customer brought goods back, to stock or to quarantine (SO-12, BO-7)."""

    TYPE: ClassVar[str] = "inventory.goods.returned.v1"

    return_id: UUID
    number: str
    order_id: UUID | None = None
    line_id: UUID | None = None
    sku: str
    warehouse: str
    qty: Qty
    to_quarantine: bool
    reason: str

    @property
    def subject(self) -> str:
        return str(self.return_id)


class WithdrawalAsk(Record):
    """`wanted` is the allotment's `withdrawn` figure that inventory would like: absolute, so asking twice is one ask."""

    allotment_id: UUID
    order_id: UUID
    line_id: UUID
    component: int
    sku: str
    warehouse: str
    wanted: Qty
    for_order_id: UUID | None = None
    """The order that the units are wanted for (reasons priority and rank); None: the line itself gives them up, or a
    loss does."""
    for_order_number: str | None = None


class WithdrawalAsked(Fact):
    """The one question: may these units be taken back? Shipping answers with UnitsWithdrawn (design, section 1).

    `reason`: order changed, unpicked (the line gives up its own), priority, rank (for a line that ranks ahead, BO-9),
    loss (BO-12).
    """

    TYPE: ClassVar[str] = "inventory.withdrawal.asked.v1"

    question_id: UUID
    reason: str
    asks: list[WithdrawalAsk]

    @property
    def subject(self) -> str:
        return str(self.question_id)


class ReplenishmentNeeded(Fact):
    """Stock of one item in one warehouse is below its minimum, or its safety stock (BO-17): what to buy, all in all.

    A full snapshot by key: a higher version replaces a lower one, and `qty` 0 withdraws the proposal. Supply that is
    on its way counts in the position, so what has been ordered is not proposed again.
    """

    TYPE: ClassVar[str] = "inventory.replenishment.needed.v1"

    sku: str
    warehouse: str
    version: int
    qty: Qty
    """target - position; 0: nothing any more."""
    position: SignedQty
    """available - unallotted need of the queue + open untied supply."""
    minimum: Qty
    target: Qty
    safety: Qty
    lead_time_days: int
    source: Source
    """Where the item comes from for this warehouse, if anything is said of it (ITEM-6)."""

    @property
    def subject(self) -> str:
        return self.sku


class ReducedLine(Record):
    """How much of a PO line can still arrive or has arrived: what is above is given up."""

    po_line_id: UUID
    supply: Qty
    """received so far + what can still be received under the reduction; never below what was received."""


class SupplyReduced(Fact):
    """The answer to purchasing's SupplyReductionAsked."""

    TYPE: ClassVar[str] = "inventory.supply.reduced.v1"

    question_id: UUID
    po_id: UUID
    lines: list[ReducedLine]

    @property
    def subject(self) -> str:
        return str(self.po_id)
