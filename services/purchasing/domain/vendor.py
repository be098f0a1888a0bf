"""Vendors, their prices and product lines: what a buyer maintains."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True)
class Vendor:
    """Whom we buy from; its purchase orders are in its currency."""

    code: str
    name: str
    currency: str
    active: bool
    is_foreign: bool
    """BUY-18 looks at the last foreign cost of a foreign vendor."""
    lead_time_days: int | None
    buyer: str | None
    email: str | None
    version: int
    created_at: datetime


@dataclass(frozen=True)
class PriceRecord:
    """What a vendor asks for `units_per` item units of an item, sold as one `purchase_unit`."""

    id: UUID
    vendor: str
    sku: str
    price: Decimal
    purchase_unit: str
    units_per: Decimal
    active: bool
    version: int
    created_at: datetime


@dataclass(frozen=True)
class ProductLine:
    """Items that are bought together; the target buy (BUY-14) is in its currency."""

    code: str
    name: str
    vendor: str | None
    target_buy: Decimal | None
    currency: str | None
    version: int
    created_at: datetime
