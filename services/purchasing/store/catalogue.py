"""What is bought and from whom: vendors, prices, product lines, and the copies of items and warehouses."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Table, Text, TextClause, bindparam, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from services.purchasing.domain.by_hand import Product
from services.purchasing.domain.cost import Offer, Packing, VendorPrice
from services.purchasing.domain.demand import Kind
from services.purchasing.domain.vendor import PriceRecord, ProductLine, Vendor
from services.purchasing.store.rows import packed, replacing, upsert
from services.purchasing.tables import items, product_lines, vendor_prices, vendors, warehouses
from shared.unit_of_work import Tx

# --- copies ---

_ITEM = ("version", "description", "kind", "unit", "precision", "product_line", "special_order", "drop_ship")
_ITEMS = upsert(
    items,
    key=("sku",),
    columns=("sku", *_ITEM),
    update=replacing(_ITEM),
    tail="WHERE items.version < excluded.version",
)
_WAREHOUSE = ("version", "name", "company", "time_zone")
_WAREHOUSES = upsert(
    warehouses,
    key=("code",),
    columns=("code", *_WAREHOUSE),
    update=replacing(_WAREHOUSE),
    tail="WHERE warehouses.version < excluded.version",
)


async def hear_items(tx: Tx, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keep the newest version of each item."""
    await tx.db.execute(_ITEMS, packed(rows))


async def hear_warehouses(tx: Tx, rows: Iterable[Mapping[str, Any]]) -> None:
    """Keep the newest version of each warehouse."""
    await tx.db.execute(_WAREHOUSES, packed(rows))


async def products(tx: Tx, skus: Collection[str]) -> dict[str, Product]:
    """The items of these skus that are known here."""
    rows = await tx.db.execute(select(items).where(items.c.sku.in_(sorted(skus))))
    return {
        row.sku: Product(
            row.sku,
            row.description,
            Kind(row.kind),
            row.unit,
            row.precision,
            row.product_line,
            row.special_order,
        )
        for row in rows
    }


@dataclass(frozen=True)
class Place:
    """What a purchase order needs of a warehouse."""

    company: str
    time_zone: str


_PLACES = select(warehouses.c.code, warehouses.c.company, warehouses.c.time_zone).where(
    warehouses.c.code == bindparam("codes", type_=ARRAY(Text)).any_()
)


async def places(tx: Tx, codes: Collection[str]) -> dict[str, Place]:
    """The warehouses of these codes that are known here."""
    rows = await tx.db.execute(_PLACES, {"codes": sorted(codes)})
    return {row.code: Place(row.company, row.time_zone) for row in rows}


# --- offers ---

_OFFERS = text(
    """
    SELECT wanted.vendor, wanted.sku, vendors.currency, vendors.active, vendors.lead_time_days, vendors.buyer,
           prices.price, prices.purchase_unit, prices.units_per
    FROM unnest(:vendors, :skus) AS wanted(vendor, sku)
    JOIN vendors ON vendors.code = wanted.vendor
    LEFT JOIN vendor_prices prices ON prices.vendor = wanted.vendor AND prices.sku = wanted.sku AND prices.active
    """
).bindparams(bindparam("vendors", type_=ARRAY(Text)), bindparam("skus", type_=ARRAY(Text)))


async def offers(tx: Tx, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], Offer]:
    """What is known of (vendor, sku): nothing for vendors that do not exist."""
    if not wanted:
        return {}
    pairs = sorted(wanted)
    columns = {"vendors": [vendor for vendor, _ in pairs], "skus": [sku for _, sku in pairs]}
    return {(row.vendor, row.sku): _offer(row) for row in await tx.db.execute(_OFFERS, columns)}


def _offer(row: Any) -> Offer:
    price = None
    if row.price is not None:
        price = VendorPrice(row.price, Packing(row.purchase_unit, row.units_per))
    return Offer(row.vendor, row.currency, row.active, row.lead_time_days, row.buyer, price)


@dataclass(frozen=True)
class Market:
    """What buying needs to know: offers by (vendor, sku), warehouses, unsent purchase orders by (vendor, warehouse)."""

    offers: Mapping[tuple[str, str], Offer]
    places: Mapping[str, Place]
    drafts: Mapping[tuple[str, str], Collection[UUID]]


_MARKET = text(
    """
    SELECT wanted.vendor, wanted.sku, wanted.warehouse, vendors.currency, vendors.active, vendors.lead_time_days,
           vendors.buyer, prices.price, prices.purchase_unit, prices.units_per, places.company, places.time_zone,
           CASE WHEN wanted.is_first THEN ARRAY(
               SELECT po.id FROM purchase_orders AS po
               WHERE (po.vendor, po.warehouse, po.currency) = (wanted.vendor, wanted.warehouse, vendors.currency)
                 AND po.state = 'draft') END AS drafts
    FROM unnest(:vendors, :skus, :warehouses, :firsts) AS wanted(vendor, sku, warehouse, is_first)
    JOIN vendors ON vendors.code = wanted.vendor
    LEFT JOIN vendor_prices AS prices ON prices.vendor = wanted.vendor AND prices.sku = wanted.sku AND prices.active
    LEFT JOIN warehouses AS places ON places.code = wanted.warehouse
    """
).bindparams(
    *(bindparam(name, type_=ARRAY(Text)) for name in ("vendors", "skus", "warehouses")),
    bindparam("firsts", type_=ARRAY(Boolean)),
)


async def market(tx: Tx, wanted: Collection[tuple[str, str, str]]) -> Market:
    """What is known of (vendor, warehouse, sku): nothing for vendors that do not exist. Nothing of it is locked."""
    if not wanted:
        return Market({}, {}, {})
    sought = sorted(wanted)
    groups = [(vendor, warehouse) for vendor, warehouse, _ in sought]
    columns = {
        "vendors": [vendor for vendor, _, _ in sought],
        "skus": [sku for _, _, sku in sought],
        "warehouses": [warehouse for _, warehouse, _ in sought],
        "firsts": [nth == 0 or groups[nth - 1] != group for nth, group in enumerate(groups)],
    }
    rows = (await tx.db.execute(_MARKET, columns)).all()
    return Market(
        {(row.vendor, row.sku): _offer(row) for row in rows},
        {row.warehouse: Place(row.company, row.time_zone) for row in rows if row.time_zone is not None},
        {(row.vendor, row.warehouse): row.drafts for row in rows if row.drafts},
    )


_HOLD = text(
    """
    SELECT CASE WHEN :exclusive THEN pg_advisory_xact_lock(hashtextextended('vendor ' || vendor, 0))::text
                ELSE pg_advisory_xact_lock_shared(hashtextextended('vendor ' || vendor, 0))::text END
    FROM (SELECT vendor FROM unnest(:vendors) AS wanted(vendor) ORDER BY vendor) AS wanted
    """
).bindparams(bindparam("vendors", type_=ARRAY(Text)), bindparam("exclusive", type_=Boolean))


async def hold_vendors(tx: Tx, codes: Collection[str], *, exclusive: bool = False) -> None:
    """Keep what is known of these vendors still until the transaction ends, even that they do not exist.

    Who finds that a vendor or its price is missing holds it shared while he writes that down; who adds it holds it
    alone. Otherwise the two could pass each other, and the exception would stay although nothing is missing.
    """
    if codes:
        await tx.db.execute(_HOLD, {"vendors": sorted(codes), "exclusive": exclusive})


# --- records that buyers keep ---

Kept = TypeVar("Kept", Vendor, PriceRecord, ProductLine)


def _upsert(table: Table, key: str) -> TextClause:
    names = tuple(column.name for column in table.columns)
    return upsert(
        table, key=(key,), columns=names, update=replacing(n for n in names if n not in (key, "created_at"))
    )


_SAVE = {
    Vendor: _upsert(vendors, "code"),
    PriceRecord: _upsert(vendor_prices, "id"),
    ProductLine: _upsert(product_lines, "code"),
}
_TABLE: dict[type[Any], Table] = {Vendor: vendors, PriceRecord: vendor_prices, ProductLine: product_lines}


async def add(tx: Tx, record: Kept) -> bool:
    """Write a new record; False when one with its key (or another active price) is there already."""
    new = insert(_TABLE[type(record)]).values(**asdict(record)).on_conflict_do_nothing()
    return (await tx.db.execute(new)).rowcount == 1


async def save(tx: Tx, records: Collection[Kept]) -> None:
    """Write records of one kind that are locked, or whose ids are new."""
    if records:
        kind = type(next(iter(records)))
        await tx.db.execute(_SAVE[kind], packed(asdict(record) for record in records))


async def lock_vendor(tx: Tx, code: str) -> Vendor | None:
    """One vendor, locked."""
    row = (
        await tx.db.execute(select(vendors).where(vendors.c.code == code).with_for_update(key_share=True))
    ).first()
    return Vendor(**row._mapping) if row else None


async def known_vendors(tx: Tx, codes: Collection[str]) -> set[str]:
    """Which of these vendors exist."""
    return set(
        (await tx.db.execute(select(vendors.c.code).where(vendors.c.code.in_(sorted(codes))))).scalars()
    )


async def lock_price(tx: Tx, price_id: UUID) -> PriceRecord | None:
    """One price record, locked."""
    statement = select(vendor_prices).where(vendor_prices.c.id == price_id).with_for_update(key_share=True)
    row = (await tx.db.execute(statement)).first()
    return PriceRecord(**row._mapping) if row else None


async def lock_active_prices(
    tx: Tx, pairs: Collection[tuple[str, str]]
) -> dict[tuple[str, str], PriceRecord]:
    """The active records of (vendor, sku), locked in id order."""
    statement = text(
        """
        SELECT vendor_prices.* FROM vendor_prices
        JOIN unnest(:vendors, :skus) AS wanted(vendor, sku) USING (vendor, sku)
        WHERE active ORDER BY vendor_prices.id FOR NO KEY UPDATE OF vendor_prices
        """
    ).bindparams(bindparam("vendors", type_=ARRAY(Text)), bindparam("skus", type_=ARRAY(Text)))
    wanted = sorted(pairs)
    columns = {"vendors": [vendor for vendor, _ in wanted], "skus": [sku for _, sku in wanted]}
    return {
        (row.vendor, row.sku): PriceRecord(**row._mapping) for row in await tx.db.execute(statement, columns)
    }


async def inactive_prices(tx: Tx, pairs: Collection[tuple[str, str]]) -> list[PriceRecord]:
    """The inactive records of (vendor, sku), oldest first; whoever holds the vendors keeps them still."""
    if not pairs:
        return []
    found = select(vendor_prices).where(
        tuple_(vendor_prices.c.vendor, vendor_prices.c.sku).in_(sorted(pairs)), ~vendor_prices.c.active
    )
    return [PriceRecord(**row._mapping) for row in await tx.db.execute(found.order_by(vendor_prices.c.id))]


async def lock_product_line(tx: Tx, code: str) -> ProductLine | None:
    """One product line, locked."""
    statement = select(product_lines).where(product_lines.c.code == code).with_for_update(key_share=True)
    row = (await tx.db.execute(statement)).first()
    return ProductLine(**row._mapping) if row else None
