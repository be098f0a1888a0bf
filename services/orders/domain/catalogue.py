"""What order entry takes over from an item, resolved once: flags, source, price and unit (ITEM-1, 3, 4 and 6)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from shared.decimals import fits_precision, plain
from shared.errors import Invalid, Refused

from .order import ItemKind

ANY_WAREHOUSE = "*"


class BothFlags(Invalid):
    """A line is a special order or a drop shipment, never both (ITEM-1)."""


class BothSources(Invalid):
    """Goods come from a vendor or from a warehouse, never both (ITEM-6)."""


class OwnWarehouseAsSource(Invalid):
    """A line cannot be supplied by a transfer from its own warehouse."""


class QuantityTooFine(Invalid):
    """The quantity has more decimals than the item's unit allows."""


class PriceMissing(Refused):
    """The item has no price of its own, so the line must bring one."""


class PriceInOtherCurrency(Refused):
    """The item is priced in another currency than the order."""


class KitsNotSold(Refused):
    """Kits cannot be sold yet."""


class DropShipNotSold(Refused):
    """Drop shipments cannot be ordered yet."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a demand is bought or transferred from: one of the two, or neither yet (BUY-2)."""

    vendor: str | None = None
    warehouse: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """The copy of an item that order entry reads."""

    sku: str
    description: str
    kind: ItemKind
    unit: str
    precision: int
    product_line: str | None = None
    special_order: bool = False
    drop_ship: bool = False
    price: Decimal | None = None
    currency: str | None = None
    sources: Mapping[str, Source] = field(default_factory=dict)

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """An item from its stored fields; the sources are a list of {warehouse, vendor, source_warehouse}."""
        sources = {
            entry["warehouse"]: Source(entry["vendor"], entry["source_warehouse"])
            for entry in stored["sources"]
        }
        return cls(**{**stored, "kind": ItemKind(stored["kind"]), "sources": sources})

    def source(self, warehouse: str) -> Source:
        """The item's special-order source for a warehouse: its own entry, else the default one (ITEM-6)."""
        return self.sources.get(warehouse) or self.sources.get(ANY_WAREHOUSE) or Source()


@dataclass(frozen=True, slots=True)
class Flags:
    """How a line is supplied when not from stock."""

    special_order: bool
    drop_ship: bool


def line_flags(
    item: Item, special_order: bool | None, drop_ship: bool | None, *, auto_flag_special: bool
) -> Flags:
    """The flags of a new line (ITEM-1, ITEM-3).

    What the line says overrides the item either way, and setting one flag clears the other. A line that says nothing
    takes the item's flags; its special flag only while `auto_flag_special` is on.
    """
    if special_order and drop_ship:
        raise BothFlags("special_order and drop_ship exclude each other: set one of them", sku=item.sku)
    if special_order:
        return Flags(special_order=True, drop_ship=False)
    if drop_ship:
        return Flags(special_order=False, drop_ship=True)
    return Flags(
        special_order=item.special_order and auto_flag_special if special_order is None else False,
        drop_ship=item.drop_ship if drop_ship is None else False,
    )


def changed_flags(now: Flags, special_order: bool | None, drop_ship: bool | None) -> Flags:
    """The flags of a draft line after a change: setting one clears the other, both at once are refused (ITEM-1)."""
    if special_order and drop_ship:
        raise BothFlags("special_order and drop_ship exclude each other: set one of them")
    if special_order:
        return Flags(special_order=True, drop_ship=False)
    if drop_ship:
        return Flags(special_order=False, drop_ship=True)
    return Flags(
        special_order=now.special_order if special_order is None else False,
        drop_ship=now.drop_ship if drop_ship is None else False,
    )


def must_be_sellable(item: Item, flags: Flags) -> None:
    """Refuse what later rules will bring, in clear words."""
    if item.kind is ItemKind.KIT:
        raise KitsNotSold(
            f"{item.sku} is a kit, and kits cannot be sold yet: order its components as lines of their own",
            sku=item.sku,
        )
    if flags.drop_ship:
        raise DropShipNotSold(
            f"{item.sku} would be drop shipped, which cannot be ordered yet: send the line with "
            '"drop_ship": false to supply it through a warehouse',
            sku=item.sku,
        )


def must_be_one_source(source: Source, warehouse: str) -> None:
    """Refuse a source of two places, or of the line's own warehouse (ITEM-6)."""
    if source.vendor and source.warehouse:
        raise BothSources(
            f"A source is a vendor or a warehouse, not both: leave out {source.vendor} or {source.warehouse}",
            vendor=source.vendor,
            warehouse=source.warehouse,
        )
    if source.warehouse == warehouse:
        raise OwnWarehouseAsSource(
            f"Warehouse {warehouse} cannot be supplied by a transfer from itself: name another warehouse or a vendor",
            warehouse=warehouse,
        )


def must_fit_unit(sku: str, unit: str, precision: int, qty: Decimal) -> None:
    """Refuse a quantity with more decimals than the unit has."""
    if not fits_precision(qty, precision):
        raise QuantityTooFine(
            f"{sku} is counted in {unit} with {precision} decimals; {plain(qty)} has more",
            sku=sku,
            unit=unit,
            precision=precision,
            qty=qty,
        )


def line_price(item: Item, price: Decimal | None, currency: str, *, free_of_charge: bool) -> Decimal:
    """The selling price per unit: the line's own, else the item's if it is in the order's currency."""
    if price is not None:
        return price
    if item.price is None and free_of_charge:
        return Decimal(0)
    if item.price is None:
        raise PriceMissing(f"{item.sku} has no price: give the line one", sku=item.sku)
    if item.currency is not None and item.currency != currency:
        raise PriceInOtherCurrency(
            f"{item.sku} is priced in {item.currency} and the order is in {currency}: give the line a price",
            sku=item.sku,
            item_currency=item.currency,
            order_currency=currency,
        )
    return item.price
