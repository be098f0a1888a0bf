"""The claim ticket: units of stock that belong to one demand (design, section 1).

Every figure has one writer, is absolute and only grows: inventory writes `withdrawn`, `failed` and `passed`, orders the
two release numbers, shipping `shipped`, `returned` and `missing`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO

STOCK = "stock"
RECEIPT = "receipt"


@dataclass(frozen=True, slots=True)
class Allotment:
    """Units for one line or component; a fill is a further allotment, never a larger one."""

    id: UUID
    order_id: UUID
    line_id: UUID
    component: int
    sku: str
    warehouse: str
    qty: Decimal
    origin: str
    receipt_line_id: UUID | None = None
    tie_id: UUID | None = None
    gated: bool = False
    withdrawn: Decimal = ZERO
    failed: Decimal = ZERO
    passed: Decimal = ZERO
    release_no: int = 0
    revoke_no: int = 0
    shipped: Decimal = ZERO
    returned: Decimal = ZERO
    missing: Decimal = ZERO

    @property
    def granted(self) -> Decimal:
        """What it gives its line: shipped units count, units taken or returned do not."""
        return self.qty - self.withdrawn - self.failed - self.returned

    @property
    def live(self) -> Decimal:
        """Granted and not shipped yet."""
        return self.granted - self.shipped

    @property
    def is_peg(self) -> bool:
        """Stock that arrived through a tie (SO-10)."""
        return self.origin == RECEIPT

    @property
    def is_released(self) -> bool:
        """Whether its live units stand on a shipment, or are on their way there."""
        return self.release_no > self.revoke_no

    @property
    def released(self) -> Decimal:
        """Units that may ship or have shipped."""
        return self.granted if self.is_released else self.shipped


def granted(allotments: Iterable[Allotment]) -> Decimal:
    """What a demand has got so far."""
    return sum((allotment.granted for allotment in allotments), ZERO)


def shipped(allotments: Iterable[Allotment]) -> Decimal:
    """What of a demand has left the house."""
    return sum((allotment.shipped for allotment in allotments), ZERO)
