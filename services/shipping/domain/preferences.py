"""Shipping's preferences: the first value is the default (rules.md)."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Preferences:
    """How this organisation ships."""

    short_ship: Literal["ask", "backorder", "close"] = "ask"
    """SHIP-3: what becomes of units that were expected and did not ship; `ask` wants an answer per line."""
    append_across_orders: Literal["off", "on"] = "off"
    """SHIP-2: whether units join pending shipments of other orders of the same customer and location."""
