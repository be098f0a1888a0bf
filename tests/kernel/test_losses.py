"""What the kernel makes of a lost broker or database: it waits and tries again, and says so to callers."""

import asyncio
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from aio_pika.exceptions import ChannelInvalidStateError, DeliveryError, PublishError
from fastapi import FastAPI
from pamqp.commands import Basic

from shared import broker, web
from shared.broker import BrokerLost, Publisher, keep_connected, with_heartbeat
from shared.unit_of_work import Committed


def test_a_full_queue_is_no_reason_to_set_an_event_aside_but_no_queue_is() -> None:
    nacked = DeliveryError(None, Basic.Nack())
    returned = PublishError.__new__(PublishError)

    assert not Publisher.is_refusal(nacked)
    assert Publisher.is_refusal(returned)
    assert Publisher.is_unroutable(returned)


@pytest.mark.parametrize(
    ("outcomes", "is_lost"),
    [([TimeoutError(), TimeoutError()], True), ([TimeoutError(), None], False), ([None, None], False)],
    ids=["silence", "a part", "all"],
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
        return SimpleNamespace(closed=asyncio.Future, close=lambda: asyncio.sleep(0))

    async def body(_: Any) -> None:
        times.append(1)
        if len(times) == 2:
            stopping.set()
        raise ChannelInvalidStateError

    monkeypatch.setattr(broker, "_connect", connect)
    monkeypatch.setattr(broker, "pause_before", lambda _: 0.0)

    await keep_connected("amqp://nowhere", "test", body, stopping)

    assert len(times) == 2


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
