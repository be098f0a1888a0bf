"""What is read, or written, only where it may matter: a test of each unusual case, and of the lock that comes first."""

import asyncio
import re
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
from shared.unit_of_work import Tx, _once

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


@pytest.mark.rule("NOTE-2")
async def test_a_share_that_was_added_while_a_newer_snapshot_waited_for_the_lock_is_dropped(
    db_notifications: Bench,
) -> None:
    """Two workers: one has heard that the shipment was created, the other that it shrank, and must not miss the first."""
    first, second = units(1, 5), units(2, 3, line=20)
    shrunk = ReleaseWithdrawn(order_id=first.order_id, shipments=[parcel(first, version=2)])
    has_heard = asyncio.Event()

    async def slow(tx: Tx, told: Any) -> None:
        await handlers.shipment_created(tx, told)
        has_heard.set()
        await _until(tx, _WAITERS)

    slowly = asyncio.create_task(db_notifications.hear(slow, created(first, second)))
    await asyncio.wait_for(has_heard.wait(), 20)
    await db_notifications.hear(handlers.release_withdrawn, shrunk)
    await slowly

    rows = await db_notifications.sql("SELECT allotment_id FROM shipment_shares")
    assert [row.allotment_id for row in rows] == [first.allotment_id]
    assert await open_ones(db_notifications) == [
        ("shipment_ready", "SH-006001 is ready to be picked: 5 EA of GADGET for SO-000001 line 10")
    ]


@pytest.mark.rule("NOTE-2")
async def test_a_shipment_that_lost_units_to_another_of_the_same_batch_keeps_none_of_them(
    db_notifications: Bench,
) -> None:
    """An allotment may stand on several shipments: what a shipment has left counts by both."""
    first, second = units(1, 5), units(2, 3, line=20)
    await hear(db_notifications, created(first, second), created(second, number=6002))

    both = [parcel(first, version=2), parcel(second, number=6002, version=2)]
    await hear(db_notifications, ReleaseWithdrawn(order_id=first.order_id, shipments=both))
    await hear(db_notifications, ReleaseWithdrawn(order_id=first.order_id, shipments=[parcel(version=3)]))

    rows = await db_notifications.sql("SELECT shipment_id, allotment_id FROM shipment_shares")
    assert [tuple(row) for row in rows] == [(both[1].shipment_id, second.allotment_id)]


@pytest.mark.rule("NOTE-1")
async def test_teams_of_orders_are_written_in_one_order_with_the_lock_and_without(
    db_notifications: Bench,
) -> None:
    """Without stock lines they are kept without the lock: whoever holds one row must not be waited for with the next."""
    low, high = (order(wants(5, order=n), number=n, version=3 - n) for n in (1, 2))
    await hear(db_notifications, *(order(wants(5, special_order=True, order=n), number=n) for n in (1, 2)))
    await db_notifications.write("UPDATE order_teams SET version = 0")
    is_held = asyncio.Event()

    async def holder(tx: Tx) -> None:
        await tx.db.execute(
            text("UPDATE order_teams SET team = 'X' WHERE order_id = :id"), {"id": low.order_id}
        )
        is_held.set()
        await _until(tx, _WAITERS_FOR_ME)
        await tx.db.execute(text("SET LOCAL lock_timeout = '300ms'"))
        await tx.db.execute(
            text("UPDATE order_teams SET team = 'X' WHERE order_id = :id"), {"id": high.order_id}
        )

    origin = db_notifications.tell(low).origin
    held = asyncio.create_task(_once(db_notifications.work, holder, origin, None))
    await is_held.wait()
    await db_notifications.hear(handlers.order_told, high, low)
    await held

    rows = await db_notifications.sql("SELECT team, version FROM order_teams ORDER BY order_id")
    assert [tuple(row) for row in rows] == [(None, 2), (None, 1)]


async def _until(tx: Tx, somebody_waits: str) -> None:
    for _ in range(500):
        if (await tx.db.execute(text(somebody_waits))).scalar_one():
            return
        await asyncio.sleep(0.02)


_WAITERS_FOR_ME = """
    SELECT count(*) FROM pg_locks WHERE NOT granted AND transactionid = CAST(pg_current_xact_id() AS xid)
"""


async def test_a_look_reads_by_keys_even_while_tables_are_new(db_notifications: Bench) -> None:
    """Its plan is made once: one that began with all open notices, or joined with all, would do so for every fact."""
    sql = str(store.notices._LOOK.compile(dialect=db_notifications.engine.dialect))

    async def plan(tx: Tx) -> list[str]:
        await tx.db.exec_driver_sql(f"PREPARE looking AS {sql}")
        nothing = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", sql))))
        lines = list((await tx.db.exec_driver_sql(f"EXPLAIN EXECUTE looking({nothing})")).scalars())
        await tx.db.exec_driver_sql("DEALLOCATE looking")
        return lines

    lines = await db_notifications.run(plan)

    of_notices = [
        n
        for n, row in enumerate(lines)
        if re.search(r"Index Scan using \w+ on (notices|notice_concerns)", row)
    ]
    assert len(of_notices) >= 4
    assert all("Index Cond" in lines[n + 1] for n in of_notices)
    assert not [row for row in lines if "Hash Join" in row or "Merge" in row]
