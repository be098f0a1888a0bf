"""Values for rules: builders where only what matters is visible."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.ids import new_id

from ..domain.allotment import RECEIPT, Allotment
from ..domain.catalogue import Item
from ..domain.order import Address, ItemKind, Line, Order, OrderState, ShipType, ShortageAnswer
from ..domain.settlement import Picture, Settled, Tell, settle
from ..domain.special import SpecialOrder, SpecialState, Tie

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def D(value: int | str) -> Decimal:  # noqa: N802  # as short as the literal it stands for
    """An exact decimal."""
    return Decimal(value)


def item(**fields: Any) -> Item:
    """A stocked item."""
    return Item(
        **{
            "sku": "TABLE",
            "description": "Table",
            "kind": ItemKind.STOCKED,
            "unit": "EA",
            "precision": 0,
            "price": D(10),
            **fields,
        }
    )


def figures(found: object, *names: str) -> tuple[Any, ...]:
    """Some fields of a thing, to compare with plain numbers."""
    return tuple(getattr(found, name) for name in names)


def shape(found: Iterable[object], *names: str) -> list[tuple[Any, ...]]:
    """Some fields of several things."""
    return [figures(one, *names) for one in found]


def line(ordered: int | str = 10, **fields: Any) -> Line:
    """An open stock line that inventory has settled, told in version 1."""
    values: dict[str, Any] = {
        "id": new_id(), "order_id": new_id(), "line_no": 1, "parent_line_id": None, "sku": "TABLE",
        "description": "Table", "kind": ItemKind.STOCKED, "unit": "EA", "precision": 0, "product_line": None,
        "customer": "ACME", "warehouse": "MAIN",
        "ordered": D(ordered), "special_order": False, "drop_ship": False, "source_vendor": None, "source_warehouse": None,
        "source_overridden": False, "cost": None, "cost_overridden": False, "cost_unit": None, "free_of_charge": False,
        "all_or_nothing": False, "price": D(10), "discount": D(0), "tax_rate": D(0), "requested_on": None, "comments": (),
        "ranked_at": NOW, "opening_version": 1, "settled_version": 1,
    }  # fmt: skip
    return Line(**values | {k: D(v) if k in _QTY else v for k, v in fields.items()})


_QTY = {"cancel_wanted", "cancelled", "granted", "released", "shipped"}


def order(**fields: Any) -> Order:
    """An open order, told once."""
    values: dict[str, Any] = {
        "id": new_id(), "number": "SO-000001", "version": 1, "told": 1, "state": OrderState.OPEN, "customer": "ACME",
        "ship_to_code": "HQ", "ship_type": ShipType.PARTIAL_OK, "priority": 0, "currency": "USD",
        "carrier": None, "team": None, "reference": None, "requested_on": None,
        "shortage_answer": ShortageAnswer.SPLIT, "no_backorders": False,
        "credit_hold": False, "customer_hold": False, "has_special": False, "is_backordered": False, "settled_version": 1,
        "warehouses": ("MAIN",), "creator_scopes": (), "created_by": "tester", "created_at": NOW, "opened_at": NOW,
    }  # fmt: skip
    return Order(**values | fields)


def ticket(of: Line, qty: int | str, **fields: Any) -> Allotment:
    """An allotment of a line, from free stock unless said otherwise."""
    counted = {name: D(fields[name]) for name in _COUNTED & set(fields)}
    values: dict[str, Any] = {
        "id": new_id(), "order_id": of.order_id, "line_id": of.id, "component": 0, "sku": of.sku,
        "warehouse": of.warehouse, "qty": D(qty), "origin": "stock",
    }  # fmt: skip
    return Allotment(**values | fields | counted)


_COUNTED = {"withdrawn", "failed", "passed", "shipped", "returned", "missing"}


def peg(of: Line, qty: int | str, tie: Tie | None = None, **fields: Any) -> Allotment:
    """Units that arrived through a tie."""
    return ticket(
        of,
        qty,
        **{"origin": RECEIPT, "receipt_line_id": new_id(), "tie_id": tie.id if tie else new_id(), **fields},
    )


def tie(of: Line, qty: int | str, closed: int | str = 0) -> Tie:
    """A tie of a line to a purchase order."""
    return Tie(
        new_id(), of.order_id, of.id, 0, new_id(), "PO-000001", new_id(), 1, "OAKCO", D(qty), D(closed)
    )


def special_of(of: Line) -> SpecialOrder:
    """The special order of a line."""
    return SpecialOrder(
        new_id(), "SP-000001", 1, of.order_id, of.id, 0, of.sku, of.warehouse, "ACME", of.ordered, None, None, None,
        SpecialState.REQUESTED, False, NOW, "tester",
    )  # fmt: skip


def picture(*lines: Line, of: Order | None = None, **fields: Any) -> Picture:
    """An order with these lines, whose parts all carry its id."""
    head = of or order()
    numbered = tuple(replace(found, order_id=head.id, line_no=n) for n, found in enumerate(lines, start=1))
    address = Address("HQ", "Head office", "1 Main Street", "Springfield")
    parts = {
        name: tuple(replace(part, order_id=head.id) for part in found)
        for name, found in fields.items()
        if name in _PARTS
    }
    rest = {name: value for name, value in fields.items() if name not in _PARTS}
    return Picture(
        head, numbered, **{"customer_on_hold": head.credit_hold, "ship_to": address, **parts, **rest}
    )


_PARTS = {"allotments", "specials", "ties"}


def settled(
    before: Picture,
    *,
    pegs_go: bool = True,
    fallback: ShortageAnswer = ShortageAnswer.SPLIT,
    tell: Tell = Tell.NOTHING,
    by_hand: tuple[UUID, ...] = (),
) -> Settled:
    """Settle at NOW."""
    return settle(
        before,
        now=NOW,
        new_id=new_id,
        auto_ship_on_receipt=pegs_go,
        shortage_fallback=fallback,
        must_tell=tell,
        by_hand=by_hand,
    )
