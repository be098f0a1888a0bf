"""Whose an order is (NOTE-1): its team is told of what arrives for it, and of what keeps it from being bought."""

from collections.abc import Sequence
from uuid import UUID

from services.notifications import store
from shared.contracts.orders import OrderSnapshot
from shared.unit_of_work import Told, Tx


async def order_told(tx: Tx, told: Sequence[Told[OrderSnapshot]]) -> None:
    """The newest version of an order says which team it is of; its members see the open notices about it at once."""
    newest: dict[UUID, tuple[int, str | None]] = {}
    for t in sorted(told, key=_version):
        newest[t.fact.order_id] = t.fact.version, t.fact.team
    await store.keep_order_teams(tx.db, newest)


def _version(told: Told[OrderSnapshot]) -> int:
    return told.fact.version
