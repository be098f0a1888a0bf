"""Inventory's preferences (rules.md names them); the default comes first."""

from dataclasses import dataclass
from enum import StrEnum


class InspectionGate(StrEnum):
    """SO-9: whether uninspected special-order goods may be picked."""

    REQUIRED = "required"
    ADVISORY = "advisory"


class OverReceipt(StrEnum):
    """SO-8: where the surplus of a receipt goes."""

    FREE = "free"
    TO_ORDER = "to_order"


class HeadOfLine(StrEnum):
    """BO-5: what the queue does with an all-or-nothing line that cannot be granted in full yet."""

    HOLD = "hold"
    """It is granted in its turn like any other; the stock is held for it while it waits for the rest."""
    SKIP = "skip"
    """It is passed over until its whole remaining need can be granted at once; it takes nothing from others."""


class BackorderManagement(StrEnum):
    """BO-14: who fills waiting lines."""

    ON = "on"
    """The queue runs by itself, and a higher rank takes from a lower one."""
    OFF = "off"
    """Only a person does; new openings get what the waiting need leaves."""


@dataclass(frozen=True)
class Preferences:
    """What the organisation has chosen."""

    inspection_gate: InspectionGate = InspectionGate.REQUIRED
    over_receipt: OverReceipt = OverReceipt.FREE
    head_of_line: HeadOfLine = HeadOfLine.HOLD
    backorder_management: BackorderManagement = BackorderManagement.ON
