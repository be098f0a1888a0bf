"""What the broker refuses to a service: each thing is tried (reliability, section 2.5)."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError

from deploy.local.servers import Servers
from deploy.topology import topology
from shared.topology import apply

pytestmark = pytest.mark.fault(29)


@pytest.fixture
async def as_orders(test_servers: Servers) -> AsyncIterator[AbstractChannel]:
    """A channel of the user `orders`, at a broker with the whole topology."""
    if not test_servers.makes_vhosts:
        pytest.skip("at a broker that a URL names all services share one user")
    vhost = f"security-{os.getpid()}"
    test_servers.ensure_vhosts([vhost])
    await apply(test_servers.amqp_url(vhost=vhost), topology())
    async with await aio_pika.connect(test_servers.amqp_url("orders", vhost)) as connection:
        yield await connection.channel()


async def speaks_for_inventory(channel: AbstractChannel) -> None:
    exchange = await channel.get_exchange("inventory.events", ensure=False)
    await exchange.publish(aio_pika.Message(b"[]"), "inventory.goods.received.v1", timeout=5)


async def speaks_as_inventory(channel: AbstractChannel) -> None:
    exchange = await channel.get_exchange("orders.events", ensure=False)
    await exchange.publish(
        aio_pika.Message(b"[]", user_id="inventory"), "orders.lines.released.v1", timeout=5
    )


async def feeds_anothers_queue(channel: AbstractChannel) -> None:
    await channel.default_exchange.publish(aio_pika.Message(b"[]"), "inventory.inbox", timeout=5)


async def reads_anothers_queue(channel: AbstractChannel) -> None:
    await (await channel.get_queue("inventory.inbox", ensure=False)).get(fail=False, timeout=5)


async def consumes_anothers_dead_letters(channel: AbstractChannel) -> None:
    async def never(_: aio_pika.abc.AbstractIncomingMessage) -> None: ...

    await (await channel.get_queue("inventory.dead", ensure=False)).consume(never, timeout=5)


async def purges_anothers_queue(channel: AbstractChannel) -> None:
    await (await channel.get_queue("inventory.inbox", ensure=False)).purge(timeout=5)


async def deletes_anothers_queue(channel: AbstractChannel) -> None:
    await channel.queue_delete("inventory.inbox", timeout=5)


async def deletes_anothers_exchange(channel: AbstractChannel) -> None:
    await channel.exchange_delete("inventory.events", timeout=5)


async def dead_letters_into_anothers_net(channel: AbstractChannel) -> None:
    await channel.declare_queue(
        "orders.trap", arguments={"x-dead-letter-exchange": "inventory.dlx"}, timeout=5
    )


async def binds_anothers_queue(channel: AbstractChannel) -> None:
    queue = await channel.get_queue("inventory.inbox", ensure=False)
    await queue.bind("orders.events", "#", timeout=5)


@pytest.mark.parametrize(
    "does",
    [speaks_for_inventory, speaks_as_inventory, feeds_anothers_queue, reads_anothers_queue,
     consumes_anothers_dead_letters, purges_anothers_queue, deletes_anothers_queue, deletes_anothers_exchange,
     dead_letters_into_anothers_net, binds_anothers_queue],
    ids=lambda does: does.__name__,
)  # fmt: skip
async def test_the_broker_refuses_that_orders(
    as_orders: AbstractChannel, does: Callable[[AbstractChannel], Awaitable[None]]
) -> None:
    with pytest.raises(AMQPError, match=r"ACCESS_REFUSED|PRECONDITION_FAILED.*user_id|403|406"):
        await does(as_orders)


async def test_a_service_may_speak_and_hear_for_itself(as_orders: AbstractChannel) -> None:
    exchange = await as_orders.get_exchange("orders.events", ensure=False)
    message = aio_pika.Message(b"[]", user_id="orders")

    await exchange.publish(message, "orders.nobody-hears.v1", mandatory=False, timeout=5)
    inbox = await as_orders.get_queue("orders.inbox", ensure=False)
    await inbox.bind("inventory.events", "inventory.goods.received.*", timeout=5)
    assert await inbox.get(fail=False, timeout=5) is None
