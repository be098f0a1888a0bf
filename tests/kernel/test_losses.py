"""What the kernel makes of a lost broker or database: it waits and tries again, and says so to callers."""

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aio_pika
import httpx
import orjson
import pytest
from aio_pika.exceptions import ChannelInvalidStateError, ChannelNotFoundEntity, DeliveryError, PublishError
from fastapi import FastAPI
from pamqp.commands import Basic

from shared import broker as broker_module
from shared import web
from shared.broker import BrokerLost, Publisher, keep_connected, with_heartbeat
from shared.testing import Bench
from shared.unit_of_work import Committed
from tests.chaos.proxy import Proxy, proxy
from tests.kernel.conftest import Broker
from tests.kernel.hearing import Ear, event
from tests.kernel.test_messages import consuming, publish, topology, until

__all__ = ["topology"]


def test_a_full_queue_is_no_reason_to_set_an_event_aside_but_no_queue_is() -> None:
    nacked = DeliveryError(None, Basic.Nack())
    returned = PublishError.__new__(PublishError)

    assert not Publisher.is_refusal(nacked)
    assert Publisher.is_refusal(returned)
    assert Publisher.is_unroutable(returned)


@pytest.mark.parametrize(
    ("outcomes", "is_lost"),
    [
        ([TimeoutError(), TimeoutError()], True),
        ([DeliveryError(None, Basic.Nack())] * 2, True),
        ([TimeoutError(), None], False),
        ([None, None], False),
    ],
    ids=["silence", "a full queue", "a part", "all"],
)
async def test_a_publisher_that_hears_nothing_gives_its_connection_up(
    outcomes: list[Exception | None], is_lost: bool
) -> None:
    answers = iter(outcomes)

    class Exchange:
        async def publish(self, *_: Any, **__: Any) -> None:
            if (problem := next(answers)) is not None:
                raise problem

    publisher = Publisher("orders", "amqp://orders@localhost")
    publisher._exchange = Exchange()  # type: ignore[assignment]  # all that is used of it
    publisher._channel = SimpleNamespace(is_closed=False)  # type: ignore[assignment]  # likewise

    if is_lost:
        with pytest.raises(BrokerLost):
            await publisher.publish([("a", b"[]", True)] * 2)
    else:
        assert len(await publisher.publish([("a", b"[]", True)] * 2)) == 2


async def test_an_acknowledgement_on_a_lost_channel_is_a_lost_broker_and_ends_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopping, times = asyncio.Event(), []

    async def connect(url: str, part: str) -> Any:
        callbacks = SimpleNamespace(add=lambda _: None)
        return SimpleNamespace(
            close_callbacks=callbacks, connected=asyncio.Event(), close=lambda: asyncio.sleep(0)
        )

    async def body(_: Any) -> None:
        times.append(1)
        if len(times) == 2:
            stopping.set()
        raise ChannelInvalidStateError

    monkeypatch.setattr(broker_module, "_connect", connect)
    monkeypatch.setattr(broker_module, "pause_before", lambda _: 0.0)

    await keep_connected("amqp://nowhere", "test", body, stopping)

    assert len(times) == 2


def test_pauses_end_at_ten_seconds_however_long_the_broker_is_away() -> None:
    assert broker_module.pause_before(0) == broker_module.SHORTEST_PAUSE
    assert all(broker_module.pause_before(attempt) <= 10 for attempt in (5, 50, 5000))


def test_our_heartbeat_stands_in_the_url_unless_the_operator_named_one() -> None:
    assert with_heartbeat("amqp://u:p@h:1/v") == "amqp://u:p@h:1/v?heartbeat=10"
    assert with_heartbeat("amqp://u:p@h:1/v?a=b") == "amqp://u:p@h:1/v?a=b&heartbeat=10"
    assert with_heartbeat("amqp://u:p@h:1/v?heartbeat=60") == "amqp://u:p@h:1/v?heartbeat=60"


async def test_a_database_that_cannot_be_reached_is_503_and_not_our_fault() -> None:
    app = FastAPI()
    web.install_problem_handlers(app)
    app.state.work = SimpleNamespace(committed=Committed())

    @app.get("/broken")
    async def broken() -> None:
        raise ConnectionResetError(104, "Connection reset by peer")

    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        answer = await client.get("/broken")

    assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (503, "busy", "1")


async def test_an_idle_consumer_notices_that_its_connection_or_its_queue_is_gone(
    kernel: Bench, broker: Broker, topology: None
) -> None:
    async with (
        proxy(broker.url("orders")) as way,
        consuming(kernel, Detour(broker.servers, broker.vhost, way), Ear()),
    ):
        way.reset_all()
        await publish(broker, orjson.dumps([event("after the reset")]))
        await until(kernel, "SELECT count(*) FROM heard", 1, seconds=20)

        await delete_queue(broker)
        await becomes_declared(broker)
        await publish(broker, orjson.dumps([event("after the deletion")]))
        await until(kernel, "SELECT count(*) FROM heard", 2, seconds=20)


@dataclass(frozen=True)
class Detour(Broker):
    """The broker by way of a proxy."""

    way: Proxy

    def url(self, user: str) -> str:
        return self.way.through(super().url(user))


async def delete_queue(broker: Broker) -> None:
    """As an operator may."""
    async with await aio_pika.connect(broker.url("tieline_admin")) as connection:
        await (await connection.channel()).queue_delete("orders.inbox")


async def becomes_declared(broker: Broker) -> None:
    """Until the consumer has declared its queue again."""
    async with await aio_pika.connect(broker.url("tieline_admin")) as connection:
        async with asyncio.timeout(20):
            while True:
                channel = await connection.channel()
                try:
                    await channel.declare_queue("orders.inbox", passive=True)
                except ChannelNotFoundEntity:
                    await asyncio.sleep(0.1)
                else:
                    # bindings follow the declaration
                    await asyncio.sleep(0.3)
                    return
