"""The closing statement of a transaction: what was heard, answers under their keys, the record log, events and outbox.

Five tables, one round trip, last before COMMIT. Nothing of it is sent when a transaction has nothing of it.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Integer, LargeBinary, Text, Uuid, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared import record_log
from shared.idempotency import Kept
from shared.outbox import Announcement, Row, bodies
from shared.record_log import LogEntry


class HeardBefore(Exception):
    """An event that was heard has taken effect before, or is parked."""


_CLOSE = text(
    """
    WITH answered AS (
        INSERT INTO idempotency (principal, key, fingerprint, status, body, etag)
        SELECT * FROM unnest(:principals, :keys, :fingerprints, :statuses, :answers, :etags)
    ), logged AS (
        INSERT INTO record_log (document, document_id, part, action, before, after, reason, actor, cause, at)
        SELECT e->>0, e->>1, e->>2, e->>3, nullif(e->4, 'null'), nullif(e->5, 'null'), e->>6, e->>7, e->>8, :at
        FROM jsonb_array_elements(CAST(:entries AS jsonb)) WITH ORDINALITY AS entry(e, nth) ORDER BY nth
    ), told AS (
        SELECT * FROM unnest(:ids, :routing_keys, :subjects, :bodies)
            WITH ORDINALITY AS told(event_id, routing_key, subject, body, nth)
    ), events AS (
        INSERT INTO event_log (event_id, created_at, routing_key, subject, body)
        SELECT event_id, :at, routing_key, subject, body FROM told
    ), waiting AS (
        INSERT INTO outbox (event_id, event_at) SELECT event_id, :at FROM told ORDER BY nth RETURNING seq, event_id
    ), heard AS (
        -- in order, so that two who have heard the same cannot deadlock
        INSERT INTO inbox (consumer, event_id)
        SELECT :consumer, event_id FROM unnest(:heard) AS heard(event_id)
        WHERE NOT EXISTS (SELECT 1 FROM parked p WHERE p.consumer = :consumer AND p.event_id = heard.event_id)
        ORDER BY event_id ON CONFLICT DO NOTHING RETURNING event_id
    )
    SELECT event_id, seq FROM waiting UNION ALL SELECT event_id, NULL FROM heard
    """
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    bindparam("heard", type_=ARRAY(Uuid)),
    bindparam("consumer", type_=Text),
    bindparam("entries", type_=Text),
    bindparam("statuses", type_=ARRAY(Integer)),
    bindparam("answers", type_=ARRAY(LargeBinary)),
    *(
        bindparam(name, type_=ARRAY(Text))
        for name in ("principals", "keys", "fingerprints", "etags", "routing_keys", "subjects", "bodies")
    ),
)  # fmt: skip


async def close(
    db: AsyncConnection,
    service: str,
    at: datetime,
    announced: Sequence[Announcement],
    entries: Sequence[LogEntry] = (),
    kept: Sequence[Kept] = (),
    heard: Sequence[UUID] = (),
) -> list[Row]:
    """Write what commits with a transaction's writes; what now waits in the outbox comes back.

    Raises `HeardBefore` unless all that was heard is news: then nothing of the transaction may stay.
    """
    if not (announced or entries or kept or heard):
        return []
    told = bodies(service, announced)
    written = await db.execute(
        _CLOSE,
        {
            "entries": record_log.written(entries),
            "at": at,
            "ids": list(told),
            "routing_keys": [key for key, _ in told.values()],
            "subjects": [one.fact.subject for one in announced],
            "bodies": [body for _, body in told.values()],
            "principals": [one.request.principal for one in kept],
            "keys": [one.request.key for one in kept],
            "fingerprints": [one.request.fingerprint for one in kept],
            "statuses": [one.answer.status for one in kept],
            "answers": [one.answer.body for one in kept],
            "etags": [one.answer.etag for one in kept],
            "consumer": service,
            "heard": heard,
        },
    )
    rows = written.all()
    if len(rows) < len(told) + len(heard):
        raise HeardBefore(f"of {len(heard)} events only {len(rows) - len(told)} are news")
    return [Row(row.seq, *told[row.event_id]) for row in rows if row.seq is not None]
