"""Saving notices, logging them, and telling the world that one was raised."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from services.notifications import store
from services.notifications.domain.notice import Key, Notice, State, is_raised
from services.notifications.domain.standing import Wish, brought
from services.notifications.domain.team import told_teams
from shared.contracts.notifications import NoticeRaised
from shared.ids import new_id
from shared.schema import next_numbers
from shared.unit_of_work import Told, Tx, changes

_COUNTERS = frozenset({"version", "news", "source_version", "concerns"})
"""What a reader of the record log does not look for; whom a notice concerns shows in its quantity."""


async def publish(
    tx: Tx, before: Mapping[Key, Notice], after: Mapping[Key, Notice], causes: Mapping[Key, Told[Any]]
) -> None:
    """Save the notices that are new or differ, by key; log each, and tell of those that are open and were not."""
    changed = [(before.get(key), notice) for key, notice in after.items() if before.get(key) != notice]
    if not changed:
        return
    changed = await _numbered(tx, changed)
    await store.save_notices(tx.db, changed)
    for was, notice in changed:
        _log(tx, was, notice, causes[notice.kind, notice.subject])
    await _tell(tx, [notice for was, notice in changed if is_raised(was, notice)], causes)


async def bring(
    tx: Tx,
    wishes: Mapping[Key, Wish | None],
    causes: Mapping[Key, Told[Any]],
) -> None:
    """Publish what these conditions make of their notices; None: the condition holds no more."""
    before = await store.load_notices_to_bring(tx.db, wishes)
    after: dict[Key, Notice] = {}
    for key, wish in wishes.items():
        notice = brought(before.get(key), wish, tx.now, new_id)
        if notice is not None:
            after[key] = notice
    await publish(tx, before, after, causes)


async def _numbered(
    tx: Tx, changed: Sequence[tuple[Notice | None, Notice]]
) -> list[tuple[Notice | None, Notice]]:
    new = sum(1 for was, _ in changed if was is None)
    numbers = iter(await next_numbers(tx.db, "notice_numbers", "NT", new))
    return [
        (was, replace(notice, number=next(numbers)) if was is None else notice) for was, notice in changed
    ]


async def _tell(tx: Tx, raised: Sequence[Notice], causes: Mapping[Key, Told[Any]]) -> None:
    if not raised:
        return
    kinds, warehouses = {notice.kind.value for notice in raised}, {notice.warehouse for notice in raised}
    concerned = {concern.order_id for notice in raised for concern in notice.concerns}
    teams, subscriptions, of_orders = await store.teams_concerned(tx.db, kinds, warehouses, concerned)
    for notice in raised:
        own = {of_orders[one.order_id] for one in notice.concerns if one.order_id in of_orders}
        fact = NoticeRaised(
            notice_id=notice.notice_id,
            number=notice.number,
            kind=notice.kind,
            warehouse=notice.warehouse,
            title=notice.title,
            teams=told_teams(notice.kind, notice.warehouse, teams, subscriptions, own),
            raised_at=tx.now,
        )
        tx.announce(fact, because=causes[notice.kind, notice.subject])


def _log(tx: Tx, was: Notice | None, notice: Notice, because: Told[Any]) -> None:
    if was is None:
        made = {"title": notice.title, "state": notice.state}
        tx.record("notice", notice.notice_id, "raised", None, made, because=because)
    else:
        before, after = (
            {k: v for k, v in side.items() if k not in _COUNTERS} for side in changes(was, notice)
        )
        tx.record("notice", notice.notice_id, _action(was, notice), before, after, because=because)


def _action(was: Notice, notice: Notice) -> str:
    if was.state is notice.state:
        return "changed"
    return "closed" if notice.state is State.CLOSED else "opened again"
