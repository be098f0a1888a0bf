"""The trace of one line: every hop from the customer's wish to the invoice, with the sums that prove it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.auth import Scope

from ..domain.allotment import Allotment
from ..domain.order import Line
from ..domain.special import Tie, closed_off, pegged, still_open
from ..domain.tracing import Hop, on_shipment, sums
from ..tables import (
    allotments,
    customer_returns,
    inspections,
    invoice_lines,
    invoices,
    order_lines,
    purchase_orders,
    receipt_lines,
    sales_orders,
    shipment_shares,
    shipments,
    special_orders,
    ties,
)

NOT_LEFT = ("pending", "picking", "packed")
ZERO = Decimal(0)


@dataclass(frozen=True)
class TraceView:
    """Everything that happened to one line, as rows of plain fields."""

    order_number: str
    line: Line
    specials: list[dict[str, Any]]
    ties: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    allotments: list[dict[str, Any]]
    shipments: list[dict[str, Any]]
    invoices: list[dict[str, Any]]
    returns: list[dict[str, Any]]
    sums: list[Hop]


async def trace(db: AsyncConnection, order_id: UUID, line_no: int, scope: Scope) -> TraceView | None:
    """The trace of line `line_no`, or None if there is none in the caller's warehouses."""
    query = (
        select(order_lines, sales_orders.c.number.label("of_order"))
        .join(sales_orders, sales_orders.c.id == order_lines.c.order_id)
        .where(
            order_lines.c.order_id == order_id,
            order_lines.c.line_no == line_no,
            scope.where(order_lines.c.warehouse),
        )
    )
    row = (await db.execute(query)).mappings().first()
    if row is None:
        return None
    line = Line.of({field.name: row[field.name] for field in fields(Line)})
    tickets = await tickets_of(db, line.id)
    tied = await _rows(
        db, select(ties).where(ties.c.line_id == line.id).order_by(ties.c.po_number, ties.c.po_line_no)
    )
    states = await _po_states(db, tied)
    on_shipments = await shipments_of(db, line.id)
    billed = await _invoices(db, line.id)
    standing = _standing(on_shipments)
    final = sum(
        (bill["qty"] for bill in billed if (bill["state"], bill["kind"]) == ("final", "invoice")), ZERO
    )
    known_ties = [Tie(**{field.name: tie[field.name] for field in fields(Tie)}) for tie in tied]
    return TraceView(
        row["of_order"],
        line,
        await _specials(db, line.id),
        [_tie(stored, tie, tickets, states) for stored, tie in zip(tied, known_ties, strict=True)],
        await _receipts(db, tickets),
        [_allotment(ticket, standing) for ticket in tickets],
        on_shipments,
        billed,
        await _returns(db, line.id),
        sums(line, tickets, known_ties, standing, final),
    )


async def _rows(db: AsyncConnection, query: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in (await db.execute(query)).mappings()]


async def tickets_of(db: AsyncConnection, line_id: UUID) -> list[Allotment]:
    """The line's allotments, oldest first."""
    query = select(allotments).where(allotments.c.line_id == line_id).order_by(allotments.c.id)
    return [Allotment(**row) for row in await _rows(db, query)]


async def _po_states(db: AsyncConnection, tied: Sequence[Mapping[str, Any]]) -> dict[UUID, str]:
    ids = {tie["po_id"] for tie in tied}
    query = select(purchase_orders.c.id, purchase_orders.c.state).where(purchase_orders.c.id.in_(ids))
    return {row["id"]: row["state"] for row in await _rows(db, query)} if ids else {}


def _tie(
    stored: Mapping[str, Any], tie: Tie, tickets: Sequence[Allotment], states: Mapping[UUID, str]
) -> dict[str, Any]:
    return {
        "tie_id": tie.id,
        "component": tie.component,
        "po_id": tie.po_id,
        "po_number": tie.po_number,
        "po_state": states.get(tie.po_id),
        "po_line_id": tie.po_line_id,
        "po_line_no": tie.po_line_no,
        "vendor": tie.vendor,
        "qty": tie.qty,
        "pegged": pegged(tie, tickets),
        "open": still_open(tie, tickets),
        "closed": closed_off(tie, tickets),
        "closed_reason": tie.closed_reason,
        "expected_on": stored["expected_on"],
        "cost": stored["cost"],
    }


async def _specials(db: AsyncConnection, line_id: UUID) -> list[dict[str, Any]]:
    own = special_orders.c
    query = select(own.id, own.number, own.state, own.component, own.qty).where(own.line_id == line_id)
    return await _rows(db, query.order_by(own.component))


async def _receipts(db: AsyncConnection, tickets: Iterable[Allotment]) -> list[dict[str, Any]]:
    by_receipt: dict[UUID, Decimal] = {}
    for ticket in tickets:
        if ticket.receipt_line_id is not None:
            by_receipt[ticket.receipt_line_id] = by_receipt.get(ticket.receipt_line_id, ZERO) + ticket.qty
    if not by_receipt:
        return []
    query = select(receipt_lines).where(receipt_lines.c.id.in_(by_receipt))
    found = await _rows(db, query.order_by(receipt_lines.c.receipt_number, receipt_lines.c.id))
    inspected = await _inspections(db, by_receipt)
    return [
        {
            "receipt_line_id": row["id"],
            "receipt_id": row["receipt_id"],
            "receipt_number": row["receipt_number"],
            "po_number": row["po_number"],
            "vendor": row["vendor"],
            "received": row["received"],
            "received_at": row["received_at"],
            "pegged": by_receipt[row["id"]],
            "inspections": inspected.get(row["id"], []),
        }
        for row in found
    ]


async def _inspections(
    db: AsyncConnection, receipt_line_ids: Iterable[UUID]
) -> dict[UUID, list[dict[str, Any]]]:
    query = (
        select(inspections)
        .where(inspections.c.receipt_line_id.in_(receipt_line_ids))
        .order_by(inspections.c.id)
    )
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row in await _rows(db, query):
        told = {
            name: row[name] for name in ("to_inspect", "passed", "failed", "closed", "inspected_by", "reason")
        }
        found.setdefault(row["receipt_line_id"], []).append({"inspection_id": row["id"], **told})
    return found


async def shipments_of(db: AsyncConnection, line_id: UUID) -> list[dict[str, Any]]:
    """What of the line stands on which shipment, or left with it."""
    query = (
        select(
            shipments.c.id.label("shipment_id"),
            shipments.c.number,
            shipments.c.state,
            shipments.c.warehouse,
            shipments.c.carrier,
            shipments.c.tracking_number,
            shipment_shares.c.allotment_id,
            shipment_shares.c.qty,
            shipment_shares.c.shipped,
            shipments.c.shipped_at,
        )
        .join(shipments, shipments.c.id == shipment_shares.c.shipment_id)
        .where(shipment_shares.c.line_id == line_id)
        .order_by(shipments.c.number, shipment_shares.c.allotment_id)
    )
    return await _rows(db, query)


def _standing(on_shipments: Iterable[Mapping[str, Any]]) -> dict[UUID, Decimal]:
    standing: dict[UUID, Decimal] = {}
    for share in on_shipments:
        if share["state"] in NOT_LEFT:
            standing[share["allotment_id"]] = standing.get(share["allotment_id"], ZERO) + share["qty"]
    return standing


def _allotment(ticket: Allotment, standing: Mapping[UUID, Decimal]) -> dict[str, Any]:
    kept = (
        "component",
        "origin",
        "receipt_line_id",
        "tie_id",
        "qty",
        "withdrawn",
        "failed",
        "passed",
        "granted",
    )
    more = ("shipped", "returned", "missing", "is_released")
    return {
        "allotment_id": ticket.id,
        **{name: getattr(ticket, name) for name in (*kept, *more)},
        "on_shipment": on_shipment(ticket, standing),
    }


async def _invoices(db: AsyncConnection, line_id: UUID) -> list[dict[str, Any]]:
    query = (
        select(
            invoices.c.id.label("invoice_id"),
            invoices.c.number,
            invoices.c.kind,
            invoices.c.state,
            invoices.c.shipment_number,
            invoice_lines.c.qty,
            invoice_lines.c.net,
            invoice_lines.c.tax,
        )
        .join(invoices, invoices.c.id == invoice_lines.c.invoice_id)
        .where(invoice_lines.c.line_id == line_id)
        .order_by(invoices.c.created_at, invoices.c.id)
    )
    return await _rows(db, query)


async def _returns(db: AsyncConnection, line_id: UUID) -> list[dict[str, Any]]:
    own = customer_returns.c
    query = select(own.id.label("return_id"), own.number, own.qty, own.to_quarantine, own.reason)
    return await _rows(db, query.where(own.line_id == line_id).order_by(own.number))
