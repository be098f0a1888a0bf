"""A shop's inventory on a real database, told in the trade's words; its books are checked after every test."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Row

from services.inventory import handlers
from services.inventory.domain.adjustment import WantedAdjustment
from services.inventory.domain.inspection import Inspection
from services.inventory.domain.items import Item, Warehouse
from services.inventory.domain.receiving import Receipt
from shared.contracts.inventory import Allotment, GoodsReceived, LineStanding, StockAllotted, WithdrawalAsked
from shared.testing import Bench

Number = Decimal | int | str

BROKEN_BOOKS = {
    "I-1 oversold": "SELECT * FROM stock WHERE on_hand < allotted + pegged + arrived + quarantined",
    "I-2 allotted": """
        SELECT s.sku, s.warehouse, s.allotted, s.pegged, a.allotted AS a, a.pegged AS p FROM stock s LEFT JOIN (
            SELECT sku, warehouse,
                sum(qty - withdrawn - failed - shipped - returned) FILTER (WHERE receipt_line_id IS NULL) AS allotted,
                sum(qty - withdrawn - failed - shipped - returned) FILTER (WHERE receipt_line_id IS NOT NULL) AS pegged
            FROM allotments GROUP BY sku, warehouse) a USING (sku, warehouse)
        WHERE (s.allotted, s.pegged) <> (coalesce(a.allotted, 0), coalesce(a.pegged, 0))""",
    "I-3 ledger": """
        SELECT s.sku, s.warehouse, s.on_hand, l.qty FROM stock s LEFT JOIN (
            SELECT sku, warehouse, sum(qty) AS qty FROM stock_ledger GROUP BY sku, warehouse) l USING (sku, warehouse)
        WHERE s.on_hand <> coalesce(l.qty, 0)""",
    "I-8 granted": """
        SELECT d.order_number, d.line_no, d.granted, d.shipped, a.granted AS g, a.shipped AS s FROM demand d LEFT JOIN (
            SELECT line_id, component, sum(qty - withdrawn - failed - returned) AS granted, sum(shipped) AS shipped
            FROM allotments GROUP BY line_id, component) a USING (line_id, component)
        WHERE (d.granted, d.shipped) <> (coalesce(a.granted, 0), coalesce(a.shipped, 0))""",
    "I-9 inspections": """
        SELECT l.id, i.to_inspect, i.passed, i.failed, a.unseen FROM receipt_lines l JOIN (
            SELECT receipt_line_id AS id,
                sum(greatest(0, qty - withdrawn - failed - returned - greatest(passed, shipped))) AS unseen
            FROM allotments WHERE receipt_line_id IS NOT NULL GROUP BY receipt_line_id) a USING (id)
        LEFT JOIN inspections i ON i.receipt_line_id = l.id
        WHERE i.id IS NULL OR i.to_inspect - i.passed - i.failed <> a.unseen""",
    "I-12 somebody waits although stock is free": """
        SELECT s.sku, s.warehouse FROM stock s JOIN demand d USING (sku, warehouse)
        WHERE s.on_hand > s.allotted + s.pegged + s.arrived + s.quarantined AND d.need > d.granted AND NOT d.special""",
    "BO-13 somebody waits although a lower rank has units that could be asked for": """
        SELECT w.order_number AS waits, h.order_number AS holds FROM demand w JOIN demand h USING (sku, warehouse)
        JOIN allotments a ON a.line_id = h.line_id AND a.component = h.component
        WHERE w.need > w.granted AND NOT w.special AND NOT h.special AND a.receipt_line_id IS NULL AND NOT a.locked
          AND a.qty > a.withdrawn + a.failed + a.shipped + a.returned + a.asked
          AND (-w.priority, w.ranked_at, w.order_id, w.line_no, w.component)
            < (-h.priority, h.ranked_at, h.order_id, h.line_no, h.component)
          AND NOT EXISTS (SELECT 1 FROM allotments b WHERE b.sku = w.sku AND b.warehouse = w.warehouse AND b.asked > 0)
          AND NOT EXISTS (SELECT 1 FROM preferences WHERE chosen ->> 'head_of_line' = 'skip' AND w.all_or_nothing)
          AND NOT EXISTS (SELECT 1 FROM preferences WHERE chosen ->> 'backorder_management' = 'off')""",
    "a line is out of the queue's tail although units of it could be asked for": """
        SELECT d.order_number FROM demand d JOIN allotments a USING (line_id, component)
        WHERE d.stuck AND a.receipt_line_id IS NULL AND NOT a.locked
          AND a.qty > a.withdrawn + a.failed + a.shipped + a.returned + a.asked""",
    "receipt lines' pegged": """
        SELECT l.id, l.pegged, a.kept FROM receipt_lines l LEFT JOIN (
            SELECT receipt_line_id AS id, sum(qty - withdrawn - returned) AS kept FROM allotments
            WHERE receipt_line_id IS NOT NULL GROUP BY receipt_line_id) a USING (id)
        WHERE l.pegged < coalesce(a.kept, 0)""",
    "PO lines' received": """
        SELECT p.po_line_id, p.received, r.received FROM purchase_order_lines p LEFT JOIN (
            SELECT po_line_id, sum(received) AS received FROM receipt_lines GROUP BY po_line_id) r USING (po_line_id)
        WHERE p.received <> coalesce(r.received, 0)""",
}


@dataclass
class Scene:
    """What happens in the shop."""

    bench: Bench

    async def set_up(self) -> None:
        """Two warehouses and three items."""
        for code in ("MAIN", "EAST"):
            await self.bench.run(handlers.create_warehouse, Warehouse(code, 1, code.title(), "ACME", "UTC"))
        for sku, kind in (
            ("TABLE", "stocked"),
            ("CHAIR", "stocked"),
            ("LAMP", "nonstock"),
            ("VISIT", "service"),
        ):
            item = Item(sku, 1, f"A {sku.lower()}", kind, "EA", 0, None, False, False, None, None, None)
            await self.bench.run(handlers.create_item, item, False, False)
        await self.bench.forget_told()

    async def stocked(self, qty: Number, sku: str = "TABLE", warehouse: str = "MAIN") -> None:
        """So many units are found (or, negative, lost)."""
        await self.bench.run(handlers.adjust_stock, WantedAdjustment(sku, warehouse, Decimal(qty), "counted"))

    async def orders(self, *facts: Any) -> None:
        """Orders are heard, in one batch."""
        await self.bench.hear(handlers.order_told, *facts)

    async def buys(self, *facts: Any) -> None:
        """Purchase orders are heard, in one batch."""
        await self.bench.hear(handlers.purchase_order_told, *facts)

    async def expected(self, po: Any) -> Row[Any]:
        """The open incoming shipment of a purchase order."""
        rows = await self.bench.sql(
            "SELECT * FROM incoming_shipments WHERE po_id = :po AND state IN ('expected', 'receiving')",
            po=po.po_id,
        )
        assert len(rows) == 1, f"{len(rows)} open incoming shipments"
        return rows[0]

    async def receives(self, po: Any, counted: dict[int, Number], *, complete: bool = True) -> Receipt:
        """A purchase order's open shipment is received: {line number: quantity}."""
        shipment = await self.expected(po)
        lines = [(line, Decimal(qty)) for line, qty in counted.items()]
        return await self.bench.run(handlers.receive, shipment.id, shipment.version, lines, complete)

    async def inspects(self, inspection: UUID, passed: Number, failed: Number = 0) -> Inspection:
        """A round of an inspection."""
        return await self.bench.run(
            handlers.complete_inspection,
            inspection,
            Decimal(passed),
            Decimal(failed),
            "scratched" if failed else None,
        )

    async def stock(self, sku: str = "TABLE", warehouse: str = "MAIN") -> dict[str, int]:
        """The figures of a stock row."""
        row = (
            await self.bench.sql(
                "SELECT on_hand, allotted, pegged, quarantined FROM stock WHERE sku = :sku AND warehouse = :warehouse",
                sku=sku,
                warehouse=warehouse,
            )
        )[0]
        return {name: int(value) for name, value in row._mapping.items()}

    async def available(self, sku: str = "TABLE", warehouse: str = "MAIN") -> int:
        """What is free."""
        figures = await self.stock(sku, warehouse)
        return figures["on_hand"] - figures["allotted"] - figures["pegged"] - figures["quarantined"]

    async def granted(self, *orders: Any) -> list[int]:
        """What the first line of each order has got."""
        return [int((await self.line(order)).granted) for order in orders]

    async def line(self, order: Any, n: int = 0) -> Row[Any]:
        """The demand of an order's line."""
        return (await self.bench.sql("SELECT * FROM demand WHERE line_id = :id", id=order.lines[n].line_id))[
            0
        ]

    async def tickets(self, order: Any, n: int = 0) -> list[Row[Any]]:
        """The allotments of an order's line, oldest first."""
        return list(
            await self.bench.sql(
                "SELECT * FROM allotments WHERE line_id = :id ORDER BY id", id=order.lines[n].line_id
            )
        )

    async def standings(self) -> list[LineStanding]:
        """All standings that were told, in order."""
        return [line for fact in await self.bench.told(StockAllotted) for line in fact.lines]

    async def last_standing(self, order: Any, n: int = 0) -> LineStanding:
        """What was told last of an order's line."""
        return [s for s in await self.standings() if s.line_id == order.lines[n].line_id][-1]

    async def told_tickets(self, order: Any, n: int = 0) -> list[Allotment]:
        """The claim tickets that were told of an order's line."""
        line = order.lines[n].line_id
        standing = [ticket for s in await self.standings() for ticket in s.allotments]
        received = [
            t
            for fact in await self.bench.told(GoodsReceived)
            for own in fact.lines
            for t in (*own.pegs, *own.fills)
        ]
        return [ticket for ticket in (*received, *standing) if ticket.line_id == line]

    async def questions(self) -> list[WithdrawalAsked]:
        """The questions that were asked."""
        return await self.bench.told(WithdrawalAsked)

    async def broken(self) -> dict[str, Sequence[Any]]:
        """Rules of the books that do not hold."""
        found = {name: await self.bench.sql(query) for name, query in BROKEN_BOOKS.items()}
        return {name: rows for name, rows in found.items() if rows}


async def snapshot(bench: Bench) -> dict[str, list[str]]:
    """All that inventory has stored from facts, without ids and moments of its own, for comparing two ways to it."""
    queries = {
        "stock": "SELECT sku, warehouse, on_hand, allotted, pegged, quarantined FROM stock",
        "demand": "SELECT line_id, component, need, granted, shipped, special, heard_version, settled_version FROM demand",
        "allotments": """SELECT line_id, component, sum(qty) AS qty, sum(withdrawn) AS withdrawn, sum(failed) AS failed,
            sum(shipped) AS shipped, sum(returned) AS returned, sum(missing) AS missing, sum(asked) AS asked
            FROM allotments GROUP BY line_id, component""",
        "ledger": "SELECT sku, warehouse, kind, sum(qty) AS qty FROM stock_ledger GROUP BY sku, warehouse, kind",
        "ties": "SELECT tie_id, qty, closed, pegged, missed FROM ties",
        "po lines": "SELECT po_line_id, ordered, cancelled, received, supply_limit FROM purchase_order_lines",
        "incoming": """SELECT s.po_id, s.state, l.po_line_id, l.expected, l.counted FROM incoming_shipments s
            LEFT JOIN incoming_lines l ON l.shipment_id = s.id""",
    }
    return {name: sorted(str(row) for row in await bench.sql(query)) for name, query in queries.items()}


@contextmanager
def statements(bench: Bench) -> Iterator[list[str]]:
    """What is sent to the database meanwhile, whichever way it goes there."""
    kind = bench.engine._connection_cls
    send = kind.execute
    sent_now: list[str] = []

    async def note(self: Any, statement: Any, *rest: Any, **more: Any) -> Any:
        sent_now.append(str(statement))
        return await send(self, statement, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, "execute", note)
        yield sent_now
