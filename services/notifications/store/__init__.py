"""Loading and saving, set by set; no decisions.

Facts that touch notices are carried out one transaction at a time (`lock_stream`), so nothing that they read changes
under them.
"""

from .copies import (
    keep_answers,
    keep_claims,
    keep_locks,
    keep_shipments,
    keep_takings,
    keep_wishes,
    load_demands,
    load_locks,
    load_parcels,
    load_takings,
    newest_shipments,
    orders_locked_on,
    pending_with,
)
from .notices import (
    load_findings,
    load_notice,
    load_notices,
    load_notices_to_bring,
    lock_stream,
    open_notices_about_orders,
    save_findings,
    save_notices,
)
from .people import (
    add_subscription,
    add_team,
    keep_order_teams,
    lock_team,
    mark_read,
    remove_subscription,
    save_team,
    teams_concerned,
)

__all__ = [
    "add_subscription",
    "add_team",
    "keep_answers",
    "keep_claims",
    "keep_locks",
    "keep_order_teams",
    "keep_shipments",
    "keep_takings",
    "keep_wishes",
    "load_demands",
    "load_findings",
    "load_locks",
    "load_notice",
    "load_notices",
    "load_notices_to_bring",
    "load_parcels",
    "load_takings",
    "lock_stream",
    "lock_team",
    "mark_read",
    "newest_shipments",
    "open_notices_about_orders",
    "orders_locked_on",
    "pending_with",
    "remove_subscription",
    "save_findings",
    "save_notices",
    "save_team",
    "teams_concerned",
]
