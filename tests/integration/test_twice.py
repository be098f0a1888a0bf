"""Everything delivered twice: the same events again, and the same facts under new ids, in another order; nothing changes."""

import asyncio
import random
from collections.abc import Mapping
from typing import Any

import aio_pika
import asyncpg
import orjson
import pytest

from shared.ids import new_id
from shared.migrate import SERVICES
from tests.integration.conftest import House
from tests.integration.story import Story
from tests.integration.test_main_chain import _can_be_picked, special_order

BUSY = """SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = current_database() AND l.locktype = 'relation' AND l.pid <> pg_backend_pid()"""
KERNEL = {"event_log", "outbox", "inbox", "parked", "idempotency", "alembic_version", "kernel_version"}


async def test_a_whole_history_heard_again_changes_nothing(
    story: Story, house: House
) -> None:  # SO-6 BUY-12 SHIP-5
    orders = await a_history(story)
    await quiet(house)
    before = await books(house)
    events = await told(house)
    assert len(events) > 20

    await tell_again(house, events)
    await quiet(house)
    assert differing(before, await books(house)) == {}

    again = [{**event, "id": str(new_id())} for event in events]
    random.Random(7).shuffle(again)
    await tell_again(house, again)
    await quiet(house)
    assert differing(before, await books(house)) == {}
    assert [(await story.now(order))["state"] for order in orders] == ["filled", "open"]


def differing(
    before: dict[str, list[str]], after: dict[str, list[str]]
) -> dict[str, tuple[list[str], list[str]]]:
    """By table: the rows that are gone, and those that are new."""
    return {
        table: (
            sorted(set(before[table]) - set(after[table]))[:3],
            sorted(set(after[table]) - set(before[table]))[:3],
        )
        for table in before
        if before[table] != after[table]
    }


async def a_history(story: Story) -> list[dict[str, Any]]:
    """A filled order after a failed inspection and a replacement, and a short one that waits."""
    _, order = await special_order(story, 5)
    await story.receive(await story.purchase_order(order), 5)
    await story.pending_shipment(order, 5)
    await story.inspect(order, passed=4, failed=1)
    shipment = await story.pending_shipment(order, 4)
    await story.until(lambda: _can_be_picked(story, shipment), "the good ones may be picked")
    await story.ship(shipment)
    await story.receive(await story.purchase_order(order, 2), 1)
    await story.inspect(order, passed=1)
    rest = await story.pending_shipment(order, 1)
    await story.until(lambda: _can_be_picked(story, rest), "the replacement may be picked")
    await story.ship(rest)
    await story.becomes(order, state="filled")

    gadget = await story.item("GADGET")
    await story.on_the_shelf(gadget, 7)
    short = await story.order(order["customer"], (gadget, 10))
    await story.pending_shipment(short, 7)
    return [order, short]


async def told(house: House) -> list[dict[str, Any]]:
    """Every event that any service has told."""
    events: list[dict[str, Any]] = []
    for service in SERVICES:
        rows = await _rows(house, service, "SELECT body FROM event_log ORDER BY event_id")
        events += [orjson.loads(row["body"]) for row in rows]
    return events


async def tell_again(house: House, events: list[dict[str, Any]]) -> None:
    """Publish events as the replaying administrator, to their producers' exchanges."""
    connection = await aio_pika.connect(house.amqp)
    async with connection:
        channel = await connection.channel()
        for start in range(0, len(events), 7):
            batch = events[start : start + 7]
            for kind in {event["type"] for event in batch}:
                exchange = await channel.get_exchange(f"{kind.split('.', 1)[0]}.events", ensure=False)
                body = orjson.dumps([event for event in batch if event["type"] == kind])
                message = aio_pika.Message(body, user_id="tieline_admin")
                await exchange.publish(message, kind, mandatory=False, timeout=5)


async def quiet(house: House, seconds: float = 30) -> None:
    """Every outbox and inbox queue is empty, twice in a row, and nothing was parked."""
    deadline = asyncio.get_running_loop().time() + seconds
    calm = 0
    while calm < 3:
        waiting = await _waiting(house)
        calm = 0 if waiting else calm + 1
        assert asyncio.get_running_loop().time() < deadline, f"never quiet: {waiting}"
        await asyncio.sleep(0.2)
    for service in SERVICES:
        parked = await _rows(house, service, "SELECT type, state, last_error FROM parked")
        assert [dict(row) for row in parked] == [], service


async def _waiting(house: House) -> Mapping[str, int]:
    found: dict[str, int] = {}
    connection = await aio_pika.connect(house.amqp)
    async with connection:
        channel = await connection.channel()
        for service in SERVICES:
            queue = await channel.declare_queue(f"{service}.inbox", passive=True)
            found[f"{service}.inbox"] = queue.declaration_result.message_count or 0
            found[f"{service} outbox"] = len(await _rows(house, service, "SELECT 1 FROM outbox"))
            busy = await _rows(house, service, BUSY)
            found[f"{service} transactions"] = len(busy)
    return {name: count for name, count in found.items() if count}


async def books(house: House) -> dict[str, list[str]]:
    """Every row of every business table, as text."""
    found: dict[str, list[str]] = {}
    for service in SERVICES:
        tables = await _rows(
            house,
            service,
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace",
        )
        for (table,) in tables:
            if table not in KERNEL and not table.startswith("event_log"):
                rows = await _rows(house, service, f'SELECT t::text FROM "{table}" t ORDER BY 1')
                found[f"{service}.{table}"] = [row[0] for row in rows]
    return found


async def _rows(house: House, service: str, query: str) -> list[Any]:
    db = await asyncpg.connect(house.databases[service].replace("postgresql+asyncpg://", "postgresql://"))
    try:
        rows: list[Any] = await db.fetch(query)
        return rows
    finally:
        await db.close()


pytestmark = pytest.mark.slow
