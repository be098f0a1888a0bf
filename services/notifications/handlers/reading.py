"""A member reads a notice (NOTE-3)."""

from uuid import UUID

from services.notifications import store, views
from services.notifications.domain.notice import closed_by_hand
from services.notifications.views import ShownNotice
from shared.errors import NotFound
from shared.unit_of_work import Tx


class NoSuchNotice(NotFound):
    """There is no such notice in the caller's warehouses."""


async def close_notice(tx: Tx, notice_id: UUID, reason: str) -> ShownNotice:
    """Somebody has dealt with what happened. Raises NoSuchNotice, or ClosesByItself for one that follows its cause."""
    await store.lock_stream(tx.db)
    notice = await store.load_notice(tx.db, notice_id, tx.scope)
    if notice is None:
        raise NoSuchNotice("There is no such notice, or it is not in your warehouses")
    after = closed_by_hand(notice, tx.now)
    if after != notice:
        await store.save_notices(tx.db, [(notice, after)])
        states = {"state": notice.state}, {"state": after.state}
        tx.record("notice", notice_id, "closed", *states, reason=reason)
    found = await views.notice(tx.db, notice_id, tx.scope, tx.actor)
    assert found is not None  # noqa: S101  # it is locked by the stream
    return found


async def read_notice(tx: Tx, notice_id: UUID) -> ShownNotice:
    """The caller has read the notice as it stands; news of it will make it unread again."""
    found = await views.notice(tx.db, notice_id, tx.scope, tx.actor)
    if found is None:
        raise NoSuchNotice("There is no such notice, or it is not in your warehouses")
    await store.mark_read(tx.db, notice_id, tx.actor, found.version, tx.now)
    return found.as_read()
