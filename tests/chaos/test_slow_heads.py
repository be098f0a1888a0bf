"""Callers who never finish the head of their request, or never end it: fault 49 against a process without a gateway."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from shared.heads import HEAD_SECONDS, MOST_HEAD_BYTES
from tests.chaos.test_network import resident
from tests.houses import House, ServiceProcess

TRICKLING = 150


class Caller:
    """A raw connection to a process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, process: ServiceProcess) -> "Caller":
        host, _, port = process.url.removeprefix("http://").rpartition(":")
        return cls(*await asyncio.open_connection(host, int(port)))

    async def __aenter__(self) -> "Caller":
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()

    async def says(self, words: bytes) -> None:
        self.writer.write(words)
        await self.writer.drain()

    async def trickles(self, begin: bytes = b"GET /v1/sales-orders HTTP/1.1\r\nHost: x\r\n") -> bytes:
        """A head whose next byte comes every half second and that never ends; what is answered until it is closed."""
        await self.says(begin)
        answer = asyncio.ensure_future(self._reader.read())
        while not answer.done():
            await asyncio.wait({answer}, timeout=0.5)
            if not answer.done():
                self.writer.write(b"X")
        return answer.result()

    async def first_answer(self) -> bytes:
        return await self._reader.readuntil(b"\r\n\r\n")

    async def all_answers(self) -> bytes:
        return await self._reader.read()


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


@pytest.mark.fault(49)
@pytest.mark.slow
@pytest.mark.chaos
async def test_49_heads_that_trickle_are_cut_off_and_meanwhile_others_are_answered(house: House) -> None:
    process = house.processes["orders"]
    before, size = descriptors(process.pid), resident(process.pid)
    async with AsyncExitStack() as held, httpx.AsyncClient(trust_env=False) as other:
        callers = [await held.enter_async_context(await Caller.to(process)) for _ in range(TRICKLING)]
        silent = await held.enter_async_context(await Caller.to(process))
        began = time.monotonic()
        cut_off = asyncio.gather(*(caller.trickles() for caller in callers))
        await asyncio.sleep(2)
        assert descriptors(process.pid) > before + TRICKLING - 10
        answered = time.monotonic()
        assert (await other.get(f"{process.url}/health/ready")).status_code == 200
        assert time.monotonic() - answered < 2

        answers = await asyncio.wait_for(cut_off, HEAD_SECONDS + 20)
        assert time.monotonic() - began > HEAD_SECONDS - 1
        assert {answer.split(b"\r\n", 1)[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
        assert b"head-too-slow" in answers[0]
        assert await asyncio.wait_for(silent.all_answers(), 5) == b"", "one who never spoke is told nothing"
    async with asyncio.timeout(5):
        while descriptors(process.pid) > before + 10:  # noqa: ASYNC110  # a process has a state, no event
            await asyncio.sleep(0.1)
    assert resident(process.pid) < size + 30


@pytest.mark.fault(49)
@pytest.mark.slow
@pytest.mark.chaos
async def test_49_a_further_request_that_trickles_on_a_used_connection_is_cut_off_too(house: House) -> None:
    async with await Caller.to(house.processes["orders"]) as caller:
        await caller.says(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in await caller.first_answer()

        answer = await asyncio.wait_for(caller.trickles(b"GET /health/live HTTP/1.1\r\n"), HEAD_SECONDS + 10)

    assert b" 408 " in answer


@pytest.mark.fault(49)
async def test_49_a_head_that_never_ends_is_refused_at_64_kib_and_a_large_one_is_taken(house: House) -> None:
    process = house.processes["orders"]
    size = resident(process.pid)
    async with await Caller.to(process) as caller:
        await caller.says(b"GET /health/live HTTP/1.1\r\n")
        try:
            for n in range(10_000):
                await caller.says(b"X-%d: %s\r\n" % (n, b"x" * 1000))
        except ConnectionError:
            pass  # it was closed under the flood, which is what should happen
        else:
            pytest.fail("ten megabytes of headers were taken")
    async with await Caller.to(process) as slow, await Caller.to(process) as modest:
        await slow.says(b"GET /health/live HTTP/1.1\r\nX-Much: ")
        for _ in range(MOST_HEAD_BYTES // 1024 + 1):
            await slow.says(b"x" * 1024)
        await modest.says(b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-Much: " + b"x" * 30_000 + b"\r\n\r\n")

        assert b" 431 " in await slow.first_answer()
        assert b" 200 " in await modest.first_answer()
    assert resident(process.pid) < size + 20
