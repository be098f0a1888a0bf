"""I-17 and I-18: what a client was answered, and what the record log tells."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from deploy.checking.books import Books, Row, plain
from deploy.local.definitions import SERVICES

REFERENCED = {
    "/v1/sales-orders": ("orders", "sales_orders"),
    "/v1/stock/adjustments": ("inventory", "adjustments"),
}
"""Requests whose resource carries the client's own reference."""


def answered_exists(books: Books) -> Iterator[str]:
    """I-17: every 2xx is stored under its key as it was given, and its resource exists once."""
    assert books.journal is not None  # noqa: S101  # the invariant applies only with a journal
    stored = {service: _by_key(books, service) for service in SERVICES}
    counts = _referenced(books)
    for key, answer in books.journal.answers.items():
        intent = books.journal.intents.get(key)
        if intent is None or not 200 <= answer["status"] < 300:
            continue
        row = stored[intent["service"]].get(key)
        what = f"{intent['method']} {intent['path']} (key {key})"
        if row is None:
            yield f"{what} was answered with {answer['status']}, but the key is not stored"
        elif row["status"] != answer["status"]:
            yield f"{what} was answered with {answer['status']}, stored is {row['status']}"
        if (reference := intent.get("reference")) and counts[intent["path"], reference] != 1:
            found = counts[intent["path"], reference]
            yield f"{what} was answered with {answer['status']}, but there are {found} of {reference}"


def no_more_than_meant(books: Books) -> Iterator[str]:
    """I-17: what was not answered, or refused, exists at most once; nothing exists that nobody meant."""
    assert books.journal is not None  # noqa: S101  # the invariant applies only with a journal
    meant = Counter(
        (intent["path"], intent["reference"])
        for intent in books.journal.intents.values()
        if "reference" in intent
    )
    for (path, reference), found in _referenced(books).items():
        if (path, reference) in meant and found > 1:
            yield f"POST {path}: there are {found} of {reference}, which was asked for once"


def _by_key(books: Books, service: str) -> dict[str, Row]:
    return {row["key"]: row for row in books.rows(service, "idempotency")}


def _referenced(books: Books) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    for path, (service, table) in REFERENCED.items():
        for row in books.rows(service, table):
            if row["reference"]:
                counts[path, row["reference"]] += 1
    return counts


@dataclass(frozen=True)
class Logged:
    """A table whose rows the log leads to: the last logged value of each figure is the row's."""

    service: str
    table: str
    document: str
    key: Callable[[Row], tuple[str, str]]
    figures: tuple[str, ...]
    name: Callable[[Books, Row], str]
    must_be_logged: Callable[[Books, Row], bool] = lambda books, row: True


LOGGED = (
    Logged(
        "orders",
        "sales_orders",
        "sales-order",
        lambda row: (str(row["id"]), ""),
        ("state",),
        lambda books, row: str(row["number"]),
    ),
    Logged(
        "orders",
        "order_lines",
        "sales-order",
        lambda row: (str(row["order_id"]), f"line {row['line_no']}"),
        ("ordered", "cancel_wanted", "cancelled", "granted", "shipped"),
        lambda books, row: books.line_name(row["id"]),
    ),
    Logged(
        "orders",
        "invoices",
        "invoice",
        lambda row: (str(row["id"]), ""),
        ("state", "total"),
        lambda books, row: f"invoice {row['number'] or row['id']}",
    ),
    Logged(
        "inventory",
        "demand",
        "demand",
        lambda row: (str(row["line_id"]), str(row["component"])),
        ("granted", "shipped"),
        lambda books, row: f"inventory's {books.line_name(row['line_id'])}",
        lambda books, row: bool(row["granted"] or row["shipped"]),
    ),
    Logged(
        "inventory",
        "inspections",
        "inspection",
        lambda row: (str(row["id"]), ""),
        ("passed", "failed", "to_inspect"),
        lambda books, row: f"inspection {row['number']}",
    ),
    Logged(
        "shipping",
        "shipments",
        "shipment",
        lambda row: (str(row["id"]), ""),
        ("state",),
        lambda books, row: str(row["number"]),
    ),
    Logged(
        "notifications",
        "notices",
        "notice",
        lambda row: (str(row["id"]), ""),
        ("state",),
        lambda books, row: f"notice {row['number']}",
    ),
)

Entries = Mapping[tuple[str, str, str], list[Row]]


def _entries(books: Books, service: str) -> Entries:
    found: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in sorted(books.rows(service, "record_log"), key=lambda row: int(row["id"])):
        found[row["document"], row["document_id"], row["part"]].append(row)
    return found


def is_logged(books: Books) -> Iterator[str]:
    """I-18: no document without a first log row."""
    for kind in LOGGED:
        entries = _entries(books, kind.service)
        for row in books.rows(kind.service, kind.table):
            if (kind.document, *kind.key(row)) not in entries and kind.must_be_logged(books, row):
                yield f"{kind.name(books, row)}: the record log knows nothing of it"


def log_leads_to_the_row(books: Books) -> Iterator[str]:
    """I-18: each figure's last logged value is the row's, and each change began where the one before it had ended."""
    for kind in LOGGED:
        entries = _entries(books, kind.service)
        for row in books.rows(kind.service, kind.table):
            own = entries.get((kind.document, *kind.key(row)), [])
            for figure in kind.figures:
                yield from _replayed(kind.name(books, row), figure, own, row[figure])


def _replayed(name: str, figure: str, entries: list[Row], stands: Any) -> Iterator[str]:
    last: Any = None
    for nth, entry in enumerate(entries):
        if nth and entry["before"] is None:
            continue  # a note of what happened to the line (a shipment's figures), no change of it
        before, after = entry["before"] or {}, entry["after"] or {}
        if last is not None and figure in before and not _same(before[figure], last):
            yield (
                f"{name}: {figure} was {last}, but `{entry['action']}` changed it from {before[figure]} "
                f"to {after.get(figure)}"
            )
        if figure in after:
            last = after[figure]
    if last is None and isinstance(stands, Decimal) and stands:
        yield f"{name}: {figure} is {plain(stands)}, but the record log never tells of it"
    if last is not None and not _same(last, stands):
        yield f"{name}: {figure} is {plain(stands)}, but the record log ends with {last}"


def log_is_signed(books: Books) -> Iterator[str]:
    """I-18: every log row names its actor and its cause."""
    for service in SERVICES:
        for row in books.rows(service, "record_log"):
            if not row["actor"] or not row["cause"]:
                yield f"{service}: `{row['action']}` of {row['document']} {row['document_id']} names nobody"


def _same(logged: Any, stands: Any) -> bool:
    if isinstance(stands, Decimal) or (
        isinstance(logged, str) and isinstance(stands, str) and logged != stands
    ):
        try:
            return Decimal(str(logged)) == Decimal(str(stands))
        except InvalidOperation:
            return False
    return bool(str(logged) == str(stands))
