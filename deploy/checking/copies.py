"""I-15: every copied snapshot equals its owner's row."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.checking.books import Books, Key, Row, plain

Figures = Mapping[str, Any]


@dataclass(frozen=True)
class Copy:
    """A table that keeps what another service owns; both sides as {key: {what: value}}."""

    what: str
    service: str
    here: Callable[[Books], dict[Key, Figures]]
    owner: str
    there: Callable[[Books], dict[Key, Figures]]
    must_be_known: bool = True
    """Whether each row of the owner is told to the copy."""


def are_alike(books: Books) -> Iterator[str]:
    """I-15."""
    for copy in COPIES:
        here, there = copy.here(books), copy.there(books)
        for key in here.keys() | (there.keys() if copy.must_be_known else set()):
            name = f"{copy.what} {there.get(key, here.get(key, {})).get('', key[0])}"
            if key not in here:
                yield f"{copy.service} does not know {name}"
            elif key not in there:
                yield f"{copy.service} knows {name}, which {copy.owner} does not have"
            else:
                for what, owned in there[key].items():
                    if what and here[key][what] != owned:
                        yield (
                            f"{name}: {what} is {plain(owned)} in {copy.owner}, "
                            f"{plain(here[key][what])} in {copy.service}"
                        )


def _of(
    service: str, table: str, key: str, *columns: str, name: str = "", **renamed: str
) -> Callable[[Books], dict[Key, Figures]]:
    """The rows of a table: `columns` under their own names, `renamed` {what: column} under others."""
    wanted = {**{column: column for column in columns}, **renamed}

    def look(books: Books) -> dict[Key, Figures]:
        return {
            (row[key],): {
                **({"": row[name]} if name else {}),
                **{what: row[column] for what, column in wanted.items()},
            }
            for row in books.rows(service, table)
        }

    return look


def _items(books: Books) -> dict[Key, Figures]:
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


def _catalogue(books: Books) -> dict[Key, Figures]:
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


def _told_orders(books: Books) -> dict[Key, Figures]:
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


def _told_lines(books: Books) -> dict[Key, Figures]:
    found: dict[Key, Figures] = {}
    for row in books.lines.values():
        order = books.orders[row["order_id"]]
        if order["told"] > 0 and row["kind"] != "service" and not row["drop_ship"]:
            names = ("sku", "warehouse", "ordered", "cancel_wanted", "ranked_at")
            found[row["id"],] = {
                "": books.line_name(row["id"]),
                "priority": order["priority"],
                **{name: row[name] for name in names},
            }
    return found


def _told_pos(books: Books) -> dict[Key, Figures]:
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


def _heard_pos(service: str, key: str) -> Callable[[Books], dict[Key, Figures]]:
    def look(books: Books) -> dict[Key, Figures]:
        return {
            (row[key],): {"version": row["version"], "number": row["number"], "state": _told_state(row)}
            for row in books.rows(service, "purchase_orders")
        }

    return look


def _told_po_lines(books: Books) -> dict[Key, Figures]:
    heads = books.by("purchasing", "purchase_orders", "id")
    return {
        (row["id"],): {
            "": books.po_line_name(row["id"]),
            **{name: row[name] for name in ("sku", "ordered", "cancelled")},
        }
        for row in books.rows("purchasing", "purchase_order_lines")
        if heads[row["po_id"],]["told"] > 0
    }


def _told_ties(books: Books) -> dict[Key, Figures]:
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


def _shipments(books: Books) -> dict[Key, Figures]:
    return {
        (row["id"],): {
            "": row["number"], "version": row["told"], "number": row["number"], "state": _kept_state(row["state"])
        }
        for row in books.rows("shipping", "shipments")
        if row["told"] > 0
    }  # fmt: skip


def _heard_shipments(books: Books) -> dict[Key, Figures]:
    return {
        (row["id"],): {
            "version": row["version"], "number": row["number"], "state": _kept_state(row["state"])
        }
        for row in books.rows("orders", "shipments")
    }  # fmt: skip


def _kept_state(state: str) -> str:
    # picking and packing are not told
    return "standing" if state in ("pending", "picking", "packed") else state


def _shares(books: Books) -> dict[Key, Figures]:
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


def _heard_shares(books: Books) -> dict[Key, Figures]:
    return {
        (row["shipment_id"], row["allotment_id"]): {"qty": row["qty"], "shipped": row["shipped"]}
        for row in books.rows("orders", "shipment_shares")
    }


def _inspections(books: Books) -> dict[Key, Figures]:
    return {
        (row["id"],): {
            "": row["number"],
            "passed": row["passed"],
            "failed": row["failed"],
            "closed": row["state"] == "closed",
        }
        for row in books.rows("inventory", "inspections")
    }


def _open_exceptions(books: Books) -> dict[Key, Figures]:
    return {
        (row["id"],): {
            "": f"{row['kind']} of {row['sku']}", "version": row["version"], "cleared": row["cleared_at"] is not None
        }
        for row in books.rows("purchasing", "exceptions")
        if row["line_id"] is not None
    }  # fmt: skip


ITEM = ("version", "description", "kind", "unit", "precision", "product_line", "special_order", "drop_ship")
WAREHOUSE = ("version", "name", "company", "time_zone")
COPIES = (
    Copy("item", "orders", _catalogue, "inventory", _items),
    Copy(
        "item",
        "purchasing",
        _of("purchasing", "items", "sku", *ITEM),
        "inventory",
        _of("inventory", "items", "sku", *ITEM),
    ),
    *(
        Copy(
            "warehouse",
            service,
            _of(service, "warehouses", "code", *WAREHOUSE),
            "inventory",
            _of("inventory", "warehouses", "code", *WAREHOUSE),
        )
        for service in ("orders", "purchasing")
    ),
    Copy(
        "order",
        "inventory",
        _of("inventory", "orders_heard", "order_id", "version", "number", "customer"),
        "orders",
        _told_orders,
    ),
    Copy(
        "demand",
        "inventory",
        _of(
            "inventory",
            "demand",
            "line_id",
            "sku",
            "warehouse",
            "ordered",
            "cancel_wanted",
            "ranked_at",
            "priority",
        ),
        "orders",
        _told_lines,
    ),
    Copy(
        "demand",
        "purchasing",
        _of(
            "purchasing",
            "demands",
            "line_id",
            "sku",
            "warehouse",
            "ordered",
            "cancel_wanted",
            "ranked_at",
            "priority",
        ),
        "orders",
        _told_lines,
        must_be_known=False,
    ),
    Copy("purchase order", "inventory", _heard_pos("inventory", "po_id"), "purchasing", _told_pos),
    Copy(
        "purchase order", "orders", _heard_pos("orders", "id"), "purchasing", _told_pos, must_be_known=False
    ),
    Copy(
        "PO line",
        "inventory",
        _of("inventory", "purchase_order_lines", "po_line_id", "sku", "ordered", "cancelled"),
        "purchasing",
        _told_po_lines,
    ),
    Copy(
        "tie",
        "inventory",
        _of("inventory", "ties", "tie_id", "qty", "closed", "line_id"),
        "purchasing",
        _told_ties,
    ),
    Copy("tie", "orders", _of("orders", "ties", "id", "qty", "closed", "line_id"), "purchasing", _told_ties),
    Copy("shipment", "orders", _heard_shipments, "shipping", _shipments),
    Copy("units on", "orders", _heard_shares, "shipping", _shares),
    Copy(
        "inspection",
        "orders",
        _of("orders", "inspections", "id", "passed", "failed", "closed"),
        "inventory",
        _inspections,
        must_be_known=False,
    ),
    Copy(
        "inspection",
        "notifications",
        _of("notifications", "findings", "inspection_id", "passed", "failed", "closed"),
        "inventory",
        _inspections,
        must_be_known=False,
    ),
    Copy(
        "exception",
        "orders",
        _of("orders", "line_exceptions", "id", "version", "cleared"),
        "purchasing",
        _open_exceptions,
        must_be_known=False,
    ),
)
