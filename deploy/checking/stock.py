"""I-1 to I-3 and I-12: stock, its ledger, its claims, and who waits for it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from deploy.checking.books import ZERO, Books, Row, grouped, plain, total

PARTS = ("allotted", "pegged", "arrived", "quarantined")


def live(claim: Row) -> Decimal:
    """Units of an allotment that are in the warehouse for its line."""
    left: Decimal = claim["qty"] - claim["withdrawn"] - claim["failed"] - claim["shipped"] - claim["returned"]
    return left


def is_peg(claim: Row) -> bool:
    """Whether its units came for its line."""
    return claim["receipt_line_id"] is not None


def available(stock: Row) -> Decimal:
    """Units that belong to nobody."""
    held: Decimal = stock["on_hand"] - sum((stock[part] for part in PARTS), ZERO)
    return held


def name(row: Row) -> str:
    """`WIDGET in MAIN`."""
    return f"{row['sku']} in {row['warehouse']}"


def is_not_oversold(books: Books) -> Iterator[str]:
    """I-1: 0 <= allotted + pegged + arrived + quarantined <= on_hand."""
    for row in books.rows("inventory", "stock"):
        held = ", ".join(f"{plain(row[part])} {part}" for part in PARTS)
        if available(row) < 0 or any(row[part] < 0 for part in PARTS):
            yield f"{name(row)}: {plain(row['on_hand'])} on hand, but {held}"


def is_the_sum_of_its_claims(books: Books) -> Iterator[str]:
    """I-2: the stock row's figures are sums over free-stock and receipt allotments, and returns to quarantine."""
    claims = books.grouped("inventory", "allotments", "sku", "warehouse")
    returns = books.grouped("inventory", "customer_returns", "sku", "warehouse")
    stock = books.by("inventory", "stock", "sku", "warehouse")
    for key in sorted({*claims, *stock}):
        own = claims.get(key, [])
        sums = {
            "allotted": total((c for c in own if not is_peg(c)), live),
            "pegged": total((c for c in own if is_peg(c)), live),
            "arrived": ZERO,
            "quarantined": total(own, lambda c: c["failed"])
            + total((r for r in returns.get(key, []) if r["return_to"] == "quarantine"), lambda r: r["qty"]),
        }
        for part, found in sums.items():
            booked = stock[key][part] if key in stock else ZERO
            if booked != found:
                yield f"{key[0]} in {key[1]}: {plain(booked)} {part}, but its claims come to {plain(found)}"


def is_the_sum_of_the_ledger(books: Books) -> Iterator[str]:
    """I-3: on_hand = sum of the ledger."""
    ledger: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for entry in books.rows("inventory", "stock_ledger"):
        ledger[entry["sku"], entry["warehouse"]] += entry["qty"]
    stock = {(row["sku"], row["warehouse"]): row["on_hand"] for row in books.rows("inventory", "stock")}
    for key in sorted({*ledger, *stock}):
        if stock.get(key, ZERO) != ledger.get(key, ZERO):
            booked, moved = plain(stock.get(key, ZERO)), plain(ledger.get(key, ZERO))
            yield f"{key[0]} in {key[1]}: {booked} on hand, but the ledger comes to {moved}"


def books_once(books: Books) -> Iterator[str]:
    """I-3: no (kind, source_key) twice."""
    keys = Counter((row["kind"], row["source_key"]) for row in books.rows("inventory", "stock_ledger"))
    for (kind, source), count in keys.items():
        if count > 1:
            yield f"the ledger books the {kind} {source} {count} times"


def is_not_idle(books: Books) -> Iterator[str]:
    """I-12: nothing is available while an eligible line waits for it."""
    waiting = grouped(
        (d for d in books.rows("inventory", "demand") if d["need"] > d["granted"] and not d["special"]),
        "sku",
        "warehouse",
    )
    for row in books.rows("inventory", "stock"):
        lines = waiting.get((row["sku"], row["warehouse"]), [])
        if lines and available(row) > 0:
            first = min(
                lines, key=lambda d: (-d["priority"], d["ranked_at"], str(d["order_id"]), d["line_no"])
            )
            lacks = plain(first["need"] - first["granted"])
            yield f"{name(row)}: {plain(available(row))} are free while {books.line_name(first['line_id'])} lacks {lacks}"
