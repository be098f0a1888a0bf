"""What services own and what others keep of it, in the same words on both sides: {key: {figure: value}} (I-15)."""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from deploy.checking.books import Books, Key, Row

Figures: TypeAlias = Mapping[str, Any]
"""What is compared; the entry under the empty word is its name for people."""

ITEM = ("version", "description", "kind", "unit", "precision", "product_line", "special_order", "drop_ship")


def items(books: Books) -> dict[Key, Figures]:
    sources = books.grouped("inventory", "item_sources", "sku")
    return {
        (row["sku"],): {
            **{name: row[name] for name in ITEM},
            "price": row["price"],
            "currency": row["currency"],
            "sources": _sources(sources.get((row["sku"],), []), "from_warehouse"),
        }
        for row in books.rows("inventory", "items")
    }


def catalogue(books: Books) -> dict[Key, Figures]:
    return {
        (row["sku"],): {
            **{name: row[name] for name in ITEM},
            "price": row["price"],
            "currency": row["currency"],
            "sources": _sources(row["sources"], "source_warehouse"),
        }
        for row in books.rows("orders", "catalogue_items")
    }


def _sources(rows: list[Row] | list[dict[str, Any]], warehouse: str) -> list[tuple[str, str, str]]:
    return sorted((row["warehouse"], row["vendor"] or "", row[warehouse] or "") for row in rows)


def told_orders(books: Books) -> dict[Key, Figures]:
    return {
        (row["id"],): {
            "": row["number"],
            "version": row["told"],
            "number": row["number"],
            "customer": row["customer"],
        }
        for row in books.rows("orders", "sales_orders")
        if row["told"] > 0
    }


def told_lines(books: Books) -> dict[Key, Figures]:
    found: dict[Key, Figures] = {}
    for row in books.lines.values():
        order = books.orders[row["order_id"]]
        if order["told"] > 0 and row["kind"] != "service" and not row["drop_ship"]:
            names = ("sku", "warehouse", "ordered", "cancel_wanted", "ranked_at", "all_or_nothing")
            found[row["id"],] = {
                "": books.line_name(row["id"]),
                "priority": order["priority"],
                **{name: row[name] for name in names},
            }
    return found


def bought_lines(books: Books) -> dict[Key, Figures]:
    # how a line ships is nothing to whoever buys for it
    return {
        key: {what: value for what, value in line.items() if what != "all_or_nothing"}
        for key, line in told_lines(books).items()
    }


def needs(service: str, table: str, figure: str) -> Callable[[Books], dict[Key, Figures]]:
    def look(books: Books) -> dict[Key, Figures]:
        return {
            (f"{row['sku']} in {row['warehouse']}",): {"version": row["version"], "proposed": row[figure]}
            for row in books.rows(service, table)
        }

    return look


def told_pos(books: Books) -> dict[Key, Figures]:
    return {
        (row["id"],): {
            "": row["number"],
            "version": row["told"],
            "number": row["number"],
            "state": _told_state(row),
        }
        for row in books.rows("purchasing", "purchase_orders")
        if row["told"] > 0
    }


def _told_state(row: Row) -> Any:
    # that goods came is inventory's to tell: a snapshot names the state at its telling
    return "open" if row["state"] in ("open", "partially_received", "received") else row["state"]


def heard_pos(service: str, key: str) -> Callable[[Books], dict[Key, Figures]]:
    def look(books: Books) -> dict[Key, Figures]:
        return {
            (row[key],): {"version": row["version"], "number": row["number"], "state": _told_state(row)}
            for row in books.rows(service, "purchase_orders")
        }

    return look


def told_po_lines(books: Books) -> dict[Key, Figures]:
    heads = books.by("purchasing", "purchase_orders", "id")
    return {
        (row["id"],): {
            "": books.po_line_name(row["id"]),
            **{name: row[name] for name in ("sku", "ordered", "cancelled")},
        }
        for row in books.rows("purchasing", "purchase_order_lines")
        if heads[row["po_id"],]["told"] > 0
    }


def told_ties(books: Books) -> dict[Key, Figures]:
    heads = books.by("purchasing", "purchase_orders", "id")
    return {
        (row["id"],): {
            "": f"to {books.line_name(row['line_id'])}",
            "qty": row["qty"],
            "closed": min(row["qty"], row["closed"] + row["missed"]),
            "line_id": row["line_id"],
        }
        for row in books.rows("purchasing", "ties")
        if heads[row["po_id"],]["told"] > 0
    }


def shipments(books: Books) -> dict[Key, Figures]:
    return {
        (row["id"],): {
            "": row["number"], "version": row["told"], "number": row["number"], "state": _kept_state(row["state"])
        }
        for row in books.rows("shipping", "shipments")
        if row["told"] > 0
    }  # fmt: skip


def heard_shipments(books: Books) -> dict[Key, Figures]:
    return {
        (row["id"],): {
            "version": row["version"], "number": row["number"], "state": _kept_state(row["state"])
        }
        for row in books.rows("orders", "shipments")
    }  # fmt: skip


def _kept_state(state: str) -> str:
    # picking and packing are not told
    return "standing" if state in ("pending", "picking", "packed") else state


def shares(books: Books) -> dict[Key, Figures]:
    shipments = books.by("shipping", "shipments", "id")
    lines = books.by("shipping", "shipment_lines", "id")
    found: dict[Key, Figures] = {}
    for row in books.rows("shipping", "shipment_shares"):
        line = lines[row["shipment_line_id"],]
        shipment = shipments[line["shipment_id"],]
        if shipment["told"] > 0:
            found[shipment["id"], row["allotment_id"]] = {
                "": f"{shipment['number']} of {books.claim_name(row['allotment_id'])}",
                "qty": row["qty"],
                "shipped": row["shipped"],
            }
    return found


def heard_shares(books: Books) -> dict[Key, Figures]:
    return {
        (row["shipment_id"], row["allotment_id"]): {"qty": row["qty"], "shipped": row["shipped"]}
        for row in books.rows("orders", "shipment_shares")
    }


def inspections(books: Books) -> dict[Key, Figures]:
    return {
        (row["id"],): {
            "": row["number"],
            "passed": row["passed"],
            "failed": row["failed"],
            "closed": row["state"] == "closed",
        }
        for row in books.rows("inventory", "inspections")
    }


def open_exceptions(books: Books) -> dict[Key, Figures]:
    return {
        (row["id"],): {
            "": f"{row['kind']} of {row['sku']}", "version": row["version"], "cleared": row["cleared_at"] is not None
        }
        for row in books.rows("purchasing", "exceptions")
        if row["line_id"] is not None
    }  # fmt: skip
