"""Invoices (SO-14): one draft per shipment when it is created, final when it ships, for what was shipped.

Goods that come back are credited by a note of their own, final at once, on the terms of their line.

Amounts per line: net = qty x price x (1 - discount), tax = net x tax rate, each rounded half up to 2 decimals; an
invoice's totals are the sums of its rounded lines. Services join an invoice of their order; see `services_go_to`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from uuid import UUID

from shared.decimals import ZERO

from .order import Line

CENT = Decimal("0.01")


class InvoiceKind(StrEnum):
    """What the customer is told to do: pay the total, or get it back. Amounts are never negative."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class InvoiceState(StrEnum):
    """draft -> final | void."""

    DRAFT = "draft"
    FINAL = "final"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Amounts:
    """What a line or an invoice comes to, in the order's currency."""

    net: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """Net and tax."""
        return self.net + self.tax


@dataclass(frozen=True, slots=True)
class BilledLine:
    """One order line on an invoice: quantity in the item's unit, amounts rounded."""

    order_id: UUID
    line_id: UUID
    line_no: int
    sku: str
    description: str
    unit: str
    qty: Decimal
    price: Decimal
    discount: Decimal
    tax_rate: Decimal
    net: Decimal
    tax: Decimal


def rounded(amount: Decimal) -> Decimal:
    """Half up to 2 decimals: 0.125 -> 0.13."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def amounts(qty: Decimal, price: Decimal, discount: Decimal, tax_rate: Decimal) -> Amounts:
    """A line's amounts; the tax is computed from the rounded net, so that the paper adds up."""
    net = rounded(qty * price * (1 - discount))
    return Amounts(net, rounded(net * tax_rate))


def total(lines: Iterable[BilledLine]) -> Amounts:
    """An invoice's amounts: the sums of its rounded lines."""
    lines = tuple(lines)
    return Amounts(sum((line.net for line in lines), ZERO), sum((line.tax for line in lines), ZERO))


def bill(line: Line, qty: Decimal) -> BilledLine:
    """A line of an order billed for `qty`."""
    price = ZERO if line.free_of_charge else line.price
    worth = amounts(qty, price, line.discount, line.tax_rate)
    return BilledLine(
        line.order_id, line.id, line.line_no, line.sku, line.description, line.unit, qty, price, line.discount,
        line.tax_rate, worth.net, worth.tax,
    )  # fmt: skip


def bill_shipment(quantities: Mapping[UUID, Decimal], lines: Mapping[UUID, Line]) -> list[BilledLine]:
    """The goods of one shipment by order line, in the order of orders and their lines."""
    on_it = sorted(
        (lines[line_id] for line_id, qty in quantities.items() if qty > ZERO and line_id in lines),
        key=lambda line: (line.order_id, line.line_no),
    )
    return [bill(line, quantities[line.id]) for line in on_it]


def services_go_to(
    shipped_now: Sequence[UUID], drafts: Sequence[UUID], *, goods_left: bool
) -> tuple[UUID | None, bool]:
    """Which invoice an order's unbilled services join: (invoice, whether one of their own is due).

    The invoice of the first shipment that ships has them; until one does, the oldest draft; when no goods are left to
    ship and no draft is there, they get an invoice of their own.
    """
    if shipped_now:
        return shipped_now[0], False
    if drafts:
        return drafts[0], False
    return None, not goods_left
