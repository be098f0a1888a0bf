"""NOTE-3: the live stream, over real HTTP and as the query behind it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest
import uvicorn

from services.notifications import handlers, views
from services.notifications.api import stream
from services.notifications.main import app
from shared.auth import Scope
from shared.testing import Api, Bench

from .facts import inspected, line, peg, raised, received

LONG = 10.0


class Ear:
    """A client of the stream: its events, one by one."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.last_id = ""
        self._lines = answer.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The next event with data."""
        data = ""
        async with asyncio.timeout(LONG):
            async for text in self._lines:
                if text.startswith("id: "):
                    self.last_id = text[4:]
                elif text.startswith("data: "):
                    data = text[6:]
                elif not text and data:
                    event: dict[str, Any] = orjson.loads(data)
                    return event
        raise AssertionError("the stream has ended")

    async def until_id(self, wanted: str) -> None:
        """Read on, heartbeats too, until an id comes."""
        async with asyncio.timeout(LONG):
            async for text in self._lines:
                if text == f"id: {wanted}":
                    self.last_id = wanted
                    return
        raise AssertionError("the stream has ended")

    async def end(self) -> None:
        """Wait until the server ends the stream."""
        async with asyncio.timeout(LONG):
            async for _ in self._lines:
                pass


@pytest.fixture
async def base_url(api_notifications: Api) -> AsyncIterator[str]:
    """The service behind uvicorn on a free loopback port, over the bench's database."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # uvicorn has a flag for it, not an event
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


@asynccontextmanager
async def listening(
    base_url: str, api: Api, *, last_id: str | None = None, **params: Any
) -> AsyncIterator[Ear]:
    """A connected client."""
    headers = {**api.headers, **({"Last-Event-ID": last_id} if last_id is not None else {})}
    async with (
        httpx.AsyncClient(base_url=base_url, timeout=LONG) as client,
        client.stream("GET", "/v1/notices/stream", params=params, headers=headers) as answer,
    ):
        assert answer.status_code == 200, await answer.aread()
        yield Ear(answer)


async def receive(bench: Bench, number: int, warehouse: str = "MAIN") -> None:
    """A receipt that raises a notice of its own."""
    counted = line(peg(number, 1), inspection=4000 + number, receipt_line=3000 + number)
    await bench.hear(handlers.goods_received, received(counted, warehouse=warehouse))


async def positions(bench: Bench) -> list[int]:
    """Where the notices stand."""
    return [row.position for row in await bench.sql("SELECT position FROM notices ORDER BY position")]


@pytest.mark.rule("NOTE-3")
async def test_a_notice_arrives_at_once_and_again_when_it_changes(
    base_url: str, api_notifications: Api, db_notifications: Bench
) -> None:
    async with listening(base_url, api_notifications) as ear:
        await db_notifications.hear(handlers.goods_received, received(line(peg(1, 6))))
        first = await ear.next()
        await db_notifications.hear(handlers.inspection_completed, inspected(passed=6, closed=True))
        second = await ear.next()

    assert ear.answer.headers["content-type"].startswith("text/event-stream")
    assert (first["title"], first["state"], first["read"]) == (
        "Inspect 6 EA of VALVE from PO-000012",
        "open",
        False,
    )
    assert (second["id"], second["state"], second["passed"]) == (first["id"], "closed", "6")
    assert second["position"] > first["position"]
    assert ear.last_id == str(second["position"])


@pytest.mark.rule("NOTE-3")
async def test_a_client_that_comes_back_gets_what_it_missed_once(
    base_url: str, api_notifications: Api, db_notifications: Bench
) -> None:
    async with listening(base_url, api_notifications) as ear:
        await receive(db_notifications, 1)
        await ear.next()
    for number in (2, 3):
        await receive(db_notifications, number)

    async with listening(base_url, api_notifications, last_id=ear.last_id) as again:
        missed = [await again.next(), await again.next()]
        await receive(db_notifications, 4)
        live = await again.next()

    assert [event["position"] for event in [*missed, live]] == (await positions(db_notifications))[1:]


@pytest.mark.rule("NOTE-3")
async def test_a_stream_without_a_position_begins_now_and_with_zero_at_the_beginning(
    base_url: str, api_notifications: Api, db_notifications: Bench
) -> None:
    await receive(db_notifications, 1)

    async with (
        listening(base_url, api_notifications) as now,
        listening(base_url, api_notifications, after=0) as all_of_it,
    ):
        old = await all_of_it.next()
        await receive(db_notifications, 2)
        new = await now.next()

    assert [old["position"], new["position"]] == await positions(db_notifications)


@pytest.mark.rule("NOTE-3")
async def test_a_limited_client_hears_of_its_warehouses_only(
    base_url: str, api_notifications: Api, db_notifications: Bench
) -> None:
    async with listening(base_url, api_notifications.as_(warehouses=["EAST"])) as ear:
        await receive(db_notifications, 1, "MAIN")
        await receive(db_notifications, 2, "EAST")

        assert (await ear.next())["warehouse"] == "EAST"


@pytest.mark.rule("NOTE-3")
async def test_the_stream_can_be_narrowed_to_a_kind_and_to_my_teams(
    base_url: str, api_notifications: Api, db_notifications: Bench
) -> None:
    team = {"code": "E", "name": "East", "warehouses": ["EAST"], "members": ["eva"]}
    await api_notifications.post("/v1/teams", json=team)
    eva = api_notifications.as_(subject="eva")

    async with (
        listening(base_url, api_notifications, kind="purchase_exception") as by_kind,
        listening(base_url, eva, mine="true") as own,
    ):
        await receive(db_notifications, 1, "MAIN")
        await db_notifications.hear(handlers.exception_told, raised(warehouse="MAIN"))
        await receive(db_notifications, 2, "EAST")

        assert (await by_kind.next())["kind"] == "purchase_exception"
        assert (await own.next())["warehouse"] == "EAST"


async def test_silence_is_filled_with_heartbeats_that_move_the_position_on(
    base_url: str, api_notifications: Api, db_notifications: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)

    async with listening(base_url, api_notifications.as_(warehouses=["EAST"])) as ear:
        await receive(db_notifications, 1, "MAIN")
        (position,) = await positions(db_notifications)
        await ear.until_id(str(position))


async def test_a_commit_of_another_process_is_seen_within_the_next_look(
    base_url: str, api_notifications: Api, db_notifications: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(db_notifications.work.committed, "fire", lambda: None)

    async with listening(base_url, api_notifications) as ear:
        await receive(db_notifications, 1)

        assert (await ear.next())["kind"] == "inspection"


async def test_the_stream_ends_with_its_client(
    base_url: str, api_notifications: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.05)
    async with listening(base_url, api_notifications) as ear:
        await ear.until_id("0")
        assert stream.listeners.count == 1

    async with asyncio.timeout(LONG):
        while stream.listeners.count:  # noqa: ASYNC110  # the count is a number, and nobody waits for it but us
            await asyncio.sleep(0.02)


async def test_the_stream_ends_when_the_process_is_told_to_stop(
    base_url: str, api_notifications: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.05)
    stopping = asyncio.Event()
    monkeypatch.setattr(app.state, "stopping", stopping, raising=False)

    async with listening(base_url, api_notifications) as ear:
        stopping.set()
        await ear.end()


async def test_a_stream_has_a_lifetime(
    base_url: str, api_notifications: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LIFETIME_SECONDS", 0.1)
    monkeypatch.setattr(stream, "LOOK_SECONDS", 0.05)

    async with listening(base_url, api_notifications) as ear:
        await ear.end()


async def test_one_stream_too_many_is_sent_away(
    api_notifications: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_STREAMS", 0)

    answer = await api_notifications.get("/v1/notices/stream")

    assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (
        503,
        "too-many-streams",
        "30",
    )


async def test_a_position_ahead_of_the_books_begins_now(
    base_url: str, api_notifications: Api, db_notifications: Bench
) -> None:
    async with listening(base_url, api_notifications, last_id="999999999") as ear:
        await receive(db_notifications, 1)

        assert (await ear.next())["position"] == (await positions(db_notifications))[0]


async def test_a_long_replay_comes_in_bursts_without_gap(
    db_notifications: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "MOST_IN_A_BURST", 2)
    for number in range(1, 6):
        await receive(db_notifications, number)
    query = views.notice_list(Scope(), "rita")

    seen, after = [], 0
    while True:
        found = await db_notifications.read(views.burst, query, after)
        seen += [row.position for row in found.rows]
        if not found.rows:
            break
        after = found.horizon

    assert seen == await positions(db_notifications)
