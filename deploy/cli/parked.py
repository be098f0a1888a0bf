"""`tieline parked`: look at what could not be carried out, mend it, have it tried again, or give it up."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID

import click
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deploy.cli.client import BaseUrl, Client, InstanceName, Keys, Problem, find_place
from deploy.cli.instants import Since
from deploy.cli.running import ServiceName
from deploy.local.announcing import CannotRun
from deploy.local.definitions import SERVICES

R = TypeVar("R")


class State(StrEnum):
    """What may become of a parked event."""

    RETRY = "retry"
    DEAD = "dead"
    DONE = "done"
    DISCARDED = "discarded"


Services = Annotated[
    list[ServiceName] | None, typer.Option("--service", help="Whose; may be repeated. Default: all.")
]
Type = Annotated[str | None, typer.Option(help="The fact's type, such as inventory.goods.received.v1.")]
Error = Annotated[str | None, typer.Option(help="The error code, as `list` shows it.")]
InState = Annotated[State | None, typer.Option(help="Default: dead ones.")]
EventId = Annotated[UUID, typer.Argument(help="The event's id, as `list` shows it.")]
PerhapsEventId = Annotated[
    UUID | None, typer.Argument(help="One event; without it, all that the options choose.")
]
Reason = Annotated[str, typer.Option(help="Why; stands in the record log.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say which they are.")]

parked = typer.Typer(
    name="parked",
    help="Events that could not be carried out: retried by themselves, or dead until somebody acts.",
    no_args_is_help=True,
    add_completion=False,
)


@dataclass(frozen=True)
class Filter:
    """Which parked events are meant."""

    state: State | None = None
    type: str | None = None
    error: str | None = None
    since: datetime | None = None

    @property
    def wire(self) -> dict[str, str]:
        """As REST takes it."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        return {name: v.isoformat() if isinstance(v, datetime) else str(v) for name, v in said.items()}


@parked.command("list")
def list_parked(
    service: Services = None, type: Type = None, error: Error = None, since: Since = None, state: InState = None,  # noqa: A002  # the option's name
    base_url: BaseUrl = None, keys: Keys = None, instance: InstanceName = "demo",
) -> None:  # fmt: skip
    """List parked events, newest first; without --state all but those that are done."""
    chosen = Filter(state, type, error, since)

    async def rows(client: Client) -> list[tuple[str, dict[str, Any]]]:
        return [
            (name, row)
            for name in service or SERVICES
            async for row in client.every(name, f"/v1/ops/{name}/parked", **chosen.wire)
            if state is not None or row["state"] != State.DONE
        ]

    found = _at(base_url, keys, instance, rows)
    console = Console()
    if not console.is_terminal:
        console = Console(width=250)  # for grep and for pagers: a row is a line
    table = Table(box=None, pad_edge=False)
    for column in ("service", "event", "type", "subject", "state", "tries", "next"):
        table.add_column(column, no_wrap=True, min_width=36 if column == "event" else None)
    table.add_column("error", overflow="fold")
    for name, row in found:
        table.add_row(
            name, row["event_id"], row["type"] or "?", row["subject"] or "?", row["state"], str(row["attempts"]),
            row["next_at"] or "", escape(f"{row['error_code']}: {(row['last_error'] or '')[:80]}"),
        )  # fmt: skip
    console.print(table if found else "Nothing is parked.", markup=False)


@parked.command()
def show(
    event_id: EventId, service: Services = None,
    base_url: BaseUrl = None, keys: Keys = None, instance: InstanceName = "demo",
) -> None:  # fmt: skip
    """Show one: its body, the error, what came if it cannot be read, and what operators did with it."""

    async def found(client: Client) -> dict[str, Any]:
        return (await _find(client, event_id, service))[1]

    typer.echo(json.dumps(_at(base_url, keys, instance, found), indent=2, ensure_ascii=False))


@parked.command()
def edit(
    event_id: EventId, reason: Reason, service: Services = None,
    file: Annotated[Path | None, typer.Option(help="The whole event as JSON; default: your $EDITOR opens it.")] = None,
    then_replay: Annotated[bool, typer.Option("--replay", help="Have it tried at once.")] = False,
    base_url: BaseUrl = None, keys: Keys = None, instance: InstanceName = "demo",
) -> None:  # fmt: skip
    """Put an event right; it is checked against its contract, and its first form is kept."""

    async def mend(client: Client) -> str:
        name, found = await _find(client, event_id, service)
        event = _read(file.read_text(encoding="utf-8") if file else _edited(found))
        path = f"/v1/ops/{name}/parked/{event_id}"
        await client.patch(name, path, found["version"], {"event": event, "reason": reason})
        if then_replay:
            await client.post(name, f"{path}/replay")
        return name

    name = _at(base_url, keys, instance, mend)
    typer.echo(f"{event_id} in {name} was edited" + ("; it will be tried at once" if then_replay else ""))


@parked.command()
def replay(
    event_id: PerhapsEventId = None, service: Services = None, type: Type = None, error: Error = None,  # noqa: A002  # the option's name
    since: Since = None, state: InState = None, dry_run: DryRun = False,
    base_url: BaseUrl = None, keys: Keys = None, instance: InstanceName = "demo",
) -> None:  # fmt: skip
    """Have parked events tried at once. An event keeps its id, so replaying it twice is harmless."""
    chosen = _chosen(event_id, service, Filter(state, type, error, since))
    _tell(
        "replayed",
        _at(base_url, keys, instance, lambda c: _act(c, "replay", event_id, service, chosen, dry_run)),
        dry_run,
    )


@parked.command()
def discard(
    reason: Reason, event_id: PerhapsEventId = None, service: Services = None, type: Type = None,  # noqa: A002  # the option's name
    error: Error = None, since: Since = None, state: InState = None, dry_run: DryRun = False,
    base_url: BaseUrl = None, keys: Keys = None, instance: InstanceName = "demo",
) -> None:  # fmt: skip
    """Give parked events up for good; should one come again it is dropped. `replay` takes one back."""
    chosen = {**_chosen(event_id, service, Filter(state, type, error, since)), "reason": reason}
    _tell(
        "discarded",
        _at(base_url, keys, instance, lambda c: _act(c, "discard", event_id, service, chosen, dry_run)),
        dry_run,
    )


def _at(base_url: str | None, keys: Path | None, instance: str, do: Callable[[Client], Awaitable[R]]) -> R:
    place = find_place(instance, base_url, keys, subject="operator")

    async def done() -> R:
        async with Client(place) as client:
            return await do(client)

    try:
        return asyncio.run(done())
    except Problem as problem:
        raise CannotRun(str(problem)) from problem


async def _find(client: Client, event_id: UUID, service: Sequence[str] | None) -> tuple[str, dict[str, Any]]:
    for name in service or SERVICES:
        try:
            return name, await client.get(name, f"/v1/ops/{name}/parked/{event_id}")
        except Problem as problem:
            if problem.document.get("status") != 404:
                raise
    raise CannotRun(f"{event_id} is parked nowhere; `tieline parked list` says what is.")


async def _act(
    client: Client, verb: str, event_id: UUID | None, service: Sequence[str] | None, chosen: dict[str, str],
    dry_run: bool,
) -> dict[str, list[str]]:  # fmt: skip
    """Service: the ids of the events that the command changed, or would change."""
    if event_id is not None:
        name, _ = await _find(client, event_id, service)
        if not dry_run:
            body = {"reason": chosen["reason"]} if "reason" in chosen else {}
            await client.post(name, f"/v1/ops/{name}/parked/{event_id}/{verb}", body)
        return {name: [str(event_id)]}
    found: dict[str, list[str]] = {}
    for name in service or SERVICES:
        found[name] = []
        while True:
            answer = await client.post(name, f"/v1/ops/{name}/parked/{verb}", {**chosen, "dry_run": dry_run})
            fresh = [event_id for event_id in answer["event_ids"] if event_id not in found[name]]
            found[name] += fresh
            # a replayed event may have failed again by now: once is what was asked for
            if dry_run or not fresh:
                break
    return found


def _chosen(event_id: UUID | None, service: Sequence[str] | None, chosen: Filter) -> dict[str, str]:
    if event_id is None and not service and not chosen.wire:
        raise CannotRun(
            "Say which: an event's id, or at least one of --service --type --error --since --state."
        )
    return chosen.wire


def _tell(done: str, found: dict[str, list[str]], dry_run: bool) -> None:
    for service, ids in found.items():
        for event_id in ids:
            typer.echo(f"{service} {event_id}")
    count = sum(len(ids) for ids in found.values())
    typer.echo(f"{count} would be {done}" if dry_run else f"{count} {done}")


def _edited(found: dict[str, Any]) -> str:
    before = json.dumps(found["event"] or _first_of(found["raw"]), indent=2, ensure_ascii=False)
    after = click.edit(before, extension=".json")
    if after is None or after == before:
        raise CannotRun("Nothing was changed.")
    return after


def _first_of(raw: str | None) -> Any:
    """What came, as far as it is JSON: a message holds a list of events, an event stands alone."""
    try:
        read = json.loads(raw or "")
    except ValueError:
        return {"what_came": raw}
    return read[0] if isinstance(read, list) and read else read


def _read(words: str) -> dict[str, Any]:
    try:
        event = json.loads(words)
    except ValueError as problem:
        raise CannotRun(f"That is no JSON: {problem}") from None
    if not isinstance(event, dict):
        raise CannotRun("An event is a JSON object.")
    return event
