"""`tieline demo`: the main chain over REST, from a customer's order to shipped goods, with a readable timeline."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.cli.catalogue_import import references, send, show_faults, summary
from deploy.cli.catalogue_rows import Catalogue, read_catalogue
from deploy.cli.client import BaseUrl, Client, InstanceName, Keys, Place, Problem, find_place
from deploy.local import stack
from deploy.local.announcing import CannotRun
from deploy.local.definitions import SERVICES

CATALOGUE = Path(__file__).parent.parent / "demo"
CUSTOMER, WAREHOUSE, SPECIAL, STOCKED = "C1001", "MAIN", "RCPT-PIN-100A", "EMT-CONN-SS-050"
ORDERED, BESIDE = 3, 20
PATIENCE = 30.0
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


def demo(base_url: BaseUrl = None, keys: Keys = None, instance: InstanceName = "demo") -> None:
    """Play the main chain through the five services; fails if any step is missing."""
    console = Console()
    running = nullcontext() if base_url else stack.running(instance)
    with running:
        place = find_place(instance, base_url, keys, subject="demo")
        asyncio.run(_play(place, console))


async def _play(place: Place, console: Console) -> None:
    catalogue = read_catalogue(CATALOGUE)
    async with Client(place) as client:
        await _import(client, catalogue, console)
        play = Play(client, console)
        console.print("\n[bold]The main chain[/]")
        try:
            await _chain(play)
        except Problem as problem:
            raise CannotRun(f"the demo stopped: {problem}") from problem
        missing = await _timeline(play)
    if missing:
        raise CannotRun(f"the demo is incomplete; never told: {', '.join(sorted(missing))}")
    console.print("\n[bold green]The main chain is complete.[/] Every step was seen: order, purchase, receipt, notice, "
                  "shipment, invoice, inspection, departure.")  # fmt: skip


async def _import(client: Client, catalogue: Catalogue, console: Console) -> None:
    faults = [*catalogue.faults, *references(catalogue)]
    report = None if faults else await send(client, catalogue, console)
    if report:
        console.print(summary(report))
        faults = report.faults
    if faults:
        show_faults(console, faults)
        raise CannotRun(f"the demo's catalogue could not be imported: {len(faults)} faults")


async def _chain(play: Play) -> None:
    client = play.client
    stocked_before = await _on_hand(client, STOCKED)
    order = await client.post("orders", "/v1/sales-orders", {
        "customer": CUSTOMER, "warehouse": WAREHOUSE, "open": True,
        "lines": [{"sku": SPECIAL, "qty": str(ORDERED)}, {"sku": STOCKED, "qty": str(BESIDE)}],
    })  # fmt: skip
    play.subjects.add(order["id"])
    play.did(
        "customer", f"orders {ORDERED} {SPECIAL} (special order) and {BESIDE} {STOCKED}: {order['number']}"
    )

    po = await _first(play, "purchasing", "/v1/purchase-orders", "the purchase order", order_id=order["id"])
    po = await client.get("purchasing", f"/v1/purchase-orders/{po['id']}")
    play.subjects.add(po["id"])
    play.did("Tieline", f"bought it: {po['number']} at {po['vendor']}, tied to {order['number']} line 1")

    expected = await _first(
        play, "inventory", "/v1/incoming-shipments", "the incoming shipment", po_id=po["id"], state="expected"
    )
    shipment = await client.get("inventory", f"/v1/incoming-shipments/{expected['id']}")
    play.received_at = datetime.now(UTC)
    receipt = await client.act(
        "inventory", f"/v1/incoming-shipments/{shipment['id']}/receive", shipment["version"],
        {"lines": [{"po_line_id": line["po_line_id"], "qty": line["expected"]} for line in shipment["lines"]]},
    )  # fmt: skip
    play.subjects.add(shipment["id"])
    arrived = ", ".join(f"{one['qty']} for {one['order_number']}" for one in receipt["arrived"])
    play.did("receiver", f"counts {po['number']} in: {shipment['number']}; arrived: {arrived}")

    notice = await _first(
        play, "notifications", "/v1/notices", "the inspection notice", order_id=order["id"], kind="inspection"
    )
    play.subjects.add(notice["id"])
    play.did("Tieline", f"raised the notice {notice['number']}: {notice['title']}")
    outgoing = await _awaited(play, lambda: _whole_shipment(client, order["id"]), "the outgoing shipment")
    play.subjects.add(outgoing["id"])
    play.did("Tieline", f"made the shipment {outgoing['number']} for both lines")
    draft = await _awaited(play, lambda: _whole_draft(client, order["id"]), "the draft invoice")
    play.did("Tieline", f"drafted the invoice: {draft['total']} {draft['currency']}")

    inspection = await _first(
        play, "inventory", "/v1/inspections", "the inspection", order_id=order["id"], state="open"
    )
    await client.act("inventory", f"/v1/inspections/{inspection['id']}/complete", inspection["version"],
                     {"passed": str(ORDERED), "failed": "0"})  # fmt: skip
    play.subjects.add(inspection["id"])
    play.did("inspector", f"passes {ORDERED} {SPECIAL}")

    ready = await _awaited(play, lambda: _can_be_picked(client, outgoing["id"]), "the shipment may be picked")
    left = await client.act(
        "shipping", f"/v1/shipments/{outgoing['id']}/ship", ready["version"], {"lines": []}
    )
    play.did("shipper", f"ships {left['number']}")

    final = await _first(
        play, "orders", "/v1/invoices", "the final invoice", order_id=order["id"], state="final"
    )
    play.did("Tieline", f"made the invoice final: {final['number']}, {final['total']} {final['currency']}")
    filled = await _awaited(play, lambda: _filled(client, order["id"]), "the order is filled")
    play.did("Tieline", f"closed the loop: {filled['number']} is filled")
    stocked_after = await _on_hand(client, STOCKED)
    if stocked_before - stocked_after != BESIDE:
        raise CannotRun(f"{STOCKED} fell by {stocked_before - stocked_after}, not by {BESIDE}")
    await _show_trace(play, order)


async def _on_hand(client: Client, sku: str) -> Decimal:
    rows = (await client.get("inventory", "/v1/stock", sku=sku, warehouse=WAREHOUSE))["data"]
    return Decimal(rows[0]["on_hand"])


async def _whole_shipment(client: Client, order: str) -> dict[str, Any] | None:
    for row in (await client.get("shipping", "/v1/shipments", order_id=order, state="pending"))["data"]:
        shipment: dict[str, Any] = await client.get("shipping", f"/v1/shipments/{row['id']}")
        if sum(Decimal(line["qty"]) for line in shipment["lines"]) == ORDERED + BESIDE:
            return shipment
    return None


async def _whole_draft(client: Client, order: str) -> dict[str, Any] | None:
    for row in (await client.get("orders", "/v1/invoices", order_id=order, state="draft"))["data"]:
        invoice: dict[str, Any] = await client.get("orders", f"/v1/invoices/{row['id']}")
        if len(invoice["lines"]) == 2:
            return invoice
    return None


async def _can_be_picked(client: Client, shipment_id: str) -> dict[str, Any] | None:
    shipment: dict[str, Any] = await client.get("shipping", f"/v1/shipments/{shipment_id}")
    return shipment if all(Decimal(line["uninspected"]) == 0 for line in shipment["lines"]) else None


async def _filled(client: Client, order: str) -> dict[str, Any] | None:
    found: dict[str, Any] = await client.get("orders", f"/v1/sales-orders/{order}")
    return found if found["state"] == "filled" else None


async def _first(play: Play, service: str, path: str, what: str, **filters: Any) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        rows = (await play.client.get(service, path, wait=5, **filters))["data"]
        return rows[0] if rows else None

    return await _awaited(play, look, what)


async def _awaited(
    play: Play, look: Callable[[], Awaitable[dict[str, Any] | None]], what: str
) -> dict[str, Any]:
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while (found := await look()) is None:
        if asyncio.get_running_loop().time() > deadline:
            raise CannotRun(f"the demo stopped: {what} never came; look at: tieline logs")
        await asyncio.sleep(0.02)
    return found


async def _show_trace(play: Play, order: dict[str, Any]) -> None:
    trace = await play.client.get("orders", f"/v1/sales-orders/{order['id']}/lines/1/trace")
    sums = "; ".join(_hop(hop) for hop in trace["sums"])
    play.console.print(f"\n[bold]Line 1 traced[/] from order to invoice: {sums}", highlight=False)


def _hop(hop: dict[str, Any]) -> str:
    parts = " + ".join(f"{name.replace('_', ' ')} {qty}" for name, qty in hop["parts"].items())
    return f"{hop['whole'].replace('_', ' ')} {hop['qty']} = {parts}"


async def _timeline(play: Play) -> set[str]:
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
