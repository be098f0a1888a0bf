"""The rows of a catalogue's CSV files, checked before anything is sent; what is wrong is told by file, line and column."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from shared.contracts.base import ItemKind
from shared.quantity import Money, PositiveQty, Qty

Code = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9][A-Z0-9-]{0,39}$")]
Words = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


def _blank_is_none(value: Any) -> Any:
    return None if value == "" else value


def _truth(value: Any) -> Any:
    if value not in ("true", "false"):
        raise ValueError("write true or false")
    return value == "true"


Truth = Annotated[bool, BeforeValidator(_truth)]
MaybeCode = Annotated[Code | None, BeforeValidator(_blank_is_none)]
MaybeMoney = Annotated[Money | None, BeforeValidator(_blank_is_none)]


class CsvRow(BaseModel):
    """One row; the columns are the fields, all of them and no others."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class WarehouseRow(CsvRow):
    """warehouses.csv"""

    code: Code
    name: Words
    company: Code
    time_zone: Words


class VendorRow(CsvRow):
    """vendors.csv"""

    code: Code
    name: Words
    currency: Currency
    foreign: Truth
    lead_time_days: Annotated[int, Field(ge=0, le=365)]


class ProductLineRow(CsvRow):
    """product_lines.csv"""

    code: Code
    name: Words
    vendor: Code
    target_buy: MaybeMoney


class ItemRow(CsvRow):
    """items.csv"""

    sku: Code
    description: Words
    kind: ItemKind
    unit: Code
    precision: Annotated[int, Field(ge=0, le=6)]
    product_line: MaybeCode
    special_order: Truth
    drop_ship: Truth
    price: Money
    currency: Currency
    special_vendor: MaybeCode


class KitRow(CsvRow):
    """kits.csv"""

    kit: Code
    seq: Annotated[int, Field(ge=1)]
    component: Code
    quantity: PositiveQty


class ReplenishmentRow(CsvRow):
    """replenishment.csv"""

    sku: Code
    warehouse: Code
    minimum: Qty
    target: Qty
    safety: Qty
    lead_time_days: Annotated[int, Field(ge=0, le=365)]


class VendorPriceRow(CsvRow):
    """vendor_prices.csv"""

    vendor: Code
    sku: Code
    unit: Code
    units_per: PositiveQty
    price: Money
    currency: Currency
    active: Truth


class CustomerRow(CsvRow):
    """customers.csv"""

    code: Code
    name: Words
    ship_type: Annotated[str, StringConstraints(pattern="^(partial_ok|complete)$")]
    shortage_answer: Annotated[
        Annotated[str, StringConstraints(pattern="^(split|backorder_line)$")] | None,
        BeforeValidator(_blank_is_none),
    ]
    no_backorders: Truth
    credit_hold: Truth
    currency: Currency


class ShipToRow(CsvRow):
    """ship_tos.csv"""

    customer: Code
    code: Code
    name: Words
    street: Words
    city: Words
    region: str
    postal_code: str
    country: Annotated[str, StringConstraints(pattern="^[A-Z]{2}$")]


class StockRow(CsvRow):
    """stock.csv: opening balances"""

    sku: Code
    warehouse: Code
    on_hand: PositiveQty


R = TypeVar("R", bound=CsvRow)


@dataclass(frozen=True)
class Numbered(Generic[R]):
    """A row and where it stands."""

    file: str
    line: int
    row: R


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where: `items.csv:12 price: …`."""

    file: str
    line: int
    column: str
    detail: str

    def __str__(self) -> str:
        column = f" {self.column}" if self.column else ""
        return f"{self.file}:{self.line}{column}: {self.detail}"


@dataclass(frozen=True)
class Catalogue:
    """All rows of a folder, and what is wrong with it."""

    warehouses: Sequence[Numbered[WarehouseRow]]
    vendors: Sequence[Numbered[VendorRow]]
    product_lines: Sequence[Numbered[ProductLineRow]]
    items: Sequence[Numbered[ItemRow]]
    kits: Sequence[Numbered[KitRow]]
    replenishment: Sequence[Numbered[ReplenishmentRow]]
    vendor_prices: Sequence[Numbered[VendorPriceRow]]
    customers: Sequence[Numbered[CustomerRow]]
    ship_tos: Sequence[Numbered[ShipToRow]]
    stock: Sequence[Numbered[StockRow]]
    faults: Sequence[Fault]


def read_catalogue(folder: Path) -> Catalogue:
    """Read and check every file of the folder; a missing file is an empty one, a missing folder a fault."""
    faults: list[Fault] = []
    found = {
        "warehouses": _read(folder, "warehouses", WarehouseRow, ("code",), faults),
        "vendors": _read(folder, "vendors", VendorRow, ("code",), faults),
        "product_lines": _read(folder, "product_lines", ProductLineRow, ("code",), faults),
        "items": _read(folder, "items", ItemRow, ("sku",), faults),
        "kits": _read(folder, "kits", KitRow, ("kit", "seq"), faults),
        "replenishment": _read(folder, "replenishment", ReplenishmentRow, ("sku", "warehouse"), faults),
        "vendor_prices": _read(folder, "vendor_prices", VendorPriceRow, ("vendor", "sku"), faults),
        "customers": _read(folder, "customers", CustomerRow, ("code",), faults),
        "ship_tos": _read(folder, "ship_tos", ShipToRow, ("customer", "code"), faults),
        "stock": _read(folder, "stock", StockRow, ("sku", "warehouse"), faults),
    }
    if not any(found.values()) and not faults:
        faults.append(
            Fault(folder.name, 0, "", "no catalogue here: expected items.csv, customers.csv and others")
        )
    return Catalogue(**found, faults=faults)  # type: ignore[arg-type]  # each list has its own row type, by name


def _read(
    folder: Path, name: str, kind: type[R], key: Sequence[str], faults: list[Fault]
) -> list[Numbered[R]]:
    path = folder / f"{name}.csv"
    if not path.exists():
        return []
    rows: list[Numbered[R]] = []
    seen: dict[tuple[Any, ...], int] = {}
    for line, values in _lines(path, kind, faults):
        try:
            row = kind.model_validate(values)
        except ValidationError as wrong:
            faults += [
                Fault(path.name, line, ".".join(map(str, e["loc"])), e["msg"])
                for e in wrong.errors(include_input=False)
            ]
            continue
        marks = tuple(getattr(row, column) for column in key)
        if marks in seen:
            faults.append(
                Fault(
                    path.name,
                    line,
                    "+".join(key),
                    f"{' '.join(map(str, marks))} stands in line {seen[marks]} already",
                )
            )
            continue
        seen[marks] = line
        rows.append(Numbered(path.name, line, row))
    return rows


def _lines(path: Path, kind: type[CsvRow], faults: list[Fault]) -> Iterator[tuple[int, dict[str, str]]]:
    wanted = list(kind.model_fields)
    try:
        with path.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, strict=True)
            if reader.fieldnames is None or sorted(reader.fieldnames) != sorted(wanted):
                faults.append(Fault(path.name, 1, "", f"the header must name exactly {', '.join(wanted)}"))
                return
            for values in reader:
                if None in values or None in values.values():
                    faults.append(Fault(path.name, reader.line_num, "", f"expected {len(wanted)} columns"))
                    continue
                yield reader.line_num, {name: value.strip() for name, value in values.items()}
    except (UnicodeDecodeError, csv.Error) as unreadable:
        faults.append(Fault(path.name, 0, "", f"not readable as UTF-8 CSV: {unreadable}"))


def precise(qty: Decimal, precision: int) -> bool:
    """Whether a quantity fits its item's precision."""
    return qty == round(qty, precision)
