"""Idempotency-Key: a POST sent again is answered again, not carried out again.

The key is claimed first in the transaction, by an advisory lock that a second request with the key does not wait for
(409 while the first is being carried out); a 2xx answer is stored in the closing statement, under its key, and replayed;
a refusal stores nothing. Two who both found no answer (the second looked just before the first committed) cannot both
store one: the key is unique, and the second is tried again (`shared.unit_of_work`). Kept for 7 days.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ARRAY, Row, Text, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import BadRequest, Invalid, Refused, TielineError

LONGEST_KEY = 255
IN_PROGRESS = "The same request is being carried out; ask again in a moment"


class IdempotencyKeyRequired(BadRequest):
    """Every POST needs an `Idempotency-Key`, so that sending it again is safe."""


class IdempotencyKeyUnusable(BadRequest):
    """The key is empty, too long, or not printable ASCII."""


class IdempotencyKeyReused(Invalid):
    """The key was used for another request."""


class RequestInProgress(Refused):
    """The same request is being carried out at this moment."""


@dataclass(frozen=True)
class Request:
    """A keyed request: who sends what under which key."""

    principal: str
    key: str
    fingerprint: str


@dataclass(frozen=True)
class Stored:
    """An answer as it was given."""

    status: int
    body: bytes
    etag: str | None


def keyed(principal: str, key: str | None, method: str, path: str, body: bytes) -> Request:
    """Check the key's form and fingerprint the request."""
    if key is None:
        raise IdempotencyKeyRequired("Send an Idempotency-Key header (a UUID, say) with every POST")
    if not 1 <= len(key) <= LONGEST_KEY or not all(" " < c <= "~" for c in key):
        raise IdempotencyKeyUnusable(
            f"An Idempotency-Key has 1 to {LONGEST_KEY} printable ASCII characters and no spaces",
            length=len(key),
        )
    digest = hashlib.sha256(b"\n".join((method.encode(), path.encode(), body)))
    return Request(principal, key, digest.hexdigest())


@dataclass(frozen=True)
class Kept:
    """An answer under its key, on its way into the table."""

    request: Request
    answer: Stored


_CLAIM = text(
    """
    SELECT asked.got, kept.fingerprint, kept.status, kept.body, kept.etag
    FROM (SELECT p, k, nth, pg_try_advisory_xact_lock(hashtextextended(p || ' ' || k, 0)) AS got
          FROM unnest(:principals, :keys) WITH ORDINALITY AS one(p, k, nth)) AS asked
    LEFT JOIN idempotency kept ON kept.principal = asked.p AND kept.key = asked.k
    ORDER BY asked.nth
    """
).bindparams(bindparam("principals", type_=ARRAY(Text)), bindparam("keys", type_=ARRAY(Text)))


async def claim(db: AsyncConnection, requests: Sequence[Request]) -> list[Stored | TielineError | None]:
    """Take the keys for this transaction: None is taken, else the answer that was given before, or why there is none.

    `RequestInProgress` while another transaction holds the key, `IdempotencyKeyReused` for another request's.
    """
    asked = {"principals": [r.principal for r in requests], "keys": [r.key for r in requests]}
    rows = (await db.execute(_CLAIM, asked)).all()
    return [_found(row, request) for row, request in zip(rows, requests, strict=True)]


def _found(row: Row[Any], request: Request) -> Stored | TielineError | None:
    if row.fingerprint is None:
        return None if row.got else RequestInProgress(IN_PROGRESS)
    if row.fingerprint != request.fingerprint:
        return IdempotencyKeyReused("This Idempotency-Key was used for another request; take a new one")
    return Stored(row.status, bytes(row.body), row.etag)
