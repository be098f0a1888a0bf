"""The preferences that purchasing owns; the default stands first in `rules.md`."""

from dataclasses import dataclass
from enum import StrEnum


class Switch(StrEnum):
    """A preference that is on or off."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True)
class Preferences:
    """What the organisation has chosen about buying (SO-2)."""

    auto_purchase_on_open: Switch = Switch.ON
    """Requests are bought as soon as they are found; off: they wait for a buyer."""
    append_to_pending_po: Switch = Switch.ON
    """Requests of one vendor, warehouse and currency share an unsent PO; off: one PO per order."""
    auto_send_po: Switch = Switch.ON
    """A PO that automation made is sent at once, unless approval is due; off: it stays a draft."""
