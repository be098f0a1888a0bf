"""A member reads a notice (NOTE-3)."""

from uuid import UUID

from services.notifications import store, views
from services.notifications.views import ShownNotice
from shared.errors import NotFound
from shared.unit_of_work import Tx


class NoSuchNotice(NotFound):
    """There is no such notice in the caller's warehouses."""


async def read_notice(tx: Tx, notice_id: UUID) -> ShownNotice:
    """The caller has read the notice as it stands; news of it will make it unread again."""
    found = await views.notice(tx.db, notice_id, tx.scope, tx.actor)
    if found is None:
        raise NoSuchNotice("There is no such notice, or it is not in your warehouses")
    await store.mark_read(tx.db, notice_id, tx.actor, found.version, tx.now)
    return found.as_read()
