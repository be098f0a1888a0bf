"""Loading, locked and in key order, and saving, set by set; no decisions.

The lock order of shipping: turnstiles of orders and places, allotments by id, shipments by id.
"""

from .allotments import lock_allotments, lock_allotments_of_shipments, lock_known_allotments
from .packages import drop_packages, save_package
from .questions import answered, save_answers
from .saving import save
from .shipments import (
    lock_open_shipments,
    lock_pending_of_customers,
    lock_shipments,
    not_passed_of_orders,
    originals_of,
    pending_units,
    read_shipments,
)

__all__ = [
    "answered",
    "drop_packages",
    "lock_allotments",
    "lock_allotments_of_shipments",
    "lock_known_allotments",
    "lock_open_shipments",
    "lock_pending_of_customers",
    "lock_shipments",
    "not_passed_of_orders",
    "originals_of",
    "pending_units",
    "read_shipments",
    "save",
    "save_answers",
    "save_package",
]
