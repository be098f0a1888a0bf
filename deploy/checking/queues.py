"""What stands in the broker's queues, seen over AMQP: no management plugin and no control program is needed."""

from dataclasses import dataclass

from aio_pika.exceptions import ChannelNotFoundEntity

from deploy.local.definitions import SERVICES
from shared.amqp import connect


@dataclass(frozen=True)
class Queue:
    """Messages ready to be delivered, and who consumes."""

    ready: int
    consumers: int


async def look_at_queues(amqp: str) -> dict[str, Queue]:
    """Every service's inbox and dead queue; one that is missing is left out.

    Over AMQP a broker tells what is ready, not what is delivered and unacknowledged: that nothing is lost there shows in
    I-14, which compares what was told with what was heard.
    """
    found: dict[str, Queue] = {}
    connection = await connect(amqp, 10)
    async with connection:
        for service in SERVICES:
            for name in (f"{service}.inbox", f"{service}.dead"):
                channel = await connection.channel()
                try:
                    queue = await channel.declare_queue(name, passive=True)
                except ChannelNotFoundEntity:
                    continue
                told = queue.declaration_result
                found[name] = Queue(told.message_count or 0, told.consumer_count or 0)
                await channel.close()
    return found
