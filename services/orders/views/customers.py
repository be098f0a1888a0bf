"""Customers, and items as order entry knows them."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.paging import Sorts

from ..domain.customer import Customer
from ..domain.order import Address, ShipType, answer_of
from ..tables import catalogue_items as items_table
from ..tables import customers as customers_table
from ..tables import ship_tos

CUSTOMER_SORTS = Sorts(
    {
        "code": customers_table.c.code,
        "name": customers_table.c.name,
        "created_at": customers_table.c.created_at,
    },
    default="code",
    tie=customers_table.c.code,
)
ITEM_SORTS = Sorts({"sku": items_table.c.sku}, default="sku", tie=items_table.c.sku)


def customers(*, name: str | None, credit_hold: bool | None) -> Select[Any]:
    """Customers, filtered by the start of their name and by hold."""
    query = select(customers_table)
    if name:
        query = query.where(customers_table.c.name.istartswith(name, autoescape=True))
    if credit_hold is not None:
        query = query.where(customers_table.c.credit_hold.is_(credit_hold))
    return query


async def customer(db: AsyncConnection, code: str) -> Customer | None:
    """One customer with its locations."""
    row = (await db.execute(select(customers_table).where(customers_table.c.code == code))).mappings().first()
    if row is None:
        return None
    query = (
        select(*(ship_tos.c[field.name] for field in fields(Address)))
        .where(ship_tos.c.customer == code)
        .order_by(ship_tos.c.place)
    )
    places = tuple(Address(**place) for place in (await db.execute(query)).mappings())
    stored = dict(row)
    stored["ship_type"] = ShipType(stored["ship_type"])
    stored["shortage_answer"] = answer_of(stored["shortage_answer"])
    return Customer(**stored, ship_tos=places)


def catalogue_items(*, kind: str | None, product_line: str | None, special_order: bool | None) -> Select[Any]:
    """Items as order entry knows them."""
    query = select(items_table)
    if kind:
        query = query.where(items_table.c.kind == kind)
    if product_line:
        query = query.where(items_table.c.product_line == product_line)
    if special_order is not None:
        query = query.where(items_table.c.special_order.is_(special_order))
    return query


async def catalogue_item(db: AsyncConnection, sku: str) -> Any:
    """One item, or None while orders has not heard of it."""
    return (await db.execute(select(items_table).where(items_table.c.sku == sku))).first()
