"""Saving notices, logging them, and telling the world that one was raised."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.notifications import store
from services.notifications.domain.notice import Key, Notice, State, is_raised
from services.notifications.domain.standing import Wish, brought
from services.notifications.domain.team import told_teams
from shared.contracts.notifications import NoticeRaised
from shared.ids import new_id
from shared.unit_of_work import Told, Tx, changes

_COUNTERS = frozenset({"version", "news", "source_version", "concerns"})
"""What a reader of the record log does not look for; whom a notice concerns shows in its quantity."""


@dataclass
class Board:
    """The notices of one fact's handling, as they were and as they should be by now: saved, logged and told at once."""

    before: dict[Key, Notice] = field(default_factory=dict)
    after: dict[Key, Notice] = field(default_factory=dict)
    causes: dict[Key, Told[Any]] = field(default_factory=dict)

    def knows(self, before: Mapping[Key, Notice]) -> None:
        """These notices stand so far; what is wished of any other is new."""
        self.before |= before

    def put(self, after: Mapping[Key, Notice], causes: Mapping[Key, Told[Any]]) -> None:
        """How notices should stand, and why."""
        self.after |= after
        self.causes |= causes

    def wish(self, tx: Tx, wishes: Mapping[Key, Wish | None], causes: Mapping[Key, Told[Any]]) -> None:
        """Notices as these conditions make them; None: the condition holds no more."""
        for key, wish in wishes.items():
            notice = brought(self.before.get(key), wish, tx.now, new_id)
            if notice is not None:
                self.put({key: notice}, {key: causes[key]})


async def publish(tx: Tx, board: Board) -> None:
    """Save the notices that are new or differ; log each, and tell of those that are open and were not."""
    before = board.before
    changed = [(before.get(key), notice) for key, notice in board.after.items() if before.get(key) != notice]
    if not changed:
        return
    raised = [notice for was, notice in changed if is_raised(was, notice)]
    saved = await store.save_notices(tx.db, changed, _about(raised) if raised else None)
    for was, notice in changed:
        _log(tx, was, notice, board.causes[notice.kind, notice.subject])
    for notice in raised:
        _tell(tx, notice, saved, board.causes[notice.kind, notice.subject])


def _about(raised: Sequence[Notice]) -> store.About:
    return store.About(
        frozenset(notice.kind.value for notice in raised),
        frozenset(notice.warehouse for notice in raised),
        frozenset(concern.order_id for notice in raised for concern in notice.concerns),
    )


def _tell(tx: Tx, notice: Notice, saved: store.Saved, because: Told[Any]) -> None:
    told = saved.addressees
    own = {told.of_orders[one.order_id] for one in notice.concerns if one.order_id in told.of_orders}
    fact = NoticeRaised(
        notice_id=notice.notice_id,
        number=notice.number or saved.numbers[notice.notice_id],
        kind=notice.kind,
        warehouse=notice.warehouse,
        title=notice.title,
        teams=told_teams(notice.kind, notice.warehouse, told.teams, told.subscriptions, own),
        raised_at=tx.now,
    )
    tx.announce(fact, because=because)


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
