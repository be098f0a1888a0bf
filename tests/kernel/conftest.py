"""A database with the kernel's tables and one toy table, and a vhost of the broker of its own."""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from deploy.local import databases
from deploy.local.servers import Servers
from shared.migrate import migrate
from shared.testing import Bench


@dataclass(frozen=True)
class Broker:
    """Logins to the broker in this test process's own vhost."""

    servers: Servers
    vhost: str

    def url(self, user: str) -> str:
        """Login of a service, or of `tieline_admin`."""
        return self.servers.amqp_url(user, self.vhost)


@pytest.fixture(scope="session")
async def kernel_bench(test_servers: Servers) -> AsyncIterator[Bench]:
    """An inventory database that holds nothing but the kernel's tables and the toy table `heard`."""
    suffix = f"_kernel_{os.getpid()}"
    names = await databases.ensure_databases(test_servers.postgres_url, suffix, services=["inventory"])
    owner = test_servers.service_database_url("inventory", "owner", names["inventory"])
    await migrate("inventory", owner, kernel_only=True)
    bench = Bench(
        "inventory", test_servers.service_database_url("inventory", "app", names["inventory"]), owner
    )
    async with bench._owner.begin() as db:
        await db.exec_driver_sql("CREATE TABLE heard (code text PRIMARY KEY, times integer NOT NULL)")
    yield bench
    await bench.close()
    await databases.drop_databases(test_servers.postgres_url, suffix, services=["inventory"])


@pytest.fixture
async def kernel(kernel_bench: Bench) -> Bench:
    """The kernel's bench, emptied."""
    await kernel_bench.empty()
    return kernel_bench


@pytest.fixture(scope="session")
def broker(test_servers: Servers) -> Broker:
    """A vhost of this test process's own."""
    vhost = f"kernel-{os.getpid()}"
    test_servers.ensure_vhosts([vhost])
    return Broker(test_servers, vhost)
