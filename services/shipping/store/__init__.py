"""Loading, locked and in key order, and saving, set by set; no decisions.

The lock order of shipping: turnstiles of orders and places, allotments by id, shipments by id.
"""

from .allotments import lock_allotments, lock_allotments_of_shipments, save_allotments
from .packages import drop_packages, save_package
from .questions import answered, save_answers
from .saving import number_shipments, save_shipments
from .shipments import (
    lock_open_shipments,
    lock_pending_of_customers,
    lock_shipments,
    originals_of,
    pending_units,
    read_shipments,
)

__all__ = [
    "answered",
    "drop_packages",
    "lock_allotments",
    "lock_allotments_of_shipments",
    "lock_open_shipments",
    "lock_pending_of_customers",
    "lock_shipments",
    "number_shipments",
    "originals_of",
    "pending_units",
    "read_shipments",
    "save_allotments",
    "save_answers",
    "save_package",
    "save_shipments",
]
