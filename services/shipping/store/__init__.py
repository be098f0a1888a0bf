"""Loading, locked and in key order, and saving, set by set; no decisions.

The lock order of shipping: turnstiles of orders, allotments by id, shipments by id.
"""

from .allotments import lock_allotments, lock_allotments_of_shipments, save_allotments
from .questions import answered, save_answers
from .shipments import lock_open_shipments, lock_shipments, number_shipments, read_shipments, save_shipments

__all__ = [
    "answered",
    "lock_allotments",
    "lock_allotments_of_shipments",
    "lock_open_shipments",
    "lock_shipments",
    "number_shipments",
    "read_shipments",
    "save_allotments",
    "save_answers",
    "save_shipments",
]
