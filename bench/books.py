"""The books after a run: every chain exactly one shipment, one notice, one final invoice; nothing waits anywhere."""

import asyncio
import time
from collections.abc import Mapping
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
STOCK = (
    "SELECT count(*) FILTER (WHERE on_hand <> 0 OR pegged <> 0) AS not_gone FROM stock WHERE warehouse = $1"
)
WAITING = "SELECT (SELECT count(*) FROM outbox) AS outbox, (SELECT count(*) FROM parked) AS parked"


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

    async def settle(self, mark: str, chains: int) -> float:
        """Wait until the last consequence of so many chains is booked and published; the seconds that took."""
        began = time.perf_counter()
        while True:
            filled = (await self._row("orders", ORDERS, f"C-{mark}-%"))["filled"]
            waiting = [await self._row(service, WAITING) for service in self._held]
            if filled >= chains and not any(one["outbox"] for one in waiting):
                return time.perf_counter() - began
            if time.perf_counter() - began > PATIENCE:
                raise Wrong(f"{filled} of {chains} orders are filled; waiting: {waiting}")
            await asyncio.sleep(LOOK)

    async def check(self, mark: str, warehouse: str, chains: int) -> str:
        """Raises `Wrong` with the figures that differ; else says what was checked."""
        found = {
            **await self._row("orders", ORDERS, f"C-{mark}-%"),
            **await self._row("shipping", SHIPPING, f"C-{mark}-%"),
            **await self._row("notifications", NOTICES, warehouse),
        }
        wrong = {name: figure for name, figure in found.items() if figure != chains}
        wrong |= await self._row("inventory", STOCK, warehouse)
        for service in self._held:
            wrong |= {f"{service} {name}": n for name, n in (await self._row(service, WAITING)).items()}
        if wrong := {name: figure for name, figure in wrong.items() if figure}:
            raise Wrong(f"of {chains} chains: {wrong}")
        return f"{chains} chains: one shipment, one notice, one final invoice each; outboxes and parked empty"
