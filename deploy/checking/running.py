"""I-19: what runs at the quiet point, and what should not."""

from collections.abc import Iterator

from deploy.checking.books import Books
from deploy.local.definitions import SERVICES

MOST_BACKENDS = 100
"""Sessions of one service, all its processes together: a leaking pool would pass it soon."""


def nothing_is_open(books: Books) -> Iterator[str]:
    """No transaction of a service is open, and its sessions are bounded."""
    for service, sessions in books.sessions.items():
        for who in sessions.open.values():
            yield f"{service}: {who} has a transaction open"
        if sessions.backends > MOST_BACKENDS:
            yield f"{service}: {sessions.backends} sessions are connected"


def one_relay_works(books: Books) -> Iterator[str]:
    """Exactly one session holds the relay's lock."""
    for service in SERVICES:
        if (found := books.sessions[service].relays) != 1:
            yield f"{service}: {found} relays are at work"


def somebody_consumes(books: Books) -> Iterator[str]:
    """Every inbox is there and has a consumer."""
    if books.queues is None:
        return
    for service in SERVICES:
        queue = books.queues.get(f"{service}.inbox")
        if queue is None:
            yield f"{service}.inbox does not exist"
        elif queue.consumers == 0:
            yield f"nobody consumes {service}.inbox"
