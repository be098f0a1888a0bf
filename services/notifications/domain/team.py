"""Teams and subscriptions: who is told (NOTE-1, NOTE-3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from shared.errors import Forbidden, Invalid, NotFound, Refused, Stale

from .notice import Kind


class TeamCodeTaken(Refused):
    """A team of that code exists."""


class NoSuchTeam(NotFound):
    """There is no such team, or it works in none of the caller's warehouses."""


class TeamMovedOn(Stale):
    """The team has changed since it was read."""


class UnknownTeam(Invalid):
    """A subscription names a team that does not exist."""


class AlreadySubscribed(Refused):
    """The team has this subscription."""


class NoSuchSubscription(NotFound):
    """There is no such subscription, or it is not for the caller's warehouses."""


class OutsideYourWarehouses(Forbidden):
    """The caller may arrange notices of his own warehouses only."""


@dataclass(frozen=True, slots=True)
class Team:
    """People who look after warehouses; members are the subjects of their tokens."""

    code: str
    name: str
    version: int = 1
    warehouses: tuple[str, ...] = ()
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subscription:
    """A team also wants the notices of a kind, from one warehouse or from all (None)."""

    subscription_id: UUID
    team: str
    kind: Kind
    warehouse: str | None


def told_teams(
    kind: Kind,
    warehouse: str,
    teams: Iterable[Team],
    subscriptions: Iterable[Subscription],
    of_orders: Iterable[str] = (),
) -> list[str]:
    """The codes of the teams that a notice goes to.

    Those of its warehouse, those of the orders that it concerns, and those that subscribed to its kind.
    """
    local = {team.code for team in teams if warehouse in team.warehouses}
    subscribed = {
        one.team for one in subscriptions if one.kind is kind and one.warehouse in (None, warehouse)
    }
    return sorted(local | subscribed | set(of_orders))
