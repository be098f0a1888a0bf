"""Facts as their producers tell them; what a test does not say is ordinary."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.contracts.inventory import (
    Allotment,
    GoodsPegged,
    GoodsReceived,
    InspectionCompleted,
    Origin,
    ReceivedLine,
)
from shared.contracts.orders import SalesOrderChanged, ShipType
from shared.contracts.purchasing import (
    ExceptionCleared,
    ExceptionKind,
    ExceptionRaised,
    TaskDone,
    TaskKind,
    TaskRaised,
)

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)


def uid(number: int) -> UUID:
    """A readable id."""
    return UUID(int=number)


def peg(number: int, qty: str | int, *, order: int = 1, line: int = 10, sku: str = "VALVE") -> Allotment:
    """Units that arrived for an order line."""
    return Allotment(
        allotment_id=uid(number),
        order_id=uid(1000 + order),
        order_number=f"SO-{order:06}",
        line_id=uid(2000 + 100 * order + line),
        line_no=line,
        component=0,
        sku=sku,
        warehouse="MAIN",
        qty=Decimal(qty),
        origin=Origin.RECEIPT,
        receipt_line_id=uid(3010),
        gated=True,
    )


def line(
    *pegs: Allotment, inspection: int | None = 4001, receipt_line: int = 3010, **other: Any
) -> ReceivedLine:
    """A counted line of a receipt; all that came was pegged."""
    total = sum((one.qty for one in pegs), Decimal(0))
    ordinary: dict[str, Any] = {
        "po_line_id": uid(3110),
        "po_line_no": 10,
        "sku": "VALVE",
        "description": "Brass valve 2 in",
        "unit": "EA",
        "expected": total,
        "received": total,
        "surplus": Decimal(0),
        "free": Decimal(0),
        "fills": [],
    }
    return ReceivedLine(
        receipt_line_id=uid(receipt_line),
        inspection_id=None if inspection is None else uid(inspection),
        pegs=list(pegs),
        **{**ordinary, **other},
    )


def received(*lines: ReceivedLine, warehouse: str = "MAIN", receipt: int = 3000) -> GoodsReceived:
    """A completed receipt."""
    return GoodsReceived(
        receipt_id=uid(receipt),
        receipt_number="RC-000007",
        po_id=uid(3100),
        po_number="PO-000012",
        vendor="ACME",
        warehouse=warehouse,
        received_at=NOW,
        received_by="rita",
        lines=list(lines),
    )


def pegged(*pegs: Allotment, inspection: int = 4001, inspection_version: int = 2) -> GoodsPegged:
    """A tie that was heard after its goods."""
    return GoodsPegged(
        receipt_id=uid(3000),
        receipt_number="RC-000007",
        receipt_line_id=uid(3010),
        po_id=uid(3100),
        po_number="PO-000012",
        po_line_id=uid(3110),
        vendor="ACME",
        sku="VALVE",
        description="Brass valve 2 in",
        unit="EA",
        warehouse="MAIN",
        inspection_id=uid(inspection),
        inspection_version=inspection_version,
        pegs=list(pegs),
    )


def inspected(
    *,
    passed: str | int = 0,
    failed: str | int = 0,
    closed: bool = False,
    version: int = 2,
    inspection: int = 4001,
) -> InspectionCompleted:
    """A round of an inspection; figures are sums over its rounds."""
    return InspectionCompleted(
        inspection_id=uid(inspection),
        version=version,
        receipt_id=uid(3000),
        receipt_number="RC-000007",
        receipt_line_id=uid(3010),
        po_id=uid(3100),
        po_number="PO-000012",
        po_line_id=uid(3110),
        vendor="ACME",
        sku="VALVE",
        warehouse="MAIN",
        to_inspect=Decimal(passed) + Decimal(failed),
        passed=Decimal(passed),
        failed=Decimal(failed),
        closed=closed,
        inspected_by="ina",
        allotments=[],
    )


def of_team(team: str | None, *, order: int = 1, version: int = 1) -> SalesOrderChanged:
    """An order as orders tells it, of a team."""
    return SalesOrderChanged(
        order_id=uid(1000 + order),
        number=f"SO-{order:06}",
        version=version,
        state="open",
        customer="C1001",
        ship_to_code="DOCK",
        ship_type=ShipType.PARTIAL_OK,
        priority=0,
        currency="USD",
        credit_hold=False,
        opened_at=NOW,
        created_by="ann",
        team=team,
        lines=[],
    )


def _exception(number: int, version: int, **other: Any) -> dict[str, Any]:
    ordinary: dict[str, Any] = {
        "exception_id": uid(number),
        "version": version,
        "kind": ExceptionKind.NO_SOURCE,
        "order_id": uid(1001),
        "order_number": "SO-000001",
        "line_id": uid(2110),
        "line_no": 10,
        "component": 0,
        "warehouse": "MAIN",
        "sku": "VALVE",
        "qty": Decimal(4),
        "message": "VALVE has neither a vendor nor a warehouse to come from; set one on the item or the line",
        "first_seen_at": NOW,
    }
    return {**ordinary, **other}


def raised(number: int = 5001, version: int = 1, **other: Any) -> ExceptionRaised:
    """Something cannot be bought."""
    return ExceptionRaised(**_exception(number, version, **other))


def cleared(number: int = 5001, version: int = 2, **other: Any) -> ExceptionCleared:
    """What was in the way is gone."""
    return ExceptionCleared(**_exception(number, version, **other))


def _task(number: int) -> dict[str, Any]:
    return {
        "task_id": uid(number), "kind": TaskKind.PEG_LOST, "buyer": "bob", "warehouse": "MAIN", "po_id": uid(12),
        "po_number": "PO-000012", "po_line_no": 1, "order_id": uid(1001), "order_number": "SO-000001",
        "line_id": uid(2110), "line_no": 10, "component": 0, "sku": "VALVE", "qty": Decimal(4),
        "reason": "lost in stock", "message": "4 EA of VALVE were lost in stock", "created_at": NOW,
    }  # fmt: skip


def task_raised(number: int = 6001) -> TaskRaised:
    """A buyer has something to look at."""
    return TaskRaised(version=1, **_task(number))


def task_done(number: int = 6001) -> TaskDone:
    """Somebody has seen to it."""
    return TaskDone(version=2, **_task(number))
