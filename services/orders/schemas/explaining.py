"""Why a line waits, as callers get it (BO-18)."""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from shared.quantity import Qty
from shared.web import Output

from ..domain.explaining import Reason as Known
from ..domain.explaining import Situation, before_leaving, before_supply

Inventory = Literal["answered", "unreachable", "not allowed", "not heard yet", "not asked"]
_NAMED = {"reason", "code", "rule", "message", "says", "qty"}


class Reason(Output):
    """One thing that the line waits for."""

    by: Literal["orders", "inventory"]
    reason: str
    rule: str | None
    message: str
    qty: Qty | None
    details: dict[str, Any] = Field(description="References and further figures")


class Explanation(Output):
    """Why the line waits: the reasons in the order in which goods come to a customer."""

    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    sku: str
    warehouse: str
    ordered: Qty
    cancelled: Qty
    granted: Qty
    released: Qty
    shipped: Qty
    backordered: Qty
    is_backordered: bool
    inventory: Inventory = Field(
        description="`unreachable`: inventory did not answer within a second; `not allowed`: the caller lacks "
        "inventory:read; `not heard yet`: it does not know the line yet. Its reasons are missing then"
    )
    reasons: list[Reason]


def explanation(
    now: Situation,
    told: Sequence[Mapping[str, Any]],
    inventory: Inventory,
    *,
    auto_ship_on_receipt: bool,
) -> Explanation:
    """Orders' own reasons around those that inventory has told."""
    line = now.line
    names = ("line_no", "sku", "warehouse", "ordered", "cancelled", "granted", "released", "shipped")
    return Explanation(
        **{name: getattr(line, name) for name in names},
        order_id=now.order.id,
        order_number=now.order.number,
        line_id=line.id,
        backordered=line.backordered,
        is_backordered=line.is_backordered,
        inventory=inventory,
        reasons=[
            *(_own(reason) for reason in before_supply(now)),
            *(_inventorys(row) for row in told),
            *(_own(reason) for reason in before_leaving(now, auto_ship_on_receipt=auto_ship_on_receipt)),
        ],
    )


def _own(reason: Known) -> Reason:
    return Reason(
        by="orders",
        reason=reason.reason,
        rule=reason.rule,
        message=reason.message,
        qty=reason.qty,
        details=dict(reason.details),
    )


def _inventorys(row: Mapping[str, Any]) -> Reason:
    """A reason in inventory's words: what it names as we do is taken over, everything else goes along."""
    return Reason(
        by="inventory",
        reason=str(row.get("reason") or row.get("code") or "inventory"),
        rule=row.get("rule") if isinstance(row.get("rule"), str) else None,
        message=str(row.get("message") or row.get("says") or ""),
        qty=_qty(row.get("qty")),
        details={name: value for name, value in row.items() if name not in _NAMED},
    )


def _qty(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
