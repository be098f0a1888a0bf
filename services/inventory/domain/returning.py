"""Customer returns (SO-12): to stock, where they may fill other waiting lines, or to quarantine."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.decimals import plain
from shared.errors import Refused


class ReturnedTooMuch(Refused):
    """More came back than was shipped on the line."""


class OtherItem(Refused):
    """The line was for another item."""


class ReturnTo(StrEnum):
    """Where returned goods go."""

    STOCK = "stock"
    QUARANTINE = "quarantine"


def must_have_shipped(
    order_number: str,
    line_no: int,
    line_sku: str,
    sku: str,
    shipped: Decimal,
    returned: Decimal,
    qty: Decimal,
) -> None:
    """A line gives back at most what it has shipped and not given back yet, of its own item."""
    if sku != line_sku:
        raise OtherItem(f"{order_number} line {line_no} is {line_sku}, not {sku}", sku=sku, line_sku=line_sku)
    if qty > shipped - returned:
        raise ReturnedTooMuch(
            f"{order_number} line {line_no} has shipped {plain(shipped)} and returned {plain(returned)}: "
            f"at most {plain(shipped - returned)} can come back, not {plain(qty)}",
            shipped=shipped,
            returned=returned,
            most=shipped - returned,
            wanted=qty,
        )


@dataclass(frozen=True, slots=True)
class CustomerReturn:
    """Goods that a customer brought back."""

    id: UUID
    number: str
    order_id: UUID | None
    line_id: UUID | None
    component: int
    sku: str
    warehouse: str
    qty: Decimal
    return_to: str
    reason: str
    returned_by: str


@dataclass(frozen=True, slots=True)
class WantedReturn:
    """A customer return as it was told at the counter."""

    line_id: UUID | None
    component: int
    sku: str
    warehouse: str
    qty: Decimal
    return_to: ReturnTo
    reason: str
