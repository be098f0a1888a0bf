"""Both servers as containers, where neither is installed nor can be: published on loopback only."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.local import processes, rabbitmq
from deploy.local.announcing import CannotRun, say
from deploy.local.choice import Way
from deploy.local.definitions import ADMIN, VHOST, definitions
from deploy.local.instance import Instance
from deploy.local.postgres import SETTINGS, answers

POSTGRES_IMAGE = "postgres:17"
RABBITMQ_IMAGE = "rabbitmq:4-management"
# by way of a file: from its standard input rabbitmqctl 4 reads for ever
IMPORT = "umask 077; file=$(mktemp); cat >$file; rabbitmqctl --quiet import_definitions $file; end=$?; rm $file; exit $end"


@dataclass(frozen=True)
class Container:
    """One server in a container; its data outlives it in a volume of the same name."""

    name: str
    image: str
    inner_port: int
    volume_path: str
    options: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()

    @property
    def is_running(self) -> bool:
        return bool(_docker("ps", "--quiet", "--filter", f"name=^{self.name}$").strip())

    def start(self, port: int, secrets: Mapping[str, str]) -> None:
        """Run the image; passwords travel in the environment, where `ps` does not show them."""
        self.remove()
        if not _docker("images", "--quiet", self.image).strip():
            say(f"docker fetches {self.image}")
        publish = f"127.0.0.1:{port}:{self.inner_port}"
        _docker(
            *("run", "--detach", "--name", self.name, "--publish", publish),
            *("--volume", f"{self.name}:{self.volume_path}"),
            *(word for name in secrets for word in ("--env", name)),
            *(*self.options, self.image, *self.arguments),
            secrets=secrets,
        )

    def remove(self) -> None:
        """Stop the container gently and remove it; the volume stays."""
        if _docker("ps", "--all", "--quiet", "--filter", f"name=^{self.name}$").strip():
            _docker("stop", "--time", "25", self.name)
            _docker("rm", "--force", self.name)

    def forget(self) -> None:
        """Remove the container and its data."""
        self.remove()
        _docker("volume", "rm", "--force", self.name)

    def call(self, *command: str, given: str) -> None:
        """Run a command inside with this standard input."""
        _docker("exec", "--interactive", self.name, *command, given=given)

    def wait(self, is_ready: Callable[[], bool], log: Path) -> None:
        """Until the server answers; one that has ended instead tells why in its log."""
        if processes.becomes(lambda: is_ready() or not self.is_running, 120) and self.is_running:
            return
        self.save_log(log)
        raise CannotRun(f"{self.name} does not answer. The end of its log, {log}:\n{processes.tail(log)}")

    def save_log(self, log: Path) -> Path:
        """Write the container's log where those of the other servers lie."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            subprocess.run(("docker", "logs", self.name), stdout=output, stderr=output, check=False)
        return log


@dataclass(frozen=True)
class ContainerPostgres:
    """PostgreSQL in a container of the instance."""

    instance: Instance

    @property
    def container(self) -> Container:
        settings = {name: SETTINGS[name] for name in ("max_connections", "jit", "timezone")}
        return Container(
            name=_name(self.instance, "postgres"),
            image=POSTGRES_IMAGE,
            inner_port=5432,
            volume_path="/var/lib/postgresql/data",
            options=("--shm-size", "256m"),
            arguments=tuple(word for name, value in settings.items() for word in ("-c", f"{name}={value}")),
        )

    @property
    def url(self) -> str:
        port = self.instance.known("postgres")["ports"]["sql"]
        return f"postgresql://{ADMIN}:{self.instance.password(ADMIN)}@127.0.0.1:{port}/postgres"

    @property
    def is_up(self) -> bool:
        return self.container.is_running and "ports" in self.instance.known("postgres") and answers(self.url)

    def begin(self) -> None:
        self.stop()
        ports = self.instance.choose_ports(
            "postgres", self.instance.known("postgres").get("ports", {}), ["sql"]
        )
        self.instance.remember(postgres={"way": Way.DOCKER, "ports": ports})
        password = self.instance.password(ADMIN)
        secrets = {"POSTGRES_USER": ADMIN, "POSTGRES_DB": "postgres", "POSTGRES_PASSWORD": password}
        self.container.start(ports["sql"], secrets)

    def wait(self) -> None:
        log = self.instance.logs / "postgres.log"
        self.container.wait(lambda: answers(self.url), log)

    def stop(self) -> None:
        self.container.remove()


@dataclass(frozen=True)
class ContainerRabbitmq:
    """RabbitMQ in a container of the instance."""

    instance: Instance

    @property
    def container(self) -> Container:
        return Container(
            name=_name(self.instance, "rabbitmq"),
            image=RABBITMQ_IMAGE,
            inner_port=5672,
            volume_path="/var/lib/rabbitmq",
            # the node is named after its host: another name would not find the data again
            options=("--hostname", "tieline"),
        )

    @property
    def url(self) -> str:
        port = self.instance.known("rabbitmq")["ports"]["amqp"]
        return f"amqp://{ADMIN}:{self.instance.password(ADMIN)}@127.0.0.1:{port}/{VHOST}"

    @property
    def is_up(self) -> bool:
        known = self.instance.known("rabbitmq")
        return self.container.is_running and "ports" in known and rabbitmq.answers(self.url)

    def begin(self) -> None:
        self.stop()
        if self.instance.is_disposable:
            self.container.forget()
        ports = self.instance.choose_ports(
            "rabbitmq", self.instance.known("rabbitmq").get("ports", {}), ["amqp"]
        )
        self.instance.remember(rabbitmq={"way": Way.DOCKER, "ports": ports})
        password = self.instance.password(ADMIN)
        # a default user of our own, so that no guest is ever made
        secrets = {"RABBITMQ_DEFAULT_USER": ADMIN, "RABBITMQ_DEFAULT_PASS": password}
        self.container.start(ports["amqp"], secrets | {"RABBITMQ_DEFAULT_VHOST": VHOST})

    def wait(self) -> None:
        log = self.instance.logs / "rabbitmq.log"
        self.container.wait(lambda: rabbitmq.answers(self.url), log)
        self.ensure_vhosts(definitions([VHOST], self.instance.password))

    def ensure_vhosts(self, content: str) -> None:
        self.container.call("sh", "-c", IMPORT, given=content)

    def stop(self) -> None:
        self.container.remove()


def forget(instance: Instance, server: str) -> None:
    """Remove the instance's container and data of this server."""
    container = ContainerPostgres(instance) if server == "postgres" else ContainerRabbitmq(instance)
    container.container.forget()


def engine_answers() -> bool:
    """Whether there is a Docker engine that we may use."""
    try:
        asked = subprocess.run(("docker", "info"), capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0


def _name(instance: Instance, server: str) -> str:
    return f"tieline-{instance.name}-{server}-{instance.fingerprint}"


def _docker(*words: str, secrets: Mapping[str, str] | None = None, given: str | None = None) -> str:
    command: Sequence[str] = ("docker", *words)
    env = {**os.environ, **(secrets or {})}
    options = {"input": given} if given is not None else {"stdin": subprocess.DEVNULL}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        raise CannotRun(
            f"`docker {' '.join(words[:2])}` failed: {done.stderr.strip() or done.stdout.strip()}"
        )
    return done.stdout
