"""Real servers: they come, keep everybody in bounds, and go without remains, whatever happened to the run."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import aio_pika
import asyncpg
import pytest
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import ChannelAccessRefused

from deploy.local import accounts, processes, servers
from deploy.local.choice import Way
from deploy.local.definitions import SERVICES
from deploy.local.instance import CHECKOUT, Instance, is_free
from deploy.local.servers import Servers
from shared import amqp

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.skipif(
        bool({"TIELINE_POSTGRES_URL", "TIELINE_RABBITMQ_URL"} & os.environ.keys()),
        reason="these servers are not ours to start and stop",
    ),
    pytest.mark.skipif(
        os.environ.get("TIELINE_SERVERS") == "docker", reason="looks at processes, not containers"
    ),
]

# a test run in the background inherits SIGINT as ignored, and so would this program
RUNS_UNTIL_TOLD = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from deploy.local import servers
with servers.running(sys.argv[1]):
    print("running", flush=True)
    time.sleep(120)
"""


@pytest.fixture
def instance() -> Iterator[Instance]:
    """An instance of this test alone; nothing of it stays."""
    place = Instance(f"proof{uuid4().hex[:8]}")
    yield place
    servers.forget(place.name)


def processes_of(place: Instance) -> list[processes.Process]:
    """Every living process of the instance, the one that the state file names and any other."""
    named = [*processes.recorded(place.known("postgres")), *processes.recorded(place.known("rabbitmq"))]
    marked = [
        process
        for server in ("postgres", "rabbitmq")
        if (account := place.known(server).get("account"))
        for process in processes.left_behind(place.data(accounts.named(account)) / server)
    ]
    return [process for process in {*named, *marked} if process.is_alive]


def ports_of(place: Instance) -> list[int]:
    return [port for server in ("postgres", "rabbitmq") for port in place.known(server)["ports"].values()]


@contextmanager
def run_in_background(place: Instance) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", RUNS_UNTIL_TOLD, place.name]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == "running\n"
        yield run


def test_servers_come_and_go_without_remains(instance: Instance) -> None:
    with servers.running(instance.name) as ready:
        ports = ports_of(instance)
        assert len(processes_of(instance)) >= 3
        assert not any(is_free(port) for port in ports)
        assert servers.attach(instance.state_file) == ready

    assert processes_of(instance) == []
    assert all(is_free(port) for port in ports)


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_kill_stop_the_servers(instance: Instance, kind: signal.Signals) -> None:
    with run_in_background(instance) as run:
        seen = processes_of(instance)

        run.send_signal(kind)
        run.wait(timeout=60)

    assert len(seen) >= 3
    assert processes_of(instance) == []


@pytest.mark.parametrize("is_state_lost", [False, True])
def test_servers_of_a_run_that_was_shot_are_cleared_by_the_next(
    instance: Instance, is_state_lost: bool
) -> None:
    with run_in_background(instance) as run:
        orphans = processes_of(instance)
        run.kill()
    assert all(process.is_alive for process in orphans)
    if is_state_lost:
        instance.state_file.unlink()

    with servers.running(instance.name):
        assert not any(process.is_alive for process in orphans)
        assert len(processes_of(instance)) >= 3

    assert processes_of(instance) == []


def test_servers_that_are_kept_outlive_a_run_that_uses_them(instance: Instance) -> None:
    kept = servers.start(instance.name, detached=True)

    with servers.running(instance.name) as used:
        assert used == kept

    assert servers.is_kept(instance)
    servers.stop(instance.name)
    assert processes_of(instance) == []


async def test_everybody_is_kept_in_bounds(instance: Instance) -> None:
    ready = servers.start(instance.name, detached=True)
    ready.ensure_databases("_x")
    ready.ensure_databases("_x")

    await _application_reads_and_writes_rows_only(ready)
    await _nobody_enters_anothers_database(ready)
    if ready.rabbitmq_way is not Way.URL:
        ready.ensure_vhosts(["one", "two"])
        await _broker_users_touch_their_own(ready)
        await _guest_is_not_let_in(ready)


async def _application_reads_and_writes_rows_only(ready: Servers) -> None:
    owner = await _login(ready, "owner")
    await owner.execute("CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, x text)")
    application, checker = await _login(ready, "app"), await _login(ready, "checker")

    await application.execute("INSERT INTO t (x) VALUES ('a')")

    assert await checker.fetchval("SELECT x FROM t") == "a"
    assert await application.fetchval("SHOW statement_timeout") == "5s"
    assert await application.fetchval("SHOW synchronous_commit") == "on"
    for beyond in ("TRUNCATE t", "DROP TABLE t", "CREATE TABLE u (id int)", "CREATE TEMP TABLE u (id int)"):
        with pytest.raises(asyncpg.PostgresError, match=r"permission denied|must be owner"):
            await application.execute(beyond)
    with pytest.raises(asyncpg.PostgresError, match="read-only"):
        await checker.execute("INSERT INTO t (x) VALUES ('b')")
    for connection in (owner, application, checker):
        await connection.close()


async def _nobody_enters_anothers_database(ready: Servers) -> None:
    for service in SERVICES[1:]:
        with pytest.raises(asyncpg.PostgresError, match="permission denied for database"):
            await asyncpg.connect(ready.service_database_url(service, "app", "orders_x", driver="postgresql"))


async def _login(ready: Servers, role: str) -> "asyncpg.Connection[asyncpg.Record]":
    return await asyncpg.connect(ready.service_database_url("orders", role, "orders_x", driver="postgresql"))


async def _broker_users_touch_their_own(ready: Servers) -> None:
    inventory = await aio_pika.connect(ready.amqp_url("inventory", "one"))
    async with inventory:
        channel = await inventory.channel()
        await channel.declare_exchange("inventory.events", "topic", durable=True)
        await channel.declare_queue("inventory.inbox", durable=True, arguments={"x-queue-type": "quorum"})

    orders = await aio_pika.connect(ready.amqp_url("orders", "one"))
    async with orders:
        channel = await orders.channel()
        inbox = await channel.declare_queue(
            "orders.inbox", durable=True, arguments={"x-queue-type": "quorum"}
        )
        await inbox.bind("inventory.events", "#")
        for beyond in (_publishes_for_inventory, _reads_inventorys_queue, _feeds_inventorys_queue):
            with pytest.raises(ChannelAccessRefused):
                await beyond(await orders.channel())


async def _publishes_for_inventory(channel: aio_pika.abc.AbstractChannel) -> None:
    exchange = await channel.get_exchange("inventory.events", ensure=False)
    await exchange.publish(aio_pika.Message(b"forged"), "inventory.stock.allotted.v1", timeout=5)


async def _reads_inventorys_queue(channel: aio_pika.abc.AbstractChannel) -> None:
    queue = await channel.get_queue("inventory.inbox", ensure=False)
    await queue.get(fail=False, timeout=5)


async def _feeds_inventorys_queue(channel: aio_pika.abc.AbstractChannel) -> None:
    await channel.default_exchange.publish(aio_pika.Message(b"forged"), "inventory.inbox", timeout=5)


async def _guest_is_not_let_in(ready: Servers) -> None:
    with pytest.raises(AMQPError):
        await amqp.connect(servers.login(ready.rabbitmq_url, "guest", "guest", "/"), 5)
