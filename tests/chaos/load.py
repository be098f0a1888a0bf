"""People at work while everything breaks: customers, a warehouse, an inspector and a shipper, with a journal (I-17).

Each request is written down and synced before it is sent, and sent again under its key until it is answered, as a
client of ours must do. What they decide comes from one seed; what they meet does not.
"""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx

from deploy.checking.journal import Journal, JournalWriter, read_journal
from shared.ids import new_id
from tests.houses import House
from tests.integration.story import Story

AGAIN = frozenset({429, 500, 502, 503})
"""Answers that say nothing about the request: it is sent again. 500 is counted: there should be none."""
PAUSE = 0.05
PATIENCE = 90.0


class Unanswered(Exception):
    """Nobody answered a request for longer than any fault lasts."""


class JournaledClient:
    """A client that forgets nothing: intent on the disk, request, answer."""

    def __init__(self, house: House, journal: Path) -> None:
        self._urls = house.place.urls
        self._http = httpx.AsyncClient(
            headers={"Authorization": f"Bearer {house.place.token}"}, timeout=10, trust_env=False
        )
        self._writer = JournalWriter(journal)
        self.met: Counter[str] = Counter()
        """How often what was met: `500 orders`, `lost orders`."""

    async def get(self, service: str, path: str, **params: Any) -> Any:
        """What is there now, or None while nobody can say."""
        with suppress(httpx.TransportError):
            answer = await self._http.get(f"{self._urls[service]}{path}", params=params)
            if answer.status_code == httpx.codes.OK:
                return answer.json()
            self.met[f"{answer.status_code} {service}"] += 1
        return None

    async def post(
        self, service: str, path: str, body: Any, *, version: int | None = None, **resource: str
    ) -> httpx.Response:
        """Send under one key until there is an answer; `resource` tells what it makes apart (`reference`)."""
        key = str(new_id())
        self._writer.intends(key, service, "POST", path, **resource)
        headers = {"Idempotency-Key": key} | ({} if version is None else {"If-Match": f'"{version}"'})
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while asyncio.get_running_loop().time() < deadline:
            try:
                answer = await self._http.post(f"{self._urls[service]}{path}", json=body, headers=headers)
            except httpx.TransportError:
                self.met[f"lost {service}"] += 1
            else:
                if not self._says_nothing(answer):
                    self._writer.answered(key, answer.status_code)
                    self.met[f"{answer.status_code} {service}"] += 1
                    return answer
                self.met[f"{answer.status_code} {service}"] += 1
            await asyncio.sleep(PAUSE)
        raise Unanswered(f"POST {path} to {service}: {dict(self.met)}")

    def _says_nothing(self, answer: httpx.Response) -> bool:
        if answer.status_code == httpx.codes.CONFLICT:
            return bool(answer.json().get("code") == "request-in-progress")
        return answer.status_code in AGAIN

    async def close(self) -> None:
        """No more is sent."""
        await self._http.aclose()
        self._writer.close()


class Trade:
    """A trade of one warehouse: orders come in, goods arrive, are inspected and leave."""

    def __init__(self, house: House, folder: Path, seed: int = 1) -> None:
        self._house = house
        self._file = folder / f"journal-{new_id()}"
        self._random = random.Random(seed)
        self._client = JournaledClient(house, self._file)
        self._stopping = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.orders: list[dict[str, Any]] = []

    @property
    def journal(self) -> Journal:
        """What was meant and answered so far."""
        return read_journal(self._file)

    @property
    def met(self) -> Counter[str]:
        """Which answers and losses there were."""
        return self._client.met

    async def opens(self) -> None:
        """Catalogue and customer; nothing is broken yet."""
        async with self._house.story() as story:
            await story.opens()
            self.special = await story.item("SPECIAL", special_order=True)
            self.stocked = await story.item("STOCKED")
            await story.on_the_shelf(self.stocked, 50)
            self.customer = await story.customer()
            self._story: Story = story
            self.warehouse = story.warehouse

    async def order(self, qty: int | None = None, *, special: bool | None = None) -> dict[str, Any] | None:
        """One order of one or two lines; None when it was refused."""
        is_special = self._random.random() < 0.6 if special is None else special
        reference = f"R-{new_id()}"
        first = {
            "sku": self.special if is_special else self.stocked,
            "qty": str(qty or self._random.randint(1, 9)),
        }
        lines = [first]
        if qty is None and self._random.random() < 0.3:
            lines.append({"sku": self.stocked, "qty": str(self._random.randint(1, 5))})
        body = {
            "customer": self.customer, "warehouse": self.warehouse, "open": True, "lines": lines,
            "reference": reference,
        }  # fmt: skip
        answer = await self._client.post("orders", "/v1/sales-orders", body, reference=reference)
        if answer.is_error:
            return None
        order: dict[str, Any] = answer.json()
        self.orders.append(order)
        return order

    async def adjust(self, qty: int) -> None:
        """Goods are found."""
        reference = f"R-{new_id()}"
        body = {
            "sku": self.stocked, "warehouse": self.warehouse, "qty": str(qty), "reason": "found",
            "reference": reference,
        }  # fmt: skip
        await self._client.post("inventory", "/v1/stock/adjustments", body, reference=reference)

    async def cancel(self, order: dict[str, Any]) -> None:
        """The customer does not want it any more; it may be too late."""
        now = await self._client.get("orders", f"/v1/sales-orders/{order['id']}")
        if now is not None:
            path = f"/v1/sales-orders/{order['id']}/cancel"
            await self._client.post("orders", path, {"reason": "changed my mind"}, version=now["version"])

    async def receive_some(self) -> int:
        """Whatever is expected arrives, sometimes in part; how many receipts."""
        page = await self._client.get(
            "inventory", "/v1/incoming-shipments", warehouse=self.warehouse, state="expected", limit=20
        )
        rows = page["data"] if page else []
        for row in rows:
            found = await self._client.get("inventory", f"/v1/incoming-shipments/{row['id']}")
            if found is None:
                continue
            counted = [self._count(line) for line in found["lines"]]
            path = f"/v1/incoming-shipments/{row['id']}/receive"
            await self._client.post("inventory", path, {"lines": counted}, version=found["version"])
        return len(rows)

    def _count(self, line: dict[str, Any]) -> dict[str, str]:
        expected = int(float(line["expected"]))
        most = max(1, expected)
        counted = most if self._random.random() < 0.7 else self._random.randint(1, most)
        return {"po_line_id": line["po_line_id"], "qty": str(counted)}

    async def inspect_some(self) -> int:
        """Open inspections are completed; now and then a unit fails."""
        page = await self._client.get(
            "inventory", "/v1/inspections", warehouse=self.warehouse, state="open", limit=20
        )
        rows = page["data"] if page else []
        for row in rows:
            found = await self._client.get("inventory", f"/v1/inspections/{row['id']}")
            left = _left(found) if found else 0
            if left <= 0:
                continue
            failed = 1 if self._random.random() < 0.15 else 0
            body = {"passed": str(left - failed), "failed": str(failed), "reason": "seen" if failed else None}
            await self._client.post("inventory", f"/v1/inspections/{row['id']}/complete", body)
        return len(rows)

    async def ship_some(self) -> int:
        """Pending shipments whose goods are ready leave."""
        page = await self._client.get(
            "shipping", "/v1/shipments", warehouse=self.warehouse, state="pending", limit=20
        )
        rows = page["data"] if page else []
        gone = 0
        for row in rows:
            found = await self._client.get("shipping", f"/v1/shipments/{row['id']}")
            if found is None or any(float(line["uninspected"]) for line in found["lines"]):
                continue
            path = f"/v1/shipments/{row['id']}/ship"
            answer = await self._client.post("shipping", path, {"lines": []}, version=found["version"])
            gone += not answer.is_error
        return gone

    def start(self, *, customers: int = 3, pause: float = 0.2) -> None:
        """Everybody goes to work."""
        for _ in range(customers):
            self._tasks.append(asyncio.create_task(self._customer(pause)))
        for work in (self.receive_some, self.inspect_some, self.ship_some):
            self._tasks.append(asyncio.create_task(self._again_and_again(work, pause)))

    async def _customer(self, pause: float) -> None:
        while not self._stopping.is_set():
            order = await self.order()
            if order is not None and self._random.random() < 0.1:
                await self.cancel(order)
            if self._random.random() < 0.1:
                await self.adjust(self._random.randint(1, 9))
            await asyncio.sleep(self._random.uniform(0, 2 * pause))

    async def _again_and_again(self, work: Any, pause: float) -> None:
        while not self._stopping.is_set():
            await work()
            await asyncio.sleep(pause)

    def must_go_on(self) -> None:
        """Raises what has ended somebody's work before its time: a run that goes on without them proves little."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """Everybody finishes the request at hand."""
        self._stopping.set()
        await asyncio.gather(*self._tasks)
        await self._client.close()

    async def finish(self, rounds: int = 3) -> None:
        """Before closing: let what is on its way arrive, so that the chains go on to their end."""
        for _ in range(rounds):
            done = await self.receive_some() + await self.inspect_some() + await self.ship_some()
            await asyncio.sleep(0.3 if done else 0.1)


def _left(inspection: dict[str, Any]) -> int:
    return int(float(inspection["to_inspect"]) - float(inspection["passed"]) - float(inspection["failed"]))
