"""Too much of everything: commands are put off, callers are measured, pools and bodies are bounded, nothing leaks."""

import asyncio
import gzip
import random
import time
from collections.abc import AsyncIterator, Coroutine, Generator, Sequence
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
import time_machine
from fastapi import APIRouter, Response
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import inbox as inbox_module
from shared import outbox as outbox_module
from shared import unit_of_work
from shared.broker import Publisher
from shared.contracts.inventory import WarehouseSaved
from shared.database import make_engine
from shared.inbox import Inbox
from shared.load import Backlog, CalledTooOften, Measure
from shared.outbox import _PAGE, Fresh, LowWater, Relay
from shared.service import Service
from shared.testing import Api, Bench, make_api
from shared.unit_of_work import Committed, Origin, Told, Tx, Work, _tried
from shared.web import Call, Input, Output, allows, edge
from tests.kernel.hearing import Ear, event, heard, inbox_of, saved, states, take
from tests.kernel.test_unit_of_work import make
from tests.kernel.test_web import Chosen, told_problem

router = APIRouter(prefix="/v1")


class Anything(Input):
    seconds: float = 0
    nested: Any = None


class Done(Output):
    done: bool = True


async def hold(tx: Tx, seconds: float) -> Done:
    await asyncio.sleep(seconds)
    return Done()


async def sleep(tx: Tx) -> Done:
    await tx.db.execute(text("SET LOCAL statement_timeout = '100ms'"))
    await tx.db.execute(text("SELECT pg_sleep(5)"))
    return Done()


@router.post("/held", response_model=Done)
async def held(body: Anything, call: Call = allows("toys:write")) -> Response:
    return await call.run(hold, body.seconds, respond=lambda done: done)


@router.post("/slow", response_model=Done)
async def slow(call: Call = allows("toys:write")) -> Response:
    return await call.run(sleep, respond=lambda done: done)


@pytest.fixture
def service() -> Service:
    return Service(
        "inventory", title="Toys", routers=[router], subscriptions={WarehouseSaved: Ear().warehouses}, preferences=Chosen
    )  # fmt: skip


@pytest.fixture
async def api(service: Service, kernel: Bench, development_keys: Path) -> AsyncIterator[Api]:
    made = make_api(service, kernel, development_keys)
    yield made.as_(scopes=["toys:write", "ops:read", "ops:parked"])
    await made.client.aclose()


# --- load shedding --------------------------------------------------------------------------------------------------


def shed(service: Service, kernel: Bench, *, rows: int = 200_000, seconds: float = 300) -> Backlog:
    """Bounds of this test's own; `_next_look` is set back to look at once."""
    backlog = Backlog(kernel.engine, most_rows=rows, oldest_seconds=seconds)
    service.app.state.backlog = backlog
    return backlog


async def wait_to_be_published(kernel: Bench, count: int, age: str = "0") -> None:
    await kernel.write(
        f"INSERT INTO outbox (event_id, event_at) SELECT gen_random_uuid(), now() - interval '{age} seconds' "
        f"FROM generate_series(1, {count})"
    )


async def test_commands_are_put_off_while_too_many_events_wait_and_reading_goes_on(
    service: Service, kernel: Bench, api: Api
) -> None:
    shed(service, kernel, rows=10)
    await wait_to_be_published(kernel, 12)

    refused = await api.post("/v1/held", json={})

    problem = told_problem(refused, 503, "overloaded")
    assert (refused.headers["retry-after"], problem["most_rows"]) == ("10", 10)
    assert (await api.get("/v1/ops/inventory/lag")).json()["outbox"] == 12
    assert (await api.client.get("/health/ready")).status_code == 200
    assert (await api.post("/v1/ops/inventory/parked/replay", json={})).status_code == 200


async def test_commands_are_put_off_while_an_event_waits_too_long_and_taken_after(
    service: Service, kernel: Bench, api: Api
) -> None:
    backlog = shed(service, kernel, seconds=60)
    await wait_to_be_published(kernel, 1, age="120")

    assert (await api.post("/v1/held", json={})).status_code == 200  # nobody knows yet that it waits
    backlog._next_look = 0
    problem = told_problem(await api.post("/v1/held", json={}), 503, "overloaded")
    assert 119 <= problem["oldest_seconds"] < 180

    await kernel.write("DELETE FROM outbox")
    told_problem(await api.post("/v1/held", json={}), 503, "overloaded")  # the look of this second
    backlog._next_look = 0
    assert (await api.post("/v1/held", json={})).status_code == 200


@pytest.mark.fault(61)
async def test_what_the_broker_will_not_take_puts_nobody_off(
    service: Service, kernel: Bench, api: Api
) -> None:
    backlog = shed(service, kernel, seconds=60)
    await wait_to_be_published(kernel, 1, age="120")
    await kernel.write("UPDATE outbox SET quarantined_at = now()")

    for _ in range(3):
        backlog._next_look = 0
        assert (await api.post("/v1/held", json={})).status_code == 200


@pytest.mark.fault(42)
async def test_a_wrong_clock_puts_nobody_off(service: Service, kernel: Bench, api: Api) -> None:
    backlog = shed(service, kernel, seconds=60)

    for _ in range(3):
        await kernel.write("DELETE FROM outbox")
        await wait_to_be_published(kernel, 1, age="600")
        backlog._next_look = 0
        assert (await api.post("/v1/held", json={})).status_code == 200


async def test_the_outbox_is_looked_at_once_a_second(kernel: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    backlog = Backlog(kernel.engine, most_rows=10, oldest_seconds=60)
    looks = 0

    async def counted() -> None:
        nonlocal looks
        looks += 1

    monkeypatch.setattr(backlog, "_look", counted)
    for _ in range(100):
        await backlog.admit()

    assert looks == 1


async def test_one_callers_flood_leaves_the_others_alone(service: Service, api: Api) -> None:
    service.app.state.measure = Measure(rate=1, burst=3)
    greedy, modest = (
        api.as_(subject="greedy", scopes=["ops:read"]),
        api.as_(subject="modest", scopes=["ops:read"]),
    )

    answers = [await greedy.get("/v1/ops/inventory/lag") for _ in range(5)]

    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    told_problem(answers[-1], 429, "called-too-often")
    assert answers[-1].headers["retry-after"] == "1"
    assert (await modest.get("/v1/ops/inventory/lag")).status_code == 200


def test_a_measure_fills_again_and_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("shared.load.time.monotonic", lambda: now)
    measure, none = Measure(rate=2, burst=2), Measure(rate=0, burst=1)

    for _ in range(2):
        measure.take("A")
    with pytest.raises(CalledTooOften):
        measure.take("A")
    now += 0.5
    measure.take("A")
    with pytest.raises(CalledTooOften):
        measure.take("A")

    for _ in range(1000):
        none.take("A")


# --- the pool and the database --------------------------------------------------------------------------------------


@pytest.mark.fault(38)
async def test_an_exhausted_pool_answers_503_within_two_seconds_and_recovers(
    service: Service, kernel: Bench, api: Api
) -> None:
    small = make_engine(
        kernel.engine.url.render_as_string(hide_password=False), pool_size=2, pool_timeout=1.0
    )
    service.app.state.work = Work("inventory", small, Committed())
    service.app.state.backlog = Backlog(small, most_rows=1000, oldest_seconds=300)
    try:
        started = time.monotonic()
        answers = await asyncio.gather(*(api.post("/v1/held", json={"seconds": 0.4}) for _ in range(50)))
        lasted = time.monotonic() - started

        assert {a.status_code for a in answers} == {200, 503}
        for refused in (a for a in answers if a.status_code == 503):
            assert refused.headers["retry-after"] == "1"
        assert lasted < 3
        assert (await api.post("/v1/held", json={})).status_code == 200
        assert small.pool.checkedout() == 0  # type: ignore[attr-defined]  # the queue pool has it
    finally:
        await small.dispose()


async def test_a_statement_that_takes_too_long_is_503(api: Api) -> None:
    answer = await api.post("/v1/slow")

    told_problem(answer, 503, "busy")
    assert answer.headers["retry-after"] == "1"


@pytest.mark.fault(39)
async def test_callers_who_go_away_leave_all_or_nothing_and_no_connection(kernel: Bench) -> None:
    """What they began goes on without them, and ends whole."""
    chance = random.Random(39)

    async def cancelled(n: int) -> None:
        task = asyncio.create_task(kernel.run(make, f"C{n}"))
        await asyncio.sleep(chance.random() * 0.2)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    for first in range(0, 300, 20):
        await asyncio.gather(*(cancelled(n) for n in range(first, first + 20)))

    await kernel.work.under_way.ended(30)
    assert await heard_told_and_logged(kernel) == (300, 300, 300)
    await no_connection_is_lost(kernel)


async def heard_told_and_logged(kernel: Bench) -> tuple[int, ...]:
    (counts,) = await kernel.sql(
        "SELECT (SELECT count(*) FROM heard), (SELECT count(*) FROM outbox), (SELECT count(*) FROM record_log)"
    )
    return tuple(counts)


async def no_connection_is_lost(kernel: Bench) -> None:
    assert kernel.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # the queue pool has it
    idle = await kernel.sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
    )
    assert idle[0][0] == 0


class CutOff:
    """Awaits some work and cancels the task that does it when it waits for the n-th time.

    `now`: while the server has the question; `soon`: a moment later; `then`: when the answer has come, but is not read.
    """

    def __init__(self, work: Coroutine[Any, Any, Any], nth: int, how: str) -> None:
        self._work = work
        self._nth = nth
        self._how = how
        self.waits = 0

    def __await__(self) -> Generator[Any, Any, Any]:
        task = asyncio.current_task()
        assert task is not None
        thrown: BaseException | None = None
        while True:
            try:
                waiting = self._work.send(None) if thrown is None else self._work.throw(thrown)
            except StopIteration as end:
                return end.value
            self.waits += 1
            if self.waits == self._nth:
                self._cut(task, waiting)
            thrown = None
            try:
                yield waiting
            except BaseException as problem:
                thrown = problem

    def _cut(self, task: "asyncio.Task[Any]", waiting: "asyncio.Future[Any] | None") -> None:
        loop = asyncio.get_running_loop()
        if self._how == "then" and waiting is not None:
            waiting.add_done_callback(lambda _: task.cancel())
        else:
            loop.call_later(0.0003 if self._how == "soon" else 0, task.cancel)


@pytest.mark.fault(39)
@pytest.mark.parametrize("how", ["now", "soon", "then"])
async def test_a_transaction_that_is_cut_off_at_any_wait_leaves_all_or_nothing(
    kernel: Bench, how: str
) -> None:
    """As when a process must end at once: the statements are prepared, so none of them goes Core's way any more."""
    origin = Origin("tester", "cut", "cut")
    for n in range(3):
        await kernel.run(make_one, f"before-{n}")
    outcomes: set[type] = set()

    async def cut_off(code: str, nth: int) -> int:
        cut = CutOff(_tried(kernel.work, make_one, origin, kernel.principal, code), nth, how)

        async def work() -> None:
            await cut

        outcomes.add(type((await asyncio.gather(asyncio.create_task(work()), return_exceptions=True))[0]))
        return cut.waits

    for turn in range(3):
        nth = 1
        while await cut_off(f"{turn}-{nth}", nth) >= nth:
            assert len(set(await heard_told_and_logged(kernel))) == 1, f"cut off at wait {nth}"
            nth += 1
        assert nth > 4  # BEGIN, the handler's own statement, the closing one, COMMIT

    assert outcomes == {asyncio.CancelledError, type(None)}
    await no_connection_is_lost(kernel)


_MAKE = text("INSERT INTO heard VALUES (:code, 1)")


async def make_one(tx: Tx, code: str) -> None:
    await tx.db.execute(_MAKE, {"code": code})
    tx.record("toy", code, "made", None, {"times": 1})
    tx.announce(saved(code))


@pytest.mark.fault(40)
async def test_the_relays_poll_reads_no_deleted_rows_while_a_report_holds_its_snapshot(kernel: Bench) -> None:
    async with kernel._owner.connect() as report:
        await report.execution_options(isolation_level="REPEATABLE READ")
        await report.execute(text("SELECT count(*) FROM outbox"))
        water = LowWater()
        for n in range(10):
            await wait_to_be_published(kernel, 5000)
            last = (await kernel.sql("SELECT max(seq) FROM outbox"))[0][0]
            await kernel.write(
                "DELETE FROM outbox"
            )  # they stay in the index for as long as the report may see them
            water.confirmed(float(n * 10), last)
        sweep, low = water.next(115.0), water.next(115.1)

        async with kernel.engine.connect() as db:
            polled, swept = await _pages_read(db, low), await _pages_read(db, sweep)

    assert (sweep, low > 0) == (0, True)
    assert swept > 200, "the deleted rows are gone: nothing is proven"
    # the rows deleted in the last 30 s are read, a tenth of them here: a transaction that is open may be among them.
    # The judge is the pages, not the clock; `python -m bench relay-poll` measures the time
    assert swept / 20 < polled < swept / 5


async def _pages_read(db: AsyncConnection, low: int) -> int:
    """How many pages PostgreSQL looks at for one poll."""
    explained = await db.execute(
        text(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {_PAGE.text}"), {"low": low, "page": 1000}
    )
    plan = explained.scalar_one()[0]["Plan"]
    assert plan["Actual Rows"] == 0
    return int(plan["Shared Hit Blocks"]) + int(plan["Shared Read Blocks"])


class Taker:
    """A broker that takes everything."""

    async def publish(self, messages: Sequence[Any]) -> list[None]:
        return [None] * len(messages)


@pytest.mark.fault(40)
async def test_the_relay_polls_from_the_mark_and_sweeps_from_zero_now_and_then(
    kernel: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox_module, "LAG", 0.1)
    monkeypatch.setattr(outbox_module, "SWEEP_EVERY", 1.0)
    lows: list[int] = []
    carry_out = Relay._next_page

    async def noted(self: Relay, db: AsyncConnection, low: int) -> Any:
        lows.append(low)
        return await carry_out(self, db, low)

    monkeypatch.setattr(Relay, "_next_page", noted)
    relay = Relay(kernel.engine, cast(Publisher, Taker()), Fresh())
    await kernel.run(make, "C1")
    (last,) = (await kernel.sql("SELECT max(seq) FROM outbox"))[0]

    work = asyncio.create_task(relay.work())
    async with asyncio.timeout(20):
        while last not in lows or 0 not in lows[lows.index(last) :]:  # noqa: ASYNC110  # nobody tells of a poll
            await asyncio.sleep(0.02)
    relay.stop()
    await work

    assert await kernel.sql("SELECT 1 FROM outbox") == []
    assert set(lows) == {0, last}


# --- clocks and slow handlers ---------------------------------------------------------------------------------------


@pytest.mark.fault(42)
async def test_retries_go_by_the_databases_clock(kernel: Bench) -> None:
    ear = Ear()
    ear.fails_on = {"A"}
    inbox = inbox_of(kernel, ear)

    with time_machine.travel("2031-01-01", tick=True):
        await take(inbox, event("A"))
        assert await inbox.retry_due() is False

    waits = (await kernel.sql("SELECT extract(epoch FROM next_at - clock_timestamp()) FROM parked"))[0][0]
    assert 3 < waits < 7


@pytest.mark.fault(42)
async def test_a_token_of_a_clock_that_is_a_little_off_is_taken(api: Api) -> None:
    def token_at(off: int, **token: Any) -> dict[str, str]:
        with time_machine.travel(time.time() + off, tick=False):
            return api.as_(scopes=["ops:read"], **token).headers

    async def status(headers: dict[str, str]) -> int:
        return (await api.client.get("/v1/ops/inventory/lag", headers=headers)).status_code

    assert await status(token_at(20)) == 200
    assert await status(token_at(-80, seconds=60)) == 200
    assert await status(token_at(600)) == 401
    assert await status(token_at(-600, seconds=60)) == 401


class Slow(Ear):
    """Takes its time inside the transaction."""

    def __init__(self, seconds: float, limit: str = "10s") -> None:
        super().__init__()
        self.seconds = seconds
        self.limit = limit

    async def warehouses(self, tx: Tx, told: Sequence[Told[WarehouseSaved]]) -> None:
        await tx.db.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{self.limit}'"))
        if any(t.fact.code == "SLOW" for t in told):
            await asyncio.sleep(self.seconds)
        await super().warehouses(tx, told)


@pytest.mark.fault(43)
async def test_a_slow_handler_is_waited_for_and_done_once(kernel: Bench) -> None:
    inbox = inbox_of(kernel, Slow(2.0))

    await take(inbox, event("SLOW"), event("B"))

    assert await heard(kernel) == {"SLOW": 1, "B": 1}


@pytest.mark.fault(44)
async def test_a_handler_that_outlasts_its_transactions_limit_parks_and_the_others_go_on(
    kernel: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module, "MOST_LOSSES", 1)
    monkeypatch.setattr(unit_of_work, "MOST_TRIES", 1)
    slow = Slow(0.3, "50ms")
    inbox = Inbox(kernel.work, {WarehouseSaved: slow.warehouses})

    await take(inbox, event("SLOW"), event("B"))

    assert await heard(kernel) == {"B": 1}
    assert await states(kernel) == ["retry"]
    assert kernel.engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # the queue pool has it


# --- bodies ---------------------------------------------------------------------------------------------------------


def nested(levels: int) -> bytes:
    return b'{"nested": ' + b"[" * (levels - 1) + b"]" * (levels - 1) + b"}"


async def send(api: Api, body: bytes, **headers: str) -> httpx.Response:
    return await api.post("/v1/held", content=body, headers={"Content-Type": "application/json", **headers})


@pytest.mark.fault(49)
async def test_json_in_json_in_json_is_refused_beyond_32_levels(api: Api) -> None:
    assert (await send(api, nested(32))).status_code == 200
    told_problem(await send(api, nested(33)), 400, "body-too-deep")
    told_problem(await send(api, nested(200_000)), 400, "unreadable-body")
    assert (await send(api, b'{"nested": "' + b"[" * 1000 + b'\\" ["}')).status_code == 200
    assert (await send(api, b'{"nested": [' + b",".join([b"{}"] * 5000) + b"]}")).status_code == 200


@pytest.mark.fault(49)
async def test_a_packed_body_is_not_unpacked(api: Api) -> None:
    bomb = gzip.compress(b'{"seconds": ' + b" " * 50_000_000 + b"0}")

    answer = await send(api, bomb, **{"Content-Encoding": "gzip"})

    assert answer.status_code in (400, 422), answer.text


@pytest.mark.fault(49)
async def test_a_million_lines_are_too_large(api: Api) -> None:
    told_problem(await send(api, b'{"nested": [' + b"1,\n" * 1_000_000 + b"1]}"), 413, "body-too-large")


@pytest.mark.fault(49)
async def test_a_body_that_trickles_is_cut_off(
    service: Service, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "BODY_SECONDS", 0.1)

    async def trickle() -> AsyncIterator[bytes]:
        yield b'{"seconds"'
        await asyncio.sleep(10)
        yield b": 0}"

    started = time.monotonic()
    answer = await api.post("/v1/held", content=trickle(), headers={"Content-Type": "application/json"})

    told_problem(answer, 408, "body-too-slow")
    assert time.monotonic() - started < 5
