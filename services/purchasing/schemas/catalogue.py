"""Vendors, vendor prices and product lines as callers send and get them."""

from collections import Counter
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, model_validator

from services.purchasing.domain.vendor import PriceRecord, ProductLine, Vendor
from services.purchasing.schemas.words import Code, Currency, Sku, Unit, Words
from shared.quantity import Money, PositiveQty
from shared.web import BatchResult, Input, Output

LeadTime = Annotated[int, Field(ge=0, le=1000, description="Days from sending a purchase order to its goods")]


class _Change(Input):
    """A merge patch: what is left out stays; null empties a field that may be empty."""

    _may_be_null: frozenset[str] = frozenset()

    @model_validator(mode="after")
    def _nulls(self) -> "_Change":
        for name in self.model_fields_set - self._may_be_null:
            if getattr(self, name) is None:
                raise ValueError(f"{name} cannot be null")
        return self

    def wanted(self) -> dict[str, Any]:
        """What shall change."""
        return self.model_dump(exclude_unset=True)


# --- vendors ---


class NewVendor(Input):
    """Whom we buy from."""

    code: Code
    name: Words
    currency: Currency = Field(description="Its purchase orders are in this currency")
    active: bool = True
    is_foreign: bool = False
    lead_time_days: LeadTime | None = None
    buyer: Words | None = Field(None, description="Who buys from it; else whoever made the purchase order")
    email: str | None = Field(None, max_length=200)


class VendorChange(_Change):
    """What changes of a vendor."""

    _may_be_null = frozenset({"lead_time_days", "buyer", "email"})

    name: Words | None = None
    currency: Currency | None = None
    active: bool | None = None
    is_foreign: bool | None = None
    lead_time_days: LeadTime | None = None
    buyer: Words | None = None
    email: str | None = Field(None, max_length=200)


class VendorOut(Output):
    """A vendor."""

    code: str
    name: str
    currency: str
    active: bool
    is_foreign: bool
    lead_time_days: int | None
    buyer: str | None
    email: str | None
    version: int
    created_at: datetime


def vendor(record: Vendor) -> VendorOut:
    """A vendor as it is shown."""
    return VendorOut(**vars(record))


def vendor_row(row: Any) -> VendorOut:
    """A vendor in a list."""
    return VendorOut.model_validate(row._mapping)


# --- prices ---


class NewPrice(Input):
    """What a vendor asks for an item."""

    vendor: Code
    sku: Sku
    price: Money = Field(description="For one purchase unit, in the vendor's currency")
    purchase_unit: Unit = "EA"
    units_per: PositiveQty = Field("1", validate_default=True, description="Item units in one purchase unit")
    active: bool = True


class PriceChange(_Change):
    """What changes of a price record."""

    price: Money | None = None
    purchase_unit: Unit | None = None
    units_per: PositiveQty | None = None
    active: bool | None = None


class PriceOut(Output):
    """A price record."""

    id: UUID
    vendor: str
    sku: str
    price: Money
    purchase_unit: str
    units_per: PositiveQty
    active: bool
    version: int
    created_at: datetime


def price(record: PriceRecord) -> PriceOut:
    """A price record as it is shown."""
    return PriceOut(**vars(record))


def price_row(row: Any) -> PriceOut:
    """A price record in a list."""
    return PriceOut.model_validate(row._mapping)


class PriceList(Input):
    """Up to 500 prices; one that is there already is changed."""

    prices: list[NewPrice] = Field(min_length=1, max_length=500)


class PriceListRow(BatchResult):
    """What became of one row."""

    result: Literal["created", "changed", "unchanged", "refused"]
    id: UUID | None = None


class PriceListResult(Output):
    """A result for each row, in the order of the list."""

    created: int
    changed: int
    unchanged: int
    refused: int
    results: list[PriceListRow]


def price_list_result(rows: list[PriceListRow]) -> PriceListResult:
    """The answer for a price list."""
    counts = Counter(row.result for row in rows)
    return PriceListResult(
        created=counts["created"],
        changed=counts["changed"],
        unchanged=counts["unchanged"],
        refused=counts["refused"],
        results=rows,
    )


# --- product lines ---


class NewProductLine(Input):
    """Items that are bought together."""

    code: Code
    name: Words
    vendor: Code | None = None
    target_buy: Annotated[Money, Field(gt=0)] | None = Field(
        None, description="Worth reviewing from here on (BUY-14)"
    )
    currency: Currency | None = None


class ProductLineChange(_Change):
    """What changes of a product line."""

    _may_be_null = frozenset({"vendor", "target_buy", "currency"})

    name: Words | None = None
    vendor: Code | None = None
    target_buy: Annotated[Money, Field(gt=0)] | None = None
    currency: Currency | None = None


class ProductLineOut(Output):
    """A product line."""

    code: str
    name: str
    vendor: str | None
    target_buy: Money | None
    currency: str | None
    version: int
    created_at: datetime


def product_line(record: ProductLine) -> ProductLineOut:
    """A product line as it is shown."""
    return ProductLineOut(**vars(record))


def product_line_row(row: Any) -> ProductLineOut:
    """A product line in a list."""
    return ProductLineOut.model_validate(row._mapping)
