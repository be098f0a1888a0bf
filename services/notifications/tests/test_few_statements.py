"""What is read, or written, only where it may matter: a test of each unusual case, and of the lock that comes first."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from services.notifications import handlers, store
from services.notifications.domain.team import Team
from services.notifications.subscriptions import SUBSCRIPTIONS
from shared.contracts.base import Fact
from shared.contracts.notifications import NoticeRaised
from shared.contracts.shipping import ReleaseWithdrawn
from shared.database import DirectConnection
from shared.testing import Bench
from shared.unit_of_work import Tx

from .facts import line, peg, received
from .order_facts import (
    allotted,
    created,
    looked_at,
    order,
    parcel,
    refused,
    shipped,
    stands,
    units,
    voided,
    wants,
)
from .test_order_notices import hear, open_ones

_WAITERS = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()
"""


async def sent(bench: Bench, patch: pytest.MonkeyPatch, *facts: Fact) -> list[int]:
    """How many statements each fact takes, the closing one included."""
    found: list[int] = []
    execute = DirectConnection.execute

    async def counted(db: DirectConnection, *statement: Any, **options: Any) -> Any:
        found[-1] += 1
        return await execute(db, *statement, **options)

    with patch.context() as own:
        own.setattr(DirectConnection, "execute", counted)
        for fact in facts:
            found.append(0)
            await bench.hear(SUBSCRIPTIONS[type(fact)], fact)
    return found


@pytest.mark.rule("NOTE-1")
async def test_the_main_chain_takes_no_more_statements_than_it_needs(
    db_notifications: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = peg(1, 10)

    found = await sent(
        db_notifications,
        monkeypatch,
        order(wants(10, special_order=True)),
        allotted(stands()),
        received(line(held)),
        created(held),
        looked_at(held, passed=10),
        shipped(held),
    )

    assert found == [1, 1, 4, 3, 5, 4]
    assert await open_ones(db_notifications) == []


@pytest.mark.rule("NOTE-2")
async def test_an_answer_heard_before_its_order_is_told_with_the_order(db_notifications: Bench) -> None:
    await hear(db_notifications, allotted(stands(units(1, 20))), order(wants(25)))

    assert await open_ones(db_notifications) == [
        ("backordered", "Backordered: 5 EA of GADGET for SO-000001 line 10")
    ]


@pytest.mark.rule("NOTE-2")
async def test_a_receipt_that_fills_a_stock_line_and_pegs_for_another_tells_both(
    db_notifications: Bench,
) -> None:
    await hear(db_notifications, order(wants(25)), allotted(stands(units(1, 20))))

    await hear(db_notifications, received(line(peg(2, 3, order=2), fills=[units(3, 5)])))

    assert [kind for kind, _ in await open_ones(db_notifications)] == ["backorder_filled", "inspection"]


@pytest.mark.rule("SO-9")
async def test_a_failed_inspection_of_a_stock_lines_units_makes_it_wait(db_notifications: Bench) -> None:
    held = units(1, 10)
    await hear(db_notifications, order(wants(10)), allotted(stands(held)))

    await hear(db_notifications, looked_at(held, passed=6, failed=4))

    assert [kind for kind, _ in await open_ones(db_notifications)] == ["backordered", "failed_inspection"]


@pytest.mark.rule("BO-10")
async def test_what_a_shipment_kept_is_over_when_it_is_voided(db_notifications: Bench) -> None:
    held = units(1, 5)
    await hear(db_notifications, created(held), refused(held, 4))
    assert "blocked_by_pick_lock" in dict(await open_ones(db_notifications))

    await hear(db_notifications, voided(held, by_hand=False))

    assert "blocked_by_pick_lock" not in dict(await open_ones(db_notifications))


@pytest.mark.rule("NOTE-2")
async def test_a_newer_shipment_drops_the_shares_that_it_has_no_more_and_an_older_one_brings_none_back(
    db_notifications: Bench,
) -> None:
    first, second = units(1, 5), units(2, 3, line=20)
    old, new = (
        created(first, second),
        ReleaseWithdrawn(order_id=first.order_id, shipments=[parcel(first, version=2)]),
    )

    await hear(db_notifications, old, new, old)
    await db_notifications.hear(handlers.release_withdrawn, new, new)

    rows = await db_notifications.sql("SELECT allotment_id, qty FROM shipment_shares")
    assert [(row.allotment_id, row.qty) for row in rows] == [(first.allotment_id, first.qty)]
    assert await open_ones(db_notifications) == [
        ("shipment_ready", "SH-006001 is ready to be picked: 5 EA of GADGET for SO-000001 line 10")
    ]


@pytest.mark.rule("NOTE-2")
async def test_every_new_notice_of_a_batch_has_a_number_of_its_own_and_tells_it(
    db_notifications: Bench,
) -> None:
    await db_notifications.run(handlers.create_team, Team("NIGHT", "Night", 1, ("MAIN",), ("tester",)))

    await db_notifications.hear(
        handlers.shipment_created, *(created(units(n, 5, order=n), number=6000 + n) for n in range(1, 5))
    )

    kept = {row.id: row.number for row in await db_notifications.sql("SELECT id, number FROM notices")}
    told = await db_notifications.told(NoticeRaised)
    assert {fact.notice_id: fact.number for fact in told} == kept
    assert len(set(kept.values())) == 4
    assert all(number.startswith("NT-") and len(number) == 9 for number in kept.values())
    assert [fact.teams for fact in told] == [["NIGHT"]] * 4


@pytest.mark.rule("NOTE-2")
async def test_nothing_is_written_before_the_streams_lock_is_held(db_notifications: Bench) -> None:
    """Whoever holds the lock may write the very rows that somebody else has heard of, and neither waits for the other."""
    await hear(db_notifications, order(wants(25)), allotted(stands(units(1, 20))))
    waiting = asyncio.Event()

    async def holder(tx: Tx) -> None:
        await store.lock_stream(tx.db)
        waiting.set()
        for _ in range(200):
            if (await tx.db.execute(text(_WAITERS))).scalar_one():
                break
            await asyncio.sleep(0.02)
        await tx.db.execute(text("SET LOCAL lock_timeout = '2s'"))
        await tx.db.execute(text("UPDATE claims SET withdrawn = 3"))
        await tx.db.execute(text("UPDATE demands SET settled_version = 1"))

    held = asyncio.create_task(db_notifications.run(holder))
    await waiting.wait()
    await hear(db_notifications, allotted(stands(units(1, 20, withdrawn=5)), reason="withdrawal"))
    await held

    (row,) = await db_notifications.sql("SELECT withdrawn FROM claims")
    assert row.withdrawn == 5
    assert await open_ones(db_notifications) == [
        ("backordered", "Backordered: 10 EA of GADGET for SO-000001 line 10")
    ]
