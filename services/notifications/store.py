"""Loading and saving, set by set; no decisions.

Facts are carried out one transaction at a time (`lock_stream`), so nothing that they read changes under them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Table, Uuid, bindparam, delete, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain.inspection import Finding
from services.notifications.domain.notice import Concern, Kind, Notice, State
from services.notifications.domain.team import Subscription, Team
from services.notifications.tables import (
    findings,
    notice_concerns,
    notice_reads,
    notices,
    order_teams,
    subscriptions,
    team_members,
    team_warehouses,
    teams,
)
from shared.auth import Scope

_STREAM_LOCK = 8005

_FIXED = ("id", "number", "kind", "subject", "raised_at")
_MOVING = (
    *("state", "version", "news", "source_version", "warehouse", "title", "sku", "description", "unit"),
    *("qty", "passed", "failed", "vendor", "po_id", "po_number", "receipt_id", "receipt_number"),
    *("receipt_line_id", "reason", "message", "closed_at"),
)
_CONCERN = ("notice_id", "key", "order_id", "order_number", "line_id", "line_no", "component", "qty")
_ORDER_TEAM = ("order_id", "version", "team")
_FINDING = ("inspection_id", "version", "passed", "failed", "closed")


def _given(names: Sequence[str]) -> str:
    return f"unnest({', '.join(f':{name}' for name in names)}) AS given({', '.join(names)})"


def _arrays(table: Table, names: Sequence[str]) -> list[Any]:
    return [bindparam(name, type_=ARRAY(table.c[name].type)) for name in names]


_ids = bindparam("ids", type_=ARRAY(Uuid))
_LOCK_STREAM = text(f"SELECT pg_advisory_xact_lock({_STREAM_LOCK})")
_NOTICES = select(notices).where(notices.c.kind == bindparam("kind"), notices.c.subject == _ids.any_())
_CONCERNS = (
    select(notice_concerns)
    .where(notice_concerns.c.notice_id == _ids.any_())
    .order_by(notice_concerns.c.notice_id)
)
_INSERT = text(
    f"""
    INSERT INTO notices ({", ".join(_FIXED + _MOVING)}, position)
    SELECT {", ".join(_FIXED + _MOVING)}, nextval('notice_positions') FROM {_given(_FIXED + _MOVING)}
    """  # noqa: S608  # constants of this module
).bindparams(*_arrays(notices, _FIXED + _MOVING))
_UPDATE = text(
    f"""
    UPDATE notices SET {", ".join(f"{name} = given.{name}" for name in _MOVING)}, position = nextval('notice_positions')
    FROM {_given(("id", *_MOVING))} WHERE notices.id = given.id
    """  # noqa: S608  # constants of this module
).bindparams(*_arrays(notices, ("id", *_MOVING)))
_PUT_CONCERNS = text(
    f"""
    INSERT INTO notice_concerns ({", ".join(_CONCERN)}) SELECT * FROM {_given(_CONCERN)}
    ON CONFLICT (notice_id, key) DO UPDATE SET qty = excluded.qty
    """  # noqa: S608  # constants of this module
).bindparams(*_arrays(notice_concerns, _CONCERN))
_PUT_FINDINGS = text(
    f"""
    INSERT INTO findings ({", ".join(_FINDING)}) SELECT * FROM {_given(_FINDING)}
    ON CONFLICT (inspection_id) DO UPDATE SET version = excluded.version, passed = excluded.passed,
        failed = excluded.failed, closed = excluded.closed
    WHERE findings.version < excluded.version
    """  # noqa: S608  # constants of this module
).bindparams(*_arrays(findings, _FINDING))
_PUT_ORDER_TEAMS = text(
    f"""
    INSERT INTO order_teams ({", ".join(_ORDER_TEAM)}) SELECT * FROM {_given(_ORDER_TEAM)}
    ON CONFLICT (order_id) DO UPDATE SET version = excluded.version, team = excluded.team
    WHERE order_teams.version < excluded.version
    """  # noqa: S608  # constants of this module
).bindparams(*_arrays(order_teams, _ORDER_TEAM))
_TEAMS_OF_ORDERS = (
    select(order_teams.c.order_id, order_teams.c.team)
    .join(teams, teams.c.code == order_teams.c.team)
    .where(order_teams.c.order_id == _ids.any_())
)
_FINDINGS = select(findings).where(findings.c.inspection_id == _ids.any_())


async def lock_stream(db: AsyncConnection) -> None:
    """From here to the commit no other transaction changes notices.

    So the stream's positions are taken in the order in which they become visible: whoever has read position n has
    missed nothing before it. A sequence alone would not do: 7 may commit before 6, and a reader at 7 never sees 6.
    Taken before anything else is locked, so it cannot deadlock. Notices come in batches; one writer is enough.
    """
    await db.execute(_LOCK_STREAM)


async def load_notices(db: AsyncConnection, kind: Kind, subjects: Iterable[UUID]) -> dict[UUID, Notice]:
    """The notices of these subjects, by subject."""
    rows = (await db.execute(_NOTICES, {"kind": kind.value, "ids": sorted(set(subjects))})).all()
    if not rows:
        return {}
    found = (await db.execute(_CONCERNS, {"ids": [row.id for row in rows]})).all()
    concerns = {key: list(group) for key, group in groupby(found, key=lambda row: row.notice_id)}
    return {row.subject: _notice(row, concerns.get(row.id, [])) for row in rows}


async def save_notices(db: AsyncConnection, changed: Sequence[tuple[Notice | None, Notice]]) -> None:
    """Write notices that are new or differ; each moves to the end of the stream."""
    new = [_written(after) for before, after in changed if before is None]
    moved = [_written(after) for before, after in changed if before is not None]
    concerns = [
        _written_concern(after, concern)
        for before, after in changed
        for concern in after.concerns
        if before is None or concern not in before.concerns
    ]
    for statement, names, rows in (
        (_INSERT, _FIXED + _MOVING, new),
        (_UPDATE, ("id", *_MOVING), moved),
        (_PUT_CONCERNS, _CONCERN, concerns),
    ):
        if rows:
            await db.execute(statement, {name: [row[name] for row in rows] for name in names})


async def load_findings(db: AsyncConnection, inspection_ids: Iterable[UUID]) -> dict[UUID, Finding]:
    """Where these inspections stand, as far as anything has been heard of them."""
    rows = await db.execute(_FINDINGS, {"ids": sorted(set(inspection_ids))})
    return {row.inspection_id: Finding(*(getattr(row, name) for name in _FINDING)) for row in rows}


async def save_findings(db: AsyncConnection, told: Collection[Finding]) -> None:
    """Keep the newest word about each inspection."""
    if told:
        await db.execute(_PUT_FINDINGS, {name: [getattr(one, name) for one in told] for name in _FINDING})


async def teams_concerned(
    db: AsyncConnection, kinds: Collection[str], warehouses: Collection[str]
) -> tuple[list[Team], list[Subscription]]:
    """The teams of these warehouses, and the subscriptions to these kinds."""
    found = await db.execute(
        select(team_warehouses)
        .where(team_warehouses.c.warehouse.in_(warehouses))
        .order_by(team_warehouses.c.team)
    )
    local = [
        Team(code, "", warehouses=tuple(row.warehouse for row in group))
        for code, group in groupby(found, key=lambda row: row.team)
    ]
    wanted = select(subscriptions).where(
        subscriptions.c.kind.in_(kinds),
        or_(subscriptions.c.warehouse.is_(None), subscriptions.c.warehouse.in_(warehouses)),
    )
    return local, [_subscription(row) for row in await db.execute(wanted)]


async def keep_order_teams(db: AsyncConnection, orders: Mapping[UUID, tuple[int, str | None]]) -> None:
    """Keep whose these orders are: {order: (version, team)}; an older version changes nothing."""
    rows = [(order, version, team) for order, (version, team) in sorted(orders.items())]
    columns = {name: [row[nth] for row in rows] for nth, name in enumerate(_ORDER_TEAM)}
    await db.execute(_PUT_ORDER_TEAMS, columns)


async def teams_of_orders(db: AsyncConnection, order_ids: Iterable[UUID]) -> dict[UUID, str]:
    """The teams of these orders, by order; only teams that are there."""
    found = await db.execute(_TEAMS_OF_ORDERS, {"ids": sorted(set(order_ids))})
    return {row.order_id: row.team for row in found}


async def mark_read(db: AsyncConnection, notice_id: UUID, member: str, version: int, at: datetime) -> None:
    """A member has read the notice as it stood at this version."""
    mark = insert(notice_reads).values(notice_id=notice_id, member=member, version=version, read_at=at)
    await db.execute(
        mark.on_conflict_do_update(
            index_elements=["notice_id", "member"],
            set_={"version": mark.excluded.version, "read_at": mark.excluded.read_at},
            where=notice_reads.c.version < mark.excluded.version,
        )
    )


async def add_team(db: AsyncConnection, team: Team, at: datetime) -> bool:
    """A new team; False when its code is taken."""
    new = insert(teams).values(code=team.code, name=team.name, created_at=at).on_conflict_do_nothing()
    if (await db.execute(new.returning(teams.c.code))).first() is None:
        return False
    await _put_people(db, team)
    return True


async def lock_team(db: AsyncConnection, team_code: str) -> Team | None:
    """A team, locked."""
    row = (
        await db.execute(select(teams).where(teams.c.code == team_code).with_for_update(key_share=True))
    ).first()
    if row is None:
        return None
    where = await db.execute(select(team_warehouses.c.warehouse).where(team_warehouses.c.team == team_code))
    who = await db.execute(select(team_members.c.member).where(team_members.c.team == team_code))
    return Team(row.code, row.name, row.version, tuple(sorted(where.scalars())), tuple(sorted(who.scalars())))


async def save_team(db: AsyncConnection, team: Team) -> None:
    """Write a locked team as it now is."""
    await db.execute(
        teams.update().where(teams.c.code == team.code).values(name=team.name, version=team.version)
    )
    await db.execute(delete(team_warehouses).where(team_warehouses.c.team == team.code))
    await db.execute(delete(team_members).where(team_members.c.team == team.code))
    await _put_people(db, team)


async def add_subscription(db: AsyncConnection, one: Subscription, at: datetime) -> bool:
    """A new subscription; False when the team has it."""
    new = insert(subscriptions).values(
        id=one.subscription_id, team=one.team, kind=one.kind.value, warehouse=one.warehouse, created_at=at
    )
    done = await db.execute(new.on_conflict_do_nothing().returning(subscriptions.c.id))
    return done.first() is not None


async def remove_subscription(
    db: AsyncConnection, subscription_id: UUID, scope: Scope
) -> Subscription | None:
    """Remove a subscription of the caller's warehouses; None when there is none."""
    gone = delete(subscriptions).where(
        subscriptions.c.id == subscription_id, scope.where(subscriptions.c.warehouse)
    )
    row = (await db.execute(gone.returning(*subscriptions.c))).first()
    return _subscription(row) if row else None


async def _put_people(db: AsyncConnection, team: Team) -> None:
    if team.warehouses:
        rows = [{"team": team.code, "warehouse": one} for one in team.warehouses]
        await db.execute(insert(team_warehouses), rows)
    if team.members:
        await db.execute(insert(team_members), [{"team": team.code, "member": one} for one in team.members])


def _subscription(row: Row[Any]) -> Subscription:
    return Subscription(row.id, row.team, Kind(row.kind), row.warehouse)


def _notice(row: Row[Any], concerns: Sequence[Row[Any]]) -> Notice:
    said: dict[str, Any] = {name: getattr(row, name) for name in _FIXED + _MOVING}
    said |= {"notice_id": said.pop("id"), "kind": Kind(row.kind), "state": State(row.state)}
    own = (Concern(**{name: getattr(one, name) for name in _CONCERN[1:]}) for one in concerns)
    return Notice(**said, concerns=tuple(sorted(own, key=_turn)))


def _turn(concern: Concern) -> tuple[str, int, int, UUID]:
    return concern.order_number, concern.line_no, concern.component, concern.key


def _written(notice: Notice) -> Mapping[str, Any]:
    said: dict[str, Any] = {name: getattr(notice, name) for name in _FIXED + _MOVING if name != "id"}
    return {**said, "id": notice.notice_id, "kind": notice.kind.value, "state": notice.state.value}


def _written_concern(notice: Notice, concern: Concern) -> Mapping[str, Any]:
    return {"notice_id": notice.notice_id, **{name: getattr(concern, name) for name in _CONCERN[1:]}}
