"""Fault 60: a base backup of the whole cluster, taken while people work, is restored as one and the books add up.

The broker's queues are not in it: what stood in them is told again from the services' logs, which is part of the
rehearsal (docs/operations.md). What restoring one service alone needs stands there too; that is not rehearsed here.
"""

import asyncio
import random
import subprocess
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from deploy.local import accounts, postgres, processes
from deploy.local.accounts import Account
from deploy.local.instance import free_port
from deploy.local.servers import Servers
from shared.migrate import SERVICES
from shared.testing import Bench
from tests.confluence.people import People
from tests.world import World, fresh_world
from tests.world_books import differences


@asynccontextmanager
async def _restored(servers: Servers) -> AsyncIterator[int]:
    """A second server on a base backup of the first, taken now; its port."""
    binaries = postgres.installed_binaries()
    if binaries is None or not (binaries / "pg_basebackup").exists() or not servers.makes_vhosts:
        pytest.skip("needs PostgreSQL's own programs on this machine, and a server that is ours")
    login, port = urlsplit(servers.postgres_url), free_port()
    account = accounts.unprivileged("postgres", "nobody")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        home = _home(account, Path(folder))
        command = (
            *(str(binaries / "pg_basebackup"), "--pgdata", str(home / "data"), "--checkpoint", "fast"),
            *("--wal-method", "stream", "--host", str(login.hostname), "--port", str(login.port)),
            *("--username", str(login.username), "--no-password"),
        )
        env = {**postgres._environment(home), "PGPASSWORD": login.password or ""}
        taken = await asyncio.to_thread(_run, command, env, home, account)
        if taken.returncode:
            # other tests of this machine may end sessions of the server that they share with this one
            taken = await asyncio.to_thread(_run, command, env, home, account)
        assert taken.returncode == 0, taken.stderr
        # the configuration that ours includes stands beside the data, not in it
        account.give(home / "tieline.conf", postgres.settings_text(port))
        log = Path(folder) / "postgres.log"
        server = processes.start(
            (binaries / "postgres", "-D", home / "data"),
            account=account, folder=home, env=postgres._environment(home), log=log,
        )  # fmt: skip
        try:
            url = servers.postgres_url.replace(f":{login.port}/", f":{port}/")
            await asyncio.to_thread(
                processes.wait_until,
                lambda: postgres.answers(url),
                server,
                log,
                "the restored PostgreSQL",
                60,
            )
            yield port
        finally:
            await asyncio.to_thread(server.end, postgres.FAST)


def _home(account: Account, folder: Path) -> Path:
    folder.chmod(0o755)
    return account.own(folder / "restored")


def _run(
    command: Sequence[str], env: Mapping[str, str], home: Path, account: Account
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, env=env, cwd=home, capture_output=True, text=True, check=False, **account.identity
    )


def _bench_at(servers: Servers, bench: Bench, port: int) -> Bench:
    old = urlsplit(servers.postgres_url).port
    name = str(bench.engine.url.database)
    urls = (servers.service_database_url(bench.service, role, name) for role in ("app", "owner"))
    app, owner = (url.replace(f":{old}/", f":{port}/") for url in urls)
    return Bench(bench.service, app, owner)


@pytest.mark.servers
@pytest.mark.timeout(300)
async def test_a_cluster_restored_as_one_and_told_again_adds_up(benches: Any, test_servers: Servers) -> None:
    world = await fresh_world([await benches.of(service) for service in SERVICES])
    people = People(world, random.Random(60))
    await people.arrive()
    for _ in range(25):
        await people.step()

    async def work_goes_on() -> None:
        while True:
            await people.step()

    going_on = asyncio.create_task(work_goes_on())
    try:
        async with _restored(test_servers) as port:
            going_on.cancel()
            await asyncio.gather(going_on, return_exceptions=True)
            again = World({s: _bench_at(test_servers, world.benches[s], port) for s in SERVICES})
            try:
                await again.tell_again()
                await again.quiet()

                assert not (found := await differences(again)), "\n".join(found)
                orders = await again.rows("orders", "SELECT state FROM sales_orders")
                assert len(orders) > 3
                await again.order(("TABLE", 2), ("LAMP", 3))
                await again.quiet()
                assert not (found := await differences(again)), "\n".join(found)
            finally:
                for bench in again.benches.values():
                    await bench.close()
    finally:
        going_on.cancel()
        await asyncio.gather(going_on, return_exceptions=True)
