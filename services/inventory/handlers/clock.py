"""What inventory does by the clock."""

from datetime import datetime, timedelta

from services.inventory.handlers.automation import sweep_when_due
from services.inventory.handlers.replenishment import look_again
from shared.unit_of_work import Tx

PACE = timedelta(seconds=3)
"""Long queues are read at most so often, however much happens to their items."""


async def tick(tx: Tx) -> datetime:
    """A bounded piece of what is due: a chunk of a sweep, positions that were left; when to come again."""
    looked_at = await look_again(tx)
    coming = await sweep_when_due(tx)
    return min(coming, tx.now + PACE) if looked_at else coming
