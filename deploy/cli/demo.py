"""`tieline demo`: the main chain over REST, from a customer's order to shipped goods, with a readable timeline."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console

from deploy.cli.catalogue_import import references, send, show_faults, summary
from deploy.cli.catalogue_rows import Catalogue, read_catalogue
from deploy.cli.client import BaseUrl, Client, InstanceName, Keys, Place, Problem, find_place
from deploy.cli.demo_play import Play, show_trace, timeline
from deploy.local import stack
from deploy.local.announcing import CannotRun

CATALOGUE = Path(__file__).parent.parent / "demo"
CUSTOMER, WAREHOUSE, SPECIAL, STOCKED = "C1001", "MAIN", "RCPT-PIN-100A", "EMT-CONN-SS-050"
ORDERED, BESIDE = 3, 20
PATIENCE = 30.0
Document: TypeAlias = dict[str, Any]
"""What a service answers."""


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
        missing = await timeline(play)
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
    stocked_before = await _on_hand(play.client, STOCKED)
    order = await _ordered(play)
    po = await _bought(play, order)
    await _received(play, po)
    outgoing = await _prepared(play, order)
    await _inspected(play, order)
    await _shipped(play, outgoing)
    await _closed(play, order)
    fell = stocked_before - await _on_hand(play.client, STOCKED)
    if fell != BESIDE:
        raise CannotRun(f"{STOCKED} fell by {fell}, not by {BESIDE}")
    await show_trace(play, order)


async def _ordered(play: Play) -> Document:
    order: Document = await play.client.post("orders", "/v1/sales-orders", {
        "customer": CUSTOMER, "warehouse": WAREHOUSE, "open": True,
        "lines": [{"sku": SPECIAL, "qty": str(ORDERED)}, {"sku": STOCKED, "qty": str(BESIDE)}],
    })  # fmt: skip
    play.subjects.add(order["id"])
    play.did(
        "customer", f"orders {ORDERED} {SPECIAL} (special order) and {BESIDE} {STOCKED}: {order['number']}"
    )
    return order


async def _bought(play: Play, order: Document) -> Document:
    found = await _first(
        play, "purchasing", "/v1/purchase-orders", "the purchase order", order_id=order["id"]
    )
    po: Document = await play.client.get("purchasing", f"/v1/purchase-orders/{found['id']}")
    play.subjects.add(po["id"])
    play.did("Tieline", f"bought it: {po['number']} at {po['vendor']}, tied to {order['number']} line 1")
    return po


async def _received(play: Play, po: Document) -> None:
    expected = await _first(
        play, "inventory", "/v1/incoming-shipments", "the incoming shipment", po_id=po["id"], state="expected"
    )
    shipment = await play.client.get("inventory", f"/v1/incoming-shipments/{expected['id']}")
    play.received_at = datetime.now(UTC)
    receipt = await play.client.act(
        "inventory", f"/v1/incoming-shipments/{shipment['id']}/receive", shipment["version"],
        {"lines": [{"po_line_id": line["po_line_id"], "qty": line["expected"]} for line in shipment["lines"]]},
    )  # fmt: skip
    play.subjects.add(shipment["id"])
    arrived = ", ".join(f"{one['qty']} for {one['order_number']}" for one in receipt["arrived"])
    play.did("receiver", f"counts {po['number']} in: {shipment['number']}; arrived: {arrived}")


async def _prepared(play: Play, order: Document) -> Document:
    """What Tieline makes of a receipt by itself: notice, shipment, draft invoice; the shipment comes back."""
    notice = await _first(
        play, "notifications", "/v1/notices", "the inspection notice", order_id=order["id"], kind="inspection"
    )
    play.subjects.add(notice["id"])
    play.did("Tieline", f"raised the notice {notice['number']}: {notice['title']}")
    outgoing = await _awaited(
        play, lambda: _whole_shipment(play.client, order["id"]), "the outgoing shipment"
    )
    play.subjects.add(outgoing["id"])
    play.did("Tieline", f"made the shipment {outgoing['number']} for both lines")
    draft = await _awaited(play, lambda: _whole_draft(play.client, order["id"]), "the draft invoice")
    play.did("Tieline", f"drafted the invoice: {draft['total']} {draft['currency']}")
    return outgoing


async def _inspected(play: Play, order: Document) -> None:
    inspection = await _first(
        play, "inventory", "/v1/inspections", "the inspection", order_id=order["id"], state="open"
    )
    path = f"/v1/inspections/{inspection['id']}/complete"
    await play.client.act("inventory", path, inspection["version"], {"passed": str(ORDERED), "failed": "0"})
    play.subjects.add(inspection["id"])
    play.did("inspector", f"passes {ORDERED} {SPECIAL}")


async def _shipped(play: Play, outgoing: Document) -> None:
    ready = await _awaited(
        play, lambda: _can_be_picked(play.client, outgoing["id"]), "the shipment may be picked"
    )
    path = f"/v1/shipments/{outgoing['id']}/ship"
    left = await play.client.act("shipping", path, ready["version"], {"lines": []})
    play.did("shipper", f"ships {left['number']}")


async def _closed(play: Play, order: Document) -> None:
    final = await _first(
        play, "orders", "/v1/invoices", "the final invoice", order_id=order["id"], state="final"
    )
    play.did("Tieline", f"made the invoice final: {final['number']}, {final['total']} {final['currency']}")
    filled = await _awaited(play, lambda: _filled(play.client, order["id"]), "the order is filled")
    play.did("Tieline", f"closed the loop: {filled['number']} is filled")


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
