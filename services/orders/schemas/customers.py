"""Customers as callers send and get them."""

from datetime import datetime
from typing import Any

from pydantic import Field

from shared.web import Input, Output

from ..domain.customer import Customer as StoredCustomer
from ..domain.order import Address, ShipType, ShortageAnswer
from .words import Code, Currency, Name, Words


class ShipToFields(Input):
    """A ship-to location without its code."""

    name: Name
    street: Words = ""
    city: Words = ""
    region: Words = ""
    postal_code: Words = ""
    country: Words = ""


class ShipTo(ShipToFields):
    """A ship-to location; the first one is the customer's default."""

    code: Code

    def address(self) -> Address:
        """The location as the rules know it."""
        return Address(**self.model_dump())


class NewCustomer(Input):
    """A customer with its terms and locations (ORD-6)."""

    code: Code
    name: Name
    currency: Currency = "USD"
    ship_type: ShipType = ShipType.PARTIAL_OK
    shortage_answer: ShortageAnswer | None = Field(
        None,
        description="Answers the shortage question by itself; `backorder_line`: all-or-nothing lines; "
        "null: each order is asked (BO-1)",
    )
    no_backorders: bool = Field(False, description="A shortage is cancelled; special orders are unaffected")
    credit_hold: bool = Field(
        False, description="Stock is granted but nothing is released, specials are not bought"
    )
    team: Code | None = None
    ship_tos: list[ShipTo] = Field(min_length=1, max_length=50)


class CustomerChange(Input):
    """What changes of a customer; what is left out stays."""

    name: Name | None = None
    ship_type: ShipType | None = None
    shortage_answer: ShortageAnswer | None = None
    no_backorders: bool | None = None
    credit_hold: bool | None = None
    team: Code | None = None
    reason: str | None = Field(None, max_length=500, description="Kept in the record log")


class ShipToOut(Output):
    """A ship-to location."""

    code: str
    name: str
    street: str
    city: str
    region: str
    postal_code: str
    country: str


class Customer(Output):
    """A customer."""

    code: str
    version: int
    name: str
    currency: str
    ship_type: ShipType
    shortage_answer: ShortageAnswer | None
    no_backorders: bool
    credit_hold: bool
    team: str | None
    created_at: datetime
    ship_tos: list[ShipToOut]


class CustomerRow(Output):
    """A customer in a list."""

    code: str
    name: str
    currency: str
    ship_type: ShipType
    shortage_answer: ShortageAnswer | None
    no_backorders: bool
    credit_hold: bool
    team: str | None


def customer(found: StoredCustomer) -> Customer:
    """The answer for one customer."""
    fields = {name: getattr(found, name) for name in Customer.model_fields if name != "ship_tos"}
    ship_tos = [
        ShipToOut(**{name: getattr(address, name) for name in ShipToOut.model_fields})
        for address in found.ship_tos
    ]
    return Customer(**fields, ship_tos=ship_tos)


def customer_row(row: Any) -> CustomerRow:
    """One customer of a list."""
    return CustomerRow(**{name: getattr(row, name) for name in CustomerRow.model_fields})
