"""What the services write into their logs holds no secret, after stories, refused tokens and failures."""

import asyncio
import re
import sys
from urllib.parse import urlsplit

import httpx
import pytest

from shared.migrate import SERVICES
from tests.integration.conftest import House
from tests.integration.story import Story
from tests.integration.test_main_chain import special_order

pytestmark = pytest.mark.slow

SECRET = {
    "a login in an address": re.compile(
        r"(?:amqps?|postgres(?:ql)?(?:\+asyncpg)?|https?)://[^\s/:@]+:[^\s/@]+@"
    ),
    "a bearer token": re.compile(r"[Bb]earer\s+[\w-]{6,}"),
    "a JWT": re.compile(r"eyJ[\w-]{8,}\.[\w-]+\.[\w-]+"),
    "a password": re.compile(r"password[\"']?\s*[:=]\s*[\"']?[^\s\"',}]{3,}", re.IGNORECASE),
    "a private key": re.compile(r"BEGIN [A-Z ]*PRIVATE KEY"),
}


def secrets_in(words: str, known: set[str]) -> list[str]:
    """What kind of secret stands in the words; `known` are secrets of this run, whatever their form."""
    found = [name for name, form in SECRET.items() if form.search(words)]
    return [*found, *("a known secret" for secret in known if secret in words)]


async def test_no_secret_stands_in_the_logs_of_a_run(story: Story, house: House) -> None:
    _, order = await special_order(story, 1)
    await story.purchase_order(order)
    tokens = {house.place.token, "not.a.token-at-all", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2VjcmV0"}
    async with httpx.AsyncClient(trust_env=False) as stranger:
        for service in SERVICES:
            for token in tokens:
                url = f"{house.place.urls[service]}/v1/nowhere?access_token={token}"
                await stranger.get(url, headers={"Authorization": f"Bearer {token}"})
                await stranger.post(
                    f"{house.place.urls[service]}/v1/ops/{service}/parked/replay",
                    content=b"\xff", headers={"Authorization": f"Bearer {token}"},
                )  # fmt: skip
    known = {house.place.token}
    for service in SERVICES:
        known.add(str(urlsplit(house.servers.service_database_url(service, "app")).password))
        known.add(str(urlsplit(house.servers.amqp_url(service)).password))

    logs = {path.name: path.read_text(errors="replace") for path in house.logs.glob("*.log")}

    assert set(logs) >= {f"{service}.log" for service in SERVICES}
    leaks = [
        f"{name}: {kinds}: {line[:120]}"
        for name, text in logs.items()
        for line in text.splitlines()
        if (kinds := secrets_in(line, known))
    ]
    assert leaks == []


FAILS = """
from shared.logging import configure_logging, get_logger
configure_logging("INFO", "{form}", service="x")
def connect():
    url = "amqp://orders:hunter2@localhost/x"
    raise ValueError("cannot connect")
try:
    connect()
except ValueError as problem:
    get_logger("x").error("failed", exc_info=problem)
"""


@pytest.mark.parametrize("form", ["json", "console"])
async def test_a_logged_traceback_shows_no_local_variables(form: str) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FAILS.format(form=form).replace('"amqp', '"am" + "qp'), stderr=asyncio.subprocess.PIPE
    )  # fmt: skip
    _, said = await process.communicate()

    assert b"cannot connect" in said
    assert b"amqp://" not in said


@pytest.mark.parametrize(
    "line",
    ["cannot connect to amqp://orders:s3cret@127.0.0.1/x", "postgresql+asyncpg://orders_app:pw@h/orders",
     '{"authorization": "Bearer abcdefgh"}', "token eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2ln refused",
     "password=hunter2", "-----BEGIN PRIVATE KEY-----", "here is xyzzy42"],
)  # fmt: skip
def test_a_planted_secret_is_seen(line: str) -> None:
    assert secrets_in(line, {"xyzzy42"}) != []


def test_an_ordinary_line_is_no_secret() -> None:
    line = '{"event": "broker lost", "part": "orders.relay", "error": "[Errno 111] Connect call failed"}'

    assert secrets_in(line, {"xyzzy42"}) == []
