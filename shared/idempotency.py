"""Idempotency-Key: a POST sent again is answered again, not carried out again.

The key's row is the first insert of the transaction, under an advisory lock that a second request with the key does not
wait for (409 while the first is being carried out); a 2xx answer is stored with the writes and replayed; a refusal rolls
back, key included. Kept for 7 days.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import Text, bindparam, text

from shared.errors import BadRequest, Invalid, Refused
from shared.unit_of_work import Tx

LONGEST_KEY = 255


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


_CLAIM = text(
    """
    WITH alone AS (SELECT pg_try_advisory_xact_lock(hashtextextended(:p || ' ' || :k, 0)) AS got)
    INSERT INTO idempotency (principal, key, fingerprint)
    SELECT :p, :k, :f FROM alone WHERE got
    ON CONFLICT DO NOTHING RETURNING 1
    """
).bindparams(*(bindparam(name, type_=Text) for name in ("p", "k", "f")))


async def claim(tx: Tx, request: Request) -> Stored | None:
    """Take the key for this transaction, or give back the answer that it was given before.

    Raises `RequestInProgress` while another transaction holds the key, `IdempotencyKeyReused` for another request's.
    """
    taken = await tx.db.execute(_CLAIM, {"p": request.principal, "k": request.key, "f": request.fingerprint})
    return None if taken.first() is not None else await _stored(tx, request)


async def _stored(tx: Tx, request: Request) -> Stored:
    row = (
        await tx.db.execute(
            text("SELECT fingerprint, status, body, etag FROM idempotency WHERE principal = :p AND key = :k"),
            {"p": request.principal, "k": request.key},
        )
    ).first()
    if row is None:
        raise RequestInProgress("The same request is being carried out; ask again in a moment")
    if row.fingerprint != request.fingerprint:
        raise IdempotencyKeyReused("This Idempotency-Key was used for another request; take a new one")
    return Stored(row.status, bytes(row.body), row.etag)


async def keep(tx: Tx, request: Request, answer: Stored) -> None:
    """Store the answer beside the writes."""
    await tx.db.execute(
        text("UPDATE idempotency SET status = :s, body = :b, etag = :e WHERE principal = :p AND key = :k"),
        {"s": answer.status, "b": answer.body, "e": answer.etag, "p": request.principal, "k": request.key},
    )
