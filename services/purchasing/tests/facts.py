"""Facts as others tell them, of which only what matters is said."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from services.purchasing.tests.builders import NOW, uid
from shared.contracts.base import ItemKind, Source
from shared.contracts.inventory import (
    Allotment,
    GoodsReceived,
    InspectionCompleted,
    ItemSaved,
    LineStanding,
    Origin,
    ReceivedLine,
    ReducedLine,
    StockAllotted,
    SupplyReduced,
    Taken,
    TieMissed,
    WarehouseSaved,
)
from shared.contracts.orders import (
    OrderLine,
    SalesOrderCancelled,
    SalesOrderChanged,
    SalesOrderOpened,
    ShipType,
)
from shared.contracts.purchasing import PurchaseOrderSnapshot, SupplyReductionAsked, Tie
from shared.contracts.shipping import AllotmentFigures, Shipment, ShipmentShipped, ShipmentState


def line(order: str = "SO-1", line_no: int = 1, ordered: object = 10, **given: Any) -> OrderLine:
    """A special line of LAMP, source ACME, cost 9.50."""
    name = f"{order}/{line_no}"
    usual: dict[str, Any] = {
        "line_id": uid(name), "line_no": line_no, "sku": "LAMP", "description": "Lamp", "kind": ItemKind.STOCKED,
        "unit": "EA", "precision": 0, "warehouse": "MAIN", "ordered": Decimal(str(ordered)), "cancelled": Decimal(0),
        "cancel_wanted": Decimal(0), "special_order": True, "drop_ship": False, "special_order_id": uid(f"sp {name}"),
        "source": Source(vendor="ACME"), "cost": Decimal("9.50"), "cost_overridden": True,
        "ranked_at": NOW + timedelta(minutes=line_no),
    }  # fmt: skip
    for figure in ("cancelled", "cancel_wanted"):
        if figure in given:
            given[figure] = Decimal(str(given[figure]))
    return OrderLine(**(usual | given))


def _order(kind: Any, order: str, version: int, lines: tuple[OrderLine, ...], given: dict[str, Any]) -> Any:
    usual: dict[str, Any] = {
        "order_id": uid(order), "number": order, "version": version, "state": "open", "customer": "CUST",
        "ship_to_code": "HOME", "ship_type": ShipType.PARTIAL_OK, "priority": 0, "currency": "EUR",
        "credit_hold": False, "opened_at": NOW, "created_by": "ann", "lines": list(lines) or [line(order)],
    }  # fmt: skip
    return kind(**(usual | given))


def opened(order: str = "SO-1", *lines: OrderLine, **given: Any) -> SalesOrderOpened:
    """An order opened."""
    fact: SalesOrderOpened = _order(SalesOrderOpened, order, 1, lines, given)
    return fact


def changed(order: str, version: int, *lines: OrderLine, **given: Any) -> SalesOrderChanged:
    """An order changed."""
    fact: SalesOrderChanged = _order(SalesOrderChanged, order, version, lines, given)
    return fact


def cancelled(order: str, version: int, *lines: OrderLine, **given: Any) -> SalesOrderCancelled:
    """An order cancelled."""
    fact: SalesOrderCancelled = _order(
        SalesOrderCancelled, order, version, lines, {"state": "cancelled"} | given
    )
    return fact


def allotment(
    name: str, qty: object, tie: Tie | None = None, order: str = "SO-1", line_no: int = 1, **given: Any
) -> Allotment:
    """A claim ticket: a peg through the tie, or free stock."""
    usual: dict[str, Any] = {
        "allotment_id": uid(name), "order_id": uid(order), "order_number": order, "line_id": uid(f"{order}/{line_no}"),
        "line_no": line_no, "component": 0, "sku": "LAMP", "warehouse": "MAIN", "qty": Decimal(str(qty)),
        "origin": Origin.RECEIPT if tie else Origin.STOCK, "tie_id": tie.tie_id if tie else None,
        "receipt_line_id": uid(f"receipt of {name}") if tie else None,
    }  # fmt: skip
    for figure in ("withdrawn", "failed", "passed"):
        if figure in given:
            given[figure] = Decimal(str(given[figure]))
    return Allotment(**(usual | given))


def standing(version: int, *allotments: Allotment, order: str = "SO-1", line_no: int = 1) -> StockAllotted:
    """Inventory has settled a line's version, with these allotments."""
    return StockAllotted(
        reason="opened",
        lines=[
            LineStanding(
                order_id=uid(order), order_number=order, line_id=uid(f"{order}/{line_no}"), line_no=line_no,
                component=0, sku="LAMP", warehouse="MAIN", settled_version=version, allotments=list(allotments),
            )
        ],
    )  # fmt: skip


def lost(
    peg: Allotment, qty: object, question: str = "Q-1", settled_version: int = 1, *, named: bool = True
) -> StockAllotted:
    """A question about lost stock took `qty` of a peg, whose figures are as they are after that (BO-12)."""
    taken = Taken(
        qty=Decimal(str(qty)), reason="loss", question_id=uid(question),
        allotment_id=peg.allotment_id if named else None,
    )  # fmt: skip
    told = standing(settled_version, peg)
    return told.model_copy(
        update={"reason": "withdrawal", "lines": [told.lines[0].model_copy(update={"taken": [taken]})]}
    )


def received(
    po: PurchaseOrderSnapshot,
    qty: object,
    *pegs: Allotment,
    receipt: str = "R-1",
    line_no: int = 1,
    surplus: object = 0,
) -> GoodsReceived:
    """Goods of one PO line arrived."""
    po_line = po.lines[line_no - 1]
    units = Decimal(str(qty))
    return GoodsReceived(
        receipt_id=uid(receipt), receipt_number=receipt, po_id=po.po_id, po_number=po.number, vendor=po.vendor,
        warehouse=po.warehouse, received_at=NOW, received_by="dora",
        lines=[
            ReceivedLine(
                receipt_line_id=uid(f"{receipt}/{line_no}"), po_line_id=po_line.po_line_id, po_line_no=line_no,
                sku=po_line.sku, description=po_line.description, unit=po_line.unit, expected=po_line.ordered,
                received=units, surplus=Decimal(str(surplus)), free=units - sum(peg.qty for peg in pegs),
                pegs=list(pegs), fills=[],
            )
        ],
    )  # fmt: skip


def inspected(po: PurchaseOrderSnapshot, peg: Allotment, version: int = 1) -> InspectionCompleted:
    """A peg was inspected; its figures say how."""
    return InspectionCompleted(
        inspection_id=uid("inspection"), version=version, receipt_id=uid("R-1"), receipt_number="R-1",
        receipt_line_id=uid("R-1/1"), po_id=po.po_id, po_number=po.number, po_line_id=po.lines[0].po_line_id,
        vendor=po.vendor, sku=peg.sku, warehouse=peg.warehouse, to_inspect=peg.qty, passed=peg.passed,
        failed=peg.failed, closed=True, inspected_by="ian", allotments=[peg],
    )  # fmt: skip


def missed(po: PurchaseOrderSnapshot, qty: object) -> TieMissed:
    """The first tie of a purchase order came too late."""
    tie = po.lines[0].ties[0]
    return TieMissed(
        tie_id=tie.tie_id, po_id=po.po_id, po_line_id=po.lines[0].po_line_id, order_id=tie.order_id,
        line_id=tie.line_id, component=tie.component, missed=Decimal(str(qty)),
    )  # fmt: skip


def reduced(question: SupplyReductionAsked, *supplies: object) -> SupplyReduced:
    """Inventory's answer, line by line."""
    return SupplyReduced(
        question_id=question.question_id,
        po_id=question.po_id,
        lines=[
            ReducedLine(po_line_id=wish.po_line_id, supply=Decimal(str(supply)))
            for wish, supply in zip(question.lines, supplies, strict=True)
        ],
    )


def shipped(figures: dict[str, Any], order: str = "SO-1") -> ShipmentShipped:
    """Goods left; `figures` of one allotment (its name, and shipping's figures)."""
    name = figures.pop("name")
    numbers: dict[str, Any] = {"shipped": "0", "returned": "0", "missing": "0"} | figures
    return ShipmentShipped(
        shipment=Shipment(
            shipment_id=uid("SH-1"), number="SH-1", version=2, state=ShipmentState.SHIPPED, customer="CUST",
            warehouse="MAIN", currency="EUR", ship_to_code="HOME", lines=[],
        ),
        shipped_at=NOW, shipped_by="sam",
        allotments=[
            AllotmentFigures(
                allotment_id=uid(name), order_id=uid(order), line_id=uid(f"{order}/1"), component=0, **numbers
            )
        ],
    )  # fmt: skip


def item(sku: str = "LAMP", version: int = 1, **given: Any) -> ItemSaved:
    """A stocked item."""
    usual: dict[str, Any] = {
        "sku": sku, "version": version, "description": sku.title(), "kind": ItemKind.STOCKED, "unit": "EA",
        "precision": 0, "special_order": False, "drop_ship": False,
    }  # fmt: skip
    return ItemSaved(**(usual | given))


def warehouse(code: str = "MAIN", version: int = 1, time_zone: str = "Europe/Vienna") -> WarehouseSaved:
    """A warehouse."""
    return WarehouseSaved(code=code, version=version, name=code.title(), company="C1", time_zone=time_zone)
