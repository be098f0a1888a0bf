"""Plain decimals, for rules and errors: the standard library only."""

from decimal import Decimal

ZERO = Decimal(0)


def plain(value: Decimal) -> str:
    """The shortest exact writing: `Decimal("10.500000")` -> `"10.5"`, never with an exponent."""
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def fits_precision(qty: Decimal, precision: int) -> bool:
    """Whether a quantity has no more decimals than its item's unit allows (10.5 EA with precision 0 does not)."""
    return qty == round(qty, precision)
