"""Fixtures of all tests: real servers, a database per service and test process, emptied before each test."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path

import pytest

from deploy.local import databases, servers
from deploy.local.instance import Instance
from shared.auth import write_development_keys
from shared.logging import configure_logging
from shared.migrate import SERVICES, migrate
from shared.testing import Api, Bench, make_api

# as services log: structlog's own default draws every local variable of a traceback, which takes seconds
configure_logging("INFO", "json")


@pytest.fixture(scope="session")
def test_servers() -> Iterator[servers.Servers]:
    """The servers that `make test` started, else those of the instance `test`, started for these tests alone."""
    with ExitStack() as stack:
        if os.environ.get("TIELINE_TEST_CONTAINERS"):
            containers = import_module("tests.servers.containers").containers
            yield stack.enter_context(containers())
        elif state := os.environ.get("TIELINE_TEST_SERVERS"):
            yield servers.attach(state)
        elif servers.is_kept(place := Instance("test")):
            yield servers.attach(place.state_file)
        elif os.environ.get("PYTEST_XDIST_WORKER"):
            # each worker would wait for the one before it to end, until its tests have timed out
            pytest.fail(
                "Several workers need servers to share: run make test, or tieline servers start test before"
            )
        else:
            yield stack.enter_context(servers.running("test"))


@pytest.fixture(scope="session")
def development_keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key pair of this test session."""
    return write_development_keys(tmp_path_factory.mktemp("keys")).parent


class _Benches:
    """One bench per service, made when first asked for."""

    def __init__(self, found: servers.Servers) -> None:
        self._servers = found
        self._suffix = f"_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"
        self._made: dict[str, Bench] = {}

    async def of(self, service: str) -> Bench:
        if service not in self._made:
            url = self._servers.postgres_url
            names = await databases.ensure_databases(url, self._suffix, services=[service])
            owner = self._servers.service_database_url(service, "owner", names[service])
            await migrate(service, owner)
            app = self._servers.service_database_url(service, "app", names[service])
            self._made[service] = Bench(service, app, owner)
        return self._made[service]

    async def close(self) -> None:
        for bench in self._made.values():
            await bench.close()
        await databases.drop_databases(self._servers.postgres_url, self._suffix, services=list(self._made))


@pytest.fixture(scope="session")
async def benches(test_servers: servers.Servers) -> AsyncIterator[_Benches]:
    """All benches of this test process."""
    made = _Benches(test_servers)
    try:
        yield made
    finally:
        await made.close()


async def _bench(benches: _Benches, service: str) -> Bench:
    bench = await benches.of(service)
    await bench.empty()
    return bench


async def _api(benches: _Benches, service: str, keys: Path) -> AsyncIterator[Api]:
    module = await asyncio.to_thread(import_module, f"services.{service}.main")
    api = make_api(module.service, await _bench(benches, service), keys)
    try:
        yield api
    finally:
        await api.client.aclose()


@pytest.fixture
async def db_orders(benches: _Benches) -> Bench:
    """The orders service on its database."""
    return await _bench(benches, "orders")


@pytest.fixture
async def db_inventory(benches: _Benches) -> Bench:
    """The inventory service on its database."""
    return await _bench(benches, "inventory")


@pytest.fixture
async def db_purchasing(benches: _Benches) -> Bench:
    """The purchasing service on its database."""
    return await _bench(benches, "purchasing")


@pytest.fixture
async def db_shipping(benches: _Benches) -> Bench:
    """The shipping service on its database."""
    return await _bench(benches, "shipping")


@pytest.fixture
async def db_notifications(benches: _Benches) -> Bench:
    """The notifications service on its database."""
    return await _bench(benches, "notifications")


@pytest.fixture
async def api_orders(benches: _Benches, development_keys: Path) -> AsyncIterator[Api]:
    """REST of orders, on an emptied database."""
    async for api in _api(benches, "orders", development_keys):
        yield api


@pytest.fixture
async def api_inventory(benches: _Benches, development_keys: Path) -> AsyncIterator[Api]:
    """REST of inventory, on an emptied database."""
    async for api in _api(benches, "inventory", development_keys):
        yield api


@pytest.fixture
async def api_purchasing(benches: _Benches, development_keys: Path) -> AsyncIterator[Api]:
    """REST of purchasing, on an emptied database."""
    async for api in _api(benches, "purchasing", development_keys):
        yield api


@pytest.fixture
async def api_shipping(benches: _Benches, development_keys: Path) -> AsyncIterator[Api]:
    """REST of shipping, on an emptied database."""
    async for api in _api(benches, "shipping", development_keys):
        yield api


@pytest.fixture
async def api_notifications(benches: _Benches, development_keys: Path) -> AsyncIterator[Api]:
    """REST of notifications, on an emptied database."""
    async for api in _api(benches, "notifications", development_keys):
        yield api


assert set(SERVICES) == {"orders", "inventory", "purchasing", "shipping", "notifications"}
