"""The five services on one machine: migrated, wired, started in order of readiness, stopped without remains."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from deploy.local import accounts, interruption, processes, servers
from deploy.local.announcing import CannotRun, say
from deploy.local.definitions import SERVICES
from deploy.local.instance import CHECKOUT, Instance, free_port, is_free
from deploy.local.processes import Process
from deploy.local.servers import Servers
from shared.auth import DEVELOPMENT_ISSUER, write_development_keys

FIRST_PORT = 8001
PATIENCE = 60.0
"""Seconds in which a service must become ready."""
ADMIN_VARIABLES = ("TIELINE_POSTGRES_URL", "TIELINE_RABBITMQ_URL")


@dataclass(frozen=True)
class RunningService:
    """A service process as the state file tells of it."""

    name: str
    process: Process
    port: int
    since: datetime

    @property
    def url(self) -> str:
        return base_url(self.port)

    @property
    def is_ready(self) -> bool:
        return answers_ready(self.url)


@dataclass(frozen=True)
class Stack:
    """The services of an instance and the servers below them."""

    servers: Servers
    ports: Mapping[str, int]

    def url(self, service: str) -> str:
        """Where the service answers: `http://127.0.0.1:8001`."""
        return base_url(self.ports[service])

    @property
    def keys(self) -> Path:
        """The folder of the key pair that signs and checks this instance's tokens."""
        return keys_folder(self.servers.instance)


def up(instance: str = "demo", chosen: Sequence[str] = SERVICES, *, detached: bool = True) -> Stack:
    """Have servers and the chosen services answer; what already does is left alone."""
    place = Instance(instance)
    with place.turn():
        ready = servers.start(instance, detached=detached)
        ready.ensure_databases()
        ports = choose_ports(place)
        migrate(ready)
        apply_topology(ready)
        write_development_keys(keys_folder(place))
        try:
            _start_missing(ready, ports, chosen)
        except BaseException:
            # what runs well stays for a look at it; only a stack that nobody keeps is cleared away
            if not detached:
                down(instance)
            raise
        return Stack(ready, ports)


def down(instance: str = "demo") -> None:
    """Stop the services, then the servers."""
    place = Instance(instance)
    with place.turn(), interruption.ignored():
        stop_services(place)
        servers.stop(instance)


@contextmanager
def running(instance: str = "demo") -> Iterator[Stack]:
    """The whole stack for as long as the block lasts; one that `make up` keeps stays afterwards."""
    place = Instance(instance)
    with place.turn(), interruption.ends_the_block():
        stays = servers.is_kept(place)
        try:
            yield up(instance, detached=stays)
        finally:
            if not stays:
                down(instance)


def services(place: Instance) -> dict[str, RunningService]:
    """The services that run now."""
    told = place.state().get("services", {})
    known = {name: _from_state(name, facts) for name, facts in told.items()}
    return {name: service for name, service in known.items() if service.process.is_alive}


def stop_services(place: Instance, chosen: Sequence[str] = SERVICES) -> None:
    """End the chosen services: asked all at once, each given the time to finish its work."""
    living = [service.process for name, service in services(place).items() if name in chosen]
    if set(chosen) == set(SERVICES):
        living = list({*living, *processes.left_behind(place.folder)})
    processes.end_all(living)


def migrate(ready: Servers) -> None:
    """Bring every service's database to the newest schema, as its owner."""
    say("migrating the databases")
    _together(
        {
            service: _command_with(
                ("-m", "shared.migrate", service),
                {"TIELINE_DATABASE_URL": ready.service_database_url(service, "owner")},
            )
            for service in SERVICES
        }
    )


def apply_topology(ready: Servers) -> None:
    """Declare exchanges, queues and bindings, as the administrator."""
    say("declaring exchanges, queues and bindings")
    command = _command_with(("-m", "shared.topology", "apply"), {"TIELINE_AMQP_URL": ready.amqp_url()})
    _together({"topology": command})


def choose_ports(place: Instance) -> dict[str, int]:
    """Each service keeps its usual port, unless someone else listens there."""
    base = first_port(os.environ.get("TIELINE_PORT_BASE"))
    running_now = services(place)
    ports = {}
    for offset, name in enumerate(SERVICES):
        usual = base + offset
        if name in running_now:
            ports[name] = running_now[name].port
        elif is_free(usual):
            ports[name] = usual
        else:
            ports[name] = free_port()
            say(f"port {usual} is taken: {name} listens on {ports[name]} (TIELINE_PORT_BASE moves all five)")
    return ports


def first_port(setting: str | None) -> int:
    """Read TIELINE_PORT_BASE: the port of the first service; the others follow it."""
    if not setting:
        return FIRST_PORT
    if not setting.isdecimal() or not 1024 <= int(setting) <= 65_000:
        raise CannotRun(f"TIELINE_PORT_BASE={setting} is no port between 1024 and 65000.")
    return int(setting)


def service_environment(ready: Servers, service: str, ports: Mapping[str, int]) -> dict[str, str]:
    """Everything a service is told: its own logins and nobody else's, and where the others answer."""
    inherited = {name: value for name, value in os.environ.items() if name not in ADMIN_VARIABLES}
    others = {
        f"TIELINE_{name.upper()}_URL": base_url(port) for name, port in ports.items() if name != service
    }
    return {
        **inherited,
        **others,
        "TIELINE_DATABASE_URL": ready.service_database_url(service),
        "TIELINE_AMQP_URL": ready.amqp_url(service),
        "TIELINE_HOST": "127.0.0.1",
        "TIELINE_PORT": str(ports[service]),
        "TIELINE_JWKS": str(jwks_file(ready.instance)),
        "TIELINE_ISSUER": DEVELOPMENT_ISSUER,
        "TIELINE_LOG_FORMAT": "json",
        "TIELINE_BROKER_USERS": "own" if ready.makes_vhosts else "single",
        # an aborted start must leave its last words in the log
        "PYTHONUNBUFFERED": "1",
    }


def service_command(service: str) -> tuple[str, ...]:
    return sys.executable, "-m", f"services.{service}.main"


def keys_folder(place: Instance) -> Path:
    return place.folder / "keys"


def jwks_file(place: Instance) -> Path:
    return keys_folder(place) / "jwks.json"


def log_file(place: Instance, service: str) -> Path:
    return place.logs / f"{service}.log"


def base_url(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def answers_ready(url: str) -> bool:
    try:
        # never by way of a proxy that the environment names: this is our own machine
        return httpx.get(f"{url}/health/ready", timeout=5, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def start_service(ready: Servers, service: str, ports: Mapping[str, int]) -> RunningService:
    """Start one service in the background; does not wait until it is ready."""
    place = ready.instance
    process = processes.start(
        service_command(service),
        account=accounts.ourselves(),
        folder=CHECKOUT,
        env=service_environment(ready, service, ports),
        log=log_file(place, service),
        mark=place.folder,
    )
    started = RunningService(service, process, ports[service], datetime.now(UTC))
    place.remember(services=place.state().get("services", {}) | {service: _to_state(started)})
    return started


def wait_until_ready(place: Instance, service: RunningService) -> None:
    log = log_file(place, service.name)
    processes.wait_until(lambda: service.is_ready, service.process, log, service.name, PATIENCE)


def _start_missing(ready: Servers, ports: Mapping[str, int], chosen: Sequence[str]) -> None:
    there = services(ready.instance)
    missing = [name for name in chosen if name not in there]
    if missing:
        say(f"starting {', '.join(missing)}")
    begun = [start_service(ready, name, ports) for name in missing]
    for service in begun:
        wait_until_ready(ready.instance, service)


def _together(commands: Mapping[str, tuple[Sequence[str], Mapping[str, str]]]) -> None:
    """Run short programs side by side; the first that fails tells its own words."""
    begun = {
        name: subprocess.Popen(
            command, cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for name, (command, env) in commands.items()
    }
    answers = {name: run.communicate()[0] for name, run in begun.items()}
    for name, run in begun.items():
        if run.returncode:
            words = " ".join(commands[name][0][1:])
            raise CannotRun(f"`python {words}` failed with exit code {run.returncode}:\n{answers[name]}")


def _command_with(
    arguments: Sequence[str], settings: Mapping[str, str]
) -> tuple[Sequence[str], dict[str, str]]:
    inherited = {name: value for name, value in os.environ.items() if name not in ADMIN_VARIABLES}
    return (sys.executable, *arguments), {**inherited, **settings}


def _to_state(service: RunningService) -> dict[str, Any]:
    return {
        "process": asdict(service.process),
        "port": service.port,
        "since": service.since.isoformat(timespec="seconds"),
    }


def _from_state(name: str, facts: Mapping[str, Any]) -> RunningService:
    since = datetime.fromisoformat(facts["since"])
    return RunningService(name, Process(**facts["process"]), facts["port"], since)
