"""I-15: every copied snapshot equals its owner's row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploy.checking import snapshots
from deploy.checking.books import Books, Key, plain
from deploy.checking.snapshots import Figures


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


WAREHOUSE = ("version", "name", "company", "time_zone")
COPIES = (
    Copy("item", "orders", snapshots.catalogue, "inventory", snapshots.items),
    Copy(
        "item",
        "purchasing",
        _of("purchasing", "items", "sku", *snapshots.ITEM),
        "inventory",
        _of("inventory", "items", "sku", *snapshots.ITEM),
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
        snapshots.told_orders,
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
            "all_or_nothing",
        ),
        "orders",
        snapshots.told_lines,
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
        snapshots.bought_lines,
        must_be_known=False,
    ),
    Copy(
        "purchase order",
        "inventory",
        snapshots.heard_pos("inventory", "po_id"),
        "purchasing",
        snapshots.told_pos,
    ),
    Copy(
        "purchase order",
        "orders",
        snapshots.heard_pos("orders", "id"),
        "purchasing",
        snapshots.told_pos,
        must_be_known=False,
    ),
    Copy(
        "PO line",
        "inventory",
        _of("inventory", "purchase_order_lines", "po_line_id", "sku", "ordered", "cancelled"),
        "purchasing",
        snapshots.told_po_lines,
    ),
    Copy(
        "tie",
        "inventory",
        _of("inventory", "ties", "tie_id", "qty", "closed", "line_id"),
        "purchasing",
        snapshots.told_ties,
    ),
    Copy(
        "tie",
        "orders",
        _of("orders", "ties", "id", "qty", "closed", "line_id"),
        "purchasing",
        snapshots.told_ties,
    ),
    Copy("shipment", "orders", snapshots.heard_shipments, "shipping", snapshots.shipments),
    Copy("units on", "orders", snapshots.heard_shares, "shipping", snapshots.shares),
    Copy(
        "inspection",
        "orders",
        _of("orders", "inspections", "id", "passed", "failed", "closed"),
        "inventory",
        snapshots.inspections,
        must_be_known=False,
    ),
    Copy(
        "inspection",
        "notifications",
        _of("notifications", "findings", "inspection_id", "passed", "failed", "closed"),
        "inventory",
        snapshots.inspections,
        must_be_known=False,
    ),
    Copy(
        "replenishment of",
        "purchasing",
        snapshots.needs("purchasing", "replenishment_proposals", "qty"),
        "inventory",
        snapshots.needs("inventory", "replenishment_needs", "proposed"),
        must_be_known=False,
    ),
    Copy(
        "exception",
        "orders",
        _of("orders", "line_exceptions", "id", "version", "cleared"),
        "purchasing",
        snapshots.open_exceptions,
        must_be_known=False,
    ),
)
