"""Stock counts: what is really there against what the books say."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from services.inventory.domain.demand import Key
from shared.errors import NotFound, Refused


class NoSuchCount(NotFound):
    """There is no such stock count in the caller's warehouses."""


class CountedOtherwise(Refused):
    """A reference that was used before, for another count."""


@dataclass(frozen=True, slots=True)
class WantedCount:
    """What somebody has counted: every unit of the item that is in the warehouse, whoever it belongs to.

    Allotted, pegged and quarantined units count, and so do units on a shipment until it has shipped.
    """

    sku: str
    warehouse: str
    counted: Decimal
    reason: str
    reference: str | None = None

    @property
    def key(self) -> Key:
        """The stock that was counted."""
        return self.sku, self.warehouse


@dataclass(frozen=True, slots=True)
class StockCount:
    """A count; a difference is booked by an adjustment of its own, which a large loss leaves asking."""

    id: UUID
    number: str
    reference: str | None
    sku: str
    warehouse: str
    expected: Decimal
    counted: Decimal
    adjustment_id: UUID | None
    reason: str
    counted_by: str

    @property
    def discrepancy(self) -> Decimal:
        """counted - expected: more than the books say is a gain, less a loss."""
        return self.counted - self.expected


def expected(on_hand: Decimal, being_written_off: Decimal) -> Decimal:
    """What should be found: what the books hold, less what an earlier loss has already found missing.

    A loss that still asks for units (BO-12) has not left the books; counted again it must not be booked again.
    """
    return on_hand - being_written_off
