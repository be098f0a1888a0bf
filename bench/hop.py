"""A hop through the broker: from the publish call until the consumer's callback, on a quorum queue of the probe's own.

What our latencies are divided by. Publisher and consumer have a connection each, messages are persistent and confirmed
one by one, and as long as those of the anchors' `rabbit.py`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import uuid4

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage, AbstractQueue

from deploy.local.servers import Servers

VHOST = "bench-broker"
BODY = b'[{"type": "bench", "pad": "' + b"x" * 381 + b'"}]'
WARM = 50
"""Hops that are made and not counted: the first ones open what later ones find open."""
PATIENCE = 5.0


@dataclass(frozen=True)
class Hops:
    """Seconds that hops took, and in what company."""

    name: str
    seconds: Sequence[float]


class Probe:
    """Sends messages to itself."""

    def __init__(self, channel: AbstractChannel, queue: AbstractQueue) -> None:
        self._channel = channel
        self._queue = queue
        self._sent: dict[str, float] = {}
        self._took: list[float] = []
        self._stopping = asyncio.Event()

    async def heard(self, message: AbstractIncomingMessage) -> None:
        """The consumer's callback."""
        self._took.append(time.perf_counter() - self._sent.pop(message.message_id or ""))
        await message.ack()

    async def sends(self, many: int, rate: float) -> Sequence[float]:
        """So many hops, at most so many a second, one publish after the other was confirmed."""
        self._took.clear()
        for _ in range(many):
            await self._send(rate)
        return await self._all_heard()

    async def _send(self, rate: float) -> None:
        message = aio_pika.Message(
            BODY, delivery_mode=2, message_id=uuid4().hex, content_type="application/json"
        )
        began = self._sent[message.message_id or ""] = time.perf_counter()
        await self._channel.default_exchange.publish(message, self._queue.name)
        await asyncio.sleep(max(0.0, 1 / rate - (time.perf_counter() - began)))

    async def _all_heard(self) -> Sequence[float]:
        async with asyncio.timeout(PATIENCE):
            # the callback runs in this loop, and nothing else tells when the last one has
            while self._sent:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return list(self._took)

    @asynccontextmanager
    async def sending(self, rate: float, took: list[float]) -> AsyncIterator[None]:
        """Hops as long as the block lasts; `took` has their seconds afterwards."""
        self._took.clear()
        self._stopping.clear()
        work = asyncio.create_task(self._until_stopped(rate))
        try:
            yield
        finally:
            self._stopping.set()
            await work
        took += await self._all_heard()

    async def _until_stopped(self, rate: float) -> None:
        while not self._stopping.is_set():
            await self._send(rate)


@asynccontextmanager
async def probe(servers: Servers) -> AsyncIterator[Probe]:
    """One that is warm; its queue goes with it."""
    await asyncio.to_thread(servers.ensure_vhosts, [VHOST])
    url = servers.amqp_url(vhost=VHOST)
    publishing, consuming = await aio_pika.connect(url), await aio_pika.connect(url)
    async with publishing, consuming:
        channel = await publishing.channel(publisher_confirms=True)
        queue = await channel.declare_queue(
            f"bench.hop.{uuid4().hex[:6]}", durable=True, arguments={"x-queue-type": "quorum"}
        )
        try:
            made = Probe(channel, queue)
            hearing = await consuming.channel()
            await hearing.set_qos(prefetch_count=100)
            heard = await hearing.get_queue(queue.name)
            tag = await heard.consume(made.heard)
            await made.sends(WARM, rate=100)
            yield made
            await heard.cancel(tag)
        finally:
            await channel.queue_delete(queue.name)
