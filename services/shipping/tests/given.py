"""Builders: what a test does not say is ordinary."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from services.shipping.domain.allotment import Allotment, ShipTo, Terms
from services.shipping.domain.shipment import Line, Share, Shipment, State
from shared.decimals import plain

NOW = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
DEPOT = ShipTo("MAIN", "Aurora Labs", "Hafenstrasse 4", "Bremen", "HB", "28195", "DE")


def uid(number: int) -> UUID:
    """A readable id; the smaller number is the older one."""
    return UUID(int=number)


def new_ids(start: int = 9_000) -> Any:
    """A source of new ids that counts upwards."""
    numbers = iter(range(start, start + 10_000))
    return lambda: uid(next(numbers))


def terms(line: int = 10, **other: Any) -> Terms:
    """The terms of an ordinary release: order 1, EA, warehouse MAIN."""
    ordinary: dict[str, Any] = {
        "order_id": uid(1),
        "order_number": "SO-000001",
        "line_id": uid(100 + line),
        "line_no": line,
        "component": 0,
        "sku": f"SKU-{line}",
        "description": f"Item {line}",
        "unit": "EA",
        "precision": 0,
        "customer": "AURORA",
        "ship_type": "partial_ok",
        "warehouse": "MAIN",
        "currency": "EUR",
        "carrier": None,
        "ship_to": DEPOT,
    }
    return Terms(**{**ordinary, **other})


def allotment(number: int, qty: str | int | None, *, line: int = 10, **figures: Any) -> Allotment:
    """A released allotment of an order line, standing nowhere yet; figures as numbers or strings."""
    for name in ("withdrawn", "failed", "passed", "shipped", "returned", "missing", "unproven", "standing"):
        if name in figures:
            figures[name] = Decimal(figures[name])
    figures.setdefault("release_no", 1)
    known = figures.pop("terms", terms(line))
    return Allotment(uid(number), known.order_id, known, None if qty is None else Decimal(qty), **figures)


def shipment(
    number: int, *shares: tuple[Allotment, str | int], state: State = State.PENDING, **other: Any
) -> Shipment:
    """A shipment of order 1 with these allotments' units on it."""
    lines: dict[tuple[UUID, int], Line] = {}
    for one, qty in shares:
        assert one.terms is not None
        of = one.terms
        line = lines.get((of.line_id, of.component)) or Line(
            uid(number * 1_000 + len(lines)),
            of.order_id,
            of.order_number,
            of.line_id,
            of.line_no,
            of.component,
            of.sku,
            of.description,
            of.unit,
            of.precision,
        )
        lines[line.demand] = replace(line, shares=(*line.shares, Share(one.allotment_id, Decimal(qty))))
    ordinary: dict[str, Any] = {
        "order_id": uid(1),
        "order_number": "SO-000001",
        "customer": "AURORA",
        "warehouse": "MAIN",
        "currency": "EUR",
        "ship_to": DEPOT,
        "carrier": None,
        "tracking_number": None,
        "created_at": NOW,
        "version": 1,
        "told": 1,
    }
    return Shipment(
        uid(number), f"SH-{number:06}", state=state, lines=tuple(lines.values()), **{**ordinary, **other}
    )


def by_id(*allotments: Allotment) -> dict[UUID, Allotment]:
    """Allotments as the rules want them."""
    return {one.allotment_id: one for one in allotments}


def said(*quantities: Decimal) -> str:
    """Quantities side by side, written plainly: "500 33 0"."""
    return " ".join(plain(qty) for qty in quantities)
