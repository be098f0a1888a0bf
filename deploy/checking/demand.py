"""I-6, I-8 and I-10: order lines and their figures."""

from collections.abc import Iterator
from decimal import Decimal

from deploy.checking.books import ZERO, Books, Row, plain, total

TOLD = ("open", "filled", "closed", "cancelled")


def told_lines(books: Books) -> Iterator[Row]:
    """Lines of goods whose order has been opened."""
    for line in books.lines.values():
        order = books.orders.get(line["order_id"])
        if (
            order is not None
            and order["told"] > 0
            and line["kind"] != "service"
            and line["opening_version"] > 0
        ):
            yield line


def backordered(line: Row) -> Decimal:
    """What is neither granted nor cancelled."""
    left: Decimal = line["ordered"] - line["cancelled"] - line["granted"]
    return max(ZERO, left)


def granted(claim: Row) -> Decimal:
    """What an allotment gives its line, shipped units included."""
    given: Decimal = claim["qty"] - claim["withdrawn"] - claim["failed"] - claim["returned"]
    return given


def adds_up(books: Books) -> Iterator[str]:
    """I-6: ordered = cancelled + backordered + granted, all at least zero."""
    for line in told_lines(books):
        figures = {"cancelled": line["cancelled"], "granted": line["granted"], "shipped": line["shipped"]}
        over = line["cancelled"] + line["granted"] > line["ordered"]
        if over or any(value < 0 for value in figures.values()) or line["shipped"] > line["granted"]:
            parts = ", ".join(f"{plain(value)} {part}" for part, value in figures.items())
            yield f"{books.line_name(line['id'])}: {plain(line['ordered'])} ordered, but {parts}"


def is_flagged(books: Books) -> Iterator[str]:
    """I-6: the backorder flag stands iff something is backordered; the order's mark iff a flagged line is unfinished."""
    marked: dict[object, bool] = {}
    for line in told_lines(books):
        if line["is_backordered"] != (backordered(line) > 0):
            flag = "has the flag" if line["is_backordered"] else "has no flag"
            yield f"{books.line_name(line['id'])} {flag}, but {plain(backordered(line))} are backordered"
        unfinished = line["shipped"] + line["cancelled"] < line["ordered"]
        marked[line["order_id"]] = marked.get(line["order_id"], False) or (
            line["backordered_at"] is not None and unfinished
        )
    for order_id, expected in marked.items():
        order = books.orders[order_id]  # type: ignore[index]  # ids are ids
        if order["is_backordered"] != expected:
            yield f"{order['number']} is {'' if order['is_backordered'] else 'not '}marked as backordered"


def granted_is_the_sum(books: Books) -> Iterator[str]:
    """I-8: granted and shipped of a line are sums over its allotments, in orders and in inventory."""
    here = books.grouped("orders", "allotments", "line_id")
    there = books.grouped("inventory", "allotments", "line_id", "component")
    for line in told_lines(books):
        own = here.get((line["id"],), [])
        yield from _differing(books, "orders", line["id"], line, own)
    for row in books.rows("inventory", "demand"):
        own = there.get((row["line_id"], row["component"]), [])
        yield from _differing(books, "inventory", row["line_id"], row, own)


def _differing(books: Books, service: str, line_id: object, row: Row, claims: list[Row]) -> Iterator[str]:
    sums = {"granted": total(claims, granted), "shipped": total(claims, lambda c: c["shipped"])}
    for figure, found in sums.items():
        if row[figure] != found:
            name = books.line_name(line_id)  # type: ignore[arg-type]  # ids are ids
            yield f"{service} has {name}: {plain(row[figure])} {figure}, but its allotments come to {plain(found)}"


def has_one_fate(books: Books) -> Iterator[str]:
    """I-10: no item and no line is both special and drop shipped."""
    for line in books.lines.values():
        if line["special_order"] and line["drop_ship"]:
            yield f"{books.line_name(line['id'])} is both special and drop shipped"
    for item in books.rows("inventory", "items"):
        if item["special_order"] and item["drop_ship"]:
            yield f"item {item['sku']} is both special and drop shipped"
