"""Facts about orders, allotments and shipments; what a test does not say is ordinary."""

from decimal import Decimal
from typing import Any

from shared.contracts.base import ItemKind
from shared.contracts.inventory import (
    Allotment,
    InspectionCompleted,
    LineStanding,
    Origin,
    StockAllotted,
    Taken,
)
from shared.contracts.orders import OrderLine, SalesOrderChanged, SalesOrderOpened, ShipType
from shared.contracts.shipping import (
    AllotmentFigures,
    PickLock,
    Shipment,
    ShipmentCreated,
    ShipmentLine,
    ShipmentShare,
    ShipmentShipped,
    ShipmentState,
    ShipmentUnpicked,
    ShipmentVoided,
    ShortAnswer,
    ShortLine,
    UnitsWithdrawn,
    WithdrawalAnswer,
)

from .facts import NOW, inspected, uid


def line_id(order: int, line: int) -> Any:
    """The id of an order line."""
    return uid(2000 + 100 * order + line)


def wants(qty: str | int, *, order: int = 1, line: int = 10, **other: Any) -> OrderLine:
    """A line of stock goods."""
    ordinary: dict[str, Any] = {
        "sku": "GADGET",
        "description": "Gadget",
        "kind": ItemKind.STOCKED,
        "unit": "EA",
        "precision": 0,
        "warehouse": "MAIN",
        "ordered": Decimal(qty),
        "cancelled": Decimal(0),
        "cancel_wanted": Decimal(0),
        "special_order": False,
        "drop_ship": False,
        "ranked_at": NOW,
    }
    return OrderLine(line_id=line_id(order, line), line_no=line, **{**ordinary, **other})


def order(*lines: OrderLine, number: int = 1, version: int = 1, **other: Any) -> SalesOrderOpened:
    """An order as its snapshot says: opened with version 1, else changed."""
    kind = SalesOrderOpened if version == 1 else SalesOrderChanged
    ordinary: dict[str, Any] = {
        "state": "open",
        "customer": "C1001",
        "ship_to_code": "DOCK",
        "ship_type": ShipType.PARTIAL_OK,
        "priority": 0,
        "currency": "USD",
        "credit_hold": False,
        "opened_at": NOW,
        "created_by": "ann",
    }
    return kind(  # type: ignore[return-value]  # both are snapshots
        order_id=uid(1000 + number), number=f"SO-{number:06}", version=version, lines=list(lines),
        **{**ordinary, **other},
    )  # fmt: skip


def units(number: int, qty: str | int, *, order: int = 1, line: int = 10, **other: Any) -> Allotment:
    """Units of free stock that went to an order line."""
    ordinary: dict[str, Any] = {"sku": "GADGET", "warehouse": "MAIN", "origin": Origin.STOCK}
    return Allotment(
        allotment_id=uid(number), order_id=uid(1000 + order), order_number=f"SO-{order:06}",
        line_id=line_id(order, line), line_no=line, component=0, qty=Decimal(qty), **{**ordinary, **other},
    )  # fmt: skip


def stands(
    *held: Allotment, order: int = 1, line: int = 10, version: int = 1, taken: list[Taken] | None = None
) -> LineStanding:
    """Where a line stands."""
    return LineStanding(
        order_id=uid(1000 + order), order_number=f"SO-{order:06}", line_id=line_id(order, line), line_no=line,
        component=0, sku="GADGET", warehouse="MAIN", settled_version=version, allotments=list(held),
        taken=taken or [],
    )  # fmt: skip


def allotted(*lines: LineStanding, reason: str = "opened") -> StockAllotted:
    """What inventory decided."""
    return StockAllotted(reason=reason, lines=list(lines))


def taken_by(order: int, qty: str | int, reason: str = "priority") -> Taken:
    """What another order took."""
    return Taken(
        qty=Decimal(qty), reason=reason, for_order_id=uid(1000 + order), for_order_number=f"SO-{order:06}"
    )


def parcel(
    *held: Allotment, number: int = 6001, version: int = 1, state: str = "pending", shipped: int | None = None
) -> Shipment:
    """A shipment of these allotments, one line each."""
    lines = [
        ShipmentLine(
            shipment_line_id=uid(number * 10 + nth), order_id=one.order_id, order_number=one.order_number,
            line_id=one.line_id, line_no=one.line_no, component=0, sku=one.sku, unit="EA", qty=one.qty,
            shipped=Decimal(shipped or 0),
            shares=[ShipmentShare(allotment_id=one.allotment_id, qty=one.qty, shipped=Decimal(shipped or 0))],
        )
        for nth, one in enumerate(held)
    ]  # fmt: skip
    return Shipment(
        shipment_id=uid(number), number=f"SH-{number:06}", version=version, state=ShipmentState(state),
        customer="C1001", warehouse="MAIN", currency="USD", ship_to_code="DOCK", lines=lines,
    )  # fmt: skip


def created(*held: Allotment, **other: Any) -> ShipmentCreated:
    """A pending shipment."""
    return ShipmentCreated(shipment=parcel(*held, **other))


def unpicked(*held: Allotment, **other: Any) -> ShipmentUnpicked:
    """Back to pending."""
    return ShipmentUnpicked(shipment=parcel(*held, **other))


def shipped(
    *held: Allotment, short: int = 0, version: int = 2, answer: str = "backorder", **other: Any
) -> ShipmentShipped:
    """It left, each line by so many short."""
    return ShipmentShipped(
        shipment=parcel(*held, version=version, state="shipped", **other),
        shipped_at=NOW,
        shipped_by="sam",
        allotments=[figures(one, shipped=one.qty - short, returned=short, missing=short) for one in held],
        short=[
            ShortLine(
                line_id=one.line_id, component=0, short=Decimal(short), answer=ShortAnswer(answer), missing=True
            )
            for one in held
            if short
        ],
    )  # fmt: skip


def voided(*held: Allotment, version: int = 2, by_hand: bool = True, **other: Any) -> ShipmentVoided:
    """It will not leave."""
    return ShipmentVoided(
        shipment=parcel(*held, version=version, state="voided", **other), by_hand=by_hand, reason="damaged box",
        allotments=[figures(one, returned=one.qty) for one in held],
    )  # fmt: skip


def figures(one: Allotment, **told: Any) -> AllotmentFigures:
    """Shipping's figures of an allotment."""
    none = dict.fromkeys(("shipped", "returned", "missing"), Decimal(0))
    return AllotmentFigures(
        allotment_id=one.allotment_id, order_id=one.order_id, line_id=one.line_id, component=0,
        **{**none, **{name: Decimal(value) for name, value in told.items()}},
    )  # fmt: skip


def refused(one: Allotment, qty: int, *, shipment: int = 6001, version: int = 1) -> UnitsWithdrawn:
    """Units that were asked back are being picked."""
    lock = PickLock(shipment_id=uid(shipment), number=f"SH-{shipment:06}", version=version, qty=one.qty)
    return UnitsWithdrawn(
        question_id=uid(9000),
        answers=[
            WithdrawalAnswer(
                allotment_id=one.allotment_id, order_id=one.order_id, line_id=one.line_id, component=0,
                wanted=Decimal(qty), given=Decimal(0), refused=Decimal(qty), refused_because="being picked",
                sku=one.sku, warehouse="MAIN", order_number=one.order_number, line_no=one.line_no, locks=[lock],
            )
        ],
    )  # fmt: skip


def looked_at(one: Allotment, *, passed: int, failed: int = 0, version: int = 2) -> InspectionCompleted:
    """An inspection round of one allotment's units."""
    fact = inspected(passed=passed, failed=failed, version=version, closed=passed + failed == one.qty)
    seen = one.model_copy(update={"passed": Decimal(passed), "failed": Decimal(failed), "gated": True})
    return fact.model_copy(update={"allotments": [seen]})
