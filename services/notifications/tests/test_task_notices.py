"""NOTE-2: a buyer's task is noticed as long as it is open, on the real database."""

from collections.abc import Sequence

import pytest

from services.notifications import handlers
from services.notifications.domain.notice import Kind
from services.notifications.domain.team import Team
from shared.contracts.notifications import NoticeRaised
from shared.contracts.purchasing import TaskSnapshot
from shared.testing import Bench

from .facts import raised, task_done, task_raised

Seen = tuple[str, str, str]


async def hear(bench: Bench, *told: TaskSnapshot) -> None:
    """Each fact in a transaction of its own."""
    for fact in told:
        await bench.hear(handlers.task_told, fact)


async def notices(bench: Bench) -> list[Seen]:
    rows = await bench.sql("SELECT kind, state, title FROM notices ORDER BY raised_at, number")
    return [(row.kind, row.state, row.title) for row in rows]


LOST = "Peg lost: VALVE for SO-000001 line 10 on PO-000012"


@pytest.mark.rule("NOTE-2")
@pytest.mark.rule("BO-12")
async def test_a_task_is_noticed_until_it_is_done(db_notifications: Bench) -> None:
    await hear(db_notifications, task_raised())
    before = await notices(db_notifications)
    await hear(db_notifications, task_done())

    assert before == [("purchase_task", "open", LOST)]
    assert await notices(db_notifications) == [("purchase_task", "closed", LOST)]


@pytest.mark.rule("NOTE-2")
@pytest.mark.parametrize(
    ("told", "times"),
    [
        pytest.param([task_raised(), task_raised(), task_done(), task_done()], 1, id="twice"),
        pytest.param([task_done(), task_raised()], 0, id="reversed"),
        pytest.param([task_raised(), task_done(), task_raised()], 1, id="raised again late"),
    ],
)
async def test_facts_about_a_task_in_any_order_tell_at_most_once_and_end_closed(
    db_notifications: Bench, told: Sequence[TaskSnapshot], times: int
) -> None:
    await hear(db_notifications, *told)

    assert [state for _, state, _ in await notices(db_notifications)] == ["closed"]
    assert len(await db_notifications.told(NoticeRaised)) == times


@pytest.mark.rule("NOTE-2")
async def test_a_batch_with_both_words_about_a_task_tells_nobody(db_notifications: Bench) -> None:
    await db_notifications.hear(handlers.task_told, task_done(), task_raised())

    assert await notices(db_notifications) == [("purchase_task", "closed", LOST)]
    assert await db_notifications.told(NoticeRaised) == []


@pytest.mark.rule("NOTE-3")
async def test_buyers_may_subscribe_to_tasks_alone(db_notifications: Bench) -> None:
    await db_notifications.run(handlers.create_team, Team("BUYERS", "Buyers"))
    await db_notifications.run(handlers.subscribe, "BUYERS", Kind.PURCHASE_TASK, None)

    await db_notifications.hear(handlers.exception_told, raised())
    await hear(db_notifications, task_raised())

    told = await db_notifications.told(NoticeRaised)
    assert [(fact.kind, fact.teams) for fact in told] == [
        ("purchase_exception", []),
        ("purchase_task", ["BUYERS"]),
    ]
