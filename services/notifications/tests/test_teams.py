"""NOTE-3 as a rule: who is told."""

import pytest

from services.notifications.domain.notice import Kind
from services.notifications.domain.team import Subscription, Team, told_teams

from .facts import uid

TEAMS = [
    Team("RECEIVING", "Receiving", warehouses=("MAIN",)),
    Team("EAST", "East", warehouses=("EAST", "NORTH")),
    Team("BUYERS", "Buyers"),
]


def wants(team: str, kind: Kind, warehouse: str | None) -> Subscription:
    return Subscription(uid(1), team, kind, warehouse)


@pytest.mark.rule("NOTE-3")
@pytest.mark.parametrize(
    ("subscriptions", "told"),
    [
        pytest.param([], ["RECEIVING"], id="the teams of the warehouse"),
        pytest.param(
            [wants("BUYERS", Kind.INSPECTION, None)],
            ["BUYERS", "RECEIVING"],
            id="subscribed to all warehouses",
        ),
        pytest.param(
            [wants("EAST", Kind.INSPECTION, "MAIN")], ["EAST", "RECEIVING"], id="subscribed to this warehouse"
        ),
        pytest.param(
            [wants("BUYERS", Kind.INSPECTION, "EAST")], ["RECEIVING"], id="subscribed to another warehouse"
        ),
        pytest.param(
            [wants("BUYERS", Kind.PURCHASE_EXCEPTION, None)], ["RECEIVING"], id="subscribed to another kind"
        ),
        pytest.param([wants("RECEIVING", Kind.INSPECTION, None)], ["RECEIVING"], id="told once, not twice"),
    ],
)
def test_a_notice_goes_to_the_teams_of_its_warehouse_and_to_subscribers(
    subscriptions: list[Subscription], told: list[str]
) -> None:
    assert told_teams(Kind.INSPECTION, "MAIN", TEAMS, subscriptions) == told


@pytest.mark.rule("NOTE-1")
def test_a_notice_goes_to_the_teams_of_its_orders_as_well_and_to_each_once() -> None:
    told = told_teams(Kind.INSPECTION, "MAIN", TEAMS, [], ["SALES", "RECEIVING"])

    assert told == ["RECEIVING", "SALES"]
