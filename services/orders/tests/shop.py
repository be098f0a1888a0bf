"""A shop on the real database: items, customers and orders, and the other services' facts in one line each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from shared.auth import Scope
from shared.contracts.base import Source
from shared.contracts.inventory import (
    Allotment,
    GoodsReceived,
    InspectionCompleted,
    ItemSaved,
    LineStanding,
    Origin,
    ReceivedLine,
    StockAllotted,
    WarehouseSaved,
    WarehouseSource,
)
from shared.contracts.orders import LinesReleased, ReleasedAllotment
from shared.contracts.purchasing import (
    PurchaseOrderLine,
    PurchaseOrderOpened,
    PurchaseOrderSnapshot,
    PurchaseOrderState,
    Tie,
)
from shared.contracts.shipping import (
    AllotmentFigures,
    Shipment,
    ShipmentCreated,
    ShipmentLine,
    ShipmentShare,
    ShipmentShipped,
    ShipmentState,
    ShipmentVoided,
    ShortAnswer,
    ShortLine,
)
from shared.ids import new_id
from shared.testing import Bench

from .. import handlers, schemas, views
from ..domain.order import Line
from ..domain.settlement import Picture

EVERYWHERE = Scope()


@dataclass
class Shop:
    """The orders service with what a test needs around it."""

    bench: Bench

    async def set_up(self, *, warehouses: Sequence[str] = ("MAIN", "SHOP"), **terms: Any) -> "Shop":
        """Two warehouses, a stocked TABLE, a special LAMP from OAKCO, a service and a customer."""
        await self.bench.hear(
            handlers.warehouse_saved,
            *(
                WarehouseSaved(code=code, version=1, name=code, company="ONE", time_zone="Europe/Berlin")
                for code in warehouses
            ),
        )
        await self.item("TABLE")
        await self.item("LAMP", special_order=True, vendor="OAKCO")
        await self.item("FITTING", kind="service")
        await self.customer("ACME", **terms)
        return self

    async def item(
        self, sku: str, *, kind: str = "stocked", vendor: str | None = None, **fields: Any
    ) -> None:
        """Hear of an item."""
        sources = [WarehouseSource(warehouse="*", source=Source(vendor=vendor))] if vendor else []
        values: dict[str, Any] = {
            "sku": sku, "version": 1, "description": sku.title(), "kind": kind, "unit": "EA", "precision": 0,
            "special_order": False, "drop_ship": False, "price": "10", "currency": "USD", "sources": sources,
        }  # fmt: skip
        await self.bench.hear(handlers.item_saved, ItemSaved(**values | fields))

    async def customer(self, code: str, **terms: Any) -> None:
        """Create a customer."""
        hq = {"code": "HQ", "name": "Head office", "street": "1 Main Street", "city": "Springfield"}
        wanted = schemas.NewCustomer(**{"code": code, "name": code.title(), "ship_tos": [hq], **terms})
        await self.bench.run(handlers.create_customer, wanted)

    async def order(
        self, *lines: dict[str, Any] | tuple[str, int], customer: str = "ACME", **head: Any
    ) -> Picture:
        """Enter an order and open it, unless told otherwise; lines are (sku, qty) or fields."""
        wanted = [line if isinstance(line, dict) else {"sku": line[0], "qty": line[1]} for line in lines]
        body = {"customer": customer, "warehouse": "MAIN", "open": True, "lines": wanted, **head}
        answer = await self.bench.run(handlers.create_order, schemas.NewSalesOrder.model_validate(body))
        return answer.picture

    async def now(self, order: Picture) -> Picture:
        """The order as the database has it, without its allotments."""
        found = await self.bench.read(views.sales_order, order.order.id, EVERYWHERE)
        assert found is not None
        picture: Picture = found.picture
        return picture

    async def line(self, order: Picture, line_no: int = 1) -> Line:
        """A line as the database has it."""
        found = (await self.now(order)).line(line_no)
        assert found is not None
        return found

    # --- inventory ---

    async def allot(
        self, order: Picture, *tickets: Allotment, settled: int = 1, reason: str = "opened"
    ) -> None:
        """Inventory answers for every line of the order as it now is, with these tickets."""
        await self.bench.hear(
            handlers.stock_allotted, await self.standing(order, *tickets, settled=settled, reason=reason)
        )

    async def standing(
        self, order: Picture, *tickets: Allotment, settled: int = 1, reason: str = "opened"
    ) -> StockAllotted:
        """The fact of `allot`."""
        now = await self.now(order)
        return StockAllotted(reason=reason, lines=[
            LineStanding(
                order_id=now.order.id, order_number=now.order.number, line_id=line.id, line_no=line.line_no, component=0,
                sku=line.sku, warehouse=line.warehouse, settled_version=settled,
                allotments=[ticket for ticket in tickets if ticket.line_id == line.id],
            )
            for line in now.lines
        ])  # fmt: skip

    async def receive(self, *pegs: Allotment, received: int | None = None) -> GoodsReceived:
        """Goods arrive in one receipt line, pegged to these tickets."""
        fact = receipt(*pegs, received=received)
        await self.bench.hear(handlers.goods_received, fact)
        return fact

    async def inspect(
        self, peg: Allotment, *, passed: int, failed: int = 0, version: int = 1
    ) -> InspectionCompleted:
        """Units of a peg are inspected."""
        fact = inspection(peg, passed=passed, failed=failed, version=version)
        await self.bench.hear(handlers.inspection_completed, fact)
        return fact

    # --- purchasing ---

    async def tie(self, line: Line, qty: int, **fields: Any) -> PurchaseOrderSnapshot:
        """A purchase order with one tie to this line."""
        fact = purchase_order(line, qty, **fields)
        await self.bench.hear(handlers.purchase_order_told, fact)
        return fact

    # --- shipping ---

    async def released(self) -> list[ReleasedAllotment]:
        """Everything that was told as released so far."""
        return [ticket for fact in await self.bench.told(LinesReleased) for ticket in fact.allotments]

    async def ship_out(self, order: Picture, number: str = "SH-000001") -> Shipment:
        """A shipment of everything released so far, created, then shipped in full."""
        shipment = await self.consign(order, number)
        await self.shipped(shipment)
        return shipment

    async def consign(
        self, order: Picture, number: str = "SH-000001", *, only: Sequence[UUID] = ()
    ) -> Shipment:
        """A pending shipment of what was released so far (or of these allotments)."""
        shipment = shipment_of(order, await self.released(), number, only=only)
        await self.bench.hear(handlers.shipment_created, ShipmentCreated(shipment=shipment))
        return shipment

    async def shipped(self, shipment: Shipment, **fields: Any) -> None:
        """It leaves."""
        await self.bench.hear(handlers.shipment_shipped, departure(shipment, **fields))

    async def invoices(self) -> list[Any]:
        """All invoices, oldest first."""
        return list(await self.bench.sql("SELECT * FROM invoices ORDER BY created_at, id"))

    async def invoice_lines(self, invoice_id: UUID) -> dict[UUID, Decimal]:
        """Quantities by order line."""
        rows = await self.bench.sql(
            "SELECT line_id, qty FROM invoice_lines WHERE invoice_id = :id", id=invoice_id
        )
        return {row.line_id: row.qty for row in rows}


def ticket(line: Line, qty: int | str, **fields: Any) -> Allotment:
    """An allotment of free stock."""
    values: dict[str, Any] = {
        "allotment_id": new_id(), "order_id": line.order_id, "order_number": "SO", "line_id": line.id,
        "line_no": line.line_no, "component": 0, "sku": line.sku,
        "warehouse": line.warehouse, "qty": str(qty), "origin": Origin.STOCK,
    }  # fmt: skip
    return Allotment(**values | fields)


def peg(line: Line, qty: int | str, tie_id: UUID | None = None, **fields: Any) -> Allotment:
    """Units that arrived through a tie."""
    arrived = {
        "origin": Origin.RECEIPT,
        "receipt_line_id": new_id(),
        "tie_id": tie_id or new_id(),
        "gated": True,
    }
    return ticket(line, qty, **{**arrived, **fields})


def changed(ticket: Allotment, **figures: Any) -> Allotment:
    """The same ticket with other figures."""
    return Allotment(**{**ticket.model_dump(), **{name: str(value) for name, value in figures.items()}})


def receipt(*pegs: Allotment, received: int | None = None, fills: Sequence[Allotment] = ()) -> GoodsReceived:
    """A completed receipt of one line."""
    qty = sum((peg.qty for peg in (*pegs, *fills)), Decimal(0))
    first = (*pegs, *fills)[0]
    return GoodsReceived(
        receipt_id=new_id(), receipt_number="RC-000001", po_id=new_id(), po_number="PO-000001", vendor="OAKCO",
        warehouse="MAIN", received_at=datetime.now(UTC), received_by="bob",
        lines=[ReceivedLine(
            receipt_line_id=first.receipt_line_id or new_id(), po_line_id=new_id(), po_line_no=1, sku=first.sku,
            description="x", unit="EA", expected=qty, received=Decimal(received or qty), surplus=Decimal(0), free=Decimal(0),
            inspection_id=new_id(), pegs=list(pegs), fills=list(fills),
        )],
    )  # fmt: skip


def inspection(peg: Allotment, *, passed: int, failed: int = 0, version: int = 1) -> InspectionCompleted:
    """An inspection of the receipt line behind a peg."""
    return InspectionCompleted(
        inspection_id=new_id(), version=version, receipt_id=new_id(), receipt_number="RC-000001",
        receipt_line_id=peg.receipt_line_id or new_id(), po_id=new_id(), po_number="PO-000001", po_line_id=new_id(),
        vendor="OAKCO", sku=peg.sku, warehouse=peg.warehouse, to_inspect=peg.qty, passed=Decimal(passed),
        failed=Decimal(failed), closed=True, inspected_by="ann", reason="scratched" if failed else None,
        allotments=[changed(peg, passed=passed, failed=failed)],
    )  # fmt: skip


def purchase_order(
    line: Line, qty: int | str, *, closed: int = 0, version: int = 1, po_id: UUID | None = None, tie_id: UUID | None = None,
    state: PurchaseOrderState = PurchaseOrderState.OPEN, kind: type[PurchaseOrderSnapshot] = PurchaseOrderOpened,
) -> PurchaseOrderSnapshot:  # fmt: skip
    """A purchase order of one line with one tie."""
    tie = Tie(
        tie_id=tie_id or new_id(), order_id=line.order_id, order_number="SO", line_id=line.id, line_no=line.line_no,
        component=0, qty=Decimal(qty), closed=Decimal(closed), closed_reason="cancelled" if closed else None,
    )  # fmt: skip
    return kind(
        po_id=po_id or new_id(), number="PO-000001", version=version, state=state, vendor="OAKCO", warehouse="MAIN",
        currency="USD",
        lines=[PurchaseOrderLine(
            po_line_id=new_id(), line_no=1, sku=line.sku, description="x", unit="EA", ordered=Decimal(qty),
            purchase_unit="EA", cost=Decimal(4), ties=[tie],
        )],
    )  # fmt: skip


def shipment_of(
    order: Picture,
    tickets: Sequence[ReleasedAllotment],
    number: str,
    *,
    only: Sequence[UUID] = (),
    version: int = 1,
) -> Shipment:
    """A pending shipment of these released allotments, a line for each order line."""
    chosen = [ticket for ticket in tickets if not only or ticket.allotment_id in only]
    by_line: dict[UUID, list[ReleasedAllotment]] = {}
    for found in chosen:
        by_line.setdefault(found.line_id, []).append(found)
    return Shipment(
        shipment_id=new_id(), number=number, version=version, state=ShipmentState.PENDING, customer=order.order.customer,
        warehouse="MAIN", currency="USD", ship_to_code="HQ",
        lines=[
            ShipmentLine(
                shipment_line_id=new_id(), order_id=order.order.id, order_number=order.order.number, line_id=line_id,
                line_no=own[0].line_no, component=0, sku=own[0].sku, unit="EA", qty=sum((t.qty for t in own), Decimal(0)),
                shares=[ShipmentShare(allotment_id=t.allotment_id, qty=t.qty) for t in own],
            )
            for line_id, own in by_line.items()
        ],
    )  # fmt: skip


def departure(
    shipment: Shipment,
    *,
    actual: dict[UUID, int] | None = None,
    answer: ShortAnswer = ShortAnswer.BACKORDER,
    missing: bool = True,
) -> ShipmentShipped:
    """The shipment leaves with actual quantities by line (default: all of it); the rest is answered for (SHIP-3)."""
    lines, figures, short = [], [], []
    for line in shipment.lines:
        left = Decimal((actual or {}).get(line.line_id, int(line.qty)))
        if left < line.qty:
            short.append(
                ShortLine(
                    line_id=line.line_id, component=0, short=line.qty - left, answer=answer, missing=missing
                )
            )
        shares = []
        gone = left
        for share in line.shares:
            out = min(left, share.qty)
            left -= out
            shares.append(ShipmentShare(allotment_id=share.allotment_id, qty=share.qty, shipped=out))
            figures.append(
                AllotmentFigures(
                    allotment_id=share.allotment_id, order_id=line.order_id, line_id=line.line_id, component=0,
                    shipped=out, returned=share.qty - out, missing=share.qty - out if missing else Decimal(0),
                )
            )  # fmt: skip
        lines.append(ShipmentLine(**{**line.model_dump(), "shipped": gone, "shares": shares}))
    after = Shipment(
        **{**shipment.model_dump(), "version": shipment.version + 1, "state": "shipped", "lines": lines}
    )
    return ShipmentShipped(
        shipment=after, shipped_at=datetime.now(UTC), shipped_by="sam", allotments=figures, short=short
    )


def voiding(shipment: Shipment, *, by_hand: bool = True) -> ShipmentVoided:
    """The shipment is voided; every unit goes back."""
    figures = [
        AllotmentFigures(
            allotment_id=share.allotment_id, order_id=line.order_id, line_id=line.line_id, component=0,
            shipped=Decimal(0), returned=share.qty,
        )
        for line in shipment.lines
        for share in line.shares
    ]  # fmt: skip
    after = Shipment(**{**shipment.model_dump(), "version": shipment.version + 1, "state": "voided"})
    return ShipmentVoided(shipment=after, by_hand=by_hand, reason="wrong address", allotments=figures)
