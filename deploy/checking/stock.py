"""I-1 to I-3 and I-12: stock, its ledger, its claims, and who waits for it."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from deploy.checking.books import ZERO, Books, Key, Row, grouped, plain, total

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
    waiting, skips = _waiting(books), _skips(books)
    for row in books.rows("inventory", "stock"):
        free = available(row)
        lines = waiting.get((row["sku"], row["warehouse"]), [])
        if skips:
            # BO-5: such a line is passed over until its whole need can be granted at once
            lines = [d for d in lines if not d["all_or_nothing"] or _lacks(d) <= free]
        if lines and free > 0:
            first = min(lines, key=_rank)
            line = books.line_name(first["line_id"])
            yield f"{name(row)}: {plain(free)} are free while {line} lacks {plain(_lacks(first))}"


def rank_is_kept(books: Books) -> Iterator[str]:
    """I-12: nobody holds units that may be taken back while a line that ranks ahead waits for such (BO-13)."""
    waiting, skips = _waiting(books), _skips(books)
    demands = books.by("inventory", "demand", "line_id", "component")
    for (sku, warehouse), claims in books.grouped("inventory", "allotments", "sku", "warehouse").items():
        lines = [d for d in waiting.get((sku, warehouse), []) if not (skips and d["all_or_nothing"])]
        if not lines:
            continue
        first = min(lines, key=_rank)
        for claim in claims:
            holder = demands.get((claim["line_id"], claim["component"]))
            if holder is None or holder["special"] or _rank(holder) <= _rank(first):
                continue
            if (units := takeable(claim)) > 0:
                yield (
                    f"{sku} in {warehouse}: {books.line_name(holder['line_id'])} holds {plain(units)}, while "
                    f"{books.line_name(first['line_id'])}, which ranks ahead of it, lacks {plain(_lacks(first))}"
                )


def takeable(claim: Row) -> Decimal:
    """Free-stock units that a higher rank could have: not locked by picking (BO-10), and nobody asks for them."""
    if is_peg(claim) or claim.get("locked"):
        return ZERO
    left: Decimal = live(claim) - claim["asked"]
    return max(ZERO, left)


def _waiting(books: Books) -> dict[Key, list[Row]]:
    """By key the lines that lack units and should have got what there is; none where a person decides (BO-14, BO-15)."""
    if books.preference("inventory", "backorder_management", "on") != "on":
        return {}
    left = _left_for_a_schedule(books)
    lacking = (d for d in books.rows("inventory", "demand") if _lacks(d) > 0 and not d["special"])
    return {key: own for key, own in grouped(lacking, "sku", "warehouse").items() if key not in left}


def _skips(books: Books) -> bool:
    return books.preference("inventory", "head_of_line", "hold") == "skip"


def _left_for_a_schedule(books: Books) -> set[Key]:
    """Keys whose increases wait for a schedule that is switched off."""
    tables = books.tables["inventory"]
    off = {row["name"] for row in tables.get("automation_schedules", []) if not row["enabled"]}
    return {
        (row["sku"], row["warehouse"]) for row in tables.get("automation_left", []) if row["schedule"] in off
    }


def _lacks(demand: Row) -> Decimal:
    lacking: Decimal = demand["need"] - demand["granted"]
    return lacking


def _rank(demand: Row) -> tuple[object, ...]:
    """BO-6: the higher priority first, then the earlier opening."""
    return (
        -demand["priority"], demand["ranked_at"], demand["order_id"], demand["line_no"], demand["component"],
    )  # fmt: skip
