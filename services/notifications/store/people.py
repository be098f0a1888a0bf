"""Who is told: teams, subscriptions, whose an order is, and what members have read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Text, Uuid, bindparam, delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain.notice import Kind
from services.notifications.domain.team import Subscription, Team
from services.notifications.tables import (
    notice_reads,
    subscriptions,
    team_members,
    team_warehouses,
    teams,
)
from shared.auth import Scope

TOLD = """
    SELECT 'local' AS by, team, warehouse, CAST(NULL AS text) AS kind, CAST(NULL AS uuid) AS id,
        CAST(NULL AS uuid) AS order_id
    FROM team_warehouses WHERE warehouse = ANY(:warehouses)
    UNION ALL
    SELECT 'subscribed', team, warehouse, kind, id, NULL FROM subscriptions
    WHERE kind = ANY(:told_kinds) AND (warehouse IS NULL OR warehouse = ANY(:warehouses))
    UNION ALL
    SELECT 'order', o.team, NULL, NULL, NULL, o.order_id FROM order_teams AS o JOIN teams ON teams.code = o.team
    WHERE o.order_id = ANY(:order_ids)
"""
TOLD_PARAMETERS = (
    bindparam("warehouses", type_=ARRAY(Text)),
    bindparam("told_kinds", type_=ARRAY(Text)),
    bindparam("order_ids", type_=ARRAY(Uuid)),
)


@dataclass(frozen=True)
class About:
    """What notices are about that their teams are to be told of."""

    kinds: frozenset[str]
    warehouses: frozenset[str]
    orders: frozenset[UUID]

    @property
    def wanted(self) -> dict[str, list[Any]]:
        """Whose teams and subscriptions are sought."""
        return {
            "told_kinds": list(self.kinds),
            "warehouses": list(self.warehouses),
            "order_ids": list(self.orders),
        }


@dataclass(frozen=True)
class Addressees:
    """The teams of warehouses, the subscriptions to kinds, and the teams of orders, where they exist."""

    teams: list[Team]
    subscriptions: list[Subscription]
    of_orders: dict[UUID, str]


def addressees(rows: Iterable[Row[Any]]) -> Addressees:
    """As `TOLD` found them."""
    local: dict[str, list[str]] = {}
    subscribed: list[Subscription] = []
    of_orders: dict[UUID, str] = {}
    for row in rows:
        if row.by == "local":
            local.setdefault(row.team, []).append(row.warehouse)
        elif row.by == "subscribed":
            subscribed.append(_subscription(row))
        elif row.by == "order":
            of_orders[row.order_id] = row.team
    teams_there = [Team(code, "", warehouses=tuple(places)) for code, places in local.items()]
    return Addressees(teams_there, subscribed, of_orders)


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
