"""Demands, ties and purchase orders for tests, of which only what matters is said."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid5

from services.purchasing.domain.cost import CostSource, Offer, Packing, VendorPrice
from services.purchasing.domain.demand import Demand, Kind, Tie
from services.purchasing.domain.purchase_order import Line, PurchaseOrder, State
from shared.decimals import plain

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
_NAMES = UUID(int=7)


def uid(name: object) -> UUID:
    """The same id for the same name."""
    return uuid5(_NAMES, str(name))


def demand(name: str = "SO-1/1", ordered: object = 10, **given: Any) -> Demand:
    """A special line of `ordered` EA of LAMP, source ACME."""
    number, line_no = name.split("/")
    usual: dict[str, Any] = {
        "line_id": uid(name), "component": 0, "request_id": uid(f"request {name}"), "order_id": uid(number),
        "order_number": number, "order_version": 1, "order_state": "open", "line_no": int(line_no),
        "parent_line_id": None, "sku": "LAMP", "description": "Lamp", "kind": Kind.STOCKED, "unit": "EA",
        "precision": 0, "product_line": None, "warehouse": "MAIN", "special_order": True, "drop_ship": False,
        "special_order_id": uid(f"special {name}"), "vendor": "ACME", "source_warehouse": None,
        "cost": Decimal("9.50"), "cost_unit": None, "free_of_charge": False, "currency": "EUR",
        "ordered": Decimal(str(ordered)), "cancel_wanted": Decimal(0), "priority": 0,
        "ranked_at": NOW + timedelta(minutes=int(line_no)), "credit_hold": False, "created_by": "ann",
    }  # fmt: skip
    for figure in ("cancel_wanted", "granted", "came_back"):
        if figure in given:
            given[figure] = Decimal(str(given[figure]))
    return Demand(**(usual | given))


def tie(wanted: Demand, qty: object, line: str = "PO-1/1", **given: Any) -> Tie:
    """So much of a PO line for this demand."""
    number = line.split("/")[0]
    usual: dict[str, Any] = {
        "tie_id": uid(f"tie {line} {wanted.line_id}"), "po_id": uid(number), "po_line_id": uid(line),
        "line_id": wanted.line_id, "component": wanted.component, "order_id": wanted.order_id,
        "order_number": wanted.order_number, "line_no": wanted.line_no, "special_order_id": wanted.special_order_id,
        "sku": wanted.sku, "unit": wanted.unit, "qty": Decimal(str(qty)), "priority": wanted.priority,
        "ranked_at": wanted.ranked_at,
    }  # fmt: skip
    for figure in ("closed", "missed", "pegged"):
        if figure in given:
            given[figure] = Decimal(str(given[figure]))
    return Tie(**(usual | given))


def tied(wanted: Demand, *ties: Tie) -> Demand:
    """The demand with these ties."""
    return replace(wanted, ties=ties)


def line(name: str, ordered: object, *ties: Tie, **given: Any) -> Line:
    """A PO line of LAMP, sold singly."""
    usual: dict[str, Any] = {
        "po_line_id": uid(name), "line_no": int(name.split("/")[1]), "sku": "LAMP", "description": "Lamp",
        "unit": "EA", "precision": 0, "product_line": None, "order_type": "special",
        "ordered": Decimal(str(ordered)), "packing": Packing("EA", Decimal(1)), "purchase_price": None,
        "cost": Decimal("9.50"), "cost_source": CostSource.ORDER, "ties": ties,
    }  # fmt: skip
    for figure in ("cancelled", "received", "stock_wanted"):
        if figure in given:
            given[figure] = Decimal(str(given[figure]))
    return Line(**(usual | given))


def po(*lines: Line, state: State = State.OPEN, number: str = "PO-1", **given: Any) -> PurchaseOrder:
    """A purchase order that automation made for ACME."""
    usual: dict[str, Any] = {
        "po_id": uid(number), "number": number, "state": state, "vendor": "ACME", "warehouse": "MAIN",
        "currency": "EUR", "buyer": "bob", "created_by": "bob", "created_at": NOW, "by_hand": False, "lines": lines,
    }  # fmt: skip
    return PurchaseOrder(**(usual | given))


def offer(price: object | None = "9.50", per: object = 1, **given: Any) -> Offer:
    """ACME's offer: a price per purchase unit of `per` EA."""
    units = Decimal(str(per))
    record = (
        None
        if price is None
        else VendorPrice(Decimal(str(price)), Packing("BX" if units != 1 else "EA", units))
    )
    usual: dict[str, Any] = {"vendor": "ACME", "currency": "EUR", "active": True, "price": record}
    return Offer(**(usual | given))


def said(*quantities: Decimal) -> str:
    """Quantities side by side, as they are written: `"10 7 3"`."""
    return " ".join(plain(quantity) for quantity in quantities)
