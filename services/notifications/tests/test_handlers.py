"""What notifications hears, on the real database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import permutations
from typing import Any

import pytest
from sqlalchemy import event

from services.notifications import handlers
from services.notifications.domain.notice import Kind
from services.notifications.domain.team import Team
from shared.contracts.base import Fact
from shared.contracts.notifications import NoticeRaised
from shared.decimals import plain
from shared.testing import Bench

from .facts import cleared, inspected, line, of_team, peg, pegged, raised, received

HEARS: dict[str, Callable[..., Awaitable[None]]] = {
    "GoodsReceived": handlers.goods_received,
    "GoodsPegged": handlers.goods_pegged,
    "InspectionCompleted": handlers.inspection_completed,
    "ExceptionRaised": handlers.exception_told,
    "ExceptionCleared": handlers.exception_told,
}


async def hear(bench: Bench, *facts: Fact) -> None:
    """Each fact in a transaction of its own."""
    for fact in facts:
        await bench.hear(HEARS[type(fact).__name__], fact)


async def notices(bench: Bench) -> list[Any]:
    """All notices, oldest first."""
    return list(await bench.sql("SELECT * FROM notices ORDER BY raised_at, number"))


async def ends(bench: Bench) -> list[tuple[Any, ...]]:
    """What must not depend on the order of facts."""
    rows = await bench.sql(
        "SELECT n.kind, n.subject, n.state, n.title, n.qty, n.passed, n.failed,"
        " (SELECT array_agg(c.key ORDER BY c.key) FROM notice_concerns c WHERE c.notice_id = n.id) AS keys"
        " FROM notices n ORDER BY n.kind, n.subject"
    )
    return [(*row[:4], plain(row.qty), plain(row.passed), plain(row.failed), row.keys) for row in rows]


@pytest.mark.rule("NOTE-1")
async def test_a_receipt_raises_one_notice_per_receipt_line_that_somebody_waits_for(
    db_notifications: Bench,
) -> None:
    await hear(
        db_notifications,
        received(
            line(peg(1, 6), peg(2, 4, order=2)),
            line(peg(3, 1, sku="PUMP"), inspection=4002, receipt_line=3020, sku="PUMP"),
            line(inspection=None, receipt_line=3030),
        ),
    )

    first, second = await notices(db_notifications)
    assert (
        first.title,
        first.warehouse,
        first.po_number,
        first.vendor,
        first.receipt_number,
        first.state,
    ) == (
        "Inspect 10 EA of VALVE from PO-000012",
        "MAIN",
        "PO-000012",
        "ACME",
        "RC-000007",
        "open",
    )
    assert second.title == "Inspect 1 EA of PUMP from PO-000012"
    concerns = await db_notifications.sql(
        "SELECT order_number, line_no, qty FROM notice_concerns WHERE notice_id = :id ORDER BY 1", id=first.id
    )
    assert [(row.order_number, row.line_no, plain(row.qty)) for row in concerns] == [
        ("SO-000001", 10, "6"),
        ("SO-000002", 10, "4"),
    ]
    assert [row.action for row in await db_notifications.log("notice", first.id)] == ["raised"]


@pytest.mark.rule("NOTE-1")
async def test_the_teams_of_the_warehouse_and_the_subscribers_are_told(db_notifications: Bench) -> None:
    for team in (
        Team("RECEIVING", "Receiving", warehouses=("MAIN",), members=("rita",)),
        Team("EAST", "East", warehouses=("EAST",)),
        Team("QUALITY", "Quality"),
    ):
        await db_notifications.run(handlers.create_team, team)
    await db_notifications.run(handlers.subscribe, "QUALITY", Kind.INSPECTION, None)

    await hear(db_notifications, received(line(peg(1, 6))), raised())

    told = await db_notifications.told(NoticeRaised)
    assert [(fact.kind, fact.teams) for fact in told] == [
        ("inspection", ["QUALITY", "RECEIVING"]),
        ("purchase_exception", ["RECEIVING"]),
    ]
    assert [fact.number for fact in told] == [row.number for row in await notices(db_notifications)]


@pytest.mark.rule("NOTE-1")
async def test_the_team_of_the_order_is_told_as_its_newest_version_says(db_notifications: Bench) -> None:
    for code in ("SALES", "EXPORT"):
        await db_notifications.run(handlers.create_team, Team(code, code.title(), members=(code.lower(),)))

    await db_notifications.hear(
        handlers.order_told, of_team("EXPORT", version=2), of_team("SALES", version=1)
    )
    await db_notifications.hear(handlers.order_told, of_team("SALES", version=1), of_team("NOBODYS", order=2))
    await hear(db_notifications, received(line(peg(1, 6), peg(2, 4, order=2))), raised())

    assert [fact.teams for fact in await db_notifications.told(NoticeRaised)] == [["EXPORT"], ["EXPORT"]]


@pytest.mark.rule("NOTE-1")
async def test_redelivery_never_doubles_a_notice(db_notifications: Bench) -> None:
    fact = received(line(peg(1, 6)))

    await db_notifications.hear(handlers.goods_received, fact, fact)
    await hear(db_notifications, fact, raised(), raised())

    assert [row.version for row in await notices(db_notifications)] == [1, 1]
    assert len(await db_notifications.told(NoticeRaised)) == 2


@pytest.mark.rule("NOTE-1")
async def test_two_workers_that_hear_the_same_receipt_make_one_notice(db_notifications: Bench) -> None:
    await asyncio.gather(
        *(db_notifications.hear(handlers.goods_received, received(line(peg(1, 6)))) for _ in range(8))
    )

    assert len(await notices(db_notifications)) == 1
    assert len(await db_notifications.told(NoticeRaised)) == 1


@pytest.mark.rule("NOTE-1")
async def test_a_notice_shows_what_was_inspected_and_closes_with_its_inspection(
    db_notifications: Bench,
) -> None:
    await hear(db_notifications, received(line(peg(1, 10))), inspected(passed=6, failed=1))
    partly, _ = await notices(db_notifications)
    await hear(db_notifications, inspected(passed=9, failed=1, closed=True, version=3))

    closed, failed = await notices(db_notifications)
    assert (partly.kind, failed.kind, failed.state) == ("inspection", "failed_inspection", "open")
    assert (partly.state, plain(partly.passed), plain(partly.failed)) == ("open", "6", "1")
    assert (closed.state, plain(closed.passed)) == ("closed", "9")
    assert closed.closed_at is not None
    log = await db_notifications.log("notice", closed.id)
    assert [row.action for row in log] == ["raised", "changed", "closed"]
    assert len(await db_notifications.told(NoticeRaised)) == 2


@pytest.mark.rule("NOTE-1")
async def test_an_inspection_completed_before_its_receipt_is_heard_makes_a_closed_notice(
    db_notifications: Bench,
) -> None:
    await hear(db_notifications, inspected(passed=10, closed=True))
    assert await notices(db_notifications) == []

    await hear(db_notifications, received(line(peg(1, 10))))

    assert [(row.state, plain(row.passed)) for row in await notices(db_notifications)] == [("closed", "10")]
    assert await db_notifications.told(NoticeRaised) == []


@pytest.mark.rule("NOTE-1")
async def test_a_late_peg_extends_the_notice_of_its_inspection_or_makes_it(db_notifications: Bench) -> None:
    await hear(db_notifications, pegged(peg(2, 4, order=2)), received(line(peg(1, 6))))

    (notice,) = await notices(db_notifications)
    assert (notice.title, notice.version, notice.news) == ("Inspect 10 EA of VALVE from PO-000012", 2, 2)


async def test_any_order_of_facts_ends_in_the_same_notices(db_notifications: Bench) -> None:
    facts = [
        received(line(peg(1, 6))),
        pegged(peg(2, 4, order=2), inspection_version=3),
        inspected(passed=6, closed=True, version=2),
        inspected(passed=8, failed=1, version=4),
        raised(version=1),
        cleared(version=2),
    ]

    found = set()
    for order in list(permutations(facts))[::12]:
        await db_notifications.empty()
        await hear(db_notifications, *order, order[0], order[3])
        found.add(repr(await ends(db_notifications)))

    assert len(found) == 1
    assert "'open', 'Inspect 10 EA of VALVE from PO-000012', '10', '8', '1'" in next(iter(found))


async def test_a_batch_of_fifty_receipts_takes_as_many_statements_as_one(db_notifications: Bench) -> None:
    one = await statements(db_notifications, [received(line(peg(1, 6)))])
    many = [
        received(line(peg(100 + n, 5, order=n), inspection=4100 + n, receipt_line=3100 + n))
        for n in range(50)
    ]

    assert await statements(db_notifications, many) == one
    assert len(await notices(db_notifications)) == 51


async def test_an_exception_is_noticed_until_it_is_cleared(db_notifications: Bench) -> None:
    await hear(db_notifications, raised())
    (open_one,) = await notices(db_notifications)
    await hear(db_notifications, cleared())

    (closed,) = await notices(db_notifications)
    assert (open_one.state, open_one.title) == ("open", "No source: VALVE for SO-000001 line 10")
    assert (closed.state, closed.number) == ("closed", open_one.number)


@pytest.mark.rule("NOTE-3")
async def test_positions_are_taken_in_the_order_of_commits(db_notifications: Bench) -> None:
    """A reader that watches while twelve writers race sees each position once and never one behind it."""
    seen: list[int] = []

    async def watch() -> None:
        while len(seen) < 12:
            last = seen[-1] if seen else 0
            rows = await db_notifications.sql(
                "SELECT position FROM notices WHERE position > :last ORDER BY position", last=last
            )
            seen.extend(row.position for row in rows)
            await asyncio.sleep(0)

    writers = [
        hear(db_notifications, received(line(peg(n, 1), inspection=4000 + n, receipt_line=3000 + n)))
        for n in range(1, 13)
    ]
    await asyncio.wait_for(asyncio.gather(watch(), *writers), 10)

    assert sorted(seen) == [
        row.position for row in await db_notifications.sql("SELECT position FROM notices ORDER BY 1")
    ]


async def statements(bench: Bench, facts: Sequence[Fact]) -> int:
    """How many statements the batch takes."""
    count = 0

    def counted(*_: object) -> None:
        nonlocal count
        count += 1

    event.listen(bench.engine.sync_engine, "before_cursor_execute", counted)
    try:
        await bench.hear(handlers.goods_received, *facts)
    finally:
        event.remove(bench.engine.sync_engine, "before_cursor_execute", counted)
    return count
