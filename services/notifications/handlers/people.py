"""Teams and their subscriptions (NOTE-3)."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from services.notifications import store
from services.notifications.domain.notice import Kind
from services.notifications.domain.team import (
    AlreadySubscribed,
    NoSuchSubscription,
    NoSuchTeam,
    OutsideYourWarehouses,
    Subscription,
    Team,
    TeamCodeTaken,
    TeamMovedOn,
    UnknownTeam,
)
from shared.ids import new_id
from shared.unit_of_work import Tx, changes


async def create_team(tx: Tx, team: Team) -> Team:
    """A new team. Raises TeamCodeTaken."""
    _must_be_yours(tx, team.warehouses)
    if not await store.add_team(tx.db, team, tx.now):
        raise TeamCodeTaken(f"There is a team {team.code} already; choose another code", team=team.code)
    made = {"name": team.name, "warehouses": team.warehouses, "members": team.members}
    tx.record("team", team.code, "created", None, made)
    return team


async def change_team(tx: Tx, team_code: str, version: int, wanted: dict[str, Any]) -> Team:
    """Another name, other warehouses or members. They see the open notices of their warehouses at once."""
    before = await store.lock_team(tx.db, team_code)
    if before is None or not _is_visible(tx, before):
        raise NoSuchTeam("There is no such team, or it works in none of your warehouses")
    if before.version != version:
        raise TeamMovedOn(
            f"Team {team_code} is at version {before.version} by now; read it again",
            current=before.version,
            given=version,
        )
    after = replace(before, **wanted)
    _must_be_yours(tx, {*before.warehouses, *after.warehouses})
    if after == before:
        return before
    after = replace(after, version=before.version + 1)
    await store.save_team(tx.db, after)
    tx.record("team", team_code, "changed", *changes(before, after))
    return after


async def subscribe(tx: Tx, team_code: str, kind: Kind, warehouse: str | None) -> Subscription:
    """The team also wants notices of a kind, from one warehouse or from all. Raises UnknownTeam, AlreadySubscribed."""
    if warehouse is None and tx.scope.warehouses is not None:
        raise OutsideYourWarehouses("You may subscribe for your warehouses only: name one of them")
    _must_be_yours(tx, [warehouse] if warehouse else [])
    if await store.lock_team(tx.db, team_code) is None:
        raise UnknownTeam(
            f"There is no team {team_code}; create it first",
            errors=[{"pointer": "/team", "detail": "there is no such team"}],
        )
    one = Subscription(new_id(), team_code, kind, warehouse)
    if not await store.add_subscription(tx.db, one, tx.now):
        raise AlreadySubscribed(
            f"Team {team_code} has this subscription", team=team_code, kind=kind, warehouse=warehouse
        )
    tx.record("subscription", one.subscription_id, "created", None, _said(one))
    return one


async def unsubscribe(tx: Tx, subscription_id: UUID) -> Subscription:
    """The team wants these notices no longer."""
    gone = await store.remove_subscription(tx.db, subscription_id, tx.scope)
    if gone is None:
        raise NoSuchSubscription("There is no such subscription, or it is not for your warehouses")
    tx.record("subscription", subscription_id, "removed", _said(gone), {})
    return gone


def _must_be_yours(tx: Tx, warehouses: Iterable[str]) -> None:
    foreign = sorted(code for code in warehouses if not tx.scope.allows(code))
    if foreign:
        raise OutsideYourWarehouses(
            f"Not among your warehouses: {', '.join(foreign)}; you may arrange notices of your own only",
            warehouses=foreign,
        )


def _is_visible(tx: Tx, team: Team) -> bool:
    return tx.scope.warehouses is None or any(tx.scope.allows(code) for code in team.warehouses)


def _said(one: Subscription) -> dict[str, Any]:
    return {"team": one.team, "kind": one.kind, "warehouse": one.warehouse}
