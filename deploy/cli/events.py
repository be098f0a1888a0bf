"""`tieline events replay`: tell one consumer again what was told, from the producers' event logs.

The events go to that consumer's queue alone, through the broker's default exchange, as the broker's administrator,
whom consumers accept as a replayer. They keep their ids: what the consumer has carried out already it drops.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

import aio_pika
import orjson
import typer
from aio_pika.exceptions import AMQPError, DeliveryError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from deploy.cli.client import BaseUrl, Client, InstanceName, Keys, Problem, find_place
from deploy.cli.instants import instant
from deploy.cli.running import ServiceName
from deploy.local import servers
from deploy.local.announcing import CannotRun
from deploy.local.instance import Instance
from deploy.topology import subscriptions
from shared import amqp
from shared.broker import BATCH_TYPE
from shared.outbox import MOST_EVENTS_A_MESSAGE, Row, batches

PUBLISH_TIMEOUT = 10.0
events = typer.Typer(name="events", no_args_is_help=True, add_completion=False)


@events.callback()
def about() -> None:
    """What was told, told again."""


@dataclass(frozen=True)
class Wanted:
    """Which events are told again, and to whom."""

    consumer: str
    since: datetime
    until: datetime
    types: list[str]
    rate: float
    """Events a second, at most."""


@events.command()
def replay(
    consumer: Annotated[ServiceName, typer.Option(help="The service that hears them again; nobody else does.")],
    since: Annotated[
        datetime, typer.Option("--from", parser=instant, metavar="INSTANT", help="Told from then on; `6h`: ago.")
    ],
    until: Annotated[
        datetime | None, typer.Option("--to", parser=instant, metavar="INSTANT", help="Told before; default: now.")
    ] = None,
    type: Annotated[  # noqa: A002  # the option's name
        list[str] | None, typer.Option(help="A fact's type; may be repeated. Default: all that it hears.")
    ] = None,
    rate: Annotated[float, typer.Option(min=1, help="Events a second, at most.")] = 500,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count them.")] = False,
    amqp_url: Annotated[
        str | None,
        typer.Option(envvar="TIELINE_ADMIN_AMQP_URL", help="The broker as its administrator; default: the instance's."),
    ] = None,
    base_url: BaseUrl = None, keys: Keys = None, instance: InstanceName = "demo",
) -> None:  # fmt: skip
    """Tell one consumer again what was told. Harmless twice: it drops what it has carried out."""
    wanted = Wanted(consumer, since, until or datetime.now(UTC), _heard(consumer, type), rate)
    place = find_place(instance, base_url, keys, subject="operator")
    admin = None if dry_run else amqp_url or _administrator(instance, base_url)
    with _progress() as bar:
        task = bar.add_task(f"to {consumer}", total=len(wanted.types), events=0)

        def advance(count: int, share: float) -> None:
            bar.update(task, completed=share, events=count)

        async def told() -> Counter[str]:
            async with Client(place) as client:
                return await tell_again(client, admin, wanted, advance)

        try:
            counts = asyncio.run(told())
        except Problem as problem:
            raise CannotRun(str(problem)) from problem
    for kind, count in sorted(counts.items()):
        typer.echo(f"{count:>8} {kind}")
    typer.echo(f"{counts.total():>8} {'would be told' if dry_run else 'told'} to {consumer} again")


async def tell_again(
    client: Client, admin: str | None, wanted: Wanted, advance: Callable[[int, float], None]
) -> Counter[str]:
    """Publish the wanted events (without `admin`: only count them); how many of each type there were."""
    counts: Counter[str] = Counter()
    if admin is None:
        async for kind, page, share in _pages(client, wanted):
            counts[kind] += len(page)
            advance(counts.total(), share)
        return counts
    try:
        async with await amqp.connect(admin, PUBLISH_TIMEOUT) as connection:
            channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
            began = time.monotonic()
            async for kind, page, share in _pages(client, wanted):
                await _publish(channel.default_exchange, wanted.consumer, _user(admin), page)
                counts[kind] += len(page)
                advance(counts.total(), share)
                await asyncio.sleep(max(0.0, began + counts.total() / wanted.rate - time.monotonic()))
    except DeliveryError as nowhere:
        raise CannotRun(
            f"There is no queue {wanted.consumer}.inbox; has that service been started?"
        ) from nowhere
    except (AMQPError, OSError, TimeoutError) as lost:
        raise CannotRun(
            f"The broker was lost after {counts.total()} events ({type(lost).__name__}); the same command again is harmless."
        ) from lost
    return counts


async def _publish(
    exchange: aio_pika.abc.AbstractExchange, consumer: str, user: str, page: list[dict[str, Any]]
) -> None:
    rows = [Row(n, event["type"], orjson.dumps(event).decode()) for n, event in enumerate(page)]
    for batch in batches(rows):
        message = aio_pika.Message(
            batch.body, content_type=BATCH_TYPE, delivery_mode=aio_pika.DeliveryMode.PERSISTENT, user_id=user
        )
        await exchange.publish(message, f"{consumer}.inbox", mandatory=True, timeout=PUBLISH_TIMEOUT)


async def _pages(client: Client, wanted: Wanted) -> AsyncIterator[tuple[str, list[dict[str, Any]], float]]:
    """(type, up to 50 events in the order they were told, how many types' worth has been read) until all is read."""
    span = max((wanted.until - wanted.since).total_seconds(), 1.0)
    for done, kind in enumerate(wanted.types):
        producer = kind.split(".", 1)[0]
        path = f"/v1/ops/{producer}/events"
        bounds = {"since": wanted.since.isoformat(), "until": wanted.until.isoformat()}
        page: list[dict[str, Any]] = []
        async for row in client.every(producer, path, type=kind, **bounds):
            page.append(envelope(producer, row))
            if len(page) == MOST_EVENTS_A_MESSAGE:
                age = (datetime.fromisoformat(row["at"]) - wanted.since).total_seconds()
                yield kind, page, done + age / span
                page = []
        yield kind, page, done + 1.0


def envelope(producer: str, row: dict[str, Any]) -> dict[str, Any]:
    """The CloudEvent of a row of the event log, as it was told."""
    event = {
        "specversion": "1.0", "id": row["event_id"], "type": row["type"], "source": f"/tieline/{producer}",
        "subject": row["subject"], "time": row["at"], "datacontenttype": "application/json",
        "correlationid": row["correlation"], "causationid": row["cause"], "actor": row["actor"],
    }  # fmt: skip
    return {
        **event,
        **({"traceparent": row["traceparent"]} if row["traceparent"] else {}),
        "data": row["data"],
    }


def _heard(consumer: str, types: Iterable[str] | None) -> list[str]:
    heard = subscriptions()[consumer]
    if strange := sorted(set(types or ()) - set(heard)):
        raise CannotRun(f"{consumer} does not hear {', '.join(strange)}; it hears {', '.join(heard)}.")
    return sorted(set(types or heard))


def _administrator(instance: str, base_url: str | None) -> str:
    if base_url:
        raise CannotRun("Behind a gateway say where the broker is: --amqp-url, its administrator's login.")
    return servers.attach(Instance(instance).state_file).amqp_url()


def _user(url: str) -> str:
    return unquote(urlsplit(url).username or "guest")


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[events]} events"))
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
