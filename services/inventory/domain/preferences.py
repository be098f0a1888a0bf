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


@dataclass(frozen=True)
class Preferences:
    """What the organisation has chosen."""

    inspection_gate: InspectionGate = InspectionGate.REQUIRED
    over_receipt: OverReceipt = OverReceipt.FREE
