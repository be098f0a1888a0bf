"""Keep the stack running, look at it, work on one service of it."""

import subprocess
import time
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from deploy.local import interruption, servers, stack
from deploy.local.announcing import CannotRun, say
from deploy.local.definitions import SERVICES
from deploy.local.instance import CHECKOUT, Instance, forget_programs
from deploy.local.processes import tail


class ServiceName(StrEnum):
    """The names that the command line accepts: those of `SERVICES`, written out because types must be."""

    ORDERS = "orders"
    INVENTORY = "inventory"
    PURCHASING = "purchasing"
    SHIPPING = "shipping"
    NOTIFICATIONS = "notifications"


InstanceOption = Annotated[str, typer.Option("--instance", help="Which set of servers and services.")]
DEMO = "demo"


def up(
    service: Annotated[list[ServiceName] | None, typer.Option(help="Only this one; may be repeated.")] = None,
    instance: InstanceOption = DEMO,
) -> None:
    """Start servers and services and keep them running."""
    stack.up(instance, service or SERVICES)
    _show(Instance(instance))


def down(instance: InstanceOption = DEMO) -> None:
    """Stop the services and the servers that are ours."""
    stack.down(instance)
    say("stopped")


def status(instance: InstanceOption = DEMO) -> None:
    """What runs, where, since when; fails unless everything is ready."""
    if not _show(Instance(instance)):
        raise typer.Exit(1)


def logs(
    service: Annotated[str | None, typer.Argument(help="A service, postgres or rabbitmq.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as more is written.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last lines.")] = 20,
    instance: InstanceOption = DEMO,
) -> None:
    """Show what the services, or one service or server, have logged."""
    place = Instance(instance)
    names = [service] if service else list(SERVICES)
    files = {name: stack.log_file(place, name) for name in names}
    if not any(file.exists() for file in files.values()):
        raise CannotRun(f"No log of {', '.join(names)} yet; logs begin with: tieline up")
    for name, file in files.items():
        if file.exists():
            _print_lines(name if not service else "", tail(file, lines).splitlines())
    if follow:
        for name, line in _further_lines(files):
            _print_lines(name if not service else "", [line])


def dev(service: ServiceName, instance: InstanceOption = DEMO) -> None:
    """Run one service in front of you and again on each change of its code; the others run behind."""
    kept = stack.up(instance)
    place = kept.servers.instance
    with place.turn():
        stack.stop_services(place, [service])
    say(f"{service} answers at {kept.url(service)} and starts again on each change; Ctrl-C ends this")
    try:
        with interruption.ends_the_block():
            _run_reloading(kept, service)
    finally:
        say(f"{service} goes on in the background; all of it stops with: tieline down")
        stack.up(instance, [service])


def forget(
    instance: Annotated[list[str] | None, typer.Option(help="Which; may be repeated.")] = None,
) -> None:
    """Stop everything and remove what the servers have stored."""
    for name in instance or _instances():
        stack.down(name)
        servers.forget(name)
        say(f"the data of the instance {name} is gone")
    if not instance:
        forget_programs()


def _show(place: Instance) -> bool:
    """Print the table; whether all that should run is ready."""
    table = Table("service", "pid", "address", "ready", "since", box=None, pad_edge=False)
    there = stack.services(place)
    all_ready = True
    for name in SERVICES:
        if not (service := there.get(name)):
            table.add_row(name, "-", "-", "[red]not running", "-")
            all_ready = False
            continue
        ready = service.is_ready
        all_ready &= ready
        words = "[green]yes" if ready else "[red]no"
        since = service.since.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        table.add_row(name, str(service.process.pid), service.url, words, since)
    for server in servers.overview(place):
        words = "[green]yes" if server.answers else "[red]no"
        table.add_row(server.name, server.pid, server.address, words, f"({server.way})")
    Console().print(table)
    return all_ready


def _print_lines(name: str, lines: Iterable[str]) -> None:
    for line in lines:
        typer.echo(f"{name:13} | {line}" if name else line)


def _further_lines(files: dict[str, Path]) -> Iterator[tuple[str, str]]:
    """What is written from now on, for ever; Ctrl-C ends it."""
    read_to = {name: file.stat().st_size if file.exists() else 0 for name, file in files.items()}
    while True:
        for name, file in files.items():
            size = file.stat().st_size if file.exists() else 0
            if size < read_to[name]:
                read_to[name] = 0  # a new log has begun
            if size > read_to[name]:
                with file.open(errors="replace") as text:
                    text.seek(read_to[name])
                    yield from ((name, line) for line in text.read().splitlines())
                    read_to[name] = text.tell()
        time.sleep(0.3)


def _run_reloading(kept: stack.Stack, service: str) -> None:
    from watchfiles import PythonFilter, watch  # a tool of development: not there where services only run

    child = _in_front(kept, service)
    try:
        watched = (CHECKOUT / "shared", CHECKOUT / "services" / service)
        for _ in watch(*watched, watch_filter=PythonFilter(), raise_interrupt=False):
            say(f"changed: {service} starts again")
            _finish(child)
            child = _in_front(kept, service)
    finally:
        _finish(child)


def _in_front(kept: stack.Stack, service: str) -> "subprocess.Popen[bytes]":
    env = stack.service_environment(kept.servers, service, kept.ports)
    return subprocess.Popen(
        stack.service_command(service), cwd=CHECKOUT, env={**env, "TIELINE_LOG_FORMAT": "console"}
    )


def _finish(child: "subprocess.Popen[bytes]") -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout=25)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _instances() -> list[str]:
    return sorted(file.parent.name for file in (CHECKOUT / ".local").glob("*/state.json"))
