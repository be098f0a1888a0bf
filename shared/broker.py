"""The connection to RabbitMQ: a supervisor of our own around plain aio-pika, a publisher with confirms, a consumer.

Known of the library (tests hold them): publishing hangs while disconnected or under an alarm, so everything has a
timeout; a frozen broker raises `CancelledError` into the publisher; closing can wait for ever; a consumer callback that
raises leaves its message unacknowledged, so ours only queues.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import unquote, urlsplit, urlunsplit

import aio_pika
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
)
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, ChannelNotFoundEntity, PublishError
from aiormq.exceptions import ChannelAccessRefused, ChannelPreconditionFailed

from shared import amqp, crashing, metrics
from shared.logging import get_logger
from shared.patience import pause
from shared.topology import Topology, declare_own

log = get_logger(__name__)

CONNECT_TIMEOUT = 5.0
PUBLISH_TIMEOUT = 5.0
CLOSE_TIMEOUT = 3.0
HEARTBEAT = 10
"""Seconds; a peer is given up after three of them and a little."""
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 10.0
BATCH_MESSAGES = 20
BATCH_BYTES = 128 * 1024
"""A batch of so much is one transaction: what it sets off begins elsewhere while the next one is carried out here."""
PREFETCH = 2 * BATCH_MESSAGES
BATCH_TYPE = "application/cloudevents-batch+json"


class BrokerLost(Exception):
    """The connection or channel is gone or silent; what was not confirmed will be sent again."""


def pause_before(attempt: int) -> float:
    """Seconds to wait before connecting again: full jitter over 0.2 · 2^attempt, at most 10."""
    longest = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** min(attempt, 10))
    return random.uniform(SHORTEST_PAUSE, longest)  # noqa: S311  # jitter


async def keep_connected(
    url: str, part: str, body: Callable[[AbstractConnection], Awaitable[None]], stopping: asyncio.Event
) -> None:
    """Run `body` on a connection until stopped; connect again with jittered pauses whenever one is lost.

    Pauses grow until a connection has lasted: one that is lost at once (an alarm, a full queue) is no loop of connects.
    """
    attempt = 0
    while not stopping.is_set():
        began = time.monotonic()
        try:
            connection = await _connect(url, part)
            await _while_open(connection, body)
        except asyncio.CancelledError:
            # the library cancels our task when a heartbeat is missed; only a real cancellation ends the supervisor
            task = asyncio.current_task()
            if task is None or task.cancelling() > 0:
                raise
            log.warning("broker went silent", part=part)
        except (
            AMQPError,
            BrokerLost,
            ChannelInvalidStateError,
            ConnectionError,
            OSError,
            TimeoutError,
        ) as problem:
            # the library words a lost channel as a RuntimeError when something is acknowledged on it
            log.warning("broker lost", part=part, error=str(problem) or type(problem).__name__)
        if stopping.is_set():
            return
        metrics.reconnects.labels(part).inc()
        attempt = 0 if time.monotonic() - began > LONGEST_PAUSE else attempt
        await pause(stopping, pause_before(attempt))
        attempt += 1


def with_heartbeat(url: str) -> str:
    """The URL with our heartbeat, unless it names one: the library's own lets a silent peer go after three minutes."""
    parts = urlsplit(url)
    if "heartbeat=" in parts.query:
        return url
    query = f"{parts.query}&heartbeat={HEARTBEAT}" if parts.query else f"heartbeat={HEARTBEAT}"
    return urlunsplit(parts._replace(query=query))


async def _connect(url: str, part: str) -> AbstractConnection:
    async with asyncio.timeout(CONNECT_TIMEOUT):
        return await amqp.connect(
            with_heartbeat(url), CONNECT_TIMEOUT, client_properties={"connection_name": part}
        )


async def _while_open(
    connection: AbstractConnection, body: Callable[[AbstractConnection], Awaitable[None]]
) -> None:
    work = asyncio.ensure_future(body(connection))
    closed = asyncio.ensure_future(_closed(connection))
    try:
        await asyncio.wait({work, closed}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
        else:
            raise BrokerLost("the connection was closed")
    finally:
        for task in (work, closed):
            task.cancel()
        await asyncio.gather(work, closed, return_exceptions=True)
        await close_quietly(connection)


async def _closed(connection: AbstractConnection) -> None:
    # the library's `closed()` only tells of our own closing: a lost connection is told to callbacks
    lost = asyncio.Event()

    def on_close(*_: object) -> None:
        lost.set()

    connection.close_callbacks.add(on_close)
    if connection.connected.is_set():
        await lost.wait()


async def close_quietly(connection: AbstractConnection) -> None:
    """Close, but wait at most 3 s: the library can wait for ever on a dead peer."""
    try:
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await connection.close()
    except (AMQPError, ConnectionError, OSError, TimeoutError, RuntimeError) as problem:
        log.info("broker connection dropped", error=str(problem) or type(problem).__name__)


class Publisher:
    """Publishes batches to the service's own exchange, gathered, persistent, mandatory, with confirms and a timeout."""

    def __init__(self, service: str, url: str) -> None:
        self._service = service
        self._user = unquote(urlsplit(url).username or "guest")
        self._channel: AbstractChannel | None = None
        self._exchange: AbstractExchange | None = None

    async def open(self, connection: AbstractConnection) -> None:
        """Take a channel with confirms; unroutable messages raise."""
        self._channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        self._exchange = await self._channel.get_exchange(f"{self._service}.events", ensure=False)

    async def publish(self, messages: Sequence[tuple[str, bytes, bool]]) -> list[Exception | None]:
        """Publish (routing key, body, mandatory) and wait for the confirms: None for a confirmed one, else why not.

        Raises `BrokerLost` when the channel is gone or nothing was answered in time.
        """
        results = await asyncio.gather(*(self._one(*message) for message in messages))
        if any(result is None or self.is_refusal(result) for result in results):
            return results
        # silence, a lost channel, or a full queue's nacks: on this connection it would go on (measured: a channel that
        # a quorum queue has rejected is rejected for ever, though there is room again), so a new one is taken
        raise BrokerLost(
            f"nothing was confirmed: {next((repr(result) for result in results), 'nothing was sent')}"
        )

    @staticmethod
    def is_refusal(problem: Exception) -> bool:
        """Whether the broker will not take this message, however often it is sent; a full queue (a nack) soon may."""
        return isinstance(
            problem, PublishError | ChannelNotFoundEntity | ChannelPreconditionFailed | ChannelAccessRefused
        )

    @staticmethod
    def is_unroutable(problem: Exception) -> bool:
        """Whether the broker found no queue for it (yet)."""
        return isinstance(problem, PublishError)

    async def _one(self, routing_key: str, body: bytes, mandatory: bool) -> Exception | None:
        if self._exchange is None:
            return BrokerLost("not connected")
        message = aio_pika.Message(
            body, content_type=BATCH_TYPE, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, user_id=self._user
        )
        try:
            await self._exchange.publish(message, routing_key, mandatory=mandatory, timeout=PUBLISH_TIMEOUT)
        except asyncio.CancelledError as silent:
            task = asyncio.current_task()
            if task is not None and task.cancelling() > 0:
                raise
            return BrokerLost(f"the broker went silent: {silent}")
        except (AMQPError, ConnectionError, OSError, TimeoutError, RuntimeError) as problem:
            return problem
        return None


class Consumer:
    """Takes what is buffered, hands it over as one batch, and acknowledges once that has been committed.

    One channel and one sequential loop; delivery tags belong to a channel, so whatever is buffered when the channel
    goes is dropped: the broker delivers it again.

    A process that dies costs everything it was handed one of its deliveries (`DELIVERY_LIMIT`). So one that has just
    started is handed one message at a time until it has carried out one that nobody has failed at before: in a loop of
    crashes only the message that kills comes to the limit, not the forty behind it.
    """

    def __init__(
        self,
        topology: Topology,
        service: str,
        take: Callable[[list[AbstractIncomingMessage]], Awaitable[None]],
        give_up: Callable[[AbstractIncomingMessage], Awaitable[None]] | None = None,
    ):
        self._topology = topology
        self._service = service
        self._take = take
        self._give_up = give_up
        self._stopping = asyncio.Event()
        self._is_proven = False
        self.connected = False

    def stop(self) -> None:
        """Finish and acknowledge the batch at hand, then take no more."""
        self._stopping.set()

    async def serve(self, connection: AbstractConnection) -> None:
        """Declare the service's own queue and bindings, then consume until stopped or the channel goes."""
        channel = await connection.channel()
        queue = await declare_own(channel, self._topology, self._service)
        buffer: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        lost = await _cut_off(channel)
        tag = await self._subscribe(channel, queue, buffer)
        self.connected = True
        try:
            if not self._is_proven:
                await self._loop(channel, buffer, lost)
                await _cancel(queue, tag)
                tag = await self._subscribe(channel, queue, buffer)
            await self._empty_the_net(channel)
            await self._loop(channel, buffer, lost)
        finally:
            self.connected = False
        await _cancel(queue, tag)

    async def _subscribe(
        self, channel: AbstractChannel, queue: AbstractQueue, buffer: "asyncio.Queue[AbstractIncomingMessage]"
    ) -> str:
        # how much may be on its way goes for the consumers that come after it is said
        await channel.set_qos(prefetch_count=PREFETCH if self._is_proven else 1)
        return await queue.consume(buffer.put)

    async def _empty_the_net(self, channel: AbstractChannel) -> None:
        """Hand over what the broker has given up, so that people see it and may have it tried again."""
        if self._give_up is None or self._stopping.is_set():
            return
        net = await channel.get_queue(f"{self._service}.dead", ensure=False)
        while (message := await net.get(fail=False, timeout=CONNECT_TIMEOUT)) is not None:
            await self._give_up(message)
            await message.ack()

    async def _loop(
        self, channel: AbstractChannel, buffer: "asyncio.Queue[AbstractIncomingMessage]", lost: asyncio.Event
    ) -> None:
        """Until we are stopped, or have proven that we can."""
        stopped, cut_off = asyncio.ensure_future(self._stopping.wait()), asyncio.ensure_future(lost.wait())
        try:
            while not self._stopping.is_set():
                first = asyncio.ensure_future(buffer.get())
                await asyncio.wait({first, stopped, cut_off}, return_when=asyncio.FIRST_COMPLETED)
                if lost.is_set():
                    first.cancel()
                    raise BrokerLost("the queue was deleted or the channel closed")
                if not first.done():
                    first.cancel()
                    return
                batch = [first.result()]
                size = len(batch[0].body)
                while len(batch) < BATCH_MESSAGES and size < BATCH_BYTES and not buffer.empty():
                    batch.append(buffer.get_nowait())
                    size += len(batch[-1].body)
                crashing.reached("on_first_message")
                await self._take(batch)
                await batch[-1].ack(multiple=True)
                if channel.is_closed:
                    raise BrokerLost("the consumer's channel was closed")
                if self._is_proof(batch):
                    return
        finally:
            stopped.cancel()
            cut_off.cancel()

    def _is_proof(self, batch: Sequence[AbstractIncomingMessage]) -> bool:
        """Whether this was the first batch that shows that the process can do its work."""
        if self._is_proven or batch[0].redelivered:
            return False
        self._is_proven = True
        return True


async def _cancel(queue: AbstractQueue, tag: str) -> None:
    async with asyncio.timeout(CLOSE_TIMEOUT):
        await queue.cancel(tag)


async def _cut_off(channel: AbstractChannel) -> asyncio.Event:
    """Set when the broker ends the consumer (its queue was deleted) or the channel: nothing would come any more."""
    lost = asyncio.Event()

    def on_end(*_: object) -> None:
        lost.set()

    channel.close_callbacks.add(on_end)
    underlay = await channel.get_underlay_channel()
    underlay.on_consumer_cancel_callbacks.add(on_end)
    return lost
