"""An operator at work on running services: events told again to one consumer, a dead event mended, from the command line."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aio_pika
import asyncpg
import orjson
import pytest
from typer.testing import CliRunner

from deploy.cli import app
from shared.ids import new_id
from shared.migrate import SERVICES
from tests.integration.conftest import House
from tests.integration.story import Story
from tests.integration.test_twice import a_history, books, differing, quiet

pytestmark = pytest.mark.slow


class Operator:
    """Somebody at the command line."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def does(self, *words: str, fails: bool = False) -> str:
        """`tieline …`: what it printed."""
        result = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert (result.exit_code != 0) == fails, f"{words}: {result.output} {result.exception!r}"
        return result.output

    async def owner(self, service: str, statement: str) -> None:
        """Something that only the database's owner may do."""
        url = self._house.servers.service_database_url(
            service, "owner", self._house.names[service], "postgresql"
        )
        db = await asyncpg.connect(url)
        try:
            await db.execute(statement)
        finally:
            await db.close()


@pytest.fixture
def operator(house: House, monkeypatch: pytest.MonkeyPatch) -> Operator:
    for module in ("parked", "events"):
        monkeypatch.setattr(f"deploy.cli.{module}.find_place", lambda *_, **__: house.place)
    monkeypatch.setenv("TIELINE_ADMIN_AMQP_URL", house.amqp)
    return Operator(house)


@pytest.mark.fault(24, 26)
async def test_events_told_again_after_the_inbox_was_purged_change_nothing(
    story: Story, house: House, operator: Operator
) -> None:
    await a_history(story)
    await quiet(house)
    before = await books(house)
    since = (datetime.now(UTC) - timedelta(minutes=30)).isoformat()

    for service in SERVICES:
        await operator.owner(service, "DELETE FROM inbox")  # as if all of it were older than 30 days
        counted = await operator.does("events", "replay", "--consumer", service, "--from", since, "--dry-run")
        told = await operator.does(
            "events", "replay", "--consumer", service, "--from", since, "--rate", "2000"
        )
        again = await operator.does("events", "replay", "--consumer", service, "--from", "30m")
        assert _total(counted) <= _total(told) <= _total(again)
        assert _total(told) > 0

    await quiet(house)
    assert differing(before, await books(house)) == {}


def _total(output: str) -> int:
    return int(output.splitlines()[-1].split()[0])


async def test_what_a_consumer_does_not_hear_is_not_told_to_it(operator: Operator) -> None:
    refused = await operator.does(
        "events", "replay", "--consumer", "shipping", "--from", "1h", "--type", "no.such.fact.v1", fails=True
    )

    assert "does not hear" in refused


async def test_a_dead_event_is_found_mended_and_tried_again(
    story: Story, house: House, operator: Operator, tmp_path: Path
) -> None:
    await story.opens()
    code, event_id = story.code("ELSEWHERE"), str(new_id())
    broken: dict[str, Any] = {
        "specversion": "1.0", "id": event_id, "type": "inventory.warehouse.saved.v1", "source": "/tieline/inventory",
        "subject": code, "time": datetime.now(UTC).isoformat(), "actor": "tester", "correlationid": event_id,
        "data": {"code": code, "version": "one", "name": "Elsewhere", "company": "TL1", "time_zone": "UTC"},
    }  # fmt: skip
    await _tell(house, broken)
    try:
        await story.until(lambda: _is_listed(operator, event_id), "the dead event is listed")
        shown = json.loads(await operator.does("parked", "show", event_id, "--service", "orders"))
        assert (shown["state"], shown["error_code"], shown["event"]) == ("dead", "Unreadable", None)

        refused = await operator.does(
            "parked", "edit", event_id, "--service", "orders", "--reason", "typo",
            "--file", str(_file(tmp_path, broken)), fails=True,
        )  # fmt: skip
        assert "cannot be carried out" in refused
        fixed = {**broken, "data": {**broken["data"], "version": 1}}
        await operator.does(
            "parked", "edit", event_id, "--service", "orders", "--reason", "typo",
            "--file", str(_file(tmp_path, fixed)), "--replay",
        )  # fmt: skip

        async def is_done() -> bool:
            shown = json.loads(await operator.does("parked", "show", event_id, "--service", "orders"))
            return bool(shown["state"] == "done")

        await story.until(is_done, "the mended event is done")
        assert event_id not in await operator.does("parked", "list", "--service", "orders")
        dry = await operator.does("parked", "discard", "--state", "dead", "--reason", "planted", "--dry-run")
        assert event_id in dry
        gone = await operator.does("parked", "discard", "--state", "dead", "--reason", "planted")
        assert gone.splitlines()[-1] == dry.splitlines()[-1].replace("would be ", "")
        assert "Nothing is parked" in await operator.does("parked", "list", "--state", "dead")
        assert "Say which" in await operator.does("parked", "replay", fails=True)
    finally:
        for service in SERVICES:
            await operator.owner(service, "DELETE FROM parked")


async def _is_listed(operator: Operator, event_id: str) -> bool:
    return event_id in await operator.does("parked", "list", "--service", "orders", "--state", "dead")


def _file(folder: Path, event: dict[str, Any]) -> Path:
    path = folder / "event.json"
    path.write_text(json.dumps(event), encoding="utf-8")
    return path


async def _tell(house: House, event: dict[str, Any]) -> None:
    """As if inventory had told it."""
    async with await aio_pika.connect(house.amqp) as connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("inventory.events", ensure=False)
        message = aio_pika.Message(orjson.dumps([event]), user_id="tieline_admin")
        await exchange.publish(message, event["type"], timeout=5)
