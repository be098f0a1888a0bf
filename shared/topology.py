"""Exchanges, queues and bindings: one topic exchange per producer, one quorum inbox per service, one dead-letter net.

`deploy/rabbitmq/topology.json` is generated from the subscriptions; the topology job applies it, and each consumer
re-declares its own part whenever it connects. `python -m shared.topology apply [file]` is that job.
"""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractQueue

from shared import amqp

DELIVERY_LIMIT = 50
"""Deliveries before the broker gives a message up to the dead queue: far above what restarts can use up."""
DEAD_ARGUMENTS: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": 1_000_000}
"""The last net drops nothing: RabbitMQ 4 would otherwise give a message up after 20 looks at it."""
DEFAULT_FILE = Path("deploy/rabbitmq/topology.json")


@dataclass(frozen=True)
class Topology:
    """For each service the routing-key patterns that its inbox is bound to, by producer."""

    bindings: dict[str, dict[str, list[str]]]

    @classmethod
    def of(cls, heard: dict[str, list[str]]) -> "Topology":
        """From the fact types that each service hears; every major of a fact is bound: `orders.sales-order.opened.*`."""
        return cls(
            {
                service: {
                    producer: sorted({every_major(t) for t in types if t.split(".", 1)[0] == producer})
                    for producer in sorted({t.split(".", 1)[0] for t in types})
                }
                for service, types in sorted(heard.items())
            }
        )

    @classmethod
    def load(cls, file: Path) -> "Topology":
        """Read the generated file."""
        return cls(json.loads(file.read_text(encoding="utf-8"))["bindings"])

    def text(self) -> str:
        """The file's content."""
        note = "Generated from the services' subscriptions: python -m deploy.topology"
        return json.dumps({"note": note, "bindings": self.bindings}, indent=2) + "\n"


def every_major(fact_type: str) -> str:
    """`orders.sales-order.opened.v1` -> `orders.sales-order.opened.*`."""
    return fact_type.rsplit(".", 1)[0] + ".*"


async def declare_own(channel: AbstractChannel, topology: Topology, service: str) -> AbstractQueue:
    """Declare one service's exchange, inbox, dead-letter net and bindings; the inbox comes back."""
    await _exchange(channel, f"{service}.events")
    net = await channel.declare_exchange(f"{service}.dlx", aio_pika.ExchangeType.FANOUT, durable=True)
    dead = await channel.declare_queue(f"{service}.dead", durable=True, arguments=DEAD_ARGUMENTS)
    await dead.bind(net)
    inbox = await channel.declare_queue(f"{service}.inbox", durable=True, arguments=inbox_arguments(service))
    for producer, keys in topology.bindings.get(service, {}).items():
        for key in keys:
            await inbox.bind(f"{producer}.events", key)
    return inbox


def inbox_arguments(service: str) -> dict[str, Any]:
    """An explicit delivery limit, and a dead-letter exchange of the service's own as the last net."""
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": DELIVERY_LIMIT,
        "x-dead-letter-exchange": f"{service}.dlx",
    }


async def apply(url: str, topology: Topology) -> None:
    """Declare everything, producers' exchanges first: whatever is published from now on finds its queues."""
    connection = await amqp.connect(url, 10)
    async with connection:
        channel = await connection.channel()
        producers = set(topology.bindings) | {p for heard in topology.bindings.values() for p in heard}
        for producer in sorted(producers):
            await _exchange(channel, f"{producer}.events")
        for service in topology.bindings:
            await declare_own(channel, topology, service)


async def _exchange(channel: AbstractChannel, name: str) -> AbstractExchange:
    return await channel.declare_exchange(name, aio_pika.ExchangeType.TOPIC, durable=True)


def main(arguments: list[str]) -> int:
    """`python -m shared.topology apply [file]` with the admin URL in `TIELINE_AMQP_URL`."""
    if arguments[:1] != ["apply"]:
        sys.stderr.write(
            "usage: python -m shared.topology apply [topology.json]   (TIELINE_AMQP_URL: the broker)\n"
        )
        return 2
    file = (
        Path(arguments[1])
        if len(arguments) > 1
        else Path(os.environ.get("TIELINE_TOPOLOGY", str(DEFAULT_FILE)))
    )
    asyncio.run(apply(os.environ["TIELINE_AMQP_URL"], Topology.load(file)))
    sys.stdout.write(f"topology applied: {file}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
