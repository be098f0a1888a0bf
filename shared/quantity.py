"""Exact decimals at every border: quantities, money and rates.

On the wire they are strings ("12.5"), never floats; inside they are `Decimal`. The pattern is ASCII and has no
exponent, so `1e3`, `NaN`, `Infinity` and other scripts' digits are refused where they come in.
"""

import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from shared.decimals import ZERO, fits_precision, plain

__all__ = ["ZERO", "Money", "PositiveQty", "Qty", "Rate", "SignedQty", "fits_precision", "plain"]

_PLAIN = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?", re.ASCII)
_SCHEMA_PATTERN = r"^-?[0-9]{1,12}(\.[0-9]{1,6})?$"
_UNSIGNED_PATTERN = r"^[0-9]{1,12}(\.[0-9]{1,6})?$"


def _exact(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError('write decimals as strings, such as "12.5"')
    text = str(value)
    if not _PLAIN.fullmatch(text):
        raise ValueError('not a plain decimal of at most 12 digits and 6 decimals, such as "12.5"')
    return Decimal(text)


def _not_negative(value: Any) -> Decimal:
    number = _exact(value)
    if number < 0:
        raise ValueError(f"must not be negative, got {plain(number)}")
    return number


def _positive(value: Any) -> Decimal:
    number = _exact(value)
    if number <= 0:
        raise ValueError(f"must be greater than 0, got {plain(number)}")
    return number


def _money_places(value: Any) -> Decimal:
    number = _not_negative(value)
    if -int(number.normalize().as_tuple().exponent) > 4:
        raise ValueError(f"money has at most 4 decimals, got {plain(number)}")
    return number


_as_text = PlainSerializer(plain, return_type=str, when_used="json")


def _schema(pattern: str, example: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": [example]})


Qty = Annotated[Decimal, BeforeValidator(_not_negative), _as_text, _schema(_UNSIGNED_PATTERN, "12.5")]
"""A quantity in the item's unit, zero or more."""

PositiveQty = Annotated[Decimal, BeforeValidator(_positive), _as_text, _schema(_UNSIGNED_PATTERN, "12.5")]
"""A quantity in the item's unit, more than zero."""

SignedQty = Annotated[Decimal, BeforeValidator(_exact), _as_text, _schema(_SCHEMA_PATTERN, "-2")]
"""A difference of quantities, either sign."""

Money = Annotated[Decimal, BeforeValidator(_money_places), _as_text, _schema(_UNSIGNED_PATTERN, "9.95")]
"""An amount of money, zero or more, at most 4 decimals; its currency stands beside it."""

Rate = Annotated[Decimal, BeforeValidator(_not_negative), _as_text, _schema(_UNSIGNED_PATTERN, "0.21")]
"""A share such as a tax rate or a discount: 0.21 is 21 %."""
