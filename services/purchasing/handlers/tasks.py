"""Buyers' tasks: what a change after a tie left for somebody to look at (BUY-16)."""

from uuid import UUID

from services.purchasing.store import desk
from shared.errors import Refused
from shared.unit_of_work import Tx


class NoOpenTask(Refused):
    """The task is done already, or there is none such in the caller's warehouses."""


async def finish_task(tx: Tx, task_id: UUID) -> UUID:
    """Somebody has seen to it."""
    if not await desk.finish_task(tx, task_id):
        raise NoOpenTask(
            "There is no such open task in your warehouses: it may be done already", task=task_id
        )
    tx.record("task", task_id, "done", {"state": "open"}, {"state": "done"})
    return task_id
