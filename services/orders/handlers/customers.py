"""Customers (ORD-6): their terms, their locations, and the credit hold that reaches their open orders."""

from dataclasses import replace
from typing import Any

from shared.errors import Stale
from shared.unit_of_work import Tx, changes

from .. import store
from ..domain.customer import Customer, CustomerExists, LocationTwice, NoSuchCustomer
from ..domain.order import Address
from ..schemas import CustomerChange, NewCustomer, ShipToFields
from .settling import Cause, settle_heard

DOCUMENT = "customer"
CAN_BE_EMPTY = frozenset({"team", "shortage_answer"})


class CustomerChanged(Stale):
    """Somebody else has changed the customer since it was read."""


async def create_customer(tx: Tx, wanted: NewCustomer) -> Customer:
    """A new customer with its locations."""
    terms = wanted.model_dump(exclude={"ship_tos"})
    customer = Customer(
        **terms, version=1, created_at=tx.now, ship_tos=tuple(place.address() for place in wanted.ship_tos)
    )
    codes = [address.code for address in customer.ship_tos]
    if len(set(codes)) < len(codes):
        twice = sorted({code for code in codes if codes.count(code) > 1})
        raise LocationTwice(f"Ship-to location {', '.join(twice)} is listed twice", twice=twice)
    if not await store.insert_customer(tx.db, customer):
        raise CustomerExists(
            f"Customer {customer.code} exists already: change it with PATCH /v1/customers/{customer.code}",
            customer=customer.code,
        )
    tx.record(DOCUMENT, customer.code, "created", None, {**terms, "ship_tos": codes})
    return customer


async def change_customer(tx: Tx, code: str, version: int, wanted: CustomerChange) -> Customer:
    """Change a customer's terms; a credit hold set or lifted reaches every open order at once.

    Each of those orders is told again and logged: setting the hold takes back what has not left, lifting it releases.
    """
    before = await _locked(tx, code, version)
    given = wanted.model_dump(exclude_unset=True, exclude={"reason"})
    values: dict[str, Any] = {name: v for name, v in given.items() if v is not None or name in CAN_BE_EMPTY}
    after = replace(before, **values)
    if after == before:
        return before
    after = replace(after, version=before.version + 1)
    await store.save_customer(tx.db, after)
    _record(tx, before, after, wanted.reason)
    if after.credit_hold != before.credit_hold:
        heads = await store.lock_orders(tx.db, await store.open_order_ids(tx.db, code))
        action = "credit hold set" if after.credit_hold else "credit hold lifted"
        await settle_heard(tx, heads, dict.fromkeys(heads, Cause(action, reason=wanted.reason)))
    return after


async def put_ship_to(tx: Tx, code: str, ship_to: str, version: int, wanted: ShipToFields) -> Customer:
    """Add or change one location; orders ship to what it says when their goods are released."""
    before = await _locked(tx, code, version)
    address = Address(code=ship_to, **wanted.model_dump())
    known = {place.code: place for place in before.ship_tos}
    if known.get(ship_to) == address:
        return before
    ship_tos = tuple(address if place.code == ship_to else place for place in before.ship_tos)
    if ship_to not in known:
        ship_tos = (*before.ship_tos, address)
    after = replace(before, version=before.version + 1, ship_tos=ship_tos)
    await store.save_ship_to(tx.db, code, address)
    await store.save_customer(tx.db, after)
    old = known.get(ship_to)
    # names and towns are enough for the log: it is kept for ever, and addresses are personal data
    tx.record(DOCUMENT, code, "ship-to saved", _place(old) if old else None, _place(address), part=ship_to)
    return after


async def _locked(tx: Tx, code: str, version: int) -> Customer:
    customer = await store.lock_customer(tx.db, code)
    if customer is None:
        raise NoSuchCustomer(f"There is no customer {code}", customer=code)
    if customer.version != version:
        raise CustomerChanged(
            f"Customer {code} has changed since you read it (version {version}, now {customer.version}); read it again",
            given=version,
            current=customer.version,
        )
    return customer


def _record(tx: Tx, before: Customer, after: Customer, reason: str | None) -> None:
    old, new = changes(before, after)
    old.pop("version", None)
    new.pop("version", None)
    tx.record(DOCUMENT, after.code, "changed", old, new, reason=reason)


def _place(address: Address) -> dict[str, Any]:
    return {"name": address.name, "city": address.city, "country": address.country}
