"""Buyers' tasks: what a change after a tie left for somebody to look at (BUY-16)."""

from uuid import UUID

from services.purchasing.store import desk
from shared.errors import NotFound
from shared.unit_of_work import Tx


class NoOpenTask(NotFound):
    """There is no such task to be done in the caller's warehouses: none of that id, or it is done already."""


async def finish_task(tx: Tx, task_id: UUID) -> UUID:
    """Somebody has seen to it."""
    if not await desk.finish_task(tx, task_id):
        raise NoOpenTask(
            "There is no such open task in your warehouses: it may be done already", task=task_id
        )
    tx.record("task", task_id, "done", {"state": "open"}, {"state": "done"})
    return task_id
