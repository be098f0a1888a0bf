"""The books after a run: every chain exactly one shipment, one notice, one final invoice; nothing waits anywhere."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

PATIENCE = 90.0
LOOK = 0.1

ORDERS = """
    SELECT count(*) AS orders, count(*) FILTER (WHERE o.state = 'filled') AS filled,
           count(*) FILTER (WHERE i.invoices = 1) AS invoiced_once, coalesce(sum(i.final), 0)::bigint AS final
    FROM sales_orders o LEFT JOIN LATERAL (
        SELECT count(*) AS invoices, count(*) FILTER (WHERE i.state = 'final') AS final
        FROM invoices i WHERE i.id IN (SELECT invoice_id FROM invoice_lines l WHERE l.order_id = o.id)) i ON true
    WHERE o.customer LIKE $1
"""
SHIPPING = """
    SELECT count(*) AS shipments, count(DISTINCT order_id) AS orders_shipped,
           count(*) FILTER (WHERE state = 'shipped') AS left_house FROM shipments WHERE customer LIKE $1
"""
NOTICES = """
    SELECT count(*) AS notices, count(DISTINCT c.order_id) AS orders_noticed,
           count(*) FILTER (WHERE n.state = 'closed') AS closed
    FROM notices n JOIN notice_concerns c ON c.notice_id = n.id WHERE n.warehouse = $1 AND n.kind = 'inspection'
"""


@dataclass(frozen=True)
class Figure:
    """A plain count of a service's database, by the run's customers or its warehouse."""

    service: str
    name: str
    query: str
    by: str = ""


COME = (
    Figure(
        "shipping",
        "shipments that left",
        "SELECT count(*) FROM shipments WHERE warehouse = $1 AND state = 'shipped'",
        "warehouse",
    ),
    Figure(
        "orders",
        "filled orders",
        "SELECT count(*) FROM sales_orders WHERE customer LIKE $1 AND state = 'filled'",
        "customer",
    ),
    Figure(
        "orders",
        "final invoices",
        "SELECT count(*) FROM invoices WHERE customer LIKE $1 AND state = 'final'",
        "customer",
    ),
    Figure(
        "notifications",
        "closed notices",
        "SELECT count(*) FROM notices WHERE warehouse = $1 AND kind = 'inspection' AND state = 'closed'",
        "warehouse",
    ),
)
"""What must be there as often as there are chains."""
NOT_GONE = Figure(
    "inventory",
    "items not gone",
    "SELECT count(*) FROM stock WHERE warehouse = $1 AND (on_hand <> 0 OR pegged <> 0)",
    "warehouse",
)
WAITING = (("outbox", "SELECT count(*) FROM outbox"), ("parked", "SELECT count(*) FROM parked"))
"""What must be empty everywhere: what waits may have consequences."""


class Wrong(Exception):
    """The books do not balance."""


class Books:
    """Reads the services' databases as their readers."""

    def __init__(self, logins: Mapping[str, str]) -> None:
        self._logins = logins
        self._held: dict[str, Any] = {}

    async def open(self) -> None:
        """Connect once: a connection costs more than a look."""
        for service, url in self._logins.items():
            self._held[service] = await asyncpg.connect(url)

    async def close(self) -> None:
        """Give the connections back."""
        for db in self._held.values():
            await db.close()

    async def _row(self, service: str, query: str, *words: str) -> dict[str, int]:
        return dict(await self._held[service].fetchrow(query, *words))

    async def settle(self, mark: str, warehouse: str, chains: int) -> float:
        """Wait until all that `check` counts is booked and published; the seconds that took.

        Who waits asks for one plain figure at a time, in the order in which they come: the queries of `check`, ten times
        a second, would cost the databases that are measured.
        """
        began = time.perf_counter()
        words = {"customer": f"C-{mark}-%", "warehouse": warehouse}
        for figure in COME:
            while (found := await self._count(figure, words)) < chains:
                await _look_again(began, f"{figure.name} in {figure.service}: {found} of {chains}")
        for figure in self._empty():
            while found := await self._count(figure, words):
                await _look_again(began, f"{figure.name} in {figure.service}: still {found}")
        return time.perf_counter() - began

    def _empty(self) -> Sequence[Figure]:
        return NOT_GONE, *(Figure(service, *one) for service in self._held for one in WAITING)

    async def _count(self, figure: Figure, words: Mapping[str, str]) -> int:
        asked = [words[figure.by]] if figure.by else []
        return int(await self._held[figure.service].fetchval(figure.query, *asked))

    async def check(self, mark: str, warehouse: str, chains: int) -> str:
        """Raises `Wrong` with the figures that differ; else says what was checked."""
        found = {
            **await self._row("orders", ORDERS, f"C-{mark}-%"),
            **await self._row("shipping", SHIPPING, f"C-{mark}-%"),
            **await self._row("notifications", NOTICES, warehouse),
        }
        wrong = {name: figure for name, figure in found.items() if figure != chains}
        for one in self._empty():
            if left := await self._count(one, {"warehouse": warehouse}):
                wrong[f"{one.service} {one.name}"] = left
        if wrong:
            raise Wrong(f"of {chains} chains: {wrong}")
        return f"{chains} chains: one shipment, one notice, one final invoice each; outboxes and parked empty"


async def _look_again(began: float, missing: str) -> None:
    if time.perf_counter() - began > PATIENCE:
        raise Wrong(f"after {PATIENCE:.0f} s: {missing}")
    await asyncio.sleep(LOOK)
