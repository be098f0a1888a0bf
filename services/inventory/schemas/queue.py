"""The queue over REST: what an order could get, why a line waits, a line filled by hand."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from services.inventory.domain.allotment import Share
from services.inventory.domain.waiting import Code, Known, Part, Why, reasons
from shared.quantity import Qty
from shared.web import Input, Output

MOST_SKUS = 100


class Availability(Output):
    """What an order could get of one item at once (BO-1)."""

    sku: str
    warehouse: str
    available: Qty = Field(description="Free, and wanted by nobody who waits; 0 for an item without stock")
    takeable: Qty = Field(
        description="Units of lines with a lower priority that are not locked and not asked for already (BO-9)"
    )


class Availabilities(Output):
    """A row for every item that was asked for, in order of their codes."""

    data: list[Availability]


def availabilities(rows: Any, warehouse: str) -> Availabilities:
    """From a view's rows."""
    return Availabilities(
        data=[
            Availability(sku=row.sku, warehouse=warehouse, available=row.available, takeable=row.takeable)
            for row in rows
        ]
    )


class ReasonPart(Output):
    """A line, a document or a kind of stock that a reason is about."""

    what: str
    qty: Qty
    order_number: str | None = None
    line_no: int | None = None
    po_number: str | None = None
    expected_on: date | None = None


class Reason(Output):
    """One reason; `qty` is the sum over all that it is about, `parts` are the first 20 of them."""

    code: Code
    qty: Qty
    says: str
    parts: list[ReasonPart]


class Explanation(Output):
    """Why a line is waiting (BO-18), in the order in which it matters."""

    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    sku: str
    warehouse: str
    need: Qty
    granted: Qty
    shipped: Qty
    lacking: Qty
    priority: int
    special: bool
    all_or_nothing: bool
    reasons: list[Reason]


_OF_DEMAND = tuple(name for name in Explanation.model_fields if name != "reasons")


def explanation(known: Known) -> Explanation:
    """From what is known around a line."""
    own = {name: getattr(known.demand, name) for name in _OF_DEMAND}
    return Explanation(**own, reasons=[_reason(why) for why in reasons(known)])


def _reason(why: Why) -> Reason:
    return Reason(code=why.code, qty=why.qty, says=why.says, parts=[_part(part) for part in why.parts])


def _part(part: Part) -> ReasonPart:
    return ReasonPart(**{name: getattr(part, name) for name in ReasonPart.model_fields})


class LineToAllot(Input):
    """Which demand of the order line: 0 is the line itself, else the component of a kit by its sequence number."""

    component: Annotated[int, Field(ge=0, le=9999)] = 0


class AllottedLine(Output):
    """What a line got by hand, and how it stands now."""

    line_id: UUID
    component: int
    order_number: str
    line_no: int
    sku: str
    warehouse: str
    allotted: Qty
    need: Qty
    granted: Qty
    lacking: Qty


def allotted(made: Share) -> AllottedLine:
    """From the handler's result."""
    own = {name: getattr(made.demand, name) for name in AllottedLine.model_fields if name != "allotted"}
    return AllottedLine(**own, allotted=made.qty)
