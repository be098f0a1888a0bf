"""A PostgreSQL of our own: found or fetched binaries, own data folder, own port on loopback."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import asyncpg

from deploy.local import accounts, processes
from deploy.local.accounts import Account
from deploy.local.announcing import CannotRun
from deploy.local.choice import Way
from deploy.local.definitions import ADMIN
from deploy.local.instance import Instance
from deploy.local.processes import recorded

OLDEST = 15
# what PostgreSQL calls smart, fast and immediate; fast ends sessions and writes a checkpoint
FAST = ((signal.SIGINT, 25.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # TCP only: the path of a socket in a deep checkout is soon longer than a socket's path may be
    "unix_socket_directories": "",
    # tests open a pool for each of five services in each of their processes
    "max_connections": "500",
    "shared_buffers": "256MB",
    "max_wal_size": "1GB",
    # an answered order is on the disk: neither is ever switched off, not even for tests
    "fsync": "on",
    "synchronous_commit": "on",
    # short statements only; compiling them costs more than it saves
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %u@%d ",
}


def installed_binaries() -> Path | None:
    """The newest installed server, looked for where packages put it and then on PATH."""
    usable = [(version, folder) for folder in _candidates() if (version := _version(folder)) >= OLDEST]
    return max(usable)[1] if usable else None


def _candidates() -> Iterator[Path]:
    for pattern in ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin"):
        yield from Path("/").glob(pattern)
    if on_path := shutil.which("initdb"):
        yield Path(on_path).resolve().parent


def _version(folder: Path) -> int:
    if not (folder / "initdb").exists() or not (folder / "postgres").exists():
        return 0
    answer = subprocess.run((folder / "postgres", "--version"), capture_output=True, text=True, check=False)
    found = re.search(r"\) (\d+)", answer.stdout)
    return int(found[1]) if found else 0


def settings_text(port: int) -> str:
    """The configuration that we add to the one that initdb writes."""
    lines = (f"{name} = '{value}'" for name, value in (SETTINGS | {"port": str(port)}).items())
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class OwnPostgres:
    """A server process of ours on data of ours."""

    instance: Instance

    @property
    def url(self) -> str:
        port = self.instance.known("postgres")["ports"]["sql"]
        return f"postgresql://{ADMIN}:{self.instance.password(ADMIN)}@127.0.0.1:{port}/postgres"

    @property
    def is_up(self) -> bool:
        known = self.instance.known("postgres")
        return all(one.is_alive for one in recorded(known)) and "ports" in known and answers(self.url)

    def begin(self, way: Way, binaries: Path, account: Account) -> None:
        """Start the server on its data, made on the first start; does not wait until it answers."""
        self.stop()
        ports = self.instance.choose_ports(
            "postgres", self.instance.known("postgres").get("ports", {}), ["sql"]
        )
        facts = {"way": way, "account": account.name, "ports": ports}
        self.instance.remember(postgres=facts)
        home = account.own(self.instance.data(account) / "postgres")
        _end_left_behind(home)
        # a server reads only data of its own version, and both may be had in turn (TIELINE_SERVERS)
        data = home / f"data-{_version(binaries)}"
        if not (data / "PG_VERSION").exists():
            _initialize(data, binaries, account, self.instance.password(ADMIN))
        account.give(home / "tieline.conf", settings_text(ports["sql"]))
        process = processes.start(
            (binaries / "postgres", "-D", data),
            account=account,
            folder=home,
            env=_environment(home),
            log=self.instance.logs / "postgres.log",
        )
        self.instance.remember(postgres=facts | {"processes": [asdict(process)]})

    def wait(self) -> None:
        """Until it answers; a server that has ended instead tells why in its log."""
        process = recorded(self.instance.known("postgres"))[0]
        log = self.instance.logs / "postgres.log"
        processes.wait_until(lambda: answers(self.url), process, log, "PostgreSQL", patience=60)

    def stop(self) -> None:
        """End the server, and what a killed run left of one."""
        known = self.instance.known("postgres")
        for process in recorded(known):
            process.end(FAST)
        if account := known.get("account"):
            _end_left_behind(self.instance.data(accounts.named(account)) / "postgres")
            self.instance.remember(postgres=known | {"processes": []})


def _end_left_behind(home: Path) -> None:
    """A server overwrites its environment with its title, so it is found by the pid file in its data."""
    for pid_file in home.glob("data-*/postmaster.pid"):
        for process in processes.named_in(pid_file, str(pid_file.parent)):
            process.end(FAST)


def _initialize(data: Path, binaries: Path, account: Account, password: str) -> None:
    shutil.rmtree(data, ignore_errors=True)
    password_file = account.give(data.parent / "password", password)
    command = (
        *(binaries / "initdb", "--pgdata", data, "--username", ADMIN, "--pwfile", password_file),
        *("--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8"),
    )
    home = data.parent
    done = subprocess.run(
        command,
        cwd=home,
        env=_environment(home),
        capture_output=True,
        text=True,
        check=False,
        **account.identity,
    )
    password_file.unlink()
    if done.returncode:
        raise CannotRun(f"initdb could not make {data}:\n{done.stderr}")
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write("include '../tieline.conf'\n")


def _environment(home: Path) -> dict[str, str]:
    return {"PATH": os.defpath, "HOME": str(home), "LANG": "C.UTF-8", "TZ": "UTC"}


def answers(url: str) -> bool:
    """Whether a server lets us in at this URL."""
    try:
        awaited(_greet(url))
    except (OSError, asyncpg.PostgresError, TimeoutError):
        return False
    return True


async def _greet(url: str) -> None:
    connection = await asyncpg.connect(url, timeout=10)
    with suppress(asyncpg.PostgresError, OSError):
        await connection.close(timeout=10)


T = TypeVar("T")


def awaited(work: Coroutine[object, object, T]) -> T:
    """Run a coroutine from blocking code, even below a running event loop (pytest's, for one)."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()
