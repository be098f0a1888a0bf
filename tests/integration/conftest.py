"""Five service processes on the real servers, with databases and a vhost of this test process's own."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from deploy.cli.client import EVERY_SCOPE, Client, Place, token_from
from deploy.local import databases, stack
from deploy.local.instance import free_port
from deploy.local.servers import Servers
from deploy.topology import topology
from shared.auth import development_token
from shared.migrate import SERVICES, migrate
from shared.topology import apply
from tests.integration.story import Story

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0


@dataclass(frozen=True)
class House:
    """The five services as this test process runs them."""

    place: Place
    databases: Mapping[str, str]
    """Reading logins of the services' databases, for the books."""
    amqp: str
    logs: Path


@pytest.fixture(scope="session")
async def house(
    test_servers: Servers, development_keys: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Migrated, declared, started and ready; ended with the tests."""
    suffix = f"_story_{os.getpid()}"
    vhost = f"story-{os.getpid()}"
    logs = tmp_path_factory.mktemp("logs")
    names = await databases.ensure_databases(test_servers.postgres_url, suffix)
    for service in SERVICES:
        await migrate(service, test_servers.service_database_url(service, "owner", names[service]))
    await asyncio.to_thread(test_servers.ensure_vhosts, [vhost])
    await apply(test_servers.amqp_url(vhost=vhost), topology())
    ports = {service: free_port() for service in SERVICES}
    async with AsyncExitStack() as running:
        for service in SERVICES:
            environment = {
                **stack.service_environment(test_servers, service, ports),
                "TIELINE_DATABASE_URL": test_servers.service_database_url(service, "app", names[service]),
                "TIELINE_AMQP_URL": test_servers.amqp_url(service, vhost),
                "TIELINE_JWKS": str(development_keys / "jwks.json"),
            }
            await running.enter_async_context(_Process(service, environment, logs / f"{service}.log"))
        urls = {service: stack.base_url(port) for service, port in ports.items()}
        await asyncio.gather(*(_ready(service, url, logs) for service, url in urls.items()))
        readers = {
            service: test_servers.service_database_url(service, "ro", names[service]) for service in SERVICES
        }
        yield House(
            Place(urls, token_from(development_keys, "storyteller")),
            readers,
            test_servers.amqp_url(vhost=vhost),
            logs,
        )
    await databases.drop_databases(test_servers.postgres_url, suffix)


class _Process:
    """One service process; ended gracefully, and by force after 30 s, which fails the tests."""

    def __init__(self, service: str, environment: Mapping[str, str], log: Path) -> None:
        self._service = service
        self._environment = environment
        self._log = log

    async def __aenter__(self) -> None:
        with self._log.open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"services.{self._service}.main",
                cwd=ROOT, env=self._environment, stdout=log, stderr=log,
            )  # fmt: skip

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        try:
            code = await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            self._process.kill()
            raise AssertionError(f"{self._service} did not stop on SIGTERM:\n{_tail(self._log)}") from None
        assert code in (0, -15), f"{self._service} ended with {code}:\n{_tail(self._log)}"


async def _ready(service: str, url: str, logs: Path) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    async with httpx.AsyncClient(trust_env=False) as client:
        while True:
            try:
                if (await client.get(f"{url}/health/ready", timeout=5)).status_code == 200:
                    return
            except httpx.TransportError:
                pass  # it has not bound its port yet: the deadline below speaks
            if asyncio.get_running_loop().time() > deadline:
                raise AssertionError(f"{service} is not ready:\n{_tail(logs / f'{service}.log')}")
            await asyncio.sleep(0.1)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-40:])


@pytest.fixture
async def story(house: House, development_keys: Path) -> AsyncIterator[Story]:
    """A storyteller with words of its own, so that stories do not meet."""
    async with Client(house.place) as client:
        yield Story(
            client, lambda **token: Client(replace(house.place, token=_token(development_keys, **token)))
        )


def _token(keys: Path, scopes: Sequence[str] = EVERY_SCOPE, warehouses: Sequence[str] | None = None) -> str:
    return development_token(keys, "somebody else", scopes, warehouses=warehouses)
