"""What each role may do with every table that the migrations have made; compose-test asks the same of its own servers."""

from typing import Any

import asyncpg
import pytest

from deploy.compose.rights import HELD, differences
from deploy.local.servers import Servers
from shared.migrate import SERVICES


def row(
    name: str, holder: str, *rights: str, owner: str = "orders_owner", counts: bool = False
) -> dict[str, Any]:
    return {"name": name, "owner": owner, "holder": holder, "rights": list(rights), "counts": counts}


ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
AS_IT_SHOULD_BE = [
    row("ties", "orders_app", *ROWS),
    row("ties", "orders_ro", "SELECT"),
    row("ties", "checker_ro", "SELECT"),
]


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_has_the_rights_that_its_service_needs_and_no_more(
    test_servers: Servers, benches: Any, service: str
) -> None:
    database = (await benches.of(service)).engine.url.database
    db = await asyncpg.connect(test_servers.service_database_url(service, "app", database, "postgresql"))
    try:
        held = [dict(found) for found in await db.fetch(HELD)]
    finally:
        await db.close()

    assert {"record_log", "event_log", "outbox"} <= {found["name"] for found in held}
    assert differences(service, held) == []


def test_what_is_as_it_should_be_is_not_mentioned() -> None:
    assert differences("orders", AS_IT_SHOULD_BE) == []


@pytest.mark.parametrize(
    ("held", "words"),
    [
        (row("ties", "orders_app", *ROWS, "TRUNCATE"), "TRUNCATE, UPDATE of ties, not DELETE, INSERT, SELECT, UPDATE"),
        (row("ties", "inventory_app", "SELECT"), "inventory_app holds SELECT of ties, not nothing"),
        (row("ties", "everybody", "SELECT"), "everybody holds SELECT of ties, not nothing"),
        (row("ties", "orders_ro", "SELECT", owner="orders_app"), "ties belongs to orders_app"),
        (row("ties", "orders_ro"), "orders_ro holds nothing of ties, not SELECT"),
    ],
)  # fmt: skip
def test_more_or_less_than_that_is(held: dict[str, Any], words: str) -> None:
    others = [found for found in AS_IT_SHOULD_BE if found["holder"] != held["holder"]]

    (said,) = differences("orders", [*others, held])

    assert words in said


def test_a_log_is_only_added_to_and_its_days_are_nobodys() -> None:
    readers = [row("event_log", "orders_ro", "SELECT"), row("event_log", "checker_ro", "SELECT")]
    log = [row("event_log", "orders_app", "SELECT", "INSERT"), *readers]

    assert differences("orders", log) == []
    assert differences("orders", [*log, row("event_log_20261122", "orders_app", *ROWS)]) == [
        "orders_app holds DELETE, INSERT, SELECT, UPDATE of event_log_20261122, not nothing"
    ]


def test_a_table_that_nobody_but_its_owner_may_touch_is_one_that_the_service_lacks() -> None:
    alone = {**row("ties", "unknown"), "holder": None, "rights": None}

    assert len(differences("orders", [alone])) == 3
