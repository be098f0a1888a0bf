"""The promise of `run`: writes, announcements and log rows commit together or not at all."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from shared.contracts.inventory import WarehouseSaved
from shared.errors import Refused
from shared.testing import Bench
from shared.unit_of_work import Tx, changes
from tests.kernel.hearing import saved


class NoMore(Refused):
    """The toy is used up."""


async def make(tx: Tx, code: str) -> str:
    await tx.db.execute(text("INSERT INTO heard VALUES (:code, 1)"), {"code": code})
    tx.record("toy", code, "made", None, {"times": 1}, reason="why not")
    tx.announce(saved(code))
    return code


async def test_what_a_handler_writes_tells_and_logs_commits_together(kernel: Bench) -> None:
    await kernel.run(make, "A")

    assert [row.code for row in await kernel.sql("SELECT code FROM heard")] == ["A"]
    assert [fact.code for fact in await kernel.told(WarehouseSaved)] == ["A"]
    (entry,) = await kernel.log("toy", "A")
    assert (entry.action, entry.after, entry.actor, entry.reason) == (
        "made",
        {"times": 1},
        "tester",
        "why not",
    )


async def test_a_refusal_leaves_nothing_behind(kernel: Bench) -> None:
    async def make_and_refuse(tx: Tx) -> None:
        await make(tx, "A")
        raise NoMore("No more toys", left=0)

    with pytest.raises(NoMore):
        await kernel.run(make_and_refuse)

    assert (
        await kernel.sql(
            "SELECT 1 FROM heard UNION ALL SELECT 1 FROM outbox UNION ALL SELECT 1 FROM record_log"
        )
        == []
    )


@pytest.mark.fault(36)
@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "55P03"])
async def test_contention_is_tried_again_and_seen_by_nobody(kernel: Bench, sqlstate: str) -> None:
    tries = 0

    async def contended(tx: Tx) -> None:
        nonlocal tries
        tries += 1
        await make(tx, "A")
        if tries < 3:
            await tx.db.execute(
                text(f"DO $$ BEGIN RAISE EXCEPTION 'contended' USING ERRCODE = '{sqlstate}'; END $$")
            )

    await kernel.run(contended)

    assert tries == 3
    assert len(await kernel.told(WarehouseSaved)) == 1


async def test_other_database_errors_are_not_tried_again(kernel: Bench) -> None:
    tries = 0

    async def broken(tx: Tx) -> None:
        nonlocal tries
        tries += 1
        await tx.db.execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError):
        await kernel.run(broken)

    assert tries == 1


@pytest.mark.fault(33)
async def test_work_whose_connection_was_ended_is_done_once(kernel: Bench) -> None:
    await kernel.run(make, "A")
    await kernel.write(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
        "AND usename = current_user AND pid <> pg_backend_pid()"
    )

    await kernel.run(make, "B")

    assert [row.code for row in await kernel.sql("SELECT code FROM heard ORDER BY code")] == ["A", "B"]


@pytest.mark.rule("ORD-5")
async def test_the_log_cannot_be_edited_by_the_service(kernel: Bench) -> None:
    await kernel.run(make, "A")

    for statement in (
        "UPDATE record_log SET actor = 'nobody'",
        "DELETE FROM record_log",
        "UPDATE event_log SET body = ''",
    ):
        with pytest.raises(DBAPIError, match="permission denied"):
            await kernel.write(statement)


async def test_waiters_are_woken_by_a_commit_and_not_before(kernel: Bench) -> None:
    waiting = asyncio.create_task(kernel.work.committed.wait(5))
    await asyncio.sleep(0)

    assert not waiting.done()
    await kernel.run(make, "A")
    assert await waiting is True


def test_changes_names_only_what_differs() -> None:
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Toy:
        name: str
        size: int

    assert changes(Toy("a", 1), Toy("a", 2)) == ({"size": 1}, {"size": 2})
