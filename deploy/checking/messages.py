"""I-13, I-14 and I-16: what was told, what was heard, what failed."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from uuid import UUID

from deploy.checking.books import Books
from deploy.checking.hearing import hears
from deploy.local.definitions import SERVICES
from shared.ids import first_id_at

VERSIONED = {
    "orders.sales-order": ("orders", "sales_orders", "id", "told", "number"),
    "purchasing.purchase-order": ("purchasing", "purchase_orders", "id", "told", "number"),
    "inventory.item": ("inventory", "items", "sku", "version", "sku"),
    "inventory.warehouse": ("inventory", "warehouses", "code", "version", "code"),
}
"""Aggregates whose every version is told: (service, table, key, newest version, name)."""


def outbox_is_empty(books: Books) -> Iterator[str]:
    """I-13: everything told has been published, and the broker took it."""
    for service in SERVICES:
        rows = books.rows(service, "outbox")
        set_aside = [row for row in rows if row["quarantined_at"] is not None]
        if rows:
            yield f"{service}: {len(rows)} events are not published, {len(set_aside)} of them set aside"
        for row in set_aside[:3]:
            yield f"{service}: event {row['event_id']} was refused by the broker: {row['last_error']}"


def versions_are_unbroken(books: Books) -> Iterator[str]:
    """I-13: each aggregate's told versions follow each other without gap or repeat, up to its row's."""
    told: dict[tuple[str, str], list[int]] = defaultdict(list)
    for event in books.events:
        family = event.type.rsplit(".", 2)[0]
        if family in VERSIONED and event.version is not None:
            told[family, event.subject].append(event.version)
        for shipment, version, _ in event.shipments:
            told["shipping.shipment", str(shipment)].append(version)
    for (family, subject), versions in told.items():
        for problem in _breaks(sorted(versions)):
            yield f"{family} {subject}: version {problem}"
    yield from _newest(books, told)


def _breaks(versions: list[int]) -> Iterator[str]:
    for before, after in pairwise(versions):
        if after == before:
            yield f"{after} was told twice"
        elif after != before + 1:
            yield f"{before} is followed by {after}"


def _newest(books: Books, told: dict[tuple[str, str], list[int]]) -> Iterator[str]:
    for family, (service, table, key, version, name) in VERSIONED.items():
        for row in books.rows(service, table):
            known = max(told.get((family, str(row[key])), [0]))
            if known and known != row[version]:
                yield f"{row[name]} is at version {row[version]}, the newest told is {known}"
    for row in books.rows("shipping", "shipments"):
        known = max(told.get(("shipping.shipment", str(row["id"])), [0]))
        if known and known != row["told"]:
            yield f"{row['number']} says that {row['told']} versions were told, the newest told is {known}"


def _heard(books: Books, consumer: str) -> dict[str, set[UUID]]:
    states: dict[str, set[UUID]] = defaultdict(set)
    states["inbox"] = {row["event_id"] for row in books.rows(consumer, "inbox")}
    for row in books.rows(consumer, "parked"):
        states[row["state"]].add(row["event_id"])
    return states


def nothing_is_lost(books: Books) -> Iterator[str]:
    """I-14: every event that a consumer is bound to is in its inbox or parked there."""
    for consumer in SERVICES:
        known = set().union(*_heard(books, consumer).values())
        lost = [e for e in books.events if hears(consumer, e.type) and e.id not in known]
        kinds = Counter(event.type for event in lost)
        for kind, count in kinds.items():
            first = next(event for event in lost if event.type == kind)
            yield f"{consumer} never heard {count} {kind}, first about {first.subject} (event {first.id})"


def nothing_is_unexpected(books: Books) -> Iterator[str]:
    """I-14: nobody heard what was never told; replays keep their ids, so they are no exception."""
    told = {event.id: event for event in books.events}
    if not told:
        return
    # what was told before the log begins has gone from it, and the inbox keeps longer
    begins = first_id_at(min(event.at for event in books.events) + timedelta(seconds=1))
    for consumer in SERVICES:
        for id_ in _heard(books, consumer)["inbox"] - told.keys() - books.injected:
            if id_ >= begins:
                yield f"{consumer} heard the event {id_}, which no service has told"
        for id_ in _heard(books, consumer)["inbox"] & told.keys():
            if not hears(consumer, told[id_].type):
                yield f"{consumer} heard a {told[id_].type} (event {id_}), which it is not bound to"


def nothing_is_done_and_dead(books: Books) -> Iterator[str]:
    """I-14: an event took effect, or it is parked; not both."""
    for consumer in SERVICES:
        states = _heard(books, consumer)
        for state in ("retry", "dead", "discarded"):
            for id_ in states["inbox"] & states[state]:
                yield f"{consumer}: the event {id_} took effect and is {state} all the same"
        for id_ in states["done"] - states["inbox"]:
            yield f"{consumer}: the event {id_} is done, but never took effect"


def nothing_is_dead(books: Books) -> Iterator[str]:
    """I-16: no event is parked but those that were made unreadable on purpose."""
    for consumer in SERVICES:
        for row in books.rows(consumer, "parked"):
            if row["state"] in ("retry", "dead") and row["event_id"] not in books.injected:
                what = f"{row['type'] or 'an unreadable message'} about {row['subject'] or '?'}"
                yield f"{consumer}: {what} is {row['state']} ({row['error_code']}): {row['last_error']}"


def no_dead_queue(books: Books) -> Iterator[str]:
    """I-16: the broker gave up no message."""
    for name, queue in (books.queues or {}).items():
        if name.endswith(".dead") and queue.ready:
            yield f"{name} holds {queue.ready} messages"
