"""A connection to the broker that came to nothing leaves nothing behind, wherever it is collected."""

import asyncio
import gc
import logging
import warnings
from collections.abc import Awaitable, Callable

import pytest
from aio_pika.exceptions import AMQPError

from deploy.local.servers import login
from shared import amqp
from tests.kernel.conftest import Broker

NOBODY = "amqp://nobody:nothing@127.0.0.1:1/"


def in_a_circle(held: object) -> None:
    """What only the collector can free."""
    circle = [held]
    circle.append(circle)


async def never_opened(_: Broker) -> None:
    with pytest.raises((AMQPError, OSError)) as refused:
        await amqp.connect(NOBODY, 5)
    in_a_circle(refused)


async def not_let_in(broker: Broker) -> None:
    with pytest.raises(AMQPError):
        await amqp.connect(login(broker.servers.rabbitmq_url, "nobody", "nothing", broker.vhost), 5)


async def cut_off_while_closing(broker: Broker) -> None:
    connection = await amqp.connect(broker.url("tieline_admin"), 5)
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    in_a_circle(connection)


@pytest.mark.parametrize("comes_to_nothing", [never_opened, not_let_in, cut_off_while_closing])
async def test_what_came_to_nothing_is_collected_in_silence(
    broker: Broker, comes_to_nothing: Callable[[Broker], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, "aiormq")  # a kept log record would keep what failed
    gc.collect()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        gc.disable()
        try:
            await comes_to_nothing(broker)
            await asyncio.to_thread(gc.collect)  # a thread has no event loop that could close anything
        finally:
            gc.enable()

    assert [str(warning.message) for warning in told] == []
