"""Routes that every service has: its preferences, its record log, what it has told, and what was parked."""

from shared.operations.history import history_router, log_row
from shared.operations.parked import parked_router
from shared.operations.preferences import preferences_router

__all__ = ["history_router", "log_row", "parked_router", "preferences_router"]
