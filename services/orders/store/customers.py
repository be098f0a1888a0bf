"""Customers and their ship-to locations."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, any_, bindparam, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from ..domain.customer import Customer
from ..domain.order import Address, ShipType, answer_of
from ..tables import customers, sales_orders, ship_tos
from .rows import insert_rows

_ADDRESS = [ship_tos.c[field.name].label(f"to_{field.name}") for field in fields(Address)]
_OF_CODES = (
    select(*customers.c, *_ADDRESS)
    .outerjoin(ship_tos, ship_tos.c.customer == customers.c.code)
    .where(customers.c.code == any_(bindparam("codes", type_=ARRAY(Text))))
    .order_by(customers.c.code, ship_tos.c.place)
)
_LOCK = select(customers.c.code).where(customers.c.code == bindparam("code")).with_for_update(key_share=True)
_OPEN_ORDERS = (
    select(sales_orders.c.id)
    .where(sales_orders.c.customer == bindparam("code"), sales_orders.c.state == "open")
    .order_by(sales_orders.c.id)
)


async def customers_with_addresses(db: AsyncConnection, codes: Iterable[str]) -> dict[str, Customer]:
    """The customers of these codes with their locations, in one statement."""
    return await _read(db, _OF_CODES, sorted(set(codes)))


async def lock_customer(db: AsyncConnection, code: str) -> Customer | None:
    """One customer, locked."""
    await db.execute(_LOCK, {"code": code})
    return (await customers_with_addresses(db, [code])).get(code)


async def _read(db: AsyncConnection, query: Select[Any], codes: list[str]) -> dict[str, Customer]:
    rows = (await db.execute(query, {"codes": codes})).mappings().all()
    addresses: dict[str, list[Address]] = {}
    for row in rows:
        if row["to_code"] is not None:
            address = Address(**{field.name: row[f"to_{field.name}"] for field in fields(Address)})
            addresses.setdefault(row["code"], []).append(address)
    return {row["code"]: _customer(row, addresses.get(row["code"], [])) for row in rows}


def _customer(row: Any, addresses: list[Address]) -> Customer:
    stored = {field.name: row[field.name] for field in fields(Customer) if field.name != "ship_tos"}
    stored["ship_type"] = ShipType(stored["ship_type"])
    stored["shortage_answer"] = answer_of(stored["shortage_answer"])
    return Customer(**stored, ship_tos=tuple(addresses))


def _head(customer: Customer) -> dict[str, Any]:
    return {
        field.name: getattr(customer, field.name) for field in fields(Customer) if field.name != "ship_tos"
    }


async def insert_customer(db: AsyncConnection, customer: Customer) -> bool:
    """A new customer with its locations; false if the code is taken."""
    statement = insert(customers).values(_head(customer)).on_conflict_do_nothing().returning(customers.c.code)
    if (await db.execute(statement)).first() is None:
        return False
    await insert_rows(
        db,
        ship_tos,
        [
            {"customer": customer.code, "place": place, **asdict(address)}
            for place, address in enumerate(customer.ship_tos, start=1)
        ],
    )
    return True


async def save_customer(db: AsyncConnection, customer: Customer) -> None:
    """A customer's own fields."""
    await db.execute(customers.update().where(customers.c.code == customer.code).values(_head(customer)))


async def save_ship_to(db: AsyncConnection, customer: str, address: Address) -> None:
    """One location, new or changed; a new one comes last."""
    place = select(func.coalesce(func.max(ship_tos.c.place), 0) + 1).where(ship_tos.c.customer == customer)
    statement = insert(ship_tos).values(customer=customer, place=place.scalar_subquery(), **asdict(address))
    await db.execute(
        statement.on_conflict_do_update(
            index_elements=[ship_tos.c.customer, ship_tos.c.code],
            set_={name: statement.excluded[name] for name in asdict(address) if name != "code"},
        )
    )


async def open_order_ids(db: AsyncConnection, customer: str) -> list[UUID]:
    """The customer's open orders."""
    return list((await db.execute(_OPEN_ORDERS, {"code": customer})).scalars())
