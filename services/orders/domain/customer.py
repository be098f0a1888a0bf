"""Customers (ORD-6): the terms that their orders start with, and the credit hold that stops what they have."""

from dataclasses import dataclass
from datetime import datetime

from shared.errors import Invalid, NotFound, Refused

from .order import Address, ShipType, ShortageAnswer


class NoSuchCustomer(NotFound):
    """There is no customer of this code."""


class UnknownCustomer(Refused):
    """An order names a customer that is not there."""


class UnknownShipTo(Refused):
    """The customer has no ship-to location of this code."""


class CustomerExists(Refused):
    """A customer of this code is there already; codes are never reused."""


class LocationTwice(Invalid):
    """A customer's ship-to locations have codes of their own."""


@dataclass(frozen=True, slots=True)
class Customer:
    """A customer with its ship-to locations; the first one is the default.

    `shortage_answer`: answers the shortage question for every order; None: each order is asked (BO-2).
    `no_backorders`: a shortage is cancelled and a short ship closed, special orders excepted. `credit_hold`: stock is
    granted but nothing is released, and special orders are not bought.
    """

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
    ship_tos: tuple[Address, ...] = ()

    def ship_to(self, code: str | None) -> Address:
        """The location of this code, or the default one."""
        for address in self.ship_tos:
            if code is None or address.code == code:
                return address
        known = [address.code for address in self.ship_tos]
        if code is None:
            message = f"Customer {self.code} has no ship-to location yet: add one first"
        else:
            message = (
                f"Customer {self.code} has no ship-to location {code}; it has {', '.join(known) or 'none'}"
            )
        raise UnknownShipTo(message, customer=self.code, ship_to=code, known=known)
