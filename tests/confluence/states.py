"""What must be equal, per service, however its facts came: business figures by natural keys.

Left out everywhere: ids that the service invents, human numbers, its own counters (versions, release numbers), times of
hearing, and the record log, which tells the path on purpose.

- *orders*, *notifications*: every row. They decide nothing that depends on who came first.
- *inventory*: wishes, ties, receipts, inspections and stock by key, each line's figures; but which of two competing
  lines was first depends on who was heard first, so for free stock only the sums by item and warehouse are equal.
- *purchasing*: each demand's need, request, granted and tied figures; how purchases share purchase orders depends on
  what was heard together, so quantities on order are compared by item.
- *shipping*: each claim's figures with what stands on shipments; how units share shipments is compared by order.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from tests.confluence.recording import Row, Tables

OPEN = ("pending", "picking", "packed")
ZERO = Decimal(0)


def _rows(rows: Iterable[Row], *without: str) -> list[str]:
    return sorted(
        str(sorted((name, value) for name, value in row.items() if name not in without and value is not None))
        for row in rows
    )


def _sums(rows: Iterable[Row], key: Callable[[Row], Any], value: Callable[[Row], Any]) -> dict[Any, Any]:
    found: Counter[Any] = Counter()
    for row in rows:
        found[key(row)] += value(row)
    return {key: found[key] for key in sorted(found, key=str) if found[key]}


def _may_ship(claim: Row) -> bool | None:
    """Whether live units are released; what has left, or come to nothing, may be heard of in one breath."""
    live = claim["qty"] - claim["withdrawn"] - claim["failed"] - claim["shipped"] - claim["returned"]
    return bool(claim["release_no"] > claim["revoke_no"]) if live else None


def orders(t: Tables) -> dict[str, Any]:
    """Every row of orders."""
    names = {row["id"]: (row["order_id"], row["line_no"]) for row in t["order_lines"]}
    # a shipment that is heard of only when it is void has nothing to bill: a void invoice is as good as none
    billed = [row for row in t["invoices"] if row["state"] != "void"]
    invoices = {row["id"]: row["shipment_id"] or row["order_id"] for row in billed}

    def line(row: Row) -> Row:
        return {**row, "line_id": names.get(row["line_id"], row["line_id"])}

    return {
        "orders": _rows(
            t["sales_orders"], "version", "told", "settled_version", "filled_at", "cancelled_at", "closed_at"
        ),
        "lines": _rows(
            ({**row, "parent_line_id": names.get(row["parent_line_id"])} for row in t["order_lines"]),
            "id", "opening_version", "wish_version", "settled_version", "backordered_at",
        ),
        "specials": _rows(t["special_orders"], "version"),
        "allotments": _rows(
            ({**line(row), "released": _may_ship(row)} for row in t["allotments"]),
            "release_no", "revoke_no",
        ),
        "ties": _rows(line(row) for row in t["ties"]),
        "purchase_orders": _rows(t["purchase_orders"]),
        "receipt_lines": _rows(t["receipt_lines"]),
        "inspections": _rows(t["inspections"]),
        "exceptions": _rows(line(row) for row in t["line_exceptions"]),
        "shipments": _rows(t["shipments"], "heard_at"),
        "shares": _rows(line(row) for row in t["shipment_shares"]),
        "short": _rows(line(row) for row in t["short_ships"]),
        "returns": _rows((line(row) for row in t["customer_returns"]), "heard_at"),
        "invoices": _rows(billed, "id", "number", "version", "created_at", "finalised_at"),
        "invoice lines": _rows(
            {**line(row), "invoice_id": invoices[row["invoice_id"]]}
            for row in t["invoice_lines"] if row["invoice_id"] in invoices
        ),
    }  # fmt: skip


def notifications(t: Tables) -> dict[str, Any]:
    """Every notice by its subject. One that followed a condition and is closed is as good as none: who hears all at
    once never sees what came and went."""
    kept = [
        row
        for row in t["notices"]
        if row["state"] == "open" or row["kind"] in ("inspection", "purchase_exception")
    ]
    subjects = {row["id"]: (row["kind"], row["subject"]) for row in kept}
    return {
        "notices": _rows(
            kept, "id", "number", "version", "news", "source_version", "position", "raised_at", "closed_at"
        ),
        "concerns": _rows(
            {**row, "notice_id": subjects[row["notice_id"]]}
            for row in t["notice_concerns"] if row["notice_id"] in subjects
        ),
        "claims": _rows(t["claims"]),
        "findings": _rows(t["findings"]),
    }  # fmt: skip


def inventory(t: Tables) -> dict[str, Any]:
    """Wishes and supply row by row, competing claims in sums."""
    places = {
        row["id"]: row["po_id"]
        for row in t["incoming_shipments"]
        if row["state"] in ("expected", "receiving")
    }
    return {
        "stock": _rows(t["stock"]),
        "demand": _rows(t["demand"], "granted", "settled_version"),
        "granted": _sums(t["demand"], lambda d: (d["sku"], d["warehouse"]), lambda d: d["granted"]),
        "pegs": _sums(
            (a for a in t["allotments"] if a["tie_id"]), lambda a: (a["tie_id"], a["receipt_line_id"]),
            lambda a: a["qty"] - a["withdrawn"] - a["failed"] - a["returned"],
        ),
        "asked": _sums(t["allotments"], lambda a: a["sku"], lambda a: a["asked"]),
        "ledger": _rows(t["stock_ledger"], "id", "at", "actor"),
        "orders": _rows(t["purchase_orders"]),
        "po lines": _rows(t["purchase_order_lines"]),
        "ties": _rows(t["ties"]),
        "promises": _rows(t["supply_answers"], "answered_at"),
        "expected": _sums(
            (line for line in t["incoming_lines"] if line["shipment_id"] in places),
            lambda line: line["po_line_id"], lambda line: line["expected"],
        ),
        "receipts": _rows(t["receipt_lines"]),
        "inspections": _sums(
            t["inspections"], lambda i: (i["receipt_line_id"], i["state"]), lambda i: i["to_inspect"]
        ),
    }  # fmt: skip


def purchasing(t: Tables) -> dict[str, Any]:
    """Each demand, and what is on order by item."""
    through = _sums(
        (a for a in t["allotments"] if a["tie_id"] and a["qty"] is not None), lambda a: a["tie_id"],
        lambda a: a["qty"] - a["returned"] + a["missing"],
    )  # fmt: skip
    return {
        "demands": _rows(t["demands"], "request_id", "requested_at", "ever_tied"),
        "standings": _rows(t["standings"]),
        "allotments": _rows(t["allotments"]),
        "tied": _sums(
            t["ties"], lambda tie: tie["line_id"],
            lambda tie: max(ZERO, tie["qty"] - tie["closed"] - tie["missed"] - through.get(tie["id"], ZERO)),
        ),
        "exceptions": sorted(
            str((e["line_id"], e["receipt_line_id"], e["kind"], e["qty"]))
            for e in t["exceptions"] if e["cleared_at"] is None
        ),
        "on order": _sums(t["purchase_order_lines"], lambda p: p["sku"], lambda p: p["ordered"] - p["cancelled"]),
        "received": _sums(t["purchase_order_lines"], lambda p: p["sku"], lambda p: p["received"]),
        "receipts": _rows(t["purchase_order_receipts"]),
    }  # fmt: skip


def shipping(t: Tables) -> dict[str, Any]:
    """Each claim, and what stands on each order's shipments."""
    states = {row["id"]: row["state"] for row in t["shipments"]}
    lines = {row["id"]: row for row in t["shipment_lines"]}

    def state(share: Row) -> str:
        found: str = states[lines[share["shipment_line_id"]]["shipment_id"]]
        return found

    return {
        "allotments": _rows(t["allotments"]),
        "standing": _sums(
            (share for share in t["shipment_shares"] if state(share) in OPEN),
            lambda share: (share["allotment_id"], state(share)), lambda share: share["qty"],
        ),
        "questions": sorted(str(row["question_id"]) for row in t["questions"]),
    }  # fmt: skip


STATES: dict[str, Callable[[Tables], dict[str, Any]]] = {
    "orders": orders,
    "inventory": inventory,
    "purchasing": purchasing,
    "shipping": shipping,
    "notifications": notifications,
}
