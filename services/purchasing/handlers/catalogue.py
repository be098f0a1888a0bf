"""Vendors, their prices and product lines; what was missing of them is bought as soon as it is there (BUY-2, BUY-9)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from services.purchasing.domain.vendor import PriceRecord, ProductLine, Vendor
from services.purchasing.handlers.settling import settle
from services.purchasing.store import catalogue as store
from services.purchasing.store import demands
from shared.errors import NotFound, Refused, Stale, TielineError
from shared.unit_of_work import Tx, changes


class NoSuchVendor(NotFound):
    """There is no vendor of this code."""


class VendorExists(Refused):
    """A vendor's code is its own for ever."""


class NoSuchPrice(NotFound):
    """There is no such price record."""


class ActivePriceExists(Refused):
    """A vendor has one active price for an item."""


class PriceTwice(Refused):
    """A price list names a vendor and an item twice."""


class NoSuchProductLine(NotFound):
    """There is no product line of this code."""


class ProductLineExists(Refused):
    """A product line's code is its own for ever."""


class TargetWithoutCurrency(Refused):
    """A target buy is an amount of money: it needs a currency."""


class RecordMoved(Stale):
    """The record has changed since it was read."""


# --- vendors ---


async def create_vendor(tx: Tx, vendor: Vendor) -> Vendor:
    """A new vendor; what waited for it is bought."""
    await store.hold_vendors(tx, [vendor.code], exclusive=True)
    if not await store.add(tx, vendor):
        raise VendorExists(f"Vendor {vendor.code} is there already; change it instead", code=vendor.code)
    tx.record("vendor", vendor.code, "created", None, _shown(vendor))
    await settle(tx, await demands.exceptions_waiting_for(tx, [vendor.code]))
    return vendor


async def change_vendor(tx: Tx, code: str, version: int, wanted: Mapping[str, Any]) -> Vendor:
    """Change a vendor; its purchase orders that are there keep their currency."""
    await store.hold_vendors(tx, [code], exclusive=True)
    old = await store.lock_vendor(tx, code)
    if old is None:
        raise NoSuchVendor(f"There is no vendor {code}", code=code)
    _same_version(old.version, version, f"Vendor {code}")
    new = replace(old, **wanted, version=old.version + 1)
    await store.save(tx, [new])
    tx.record("vendor", code, "changed", *changes(old, new))
    await settle(tx, await demands.exceptions_waiting_for(tx, [code]))
    return new


# --- prices ---


async def create_price(tx: Tx, price: PriceRecord) -> PriceRecord:
    """A new active price of a vendor for an item; what waited for a cost is bought."""
    await store.hold_vendors(tx, [price.vendor], exclusive=True)
    if not await store.known_vendors(tx, [price.vendor]):
        raise NoSuchVendor(f"There is no vendor {price.vendor}", code=price.vendor)
    if not await store.add(tx, price):
        raise ActivePriceExists(
            f"{price.vendor} has an active price for {price.sku} already; change it, or deactivate it first",
            vendor=price.vendor,
            sku=price.sku,
        )
    tx.record("vendor_price", price.id, "created", None, _shown(price))
    await settle(tx, await demands.exceptions_waiting_for(tx, [price.vendor], [price.sku]))
    return price


async def change_price(tx: Tx, price_id: UUID, version: int, wanted: Mapping[str, Any]) -> PriceRecord:
    """Change a price record; purchase orders keep the cost that they have."""
    old = await store.lock_price(tx, price_id)
    if old is None:
        raise NoSuchPrice("There is no such price record", id=price_id)
    await store.hold_vendors(tx, [old.vendor], exclusive=True)
    _same_version(old.version, version, f"The price of {old.vendor} for {old.sku}")
    new = replace(old, **wanted, version=old.version + 1)
    if new.active and not old.active and await store.lock_active_prices(tx, [(new.vendor, new.sku)]):
        raise ActivePriceExists(
            f"{new.vendor} has another active price for {new.sku}; deactivate it first",
            vendor=new.vendor,
            sku=new.sku,
        )
    await store.save(tx, [new])
    tx.record("vendor_price", price_id, "changed", *changes(old, new))
    await settle(tx, await demands.exceptions_waiting_for(tx, [new.vendor], [new.sku]))
    return new


@dataclass(frozen=True)
class PriceResult:
    """What became of one row of a price list: created, changed, unchanged, or refused with the reason."""

    result: Literal["created", "changed", "unchanged", "refused"]
    id: UUID | None = None
    refusal: TielineError | None = None


async def keep_prices(tx: Tx, wanted: Sequence[PriceRecord]) -> list[PriceResult]:
    """A price list, row by row: a row that is there already is changed, so sending a list again changes nothing.

    What is there already is an inactive record that says the same as an inactive row, else the active record of the
    vendor and item.
    """
    vendors = {price.vendor for price in wanted}
    await store.hold_vendors(tx, vendors, exclusive=True)
    known = await store.known_vendors(tx, vendors)
    current = await store.lock_active_prices(tx, {(price.vendor, price.sku) for price in wanted})
    idle = await store.inactive_prices(
        tx, {(price.vendor, price.sku) for price in wanted if not price.active}
    )
    results, kept, seen = [], [], set[tuple[str, str]]()
    for price in wanted:
        pair = (price.vendor, price.sku)
        old = _same(price, idle) or current.get(pair)
        result, record = _kept(price, old, price.vendor in known, pair in seen)
        seen.add(pair)
        results.append(result)
        if record is not None:
            before, after = changes(old, record) if old else (None, _shown(record))
            tx.record("vendor_price", record.id, result.result, before, after)
            kept.append(record)
    await store.save(tx, kept)
    await settle(
        tx,
        await demands.exceptions_waiting_for(tx, {p.vendor for p in kept}, {p.sku for p in kept})
        if kept
        else (),
    )
    return results


def _same(price: PriceRecord, idle: Iterable[PriceRecord]) -> PriceRecord | None:
    """The inactive record that says the same as an inactive row."""
    if price.active:
        return None
    return next((old for old in idle if _as(price, old) == old), None)


def _as(price: PriceRecord, old: PriceRecord) -> PriceRecord:
    return replace(price, id=old.id, version=old.version, created_at=old.created_at)


def _kept(
    price: PriceRecord, old: PriceRecord | None, vendor_known: bool, again: bool
) -> tuple[PriceResult, PriceRecord | None]:
    if not vendor_known:
        refusal: TielineError = NoSuchVendor(f"There is no vendor {price.vendor}", vendor=price.vendor)
        return PriceResult("refused", refusal=refusal), None
    if again:
        refusal = PriceTwice(f"{price.vendor} and {price.sku} stand twice in this list", sku=price.sku)
        return PriceResult("refused", refusal=refusal), None
    if old is None:
        return PriceResult("created", price.id), price
    new = _as(price, old)
    if new == old:
        return PriceResult("unchanged", old.id), None
    return PriceResult("changed", old.id), replace(new, version=old.version + 1)


# --- product lines ---


async def create_product_line(tx: Tx, line: ProductLine) -> ProductLine:
    """A new product line."""
    _check_target(line.target_buy, line.currency)
    if not await store.add(tx, line):
        raise ProductLineExists(
            f"Product line {line.code} is there already; change it instead", code=line.code
        )
    tx.record("product_line", line.code, "created", None, _shown(line))
    return line


async def change_product_line(tx: Tx, code: str, version: int, wanted: Mapping[str, Any]) -> ProductLine:
    """Change a product line."""
    old = await store.lock_product_line(tx, code)
    if old is None:
        raise NoSuchProductLine(f"There is no product line {code}", code=code)
    _same_version(old.version, version, f"Product line {code}")
    new = replace(old, **wanted, version=old.version + 1)
    _check_target(new.target_buy, new.currency)
    await store.save(tx, [new])
    tx.record("product_line", code, "changed", *changes(old, new))
    return new


def _check_target(target: Decimal | None, currency: str | None) -> None:
    if target is not None and currency is None:
        raise TargetWithoutCurrency("A target buy needs a currency", target_buy=target)


def _same_version(current: int, given: int, what: str) -> None:
    if current != given:
        raise RecordMoved(f"{what} has changed; read it again", current=current, given=given)


def _shown(record: Vendor | PriceRecord | ProductLine) -> dict[str, Any]:
    return dict(vars(record))
