"""Houses for tests: the five services as real processes, with databases and a vhost of their own.

A house's processes are started, killed, frozen and started again at will; what it leaves is nothing.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import httpx

from deploy.checking import Logins, Report, check
from deploy.cli.client import EVERY_SCOPE, Client, Place, token_from
from deploy.local import databases, stack
from deploy.local.instance import free_port
from deploy.local.servers import Servers
from deploy.topology import topology
from shared.auth import development_token
from shared.migrate import SERVICES, migrate
from shared.topology import apply
from tests.integration.story import Story

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0


class ServiceProcess:
    """One process of one service."""

    def __init__(self, service: str, environment: Mapping[str, str], log: Path) -> None:
        self.service = service
        self.url = stack.base_url(int(environment["TIELINE_PORT"]))
        self.log = log
        self._environment = environment
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Its number; it has been started."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def keep(self, **settings: str) -> None:
        """Start with these settings too from now on."""
        self._environment = {**self._environment, **settings}

    async def start(self, **settings: str) -> None:
        """Start it, with further settings such as `CRASH_AT`."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", f"services.{self.service}.main",
                cwd=ROOT, env={**self._environment, **settings}, stdout=log, stderr=log,
            )  # fmt: skip

    async def ready(self, patience: float = PATIENCE) -> None:
        """Until it can do its part."""
        deadline = asyncio.get_running_loop().time() + patience
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    if (await client.get(f"{self.url}/health/ready", timeout=5)).status_code == 200:
                        return
                except httpx.TransportError:
                    pass  # it has not bound its port yet: the deadline below speaks
                if not self.is_running or asyncio.get_running_loop().time() > deadline:
                    raise AssertionError(f"{self.service} is not ready:\n{self.tail()}")
                await asyncio.sleep(0.1)

    def tell(self, demand: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(demand)

    async def kill(self) -> None:
        """As if the machine had gone: SIGKILL."""
        self.tell(signal.SIGKILL)
        await self.ended()

    async def ended(self, patience: float = 30) -> int:
        """Until it has ended by itself; its exit code."""
        assert self._process is not None
        try:
            return await asyncio.wait_for(self._process.wait(), patience)
        except TimeoutError:
            raise AssertionError(
                f"{self.service} still runs after {patience:.0f} s:\n{self.tail()}"
            ) from None

    async def stop(self) -> None:
        """Gracefully, and by force after 30 s, which fails the tests."""
        if self._process is None:
            return
        self.tell(signal.SIGCONT)
        was_running = self.is_running
        self.tell(signal.SIGTERM)
        try:
            code = await asyncio.wait_for(self._process.wait(), 30)
        except TimeoutError:
            await self.kill()
            raise AssertionError(f"{self.service} did not stop on SIGTERM:\n{self.tail()}") from None
        assert code in (0, -15) or not was_running, f"{self.service} ended with {code}:\n{self.tail()}"

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])


@dataclass(frozen=True)
class House:
    """Five services as a test process runs them."""

    place: Place
    databases: Mapping[str, str]
    """Reading logins of the services' databases, for the books."""
    amqp: str
    logs: Path
    keys: Path
    servers: Servers
    suffix: str
    vhost: str
    processes: dict[str, ServiceProcess] = field(default_factory=dict)

    @property
    def names(self) -> dict[str, str]:
        """The database of each service."""
        return {service: databases.database_name(service, self.suffix) for service in SERVICES}

    @property
    def logins(self) -> Logins:
        """What the checker reads."""
        return Logins(
            {
                service: self.servers.service_database_url(service, "checker", name, "postgresql")
                for service, name in self.names.items()
            },
            self.amqp,
        )

    def environment(self, service: str, port: int) -> dict[str, str]:
        """What a process of the service is told, when it listens on this port."""
        ports = {name: int(url.rpartition(":")[2]) for name, url in self.place.urls.items()}
        return {
            **stack.service_environment(self.servers, service, {**ports, service: port}),
            "TIELINE_DATABASE_URL": self.servers.service_database_url(service, "app", self.names[service]),
            "TIELINE_AMQP_URL": self.servers.amqp_url(service, self.vhost),
            "TIELINE_JWKS": str(self.keys / "jwks.json"),
        }

    async def start(self, **settings: str) -> None:
        """Start what does not run, and wait until all are ready."""
        for process in self.processes.values():
            if not process.is_running:
                await process.start(**settings)
        await asyncio.gather(*(process.ready() for process in self.processes.values()))

    async def second(self, service: str, **settings: str) -> ServiceProcess:
        """A further process of a service, beside the first, under the name `service-2`."""
        process = ServiceProcess(
            service, self.environment(service, free_port()), self.logs / f"{service}-2.log"
        )
        self.processes[f"{service}-2"] = process
        await process.start(**settings)
        return process

    async def stop(self) -> None:
        """Stop every process."""
        problems = await asyncio.gather(
            *(process.stop() for process in self.processes.values()), return_exceptions=True
        )
        for problem in problems:
            if isinstance(problem, BaseException):
                raise problem

    async def check(self, *, patience: float = 120, **options: object) -> Report:
        """The whole-system checker over this house."""
        return await check(self.logins, patience=patience, **options)  # type: ignore[arg-type]  # its own words

    async def must_add_up(self, *, patience: float = 120, **options: object) -> None:
        """Fail with what differs unless every invariant holds at the quiet point."""
        report = await self.check(patience=patience, **options)
        assert report.is_clean, f"{report}\nlogs: {self.logs}"

    @asynccontextmanager
    async def story(self) -> AsyncIterator[Story]:
        """A storyteller in this house."""
        async with Client(self.place) as client:
            yield Story(client, self.as_)

    def as_(self, scopes: Sequence[str] = EVERY_SCOPE, warehouses: Sequence[str] | None = None) -> Client:
        """A client with another token."""
        token = development_token(self.keys, "somebody else", scopes, warehouses=warehouses)
        return Client(replace(self.place, token=token))


@asynccontextmanager
async def house(servers: Servers, keys: Path, logs: Path, name: str) -> AsyncIterator[House]:
    """Migrated and declared, not started yet; whatever still runs is stopped at the end, and the databases dropped."""
    suffix, vhost = f"_{name}_{os.getpid()}", f"{name}-{os.getpid()}"
    names = await databases.ensure_databases(servers.postgres_url, suffix)
    for service in SERVICES:
        await migrate(service, servers.service_database_url(service, "owner", names[service]))
    await asyncio.to_thread(servers.ensure_vhosts, [vhost])
    await apply(servers.amqp_url(vhost=vhost), topology())
    urls = {service: stack.base_url(free_port()) for service in SERVICES}
    readers = {service: servers.service_database_url(service, "ro", names[service]) for service in SERVICES}
    made = House(
        Place(urls, token_from(keys, "storyteller")), readers, servers.amqp_url(vhost=vhost), logs, keys, servers,
        suffix, vhost,
    )  # fmt: skip
    for service in SERVICES:
        port = int(urls[service].rpartition(":")[2])
        made.processes[service] = ServiceProcess(
            service, made.environment(service, port), logs / f"{service}.log"
        )
    try:
        yield made
    finally:
        try:
            await made.stop()
        finally:
            for process in made.processes.values():
                if process.is_running:
                    await process.kill()
            await databases.drop_databases(servers.postgres_url, suffix)
