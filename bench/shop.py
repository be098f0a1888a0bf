"""The trade that is measured: a catalogue, customers, and people who order, receive, inspect and ship over REST."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bench.door import Door

QTY = "2"
PACE = 0.06
"""Seconds between two looks at a worklist; a person's screen would be slower."""
PATIENCE = 60.0
MOST_ROWS = 200
MOST_ROUNDS = 200


@dataclass(frozen=True)
class Lane:
    """A vendor, its item and a customer of its own: purchase orders and shipments of two lanes never mix."""

    vendor: str
    sku: str
    customer: str


@dataclass
class Times:
    """Seconds from an answered receipt until a reader of the other service sees what it brought."""

    shipment: list[float] = field(default_factory=list)
    notice: list[float] = field(default_factory=list)
    chain: list[float] = field(default_factory=list)


Enough = Callable[[Any], bool]


def is_there(row: Any) -> bool:
    """Any row will do."""
    return bool(row)


def is_inspected(row: Any) -> bool:
    """The shipment may be picked."""
    return not row["waits_for_inspection"]


class Worklist:
    """One screen of a desk: polled for all who wait, so that a chain costs no polls of its own."""

    def __init__(self, door: Door, path: str, key: str) -> None:
        self._door = door
        self._path = path
        self._key = key
        self._waiting: dict[str, tuple[asyncio.Future[Any], Enough]] = {}
        self._some = asyncio.Event()

    async def row(self, key: str, is_enough: Enough) -> Any:
        """The row of this key once it is there and enough for what is to be done."""
        found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[key] = found, is_enough
        self._some.set()
        async with asyncio.timeout(PATIENCE):
            return await found

    async def work(self) -> None:
        """Look again and again while somebody waits."""
        while True:
            await self._some.wait()
            began = time.perf_counter()
            for row in (await self._door.get(self._path))["data"]:
                waiting, is_enough = self._waiting.get(row[self._key], (None, is_there))
                if waiting is not None and is_enough(row):
                    del self._waiting[row[self._key]]
                    if not waiting.done():
                        waiting.set_result(row)
            if not self._waiting:
                self._some.clear()
            await asyncio.sleep(max(0.0, PACE - (time.perf_counter() - began)))


class Shop:
    """Whole chains, singly and in bulk."""

    def __init__(self, doors: Mapping[str, Door]) -> None:
        self.doors = doors
        self.mark = uuid4().hex[:6].upper()
        self.warehouse = f"WH-{self.mark}"
        self.times = Times()
        self.finished = 0
        shipping, inventory = doors["shipping"], doors["inventory"]
        pending = f"/v1/shipments?state=pending&warehouse={self.warehouse}&sort=created_at&limit={MOST_ROWS}"
        expected = f"/v1/incoming-shipments?state=expected&warehouse={self.warehouse}&sort=created_at&limit={MOST_ROWS}"
        self._dock = Worklist(inventory, expected, "vendor")
        self._shelf = Worklist(shipping, pending, "order_id")
        self._desks: list[asyncio.Task[None]] = []

    # --- the catalogue ------------------------------------------------------------------------------------------------

    async def opens(self, lanes: int) -> list[Lane]:
        """A warehouse; vendors, special-order items and customers, one of each per lane, known to everybody."""
        await self.doors["inventory"].post(
            "/v1/warehouses",
            {"code": self.warehouse, "name": "Main", "company": "TL1", "time_zone": "UTC"},
        )
        made = [
            Lane(f"V-{self.mark}-{n}", f"SKU-{self.mark}-{n}", f"C-{self.mark}-{n}") for n in range(lanes)
        ]
        for lane in made:
            await self._lane(lane)
        for lane in made:
            await self.doors["orders"].get(f"/v1/catalogue-items/{lane.sku}?wait=20")
        self._desks = [asyncio.create_task(desk.work()) for desk in (self._dock, self._shelf)]
        return made

    async def _lane(self, lane: Lane) -> None:
        await self.doors["purchasing"].post(
            "/v1/vendors", {"code": lane.vendor, "name": "Vendor", "currency": "USD"}
        )
        await self.doors["inventory"].post(
            "/v1/items",
            {"sku": lane.sku, "description": "Made to order", "kind": "stocked", "unit": "EA", "price": "10",
             "currency": "USD", "special_order": True, "sources": [{"warehouse": "*", "vendor": lane.vendor}]},
        )  # fmt: skip
        await self.doors["purchasing"].post(
            "/v1/vendor-prices",
            {
                "vendor": lane.vendor,
                "sku": lane.sku,
                "purchase_unit": "EA",
                "units_per": "1",
                "price": "7.50",
            },
        )
        place = {"code": "SHOP", "name": "Shop", "street": "1 Road", "city": "Town", "country": "US"}
        await self.doors["orders"].post(
            "/v1/customers",
            {"code": lane.customer, "name": "Customer", "currency": "USD", "ship_tos": [place]},
        )

    async def closes(self) -> None:
        """Nobody looks at a screen any more."""
        for desk in self._desks:
            desk.cancel()
        await asyncio.gather(*self._desks, return_exceptions=True)

    # --- singly -------------------------------------------------------------------------------------------------------

    async def chain(self, lane: Lane, *, watched: bool = False) -> None:
        """One one-line order from entry to departure; a watched one is looked at with wait= reads after its receipt."""
        began = time.perf_counter()
        order = await self.doors["orders"].post("/v1/sales-orders", self._order(lane))
        expected = await self._dock.row(lane.vendor, is_there)
        receipt = await self._receive(expected, 1)
        if watched:
            await self._watch(order["id"])
        await self._shelf.row(order["id"], is_there)
        await self._inspect(receipt["lines"])
        ready = await self._shelf.row(order["id"], is_inspected)
        await self.doors["shipping"].post(
            f"/v1/shipments/{ready['id']}/ship", {"lines": []}, ready["version"]
        )
        self.times.chain.append(time.perf_counter() - began)
        self.finished += 1

    def _order(self, lane: Lane) -> dict[str, Any]:
        return {
            "customer": lane.customer, "warehouse": self.warehouse, "open": True,
            "lines": [{"sku": lane.sku, "qty": QTY}],
        }  # fmt: skip

    async def _receive(self, expected: Any, lines: int) -> Any:
        counted = [{"line_no": nth, "qty": QTY} for nth in range(1, lines + 1)]
        return await self.doors["inventory"].post(
            f"/v1/incoming-shipments/{expected['id']}/receive", {"lines": counted}, expected["version"]
        )

    async def _inspect(self, lines: Sequence[Any]) -> None:
        await asyncio.gather(*(self._passes(line["inspection_id"]) for line in lines))

    async def _inspect_all(self, lines: Sequence[Any]) -> None:
        rounds = [{"inspection_id": line["inspection_id"], "passed": QTY, "failed": "0"} for line in lines]
        for first in range(0, len(rounds), MOST_ROUNDS):
            some = rounds[first : first + MOST_ROUNDS]
            done = await self.doors["inventory"].post("/v1/inspections/complete-batch", {"rounds": some})
            assert done["inspected"] == len(some), done

    async def _passes(self, inspection_id: str) -> None:
        await self.doors["inventory"].post(
            f"/v1/inspections/{inspection_id}/complete", {"passed": QTY, "failed": "0"}
        )

    async def _watch(self, order_id: str) -> None:
        answered = time.perf_counter()

        async def seen(service: str, path: str) -> float:
            rows = (await self.doors[service].get(f"{path}?order_id={order_id}&wait=30"))["data"]
            assert rows, f"{service} never showed anything of {order_id}"
            return time.perf_counter() - answered

        shipment, notice = await asyncio.gather(
            seen("shipping", "/v1/shipments"), seen("notifications", "/v1/notices")
        )
        self.times.shipment.append(shipment)
        self.times.notice.append(notice)

    # --- in bulk ------------------------------------------------------------------------------------------------------

    async def bulk(self, lane: Lane, size: int) -> None:
        """`size` orders in one request, one receipt of each purchase order, one batch of inspections, one bulk departure."""
        began = time.perf_counter()
        entered = await self.doors["orders"].post(
            "/v1/sales-orders/batch", {"orders": [self._order(lane) for _ in range(size)]}
        )
        assert len(entered["results"]) == size
        done: set[str] = set()
        lines: list[Any] = []
        while len(lines) < size:
            expected = await self._dock.row(lane.vendor, is_there)
            if expected["id"] in done:
                continue  # a look at the screen that began before the receipt was answered
            done.add(expected["id"])
            shipment = await self.doors["inventory"].get(f"/v1/incoming-shipments/{expected['id']}")
            lines += (await self._receive(shipment, len(shipment["lines"])))["lines"]
        await self._shipments(lane, size, is_there)
        await self._inspect_all(lines)
        ready = await self._shipments(lane, size, is_inspected)
        left = await self.doors["shipping"].post("/v1/shipments/ship-batch", {"shipment_ids": ready})
        assert left["shipped"] == size, left
        self.times.chain.append(time.perf_counter() - began)
        self.finished += size

    async def _shipments(self, lane: Lane, size: int, good: Callable[[Any], bool]) -> list[str]:
        path = f"/v1/shipments?customer={lane.customer}&state=pending&limit={MOST_ROWS}&wait=5"
        deadline = time.perf_counter() + PATIENCE
        while time.perf_counter() < deadline:
            rows = (await self.doors["shipping"].get(path))["data"]
            ids = [row["id"] for row in rows if good(row)]
            if len(ids) == size:
                return ids
            await asyncio.sleep(PACE)
        raise AssertionError(f"{size} shipments for {lane.customer} never came")


async def closed_loop(
    lanes: Sequence[Lane], work: Callable[[Lane], Awaitable[None]], *, most: int, seconds: float
) -> float:
    """Each lane works on one thing after the other, all lanes at once, until so many were begun or the time is up.

    Returns the seconds until the last one has ended.
    """
    began = time.perf_counter()
    left = most

    async def lane_works(lane: Lane) -> None:
        nonlocal left
        while left > 0 and time.perf_counter() - began < seconds:
            left -= 1
            await work(lane)

    async with asyncio.TaskGroup() as group:
        for lane in lanes:
            group.create_task(lane_works(lane))
    return time.perf_counter() - began
