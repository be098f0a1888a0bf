"""Servers of a chaos test's own, which may be frozen, killed and started again on the data they left."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

from deploy.local import accounts, postgres, processes, rabbitmq, servers
from deploy.local.instance import Instance
from deploy.local.postgres import OwnPostgres
from deploy.local.processes import Process, recorded
from deploy.local.rabbitmq import OwnRabbitmq
from deploy.local.servers import Servers

INSTANCE = "chaos"


class Mortal:
    """A PostgreSQL and a RabbitMQ that are ours alone: `servers` has their logins, which outlive them."""

    def __init__(self, found: Servers) -> None:
        self.servers = found
        self._place = found.instance

    # --- the broker ---------------------------------------------------------------------------------------------------

    @property
    def _node(self) -> Process:
        return recorded(self._place.known("rabbitmq"))[0]

    def tell_broker(self, demand: signal.Signals) -> None:
        """Send the node a signal: SIGSTOP freezes it, SIGCONT wakes it."""
        self._node.tell(demand)

    async def kill_broker(self) -> None:
        """The node is gone in the middle of whatever it did."""
        self._node.tell(signal.SIGKILL)
        await _until(lambda: not self._node.is_alive)

    async def start_broker(self) -> None:
        """Start the node again on its data and wait until it lets us in."""
        await asyncio.to_thread(self._start_broker)

    def _start_broker(self) -> None:
        server = OwnRabbitmq(self._place)
        known = self._place.known("rabbitmq")
        node = server.node
        process = node.launch(self._place.logs / "rabbitmq.log", node.binaries / "rabbitmq-server")
        # epmd has stayed: it is the second of the two
        self._place.remember(rabbitmq=known | {"processes": [asdict(process), known["processes"][1]]})
        server.wait()

    async def control_broker(self, *words: str) -> str:
        """rabbitmqctl."""
        return await asyncio.to_thread(OwnRabbitmq(self._place).node.control, *words)

    # --- the database -------------------------------------------------------------------------------------------------

    @property
    def _postmaster(self) -> Process:
        return recorded(self._place.known("postgres"))[0]

    async def end_postgres(self, demand: signal.Signals) -> None:
        """SIGQUIT is `immediate`: no checkpoint; SIGKILL the postmaster's death; SIGINT `fast`."""
        self._postmaster.tell(demand)
        await _until(lambda: not self._postmaster.is_alive)

    async def start_postgres(self) -> None:
        """Start the server again on its data and wait until it lets us in."""
        await asyncio.to_thread(self._start_postgres)

    def _start_postgres(self) -> None:
        server = OwnPostgres(self._place)
        known = self._place.known("postgres")
        binaries = postgres.installed_binaries() or Path(known["binaries"])
        account = accounts.named(known["account"])
        home = self._place.data(account) / "postgres"
        data = next(home.glob("data-*/PG_VERSION")).parent
        # backends of a killed postmaster hold its shared memory until they notice
        for _ in range(20):
            process = processes.start(
                (binaries / "postgres", "-D", data),
                account=account,
                folder=home,
                env=postgres._environment(home),
                log=self._place.logs / "postgres.log",
            )
            self._place.remember(postgres=known | {"processes": [asdict(process)]})
            if processes.becomes(lambda: server.is_up or not process.is_alive, 30) and process.is_alive:  # noqa: B023  # awaited here
                return
        raise AssertionError(processes.tail(self._place.logs / "postgres.log"))


@contextmanager
def mortal_servers(name: str = INSTANCE) -> Iterator[Mortal]:
    """Started for the block, and everything of them removed afterwards, however it ends."""
    if rabbitmq.installed_binaries() is None or postgres.installed_binaries() is None:
        import pytest

        pytest.skip("kills servers of its own: needs PostgreSQL and RabbitMQ installed on this machine")
    place = Instance(name)
    with ExitStack() as afterwards, servers.running(name) as found:
        afterwards.callback(servers.forget, name)
        try:
            yield Mortal(found)
        finally:
            # a frozen node hears nothing else
            for process in recorded(place.known("rabbitmq")):
                process.tell(signal.SIGCONT)


async def _until(is_so: object, patience: float = 30) -> None:
    assert callable(is_so)
    assert await asyncio.to_thread(processes.becomes, is_so, patience)
