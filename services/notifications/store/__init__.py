"""Loading and saving, set by set; no decisions.

Facts that touch notices are carried out one transaction at a time (`lock_stream`), so nothing that they read changes
under them. Most of them are four statements: keep what was heard, look at what it concerns, save the notices, close.
"""

from .copies import (
    load_demands,
    load_locks,
    load_parcels,
    load_pending_with,
    load_takings,
    newest_shipments,
)
from .heard import News, claim, drop_left_shares, keep, lock_stream
from .notices import (
    Look,
    Saved,
    load_findings,
    load_notice,
    load_notices,
    load_notices_to_bring,
    look,
    save_notices,
)
from .people import (
    About,
    add_subscription,
    add_team,
    lock_team,
    mark_read,
    remove_subscription,
    save_team,
)

__all__ = [
    "About",
    "Look",
    "News",
    "Saved",
    "add_subscription",
    "add_team",
    "claim",
    "drop_left_shares",
    "keep",
    "load_demands",
    "load_findings",
    "load_locks",
    "load_notice",
    "load_notices",
    "load_notices_to_bring",
    "load_parcels",
    "load_pending_with",
    "load_takings",
    "lock_stream",
    "lock_team",
    "look",
    "mark_read",
    "newest_shipments",
    "remove_subscription",
    "save_notices",
    "save_team",
]
