"""A RabbitMQ node of our own: own name, cookie, data and ports, all on loopback, and an epmd of its own."""

import asyncio
import logging
import os
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from aio_pika.exceptions import AMQPError

from deploy.local import accounts, processes
from deploy.local.accounts import Account
from deploy.local.announcing import CannotRun
from deploy.local.choice import Way
from deploy.local.definitions import ADMIN, VHOST, definitions
from deploy.local.instance import Instance
from deploy.local.postgres import awaited
from deploy.local.processes import Process, recorded
from shared import amqp

LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"
# schedulers that wait busily would take the processor from the services beside them
IDLE_SCHEDULERS = "+sbwt none +sbwtdcpu none +sbwtdio none"

CONFIGURATION = """\
load_definitions = {definitions}
default_vhost = tieline
log.console = false
log.file.level = info
vm_memory_high_watermark.relative = 0.4
disk_free_limit.absolute = 200MB
raft.wal_max_size_bytes = 67108864
"""


@dataclass(frozen=True)
class Ports:
    """The three ports of a node: for clients, for its distribution, and of its epmd."""

    amqp: int
    distribution: int
    epmd: int


@dataclass(frozen=True)
class Node:
    """Where a node of ours lives and how its programs are called."""

    name: str
    home: Path
    binaries: Path
    account: Account
    ports: Ports

    @property
    def environment(self) -> dict[str, str]:
        """Everything that would otherwise come from the machine's own RabbitMQ: nothing of it is used."""
        home = self.home
        return {
            "PATH": f"{self.binaries}:{os.environ.get('PATH', os.defpath)}",
            "LANG": "C.UTF-8",
            "HOME": str(home),  # where the cookie lies
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.ports.epmd),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.ports.amqp),
            "RABBITMQ_DIST_PORT": str(self.ports.distribution),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "no-env.conf"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "no-advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": f"{LOOPBACK} {IDLE_SCHEDULERS}",
            "RABBITMQ_CTL_ERL_ARGS": LOOPBACK,
            # the start script then becomes the node instead of standing before it: its pid is the node's
            "RUNNING_UNDER_SYSTEMD": "true",
        }

    def prepare(self, content: str) -> None:
        """Write what the node reads when it starts."""
        for folder in (self.home, self.home / "data", self.home / "log"):
            self.account.own(folder)
        wanted = self.account.give(self.home / "definitions.json", content)
        self.account.give(self.home / "rabbitmq.conf", CONFIGURATION.format(definitions=wanted))
        self.account.give(self.home / "enabled_plugins", "[].\n")

    def launch(self, log: Path, program: Path, *arguments: str) -> Process:
        """Start a program of this node in the background."""
        return processes.start(
            (program, *arguments), account=self.account, folder=self.home, env=self.environment, log=log
        )

    def control(self, *words: str) -> str:
        """Call rabbitmqctl, which takes seconds each time."""
        done = subprocess.run(
            (self.binaries / "rabbitmqctl", "--quiet", *words),
            stdin=subprocess.DEVNULL,
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            **self.account.identity,
        )
        if done.returncode:
            raise CannotRun(f"`rabbitmqctl {' '.join(words)}` failed:\n{done.stdout}{done.stderr}")
        return done.stdout


@dataclass(frozen=True)
class OwnRabbitmq:
    """A node process of ours, with an epmd of its own."""

    instance: Instance

    @property
    def url(self) -> str:
        port = self.instance.known("rabbitmq")["ports"]["amqp"]
        return f"amqp://{ADMIN}:{self.instance.password(ADMIN)}@127.0.0.1:{port}/{VHOST}"

    @property
    def is_up(self) -> bool:
        known = self.instance.known("rabbitmq")
        return all(one.is_alive for one in recorded(known)) and "ports" in known and answers(self.url)

    @property
    def node(self) -> Node:
        """The node as the state describes it."""
        known = self.instance.known("rabbitmq")
        account = accounts.named(known["account"])
        return Node(
            name=f"tieline-{self.instance.name}@localhost",
            home=self.instance.data(account) / "rabbitmq",
            binaries=Path(known["binaries"]),
            account=account,
            ports=Ports(**known["ports"]),
        )

    def begin(self, way: Way, binaries: Path, account: Account) -> None:
        """Start epmd and the node with its users and vhost; does not wait until it answers."""
        self.stop()
        before = self.instance.known("rabbitmq").get("ports", {})
        ports = self.instance.choose_ports("rabbitmq", before, ["amqp", "distribution", "epmd"])
        facts = {"way": way, "account": account.name, "binaries": str(binaries), "ports": ports}
        self.instance.remember(rabbitmq=facts)
        node = self.node
        _end_left_behind(node.home)
        if self.instance.is_disposable:
            shutil.rmtree(node.home / "data", ignore_errors=True)
        node.prepare(definitions([VHOST], self.instance.password))
        # first and by us: a node that finds no epmd starts one that nobody would end
        arguments = ("-port", str(node.ports.epmd), "-address", "127.0.0.1")
        names = node.launch(self.instance.logs / "epmd.log", epmd(), *arguments)
        self.instance.remember(rabbitmq=facts | {"processes": [asdict(names)]})
        server = node.launch(self.instance.logs / "rabbitmq.log", binaries / "rabbitmq-server")
        # the node before its epmd: the order in which they are ended
        self.instance.remember(rabbitmq=facts | {"processes": [asdict(server), asdict(names)]})

    def wait(self) -> None:
        """Until it lets us in; a node that has ended instead tells why in its log."""
        process = recorded(self.instance.known("rabbitmq"))[0]
        log = self.instance.logs / "rabbitmq.log"
        processes.wait_until(lambda: answers(self.url), process, log, "RabbitMQ", patience=120)

    def ensure_vhosts(self, content: str) -> None:
        node = self.node
        # by way of a file: from its standard input rabbitmqctl 4 reads for ever
        more = node.account.give(node.home / f"definitions-{os.getpid()}.json", content)
        node.control("import_definitions", str(more))
        more.unlink()

    def stop(self) -> None:
        """End the node and its epmd, and what a killed run left of them."""
        known = self.instance.known("rabbitmq")
        for process in recorded(known):
            process.end()
        if "account" in known:
            _end_left_behind(self.node.home)
            self.instance.remember(rabbitmq=known | {"processes": []})


def _end_left_behind(home: Path) -> None:
    for process in processes.left_behind(home):
        process.end()


def installed_binaries() -> Path | None:
    """The folder of the plain start scripts: Debian's own wrappers in /usr/sbin insist on its own node.

    Never ask a script for its version: `rabbitmq-server --version` starts a broker on all interfaces.
    """
    on_path = shutil.which("rabbitmq-server")
    places = [Path("/usr/lib/rabbitmq/bin"), *Path("/opt").glob("rabbitmq*/sbin")]
    if on_path:
        places.append(Path(on_path).resolve().parent)
    return next((place for place in places if _is_complete(place)), None)


def _is_complete(place: Path) -> bool:
    return all((place / script).exists() for script in ("rabbitmq-server", "rabbitmqctl", "rabbitmq-env"))


def epmd() -> Path:
    """Erlang's epmd: on PATH, or beside the runtime."""
    if on_path := shutil.which("epmd"):
        return Path(on_path)
    for beside in sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd")):
        return beside
    raise CannotRun("RabbitMQ is installed but Erlang's epmd is not on PATH; add its folder to PATH.")


def answers(url: str) -> bool:
    """Whether a broker lets us in at this URL."""
    logs = logging.getLogger("aiormq"), logging.getLogger("aio_pika")
    levels = [log.level for log in logs]
    for log in logs:
        log.setLevel(logging.CRITICAL)  # a broker that is still starting is no news
    try:
        awaited(_greet(url))
    except (OSError, AMQPError, TimeoutError, asyncio.CancelledError):
        return False
    finally:
        for log, level in zip(logs, levels, strict=True):
            log.setLevel(level)
    return True


async def _greet(url: str) -> None:
    connection = await amqp.connect(url, 10)
    await asyncio.wait_for(connection.close(), 5)
