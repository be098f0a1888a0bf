"""What callers may look at: read-only queries, each within the caller's warehouses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    any_,
    exists,
    func,
    literal,
    literal_column,
    not_,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain.notice import Kind, State
from services.notifications.tables import (
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
from shared.paging import Sorts

NOTICE_SORTS = Sorts(
    {"raised_at": notices.c.raised_at, "position": notices.c.position, "number": notices.c.number},
    default="-raised_at",
    tie=notices.c.id,
)
TEAM_SORTS = Sorts({"code": teams.c.code, "name": teams.c.name}, default="code", tie=teams.c.code)
SUBSCRIPTION_SORTS = Sorts(
    {"created_at": subscriptions.c.created_at, "team": subscriptions.c.team},
    default="-created_at",
    tie=subscriptions.c.id,
)

MOST_IN_A_BURST = 100


@dataclass(frozen=True)
class ShownNotice:
    """A notice as one member sees it, with the orders that it concerns."""

    notice: Mapping[str, Any]
    concerns: Sequence[Mapping[str, Any]]

    @property
    def version(self) -> int:
        """For the ETag."""
        version: int = self.notice["version"]
        return version

    def as_read(self) -> "ShownNotice":
        """The same, read by the member."""
        return replace(self, notice={**self.notice, "read": True})


@dataclass(frozen=True)
class Burst:
    """The next notices of the live stream. Everything up to `horizon` has been looked at."""

    rows: Sequence[Any]
    horizon: int


def notice_list(
    scope: Scope,
    member: str,
    *,
    kind: Kind | None = None,
    state: State | None = None,
    warehouse: str | None = None,
    order_id: UUID | None = None,
    receipt_id: UUID | None = None,
    shipment_id: UUID | None = None,
    unread: bool | None = None,
    mine: bool = False,
) -> Select[Any]:
    """The notices in the scope as a member sees them.

    `mine`: those that go to one of the member's teams. `unread`: open ones that the member has not read since their
    last news; a closed one wants nobody's attention, so it counts as read.
    """
    query = _seen_by(scope, member)
    for name, value in {"kind": kind, "warehouse": warehouse}.items():
        if value is not None:
            query = query.where(notices.c[name] == value)
    if state is not None:
        query = query.where(_is(state))
    if receipt_id is not None:
        query = query.where(notices.c.receipt_id == receipt_id)
    if shipment_id is not None:
        query = query.where(notices.c.shipment_id == shipment_id)
    if order_id is not None:
        concerned = select(notice_concerns.c.notice_id).where(notice_concerns.c.order_id == order_id)
        query = query.where(notices.c.id.in_(concerned))
    if unread is not None:
        waiting = and_(_is(State.OPEN), not_(_read_by(member)))
        query = query.where(waiting if unread else not_(waiting))
    if mine:
        query = query.where(_told_to(member))
    return query


async def notice(db: AsyncConnection, notice_id: UUID, scope: Scope, member: str) -> ShownNotice | None:
    """One notice with all whom it concerns; None when it is not there or not in the scope."""
    row = (await db.execute(_seen_by(scope, member).where(notices.c.id == notice_id))).first()
    if row is None:
        return None
    found = await db.execute(
        select(notice_concerns)
        .where(notice_concerns.c.notice_id == notice_id)
        .order_by(
            notice_concerns.c.order_number,
            notice_concerns.c.line_no,
            notice_concerns.c.component,
            notice_concerns.c.key,
        )
    )
    return ShownNotice(dict(row._mapping), [dict(one._mapping) for one in found])


async def horizon(db: AsyncConnection) -> int:
    """The stream's newest position: nothing before it can still appear (`store.lock_stream`)."""
    newest: int = (await db.execute(select(func.coalesce(func.max(notices.c.position), 0)))).scalar_one()
    return newest


async def burst(db: AsyncConnection, query: Select[Any], after: int) -> Burst:
    """What of `query` has changed after a position, each notice once, as it now stands.

    The horizon is read first: a notice that changes in between moves beyond it, and comes with the next burst.
    """
    newest = await horizon(db)
    if newest <= after:
        return Burst((), newest)
    page = query.where(notices.c.position > after, notices.c.position <= newest)
    rows = (await db.execute(page.order_by(notices.c.position).limit(MOST_IN_A_BURST))).all()
    return Burst(rows, rows[-1].position if len(rows) == MOST_IN_A_BURST else newest)


def team_list(scope: Scope, *, warehouse: str | None = None, member: str | None = None) -> Select[Any]:
    """Teams with their warehouses and members; a limited caller sees those that work in his warehouses."""
    query = select(teams, _all_of(team_warehouses.c.warehouse), _all_of(team_members.c.member))
    if scope.warehouses is not None:
        query = query.where(_works_in(scope.where(team_warehouses.c.warehouse)))
    if warehouse is not None:
        query = query.where(_works_in(team_warehouses.c.warehouse == warehouse))
    if member is not None:
        own = select(team_members.c.team).where(team_members.c.member == member)
        query = query.where(teams.c.code.in_(own))
    return query


async def team(db: AsyncConnection, team_code: str, scope: Scope) -> Any | None:
    """One team; None when it is not there or works in none of the caller's warehouses."""
    return (await db.execute(team_list(scope).where(teams.c.code == team_code))).first()


def subscription_list(
    scope: Scope, *, team_code: str | None = None, kind: Kind | None = None, warehouse: str | None = None
) -> Select[Any]:
    """Subscriptions to notices of the caller's warehouses; those for all warehouses concern everybody."""
    query = select(subscriptions).where(
        or_(subscriptions.c.warehouse.is_(None), scope.where(subscriptions.c.warehouse))
    )
    for name, value in {"team": team_code, "kind": kind, "warehouse": warehouse}.items():
        if value is not None:
            query = query.where(subscriptions.c[name] == value)
    return query


def _seen_by(scope: Scope, member: str) -> Select[Any]:
    return select(notices, _read_by(member).label("read")).where(scope.where(notices.c.warehouse))


def _is(state: State) -> ColumnElement[bool]:
    """Written out, not bound: a prepared statement with a parameter could not use the index of the open ones."""
    return notices.c.state == literal_column(f"'{state.value}'")


def _read_by(member: str) -> ColumnElement[bool]:
    return exists(
        select(literal(1))
        .where(
            notice_reads.c.notice_id == notices.c.id,
            notice_reads.c.member == member,
            notice_reads.c.version >= notices.c.news,
        )
        .correlate(notices)
    )


def _told_to(member: str) -> ColumnElement[bool]:
    """The same rule as `domain.team.told_teams`, for one member: by warehouse, by order, or by subscription."""
    own_teams = select(team_members.c.team).where(team_members.c.member == member)
    own_warehouses = select(team_warehouses.c.warehouse).where(team_warehouses.c.team.in_(own_teams))
    subscribed = (
        select(literal(1))
        .where(
            subscriptions.c.team.in_(own_teams),
            subscriptions.c.kind == notices.c.kind,
            or_(subscriptions.c.warehouse.is_(None), subscriptions.c.warehouse == notices.c.warehouse),
        )
        .correlate(notices)
    )
    own_orders = (
        select(literal(1))
        .select_from(notice_concerns.join(order_teams, order_teams.c.order_id == notice_concerns.c.order_id))
        .where(notice_concerns.c.notice_id == notices.c.id, order_teams.c.team.in_(own_teams))
        .correlate(notices)
    )
    local = notices.c.warehouse == any_(func.array(own_warehouses.scalar_subquery()))
    return or_(local, exists(own_orders), exists(subscribed))


def _works_in(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return teams.c.code.in_(select(team_warehouses.c.team).where(condition))


def _all_of(column: ColumnElement[Any]) -> ColumnElement[Any]:
    table = column.table
    own = select(column).where(table.c.team == teams.c.code).order_by(column).correlate(teams)
    return func.array(own.scalar_subquery()).label(f"{column.name}s")
