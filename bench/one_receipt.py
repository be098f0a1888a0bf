"""2 000 orders wait for one item; one receipt brings it for all of them: until every shipment is committed in shipping."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import asyncpg

from bench import peer
from bench.door import Door
from bench.usage import Meter
from deploy.local.definitions import SERVICES
from deploy.local.stack import Stack

WAITING, BATCH = 2000, 500
PATIENCE, LOOK = 120.0, 0.05
"""Each look costs a database that is measured; twenty a second are exact enough for what takes seconds."""
_BACKLOG = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM parked)"
_SHIPMENTS = "SELECT count(*) FROM shipments WHERE warehouse = $1"
_BOOKS = """
    SELECT count(DISTINCT l.order_id) AS orders, sum(h.qty) AS units FROM shipment_lines l
    JOIN shipments s ON s.id = l.shipment_id JOIN shipment_shares h ON h.shipment_line_id = l.id
    WHERE s.warehouse = $1 AND s.state = 'pending'
"""


class Wrong(Exception):
    """The books do not balance, or what was waited for never came."""


async def measure(running: Stack, doors: dict[str, Door], meter: Meter, say: Callable[[str], None]) -> None:
    """Print the seconds from the receipt to the last shipment, and who worked for it."""
    logins = {s: running.servers.service_database_url(s, "ro", driver="postgresql") for s in SERVICES}
    readers = {service: await asyncpg.connect(url) for service, url in logins.items()}
    try:
        theirs = peer.figure(running.servers.instance.folder, "waiting")
        await _measure(_Queue(doors, readers), meter, theirs, say)
    finally:
        for reader in readers.values():
            await reader.close()


async def _measure(queue: "_Queue", meter: Meter, theirs: peer.Figure, say: Callable[[str], None]) -> None:
    expected = await queue.waits()
    before, began = await meter.read(), time.perf_counter()
    await queue.receives(expected)
    answered = time.perf_counter() - began
    await queue.until(partial(queue.count, "shipping", _SHIPMENTS, queue.place), WAITING)
    took = time.perf_counter() - began
    used = (await meter.read()).since(before)
    await queue.settles()
    settled = time.perf_counter() - began
    ours = {name: seconds for name, seconds in used.cpu.items() if name != "machine" and seconds >= 0.01}
    say(
        f"\n{WAITING:,} waiting orders, one receipt: answered after {answered:.2f} s, every shipment committed after "
        f"{took:.2f} s ({theirs.value / took:.1f}x the peer's {theirs.value:.1f} s, {theirs.source}), invoices and all "
        f"after {settled:.2f} s"
    )
    say(
        f"  CPU s until then ({used.cpu['machine'] / took:.2f} cores in use, {sum(ours.values()) / took:.2f} by us): "
        + ", ".join(
            f"{name} {seconds:.2f}" for name, seconds in sorted(ours.items(), key=lambda one: -one[1])
        )
    )
    say("  transactions " + ", ".join(f"{name} {n:.0f}" for name, n in used.transactions.items()))
    say("  books: " + await queue.check())


class _Queue:
    """The shop of this measurement: one item, one vendor, one customer, and orders that wait."""

    def __init__(self, doors: dict[str, Door], readers: dict[str, Any]) -> None:
        self._doors = doors
        self._readers = readers
        mark = uuid4().hex[:6].upper()
        self.place, self._sku, self._vendor, self._customer = (
            f"{kind}-{mark}" for kind in ("WQ", "SKUQ", "VQ", "CQ")
        )

    async def waits(self) -> Any:
        """Enter the orders; the incoming shipment that will serve them."""
        await self._opens()
        orders = {
            "orders": [
                {"customer": self._customer, "warehouse": self.place, "open": True,
                 "lines": [{"sku": self._sku, "qty": "1"}]}
            ] * BATCH
        }  # fmt: skip
        for _ in range(WAITING // BATCH):
            entered = await self._doors["orders"].post("/v1/sales-orders/batch", orders)
            if entered["refused"]:
                raise Wrong(str(entered["results"][0]))
        line = {"sku": self._sku, "qty": str(WAITING), "cost": "7.50"}
        await self._doors["purchasing"].post(
            "/v1/purchase-orders",
            {"vendor": self._vendor, "warehouse": self.place, "lines": [line], "open": True},
        )
        heard = "SELECT count(*) FROM demand WHERE warehouse = $1 AND need > granted"
        await self.until(partial(self.count, "inventory", heard, self.place), WAITING)
        path = f"/v1/incoming-shipments?warehouse={self.place}&state=expected&wait=20"
        (expected,) = (await self._doors["inventory"].get(path))["data"]
        await self.settles()
        return expected

    async def _opens(self) -> None:
        doors = self._doors
        await doors["inventory"].post(
            "/v1/warehouses", {"code": self.place, "name": "Main", "company": "TL1", "time_zone": "UTC"}
        )
        await doors["purchasing"].post(
            "/v1/vendors", {"code": self._vendor, "name": "Vendor", "currency": "USD"}
        )
        await doors["inventory"].post(
            "/v1/items",
            {"sku": self._sku, "description": "Popular", "kind": "stocked", "unit": "EA", "price": "10", "currency": "USD",
             "sources": [{"warehouse": "*", "vendor": self._vendor}]},
        )  # fmt: skip
        place = {"code": "SHOP", "name": "Shop", "street": "1 Road", "city": "Town", "country": "US"}
        await doors["orders"].post(
            "/v1/customers",
            {"code": self._customer, "name": "Customer", "currency": "USD", "ship_tos": [place]},
        )
        await doors["orders"].get(f"/v1/catalogue-items/{self._sku}?wait=20")
        await self.settles()

    async def receives(self, expected: Any) -> None:
        """The receipt."""
        counted = {"lines": [{"line_no": 1, "qty": str(WAITING)}]}
        await self._doors["inventory"].post(
            f"/v1/incoming-shipments/{expected['id']}/receive", counted, expected["version"]
        )

    async def count(self, service: str, query: str, *words: str) -> int:
        """One figure of a service's database."""
        return int(await self._readers[service].fetchval(query, *words))

    async def until(self, figure: Callable[[], Any], wanted: int) -> None:
        """Look until the figure is as wanted."""
        deadline = time.perf_counter() + PATIENCE
        while (found := await figure()) != wanted:
            if time.perf_counter() > deadline:
                raise Wrong(f"{found} instead of {wanted} after {PATIENCE:.0f} s")
            await asyncio.sleep(LOOK)

    async def settles(self) -> None:
        """Until nothing waits to be told, twice in a row: what is told may have consequences."""
        for _ in range(2):
            for service in SERVICES:
                await self.until(partial(self.count, service, _BACKLOG), 0)
            await asyncio.sleep(0.3)

    async def check(self) -> str:
        """One shipment and one unit for each order."""
        found = dict(await self._readers["shipping"].fetchrow(_BOOKS, self.place))
        found["shipments"] = await self.count("shipping", _SHIPMENTS, self.place)
        if any(figure != WAITING for figure in found.values()):
            raise Wrong(f"of {WAITING}: {found}")
        return f"{WAITING:,} orders with one shipment of one unit each; outboxes and parked empty"
