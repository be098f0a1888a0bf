"""What is shown of `tieline demo`: what people did, which facts followed, and how a line is traced."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.cli.client import Client
from deploy.local.definitions import SERVICES

STORY = {
    "orders.sales-order.opened.v1", "inventory.stock.allotted.v1", "purchasing.purchase-order.opened.v1",
    "inventory.goods.received.v1", "orders.lines.released.v1", "notifications.notice.raised.v1",
    "shipping.shipment.created.v1", "inventory.inspection.completed.v1", "shipping.shipment.shipped.v1",
    "orders.sales-order.filled.v1",
}  # fmt: skip
"""The facts of the main chain; each must have been told for the demo to succeed."""


@dataclass
class Moment:
    """Something that happened: a person's deed or a fact that was told."""

    at: datetime
    who: str
    what: str
    is_fact: bool


@dataclass
class Play:
    """The demo as it goes: what people did, and what was made of it."""

    client: Client
    console: Console
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    received_at: datetime | None = None
    moments: list[Moment] = field(default_factory=list)
    subjects: set[str] = field(default_factory=set)

    def did(self, who: str, what: str) -> None:
        """A person did something."""
        self.moments.append(Moment(datetime.now(UTC), who, what, is_fact=False))
        self.console.print(f"  [bold]{who:<12}[/] {what}", highlight=False)


async def show_trace(play: Play, order: dict[str, Any]) -> None:
    """Print line 1 of the order, from what was wanted to what was invoiced."""
    trace = await play.client.get("orders", f"/v1/sales-orders/{order['id']}/lines/1/trace")
    sums = "; ".join(_hop(hop) for hop in trace["sums"])
    play.console.print(f"\n[bold]Line 1 traced[/] from order to invoice: {sums}", highlight=False)


def _hop(hop: dict[str, Any]) -> str:
    parts = " + ".join(f"{name.replace('_', ' ')} {qty}" for name, qty in hop["parts"].items())
    return f"{hop['whole'].replace('_', ' ')} {hop['qty']} = {parts}"


async def timeline(play: Play) -> set[str]:
    """Print who did what and which fact followed, in time; the facts of the story that were never told come back."""
    told: set[str] = set()
    for service in SERVICES:
        told |= await _facts_of(play, service)
    table = Table(
        "time",
        "after receipt",
        "who",
        "what",
        title="Timeline",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for moment in sorted(play.moments, key=lambda m: m.at):
        table.add_row(moment.at.strftime("%H:%M:%S.%f")[:-3], _after(moment.at, play.received_at),
                      f"[cyan]{moment.who}[/]" if moment.is_fact else f"[bold]{moment.who}[/]", moment.what)  # fmt: skip
    play.console.print()
    play.console.print(table)
    return STORY - told


async def _facts_of(play: Play, service: str) -> set[str]:
    told: set[str] = set()
    cursor: str | None = None
    while True:
        page = await play.client.get(
            service, f"/v1/ops/{service}/events", since=play.began.isoformat(), limit=200, cursor=cursor
        )
        for event in page["data"]:
            if any(subject in str(event) for subject in play.subjects):
                told.add(event["type"])
                play.moments.append(
                    Moment(
                        datetime.fromisoformat(event["at"]), service, f"tells {event['type']}", is_fact=True
                    )
                )
        cursor = page["next_cursor"]
        if cursor is None:
            return told


def _after(at: datetime, receipt: datetime | None) -> str:
    if receipt is None or at < receipt:
        return ""
    return f"+{(at - receipt).total_seconds() * 1000:.0f} ms"
