"""A process that is told to stop ends, though something in it never does."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from shared import service
from shared.testing import Bench

HOUSE = """
import asyncio, time
from fastapi import APIRouter
from shared import service
from tests.kernel.test_web import Chosen

service.WATCHDOG_SECONDS = 1.5
router = APIRouter()

@router.get("/held")
async def held():
    print("held", flush=True)
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass

@router.get("/blocked")
async def blocked():
    print("held", flush=True)
    time.sleep(3600)

service.Service("inventory", title="Toys", routers=[router], subscriptions={}, preferences=Chosen).serve()
"""


@pytest.fixture
def house(kernel: Bench, development_keys: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A service's process, as REST only, and its port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "TIELINE_DATABASE_URL": kernel.engine.url.render_as_string(hide_password=False), "TIELINE_ROLE": "api",
        "TIELINE_AMQP_URL": "amqp://nobody@127.0.0.1:1/", "TIELINE_JWKS": str(development_keys / "jwks.json"),
        "TIELINE_PORT": str(port),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-c", HOUSE], env=os.environ | settings, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    try:
        yield process, port
    finally:
        process.kill()
        process.communicate()


def answers(port: int) -> None:
    """Until the process listens."""
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def ask(port: int, path: str) -> socket.socket:
    """Send a request and wait for nothing."""
    caller = socket.create_connection(("127.0.0.1", port))
    caller.sendall(f"GET {path} HTTP/1.1\r\nHost: toys\r\n\r\n".encode())
    return caller


@pytest.mark.parametrize(("path", "where"), [("/held", "Thread"), ("/blocked", "in blocked")])
def test_a_handler_that_never_ends_does_not_hold_a_stopping_process(
    house: tuple[subprocess.Popen[str], int], path: str, where: str
) -> None:
    process, port = house
    answers(port)

    with ask(port, path):
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, told = process.communicate(timeout=60)

    assert process.returncode == service.FORCED
    assert 1.4 < time.monotonic() - began < 10  # uvicorn itself would wait 15 s before it even cancels
    assert "ended by force" in told
    assert where in told


def test_a_process_that_can_stop_is_not_ended_by_force(house: tuple[subprocess.Popen[str], int]) -> None:
    process, port = house
    answers(port)

    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)

    assert process.returncode == -signal.SIGTERM
    assert "ended by force" not in told
