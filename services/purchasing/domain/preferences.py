"""The preferences that purchasing owns; the default stands first in `rules.md`."""

from dataclasses import dataclass
from enum import StrEnum

from services.purchasing.domain.closing import CloseCheck


class Switch(StrEnum):
    """A preference that is on or off."""

    ON = "on"
    OFF = "off"


@dataclass(frozen=True)
class Preferences:
    """What the organisation has chosen about buying (SO-2) and about closing purchase orders (BUY-19)."""

    auto_purchase_on_open: Switch = Switch.ON
    """Requests are bought as soon as they are found; off: they wait for a buyer."""
    append_to_pending_po: Switch = Switch.ON
    """Requests of one vendor, warehouse and currency share an unsent PO; off: one PO per order."""
    auto_send_po: Switch = Switch.ON
    """A PO that automation made is sent at once, unless approval is due; off: it stays a draft."""
    close_check_not_over: Switch = Switch.OFF
    """A PO is closed only if no line has received more than was ordered."""
    close_check_in_full: Switch = Switch.OFF
    """A PO is closed only if every line has received all that was ordered."""
    close_check_balanced: Switch = Switch.OFF
    """A PO is closed only if nothing of it is outstanding: what does not come has to be cancelled first."""

    @property
    def close_checks(self) -> frozenset[CloseCheck]:
        """The checks that are switched on."""
        switches = {
            CloseCheck.NOT_OVER: self.close_check_not_over,
            CloseCheck.IN_FULL: self.close_check_in_full,
            CloseCheck.BALANCED: self.close_check_balanced,
        }
        return frozenset(check for check, switch in switches.items() if switch is Switch.ON)
