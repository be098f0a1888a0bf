"""The broker by itself, in the same run: a hop, bare gathered publishes, and our relay alone."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

import aio_pika
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bench.figures import spread
from bench.hop import BODY, VHOST, probe
from deploy.local import databases
from deploy.local.servers import Servers
from shared.broker import Publisher
from shared.closing import close
from shared.contracts import every_fact
from shared.contracts.inventory import WarehouseSaved
from shared.ids import new_id
from shared.migrate import migrate
from shared.outbox import Announcement, Fresh, Relay
from shared.topology import Topology, apply
from shared.unit_of_work import Origin

SUFFIX, SERVICE = "_benchrelay", "inventory"
HOPS, PUBLISHES, EVENTS = 500, 5000, 20_000


async def measure(servers: Servers, say: Callable[[str], None]) -> None:
    """Print p50 and p99 of a hop, and confirmed publishes a second, bare and by the relay."""
    async with probe(servers) as hop:
        say(f"broker hop (quorum queue, ~100/s): {spread(await hop.sends(HOPS, rate=100), 2)}")
    url = servers.amqp_url(SERVICE, VHOST)
    connection = await aio_pika.connect(servers.amqp_url(vhost=VHOST))
    async with connection:
        channel = await connection.channel(publisher_confirms=True)
        queue = await channel.declare_queue(
            f"bench.{uuid4().hex[:6]}", durable=True, arguments={"x-queue-type": "quorum"}
        )
        bare = await _gathered(channel, queue)
        await queue.delete(if_unused=False, if_empty=False)
    relayed = await _relay(servers, url)
    say(f"bare gathered publishes (100 at a time): {bare:.0f} messages/s; relay alone, from outbox row to confirmed "
        f"and deleted: {relayed:.0f} events/s = {relayed / bare:.0%}")  # fmt: skip


async def _gathered(channel: aio_pika.abc.AbstractChannel, queue: aio_pika.abc.AbstractQueue) -> float:
    publish = channel.default_exchange.publish
    began = time.perf_counter()
    for _ in range(PUBLISHES // 100):
        messages = [aio_pika.Message(BODY, delivery_mode=2) for _ in range(100)]
        await asyncio.gather(*(publish(message, queue.name) for message in messages))
    return PUBLISHES / (time.perf_counter() - began)


@asynccontextmanager
async def kernel_database(servers: Servers) -> AsyncIterator[str]:
    """A database with the kernel's tables and no service's, dropped afterwards; its name."""
    names = await databases.ensure_databases(servers.postgres_url, SUFFIX, services=[SERVICE])
    try:
        owner = servers.service_database_url(SERVICE, "owner", names[SERVICE])
        await migrate(SERVICE, owner, kernel_only=True)
        yield names[SERVICE]
    finally:
        await databases.drop_databases(servers.postgres_url, SUFFIX, services=[SERVICE])


async def _relay(servers: Servers, url: str) -> float:
    """Events a second of the kernel's own relay over a full outbox, in this process, to one quorum inbox."""
    every_fact()
    async with kernel_database(servers) as database:
        topology = Topology.of({"orders": [WarehouseSaved.TYPE], SERVICE: []})
        await apply(servers.amqp_url(vhost=VHOST), topology)
        engine = create_async_engine(servers.service_database_url(SERVICE, "app", database), pool_size=3)
        try:
            await _fill(engine)
            return await _drain(engine, url)
        finally:
            await engine.dispose()
            await _drop_inbox(servers)


async def _drop_inbox(servers: Servers) -> None:
    connection = await aio_pika.connect(servers.amqp_url(vhost=VHOST))
    async with connection:
        await (await connection.channel()).queue_delete("orders.inbox")


async def _fill(engine: AsyncEngine) -> None:
    origin = Origin("bench", "bench", "bench")
    for _ in range(EVENTS // 1000):
        async with engine.begin() as db:
            at = (await db.execute(text("SELECT clock_timestamp()"))).scalar_one()
            facts = (
                WarehouseSaved(code=f"W{n}", version=1, name="Main", company="TL1", time_zone="UTC")
                for n in range(1000)
            )
            await close(db, SERVICE, at, [Announcement(fact, new_id(), at, origin) for fact in facts])


async def _drain(engine: AsyncEngine, url: str) -> float:
    publisher = Publisher(SERVICE, url)
    connection = await aio_pika.connect(url)
    async with connection:
        await publisher.open(connection)
        relay = Relay(engine, publisher, Fresh())
        began = time.perf_counter()
        work = asyncio.ensure_future(relay.work())
        async with engine.connect() as db:
            await db.execution_options(isolation_level="AUTOCOMMIT")
            # the relay deletes rows in its own session; nothing in this process tells when the last one goes
            while (await db.execute(text("SELECT 1 FROM outbox LIMIT 1"))).first():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        took = time.perf_counter() - began
        relay.stop()
        await work
    return EVENTS / took
