"""From outbox to inbox over the real broker: nothing lost, nothing twice, poison alone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import orjson
import pytest
from aiormq.exceptions import ChannelAccessRefused

from shared.broker import Consumer, Publisher, keep_connected
from shared.contracts.inventory import WarehouseSaved
from shared.inbox import Inbox, Reader, state_after, wait_before
from shared.outbox import Relay, Row, batches
from shared.patience import patiently
from shared.testing import Bench
from shared.topology import Topology, apply
from shared.unit_of_work import Tx
from tests.kernel.conftest import Broker
from tests.kernel.hearing import Ear, event, saved
from tests.kernel.test_unit_of_work import make

TOPOLOGY = Topology.of({"orders": [WarehouseSaved.TYPE]})


@pytest.fixture
async def topology(broker: Broker) -> None:
    await apply(broker.url("tieline_admin"), TOPOLOGY)
    connection = await aio_pika.connect(broker.url("tieline_admin"))
    async with connection:
        channel = await connection.channel()
        await (await channel.get_queue("orders.inbox")).purge()


@asynccontextmanager
async def consuming(kernel: Bench, broker: Broker, ear: Ear) -> AsyncIterator[Inbox]:
    inbox = Inbox(kernel.work, {WarehouseSaved: ear.warehouses})
    consumer = Consumer(TOPOLOGY, "orders", inbox.take)
    stopping = asyncio.Event()
    task = asyncio.create_task(keep_connected(broker.url("orders"), "test", consumer.serve, stopping))
    try:
        async with asyncio.timeout(15):
            while not consumer.connected:  # noqa: ASYNC110  # it has a state, no event
                await asyncio.sleep(0.02)
        yield inbox
    finally:
        stopping.set()
        consumer.stop()
        await asyncio.wait_for(task, 10)


@asynccontextmanager
async def relaying(kernel: Bench, broker: Broker) -> AsyncIterator[None]:
    publisher = Publisher("inventory", broker.url("inventory"))
    relay = Relay(kernel.engine, publisher, kernel.work.fresh)
    stopping = asyncio.Event()

    async def body(connection: Any) -> None:
        await publisher.open(connection)
        await patiently(relay.work, stopping)

    task = asyncio.create_task(keep_connected(broker.url("inventory"), "test", body, stopping))
    try:
        yield
    finally:
        stopping.set()
        relay.stop()
        await asyncio.wait_for(task, 10)


async def until(kernel: Bench, query: str, expected: Any, seconds: float = 30) -> None:
    """Wait for a query's single value."""
    deadline = asyncio.get_running_loop().time() + seconds
    while (found := (await kernel.sql(query))[0][0]) != expected:
        assert asyncio.get_running_loop().time() < deadline, f"{query}: {found!r}, not {expected!r}"
        await asyncio.sleep(0.02)


async def publish(
    broker: Broker, body: bytes, *, user: str = "inventory", key: str = WarehouseSaved.TYPE
) -> None:
    connection = await aio_pika.connect(broker.url(user))
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("inventory.events", ensure=False)
        await exchange.publish(aio_pika.Message(body, user_id=user), key, timeout=5)


async def test_what_is_told_is_heard_once_and_the_outbox_is_empty(
    kernel: Bench, broker: Broker, topology: None
) -> None:
    async with consuming(kernel, broker, Ear()), relaying(kernel, broker):
        await asyncio.gather(*(kernel.run(make_elsewhere, f"W{n}") for n in range(30)))

        await until(kernel, "SELECT count(*) FROM heard", 30)
        await until(kernel, "SELECT count(*) FROM outbox", 0)
        assert (await kernel.sql("SELECT max(times) FROM heard"))[0][0] == 1
        assert (await kernel.sql("SELECT count(*) FROM event_log"))[0][0] == 30


async def make_elsewhere(tx: Tx, code: str) -> None:
    tx.announce(saved(code))


@pytest.mark.fault(24)
async def test_an_event_that_comes_five_times_takes_effect_once(
    kernel: Bench, broker: Broker, topology: None
) -> None:
    async with consuming(kernel, broker, Ear()):
        same = event("A")
        for _ in range(5):
            await publish(broker, orjson.dumps([same, same]))
        await publish(broker, orjson.dumps([event("B")]))

        await until(kernel, "SELECT count(*) FROM heard", 2)
        assert [tuple(r) for r in await kernel.sql("SELECT code, times FROM heard ORDER BY code")] == [
            ("A", 1),
            ("B", 1),
        ]


@pytest.mark.fault(27)
async def test_a_failing_event_parks_alone_and_its_neighbours_go_on(
    kernel: Bench, broker: Broker, topology: None
) -> None:
    ear = Ear()
    ear.fails_on = {"W7"}
    await publish(broker, orjson.dumps([event(f"W{n}") for n in range(20)]))

    async with consuming(kernel, broker, ear):
        await until(kernel, "SELECT count(*) FROM heard", 19)

        await until(kernel, "SELECT count(*) FROM parked", 1)
        parked = [tuple(row) for row in await kernel.sql("SELECT state, subject, last_error FROM parked")]
        assert parked == [("retry", "W7", "cannot take W7")]


@pytest.mark.fault(31)
async def test_a_parked_event_is_tried_again_when_due_and_done_once(
    kernel: Bench, broker: Broker, topology: None
) -> None:
    ear = Ear()
    ear.fails_on = {"A"}
    poison = event("A")
    await publish(broker, orjson.dumps([poison]))
    async with consuming(kernel, broker, ear) as inbox:
        await until(kernel, "SELECT count(*) FROM parked", 1)
        assert await inbox.retry_due() is False

        await kernel.write("UPDATE parked SET next_at = now()")
        assert await inbox.retry_due() is True
        assert (await kernel.sql("SELECT attempts FROM parked"))[0][0] == 2

        ear.fails_on = set()
        await kernel.write("UPDATE parked SET next_at = now()")
        await asyncio.gather(inbox.retry_due(), inbox.retry_due())
        await publish(broker, orjson.dumps([poison, event("B")]))
        await until(kernel, "SELECT count(*) FROM heard", 2)

    assert [tuple(r) for r in await kernel.sql("SELECT state FROM parked")] == [("done",)]
    assert (await kernel.sql("SELECT times FROM heard WHERE code = 'A'"))[0][0] == 1


@pytest.mark.fault(27, 28)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"not json", "dead"),
        (b"[]", "dead"),
        (b"{}", "dead"),
        (b'[{"id": 7}]', "dead"),
        (orjson.dumps([event("A", version="seven")]), "dead"),
        (orjson.dumps([event("A", kind="inventory.warehouse.saved.v2")]), "retry"),
        (b"[" * 100_000, "dead"),
    ],
    ids=["no-json", "empty-array", "no-array", "no-envelope", "wrong-field", "newer-major", "deep"],
)  # fmt: skip
async def test_poison_parks_and_the_next_message_is_taken(
    kernel: Bench, broker: Broker, topology: None, body: bytes, expected: str
) -> None:
    async with consuming(kernel, broker, Ear()):
        await publish(broker, body)
        await publish(broker, orjson.dumps([event("B")]))

        await until(kernel, "SELECT count(*) FROM heard", 1)
        assert [tuple(r) for r in await kernel.sql("SELECT state FROM parked")] == [(expected,)]


@pytest.mark.fault(29)
async def test_a_stranger_cannot_speak_for_another_service(
    kernel: Bench, broker: Broker, topology: None
) -> None:
    with pytest.raises(ChannelAccessRefused):
        await publish(broker, orjson.dumps([event("A")]), user="shipping")

    forged = Reader({WarehouseSaved: Ear().warehouses}, check_user=True).read(
        orjson.dumps([event("A")]), "shipping"
    )
    assert forged[0].told is None


@pytest.mark.fault(19)
async def test_an_event_nobody_is_bound_to_is_set_aside_and_published_later(
    kernel: Bench, broker: Broker, topology: None
) -> None:
    connection = await aio_pika.connect(broker.url("tieline_admin"))
    async with connection:
        queue = await (await connection.channel()).get_queue("orders.inbox")
        await queue.unbind("inventory.events", "inventory.warehouse.saved.*")
    async with relaying(kernel, broker):
        await kernel.run(make, "A")
        await until(kernel, "SELECT count(*) FROM outbox WHERE quarantined_at IS NOT NULL", 1)

        async with consuming(kernel, broker, Ear()):
            await kernel.write("UPDATE outbox SET quarantined_at = now() - interval '1 minute'")
            await until(kernel, "SELECT count(*) FROM outbox", 0)


@pytest.mark.fault(5)
async def test_only_one_relay_works_and_another_takes_over(
    kernel: Bench, broker: Broker, topology: None
) -> None:
    async with relaying(kernel, broker), relaying(kernel, broker):
        await kernel.run(make, "A")
        await until(kernel, "SELECT count(*) FROM outbox", 0)
        holders = await kernel.sql(
            "SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE locktype = 'advisory' AND datname = current_database()"
        )
        assert holders[0][0] == 1

        await kernel.write(
            "SELECT pg_terminate_backend(l.pid) FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
            "WHERE locktype = 'advisory' AND datname = current_database()"
        )
        await kernel.run(make, "B")
        await until(kernel, "SELECT count(*) FROM outbox", 0)


def test_a_page_is_grouped_by_key_and_cut_at_fifty_events() -> None:
    rows = [Row(n, "a" if n % 2 else "b", "{}") for n in range(120)]

    found = batches(rows)

    assert [(b.routing_key, len(b.rows)) for b in found] == [("a", 50), ("a", 10), ("b", 50), ("b", 10)]
    assert [row.seq for row in found[0].rows] == list(range(1, 101, 2))


def test_a_message_is_cut_at_256_kib() -> None:
    rows = [Row(n, "a", "x" * 100_000) for n in range(5)]

    assert [len(b.rows) for b in batches(rows)] == [2, 2, 1]


def test_waits_grow_and_end_in_dead() -> None:
    waits = [wait_before(attempt) for attempt in range(1, 7)]

    assert all(
        0.8 * w <= found <= 1.2 * w for w, found in zip((5, 30, 120, 600, 3600, 21600), waits, strict=True)
    )
    assert state_after(RuntimeError(), 6) == "retry"
    assert state_after(RuntimeError(), 7) == "dead"


async def test_a_batch_ends_when_it_has_enough_bytes(
    kernel: Bench, broker: Broker, topology: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.broker.BATCH_BYTES", 1)
    ear = Ear()
    for n in range(5):
        await publish(broker, orjson.dumps([event(f"W{n}")]))

    async with consuming(kernel, broker, ear):
        await until(kernel, "SELECT count(*) FROM heard", 5)

    assert ear.batches == [1, 1, 1, 1, 1]
