"""Small builders, so that a test shows only what matters to it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand
from services.inventory.domain.receiving import OpenTie
from shared.contracts.base import ItemKind
from shared.contracts.orders import OrderLine, SalesOrderOpened, ShipType
from shared.contracts.purchasing import (
    PurchaseOrderLine,
    PurchaseOrderOpened,
    PurchaseOrderState,
    Tie,
)
from shared.contracts.shipping import (
    AllotmentFigures,
    Shipment,
    ShipmentLine,
    ShipmentShare,
    ShipmentShipped,
    ShipmentState,
    ShipmentVoided,
    UnitsWithdrawn,
    WithdrawalAnswer,
)
from shared.ids import new_id

DAY_ONE = datetime(2026, 3, 2, 8, tzinfo=UTC)
ZERO = Decimal(0)
Number = Decimal | int | str


def minute(n: int) -> datetime:
    """A moment, so many minutes after the first."""
    return DAY_ONE + timedelta(minutes=n)


def named(n: int) -> UUID:
    """An id that sorts by its number."""
    return UUID(int=n)


# --- values of the domain ---------------------------------------------------------------------------------------------


def demand(
    name: int, ordered: Number, *, granted: Number = 0, priority: int = 0, at: int | None = None, **other: Any
) -> Demand:
    """A line of order `name`, opened at minute `at` (its name, unless said)."""
    values: dict[str, Any] = {
        "line_id": named(1000 + name),
        "component": 0,
        "order_id": named(name),
        "order_number": f"SO-{name}",
        "line_no": 10,
        "sku": "TABLE",
        "warehouse": "MAIN",
        "ordered": Decimal(ordered),
        "cancel_wanted": ZERO,
        "granted": Decimal(granted),
        "shipped": ZERO,
        "priority": priority,
        "ranked_at": minute(name if at is None else at),
        "special": False,
        "all_or_nothing": False,
        "heard_version": 1,
        "settled_version": 0,
    }
    return Demand(**{**values, **other})


def allotment(name: int, qty: Number, *, order: int = 1, peg: bool = False, **figures: Number) -> Allotment:
    """An allotment of order `order`; a peg if told so; figures as keywords."""
    plain = Allotment(named(name), named(order), named(1000 + order), 0, "TABLE", "MAIN", Decimal(qty))
    if peg:
        plain = replace(plain, receipt_line_id=named(77), tie_id=named(500 + order))
    return replace(plain, **{figure: Decimal(value) for figure, value in figures.items()})  # type: ignore[arg-type]  # figures only


def ints(*values: Decimal) -> tuple[int, ...]:
    """Whole quantities, for comparing several at once."""
    assert all(value == int(value) for value in values)
    return tuple(int(value) for value in values)


def tie(
    name: int, open_: Number, *, lacking: Number | None = None, priority: int = 0, line: int = 1
) -> OpenTie:
    """An open tie of order `name` on PO line `line`; `lacking` is as much as it is open unless said, None: not heard."""
    rank = (-priority, minute(name), named(name), 10, 0)
    return OpenTie(
        named(500 + name), named(line), named(name), f"SO-{name}", named(1000 + name), 10, 0, None, Decimal(open_),
        Decimal(open_ if lacking is None else lacking), rank,
    )  # fmt: skip


def unheard_tie(name: int, open_: Number, *, line: int = 1) -> OpenTie:
    """A tie whose order has not been heard of yet."""
    return OpenTie(
        named(500 + name),
        named(line),
        named(name),
        f"SO-{name}",
        named(1000 + name),
        10,
        0,
        None,
        Decimal(open_),
        None,
        None,
    )


# --- facts of others --------------------------------------------------------------------------------------------------


def order_line(
    qty: Number,
    sku: str = "TABLE",
    *,
    line_no: int = 10,
    kind: str = "stocked",
    special: bool = False,
    **other: Any,
) -> OrderLine:
    """A line of an order."""
    values: dict[str, Any] = {
        "line_id": new_id(),
        "line_no": line_no,
        "sku": sku,
        "description": f"A {sku.lower()}",
        "kind": ItemKind(kind),
        "unit": "EA",
        "precision": 0,
        "warehouse": "MAIN",
        "ordered": Decimal(qty),
        "cancelled": ZERO,
        "cancel_wanted": ZERO,
        "special_order": special,
        "drop_ship": False,
        "ranked_at": DAY_ONE,
    }
    return OrderLine(**{**values, **other})


_orders = iter(range(1, 1_000_000))


def opened(*lines: OrderLine, at: int = 0, **other: Any) -> SalesOrderOpened:
    """An order that opened at minute `at`, with its lines ranked then."""
    n = next(_orders)
    values: dict[str, Any] = {
        "order_id": new_id(),
        "number": f"SO-{n:06d}",
        "version": 1,
        "state": "open",
        "customer": "ACME",
        "ship_to_code": "HQ",
        "ship_type": ShipType.PARTIAL_OK,
        "priority": 0,
        "currency": "USD",
        "credit_hold": False,
        "opened_at": minute(at),
        "created_by": "clerk",
        "lines": [line.model_copy(update={"ranked_at": minute(at)}) for line in lines],
    }
    return SalesOrderOpened(**{**values, **other})


def changed(
    order: Any,
    kind: type[Any],
    *,
    version: int | None = None,
    wanted: dict[int, Number] | None = None,
    **other: Any,
) -> Any:
    """A later snapshot of an order: `wanted` = {line number: cancel_wanted}."""
    lines = [
        line.model_copy(
            update={"cancel_wanted": Decimal((wanted or {}).get(line.line_no, line.cancel_wanted))}
        )
        for line in order.lines
    ]
    values = {**order.model_dump(), "version": version or order.version + 1, "lines": lines, **other}
    return kind.model_validate(values)


def tied(order: SalesOrderOpened, qty: Number, *, line: int = 0, closed: Number = 0) -> Tie:
    """A tie to a line of this order."""
    own = order.lines[line]
    return Tie(
        tie_id=new_id(),
        special_order_id=own.special_order_id,
        order_id=order.order_id,
        order_number=order.number,
        line_id=own.line_id,
        line_no=own.line_no,
        component=0,
        qty=Decimal(qty),
        closed=Decimal(closed),
    )


def po_line(qty: Number, *ties: Tie, sku: str = "TABLE", line_no: int = 1, **other: Any) -> PurchaseOrderLine:
    """A line of a purchase order."""
    values: dict[str, Any] = {
        "po_line_id": new_id(),
        "line_no": line_no,
        "sku": sku,
        "description": f"A {sku.lower()}",
        "unit": "EA",
        "ordered": Decimal(qty),
        "purchase_unit": "EA",
        "cost": Decimal("10.00"),
        "ties": list(ties),
    }
    return PurchaseOrderLine(**{**values, **other})


def sent(*lines: PurchaseOrderLine, **other: Any) -> PurchaseOrderOpened:
    """A purchase order that was sent."""
    n = next(_orders)
    values: dict[str, Any] = {
        "po_id": new_id(),
        "number": f"PO-{n:06d}",
        "version": 1,
        "state": PurchaseOrderState.OPEN,
        "vendor": "OAKCO",
        "warehouse": "MAIN",
        "currency": "USD",
        "sent_at": DAY_ONE,
        "lines": list(lines),
    }
    return PurchaseOrderOpened(**{**values, **other})


def later(po: Any, kind: type[Any], *, version: int | None = None, **other: Any) -> Any:
    """A later snapshot of a purchase order."""
    return kind.model_validate({**po.model_dump(), "version": version or po.version + 1, **other})


def shipment(*shares: tuple[Any, Number, Number], state: ShipmentState = ShipmentState.SHIPPED) -> Shipment:
    """A shipment of claim tickets: (ticket, quantity, shipped)."""
    n = next(_orders)
    lines = [
        ShipmentLine(
            shipment_line_id=new_id(), order_id=ticket.order_id, order_number=ticket.order_number, line_id=ticket.line_id,
            line_no=ticket.line_no, component=ticket.component, sku=ticket.sku, unit="EA", qty=Decimal(qty),
            shipped=Decimal(left),
            shares=[ShipmentShare(allotment_id=ticket.allotment_id, qty=Decimal(qty), shipped=Decimal(left))],
        )
        for ticket, qty, left in shares
    ]  # fmt: skip
    return Shipment(
        shipment_id=new_id(), number=f"SH-{n:06d}", version=1, state=state, customer="ACME", warehouse="MAIN",
        currency="USD", ship_to_code="HQ", lines=lines,
    )  # fmt: skip


def figures(ticket: Any, shipped: Number = 0, returned: Number = 0, missing: Number = 0) -> AllotmentFigures:
    """Shipping's figures of a claim ticket."""
    return AllotmentFigures(
        allotment_id=ticket.allotment_id, order_id=ticket.order_id, line_id=ticket.line_id, component=ticket.component,
        shipped=Decimal(shipped), returned=Decimal(returned), missing=Decimal(missing),
    )  # fmt: skip


def left(
    ticket: Any,
    qty: Number,
    shipped: Number,
    *,
    returned: Number = 0,
    missing: Number = 0,
    in_all: Number | None = None,
) -> ShipmentShipped:
    """A shipment of one ticket left with `shipped` of `qty`; `in_all` is the ticket's figure over all shipments."""
    total = shipped if in_all is None else in_all
    return ShipmentShipped(
        shipment=shipment((ticket, qty, shipped)),
        shipped_at=DAY_ONE,
        shipped_by="packer",
        allotments=[figures(ticket, total, returned, missing)],
    )


def voided(
    ticket: Any, qty: Number, *, shipped: Number = 0, returned: Number | None = None
) -> ShipmentVoided:
    """A shipment of one ticket will not leave."""
    back = qty if returned is None else returned
    return ShipmentVoided(
        shipment=shipment((ticket, qty, 0), state=ShipmentState.VOIDED),
        by_hand=True,
        reason="wrong carrier",
        allotments=[figures(ticket, shipped, back)],
    )


def answered(asked: Any, given: Iterable[Number]) -> UnitsWithdrawn:
    """Shipping's answer to a question: the `withdrawn` figure given for each ask."""
    answers = [
        WithdrawalAnswer(
            allotment_id=ask.allotment_id, order_id=ask.order_id, line_id=ask.line_id, component=ask.component,
            wanted=ask.wanted, given=Decimal(units), refused=ask.wanted - Decimal(units),
        )
        for ask, units in zip(asked.asks, given, strict=True)
    ]  # fmt: skip
    return UnitsWithdrawn(question_id=asked.question_id, answers=answers)
