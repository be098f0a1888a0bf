"""The quiet point: nothing is on its way between the services, and stays so for a few seconds."""

import asyncio
import time
from collections.abc import Mapping

from deploy.checking.books import Connection, Logins, connect
from deploy.checking.hearing import hears
from deploy.checking.queues import look_at_queues
from deploy.checking.sessions import look_at_sessions
from deploy.local.definitions import SERVICES

POLL = 0.3
LOOK_BACK = "15 minutes"
"""Events told since then must have been heard; over AMQP a broker does not say what is delivered and unacknowledged."""

_QUESTIONS = {
    "inventory": "SELECT count(*) FROM questions WHERE answered_at IS NULL",
    "purchasing": "SELECT count(*) FROM supply_reductions WHERE answered_at IS NULL",
}


async def wait_for_quiet(logins: Logins, *, patience: float, steady: float) -> dict[str, str]:
    """Wait until nothing moves for `steady` seconds: {} then, else what still moves after `patience` seconds."""
    deadline = time.monotonic() + patience
    since: float | None = None
    sessions = {service: await connect(logins.databases[service]) for service in SERVICES}
    try:
        while True:
            moving = await _moving(sessions, logins.amqp)
            now = time.monotonic()
            if moving:
                since = None
            elif since is None:
                since = now
            if since is not None and now - since >= steady:
                return {}
            if now > deadline:
                return moving
            await asyncio.sleep(POLL)
    finally:
        for db in sessions.values():
            await db.close(timeout=5)


async def _moving(sessions: Mapping[str, Connection], amqp: str | None) -> dict[str, str]:
    moving: dict[str, str] = {}
    for service, db in sessions.items():
        if waiting := await db.fetchval("SELECT count(*) FROM outbox"):
            moving[f"{service} outbox"] = f"{waiting} events wait to be published"
        if due := await db.fetchval(
            "SELECT count(*) FROM parked WHERE state = 'retry' AND next_at <= now() + interval '60 seconds'"
        ):
            moving[f"{service} parked"] = f"{due} events are about to be tried again"
        if service in _QUESTIONS and (open_ := await db.fetchval(_QUESTIONS[service])):
            moving[f"{service} questions"] = f"{open_} questions are not answered"
        if busy := (await look_at_sessions(db)).open:
            moving[f"{service} transactions"] = f"open: {', '.join(busy.values())}"
    if amqp:
        for name, queue in (await look_at_queues(amqp)).items():
            if name.endswith(".inbox") and queue.ready:
                moving[name] = f"{queue.ready} messages wait to be taken"
    if not moving:
        moving = await _unheard(sessions)
    return moving


async def _unheard(sessions: Mapping[str, Connection]) -> dict[str, str]:
    told: list[tuple[str, object]] = []
    for db in sessions.values():
        rows = await db.fetch(
            f"SELECT routing_key, event_id FROM event_log WHERE created_at > now() - interval '{LOOK_BACK}'"  # noqa: S608  # a constant of ours
        )
        told += [(row["routing_key"], row["event_id"]) for row in rows]
    moving: dict[str, str] = {}
    for consumer in SERVICES:
        wanted = [id_ for kind, id_ in told if hears(consumer, kind)]
        missing = await sessions[consumer].fetchval(
            """
            SELECT count(*) FROM unnest($1::uuid[]) AS told(event_id)
            WHERE NOT EXISTS (SELECT 1 FROM inbox i WHERE i.consumer = $2 AND i.event_id = told.event_id)
              AND NOT EXISTS (SELECT 1 FROM parked p WHERE p.consumer = $2 AND p.event_id = told.event_id)
            """,
            wanted,
            consumer,
        )
        if missing:
            moving[f"{consumer} hears"] = f"{missing} events of the last {LOOK_BACK} have not arrived"
    return moving
