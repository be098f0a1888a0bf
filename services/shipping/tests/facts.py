"""Facts as their producers tell them; what a test does not say is ordinary."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.contracts.base import ShipTo
from shared.contracts.inventory import Allotment, InspectionCompleted, Origin, WithdrawalAsk, WithdrawalAsked
from shared.contracts.orders import (
    LinesReleased,
    ReleasedAllotment,
    ReleaseRevoked,
    RevokedAllotment,
    ShipType,
)

from .given import uid

RECEIVED_AT = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
DEPOT = ShipTo(
    code="MAIN", name="Aurora Labs", street="Hafenstrasse 4", city="Bremen", postal_code="28195", country="DE"
)


def units(
    number: int, qty: str | int, *, line: int = 10, release_no: int = 1, **other: Any
) -> ReleasedAllotment:
    """A released allotment of an order line."""
    ordinary: dict[str, Any] = {
        "line_id": uid(100 + line),
        "line_no": line,
        "component": 0,
        "sku": f"SKU-{line}",
        "description": f"Item {line}",
        "unit": "EA",
        "precision": 0,
        "gated": False,
    }
    return ReleasedAllotment(
        allotment_id=uid(number), qty=Decimal(qty), release_no=release_no, **{**ordinary, **other}
    )


def released(*allotments: ReleasedAllotment, order: int = 1, **other: Any) -> LinesReleased:
    """Orders lets these units ship."""
    ordinary: dict[str, Any] = {
        "customer": "AURORA",
        "ship_type": ShipType.PARTIAL_OK,
        "warehouse": "MAIN",
        "currency": "EUR",
        "ship_to": DEPOT,
    }
    return LinesReleased(
        order_id=uid(order),
        order_number=f"SO-{order:06}",
        allotments=list(allotments),
        **{**ordinary, **other},
    )


def revoked(*numbers: int, revoke_no: int = 1, order: int = 1, reason: str = "credit hold") -> ReleaseRevoked:
    """Orders takes releases back."""
    return ReleaseRevoked(
        order_id=uid(order),
        order_number=f"SO-{order:06}",
        reason=reason,
        allotments=[RevokedAllotment(allotment_id=uid(number), revoke_no=revoke_no) for number in numbers],
    )


def asked(question: int, wanted: dict[int, str | int], *, order: int = 1, line: int = 10) -> WithdrawalAsked:
    """Inventory would like these allotments to have given back so much in all."""
    return WithdrawalAsked(
        question_id=uid(question),
        reason="order reduced",
        asks=[
            WithdrawalAsk(
                allotment_id=uid(number),
                order_id=uid(order),
                line_id=uid(100 + line),
                component=0,
                sku=f"SKU-{line}",
                warehouse="MAIN",
                wanted=Decimal(qty),
            )
            for number, qty in wanted.items()
        ],
    )


def inspected(
    number: int,
    qty: str | int,
    *,
    order: int = 1,
    passed: str | int = 0,
    failed: str | int = 0,
    version: int = 1,
    line: int = 10,
) -> InspectionCompleted:
    """A round of the inspection of one allotment's receipt line; figures are sums over all rounds."""
    return InspectionCompleted(
        inspection_id=uid(7_000 + number),
        version=version,
        receipt_id=uid(8_000),
        receipt_number="RC-000001",
        receipt_line_id=uid(8_001),
        po_id=uid(8_002),
        po_number="PO-000001",
        po_line_id=uid(8_003),
        vendor="ACME",
        sku=f"SKU-{line}",
        warehouse="MAIN",
        to_inspect=Decimal(qty),
        passed=Decimal(passed),
        failed=Decimal(failed),
        closed=Decimal(passed) + Decimal(failed) == Decimal(qty),
        inspected_by="ina",
        allotments=[
            Allotment(
                allotment_id=uid(number),
                order_id=uid(order),
                order_number=f"SO-{order:06}",
                line_id=uid(100 + line),
                line_no=line,
                component=0,
                sku=f"SKU-{line}",
                warehouse="MAIN",
                qty=Decimal(qty),
                origin=Origin.RECEIPT,
                receipt_line_id=uid(8_001),
                gated=True,
                passed=Decimal(passed),
                failed=Decimal(failed),
            )
        ],
    )
