"""What the organisation chooses of orders' rules; the first value is the default."""

from dataclasses import dataclass
from typing import Literal

OnOff = Literal["on", "off"]
Shortage = Literal["split", "backorder_line"]
Victim = Literal["split", "whole"]


@dataclass(frozen=True)
class Preferences:
    """Preferences of orders."""

    auto_flag_special: OnOff = "on"
    """ITEM-3: an item's special-order flag flags its lines."""
    auto_ship_on_receipt: OnOff = "on"
    """SO-6: goods that arrived through a tie are released by themselves; off: by hand."""
    auto_invoice_draft: OnOff = "on"
    """SO-14: a draft invoice is made when a shipment is created; off: the invoice is made when it ships."""
    shortage_fallback: Shortage = "split"
    """BO-2: what becomes of a shortage that nobody has answered for, when inventory grants less than was shown."""
    victim: Victim = "split"
    """BO-9: a line that a priority took units from ships what it has left (split), or waits for all of it (whole)."""
    priority_reminder: str = "Check the pricing policy for priority orders before you confirm."
    """ORD-3: the organisation's reminder in the answer to a change of priority."""
