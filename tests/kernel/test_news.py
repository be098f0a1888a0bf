"""What is heard is taken for news and found out at the end; what is told is published from memory. Neither is trusted."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from sqlalchemy import select, text

from shared.closing import HeardBefore, close
from shared.contracts.inventory import WarehouseSaved
from shared.ids import new_id
from shared.inbox import Inbox
from shared.outbox import Announcement, Fresh, Row
from shared.schema import event_log
from shared.testing import Bench
from shared.unit_of_work import Origin, Told, Tx
from tests.kernel.conftest import Broker
from tests.kernel.hearing import Ear, event, heard, inbox_of, saved, take, take_raw
from tests.kernel.test_messages import consuming, make_elsewhere, relaying, topology, until

__all__ = ["topology"]

# --- hearing --------------------------------------------------------------------------------------------------------


@pytest.mark.fault(24)
async def test_what_was_heard_before_takes_no_effect_among_news_and_the_news_does(kernel: Bench) -> None:
    inbox, old = inbox_of(kernel, Ear()), event("OLD")
    await take(inbox, old)

    await take(inbox, event("A"), old, event("B"))

    assert await heard(kernel) == {"OLD": 1, "A": 1, "B": 1}


async def test_news_costs_no_look_of_its_own_into_the_inbox(kernel: Bench) -> None:
    ear = Ear()

    await take(inbox_of(kernel, ear), event("A"), event("B"))

    assert ear.batches == [2]
    assert (await kernel.sql("SELECT count(*) FROM inbox"))[0][0] == 2


async def test_two_who_hear_the_same_at_once_carry_it_out_once(kernel: Bench) -> None:
    same = [event(f"W{n}") for n in range(10)]
    together = asyncio.Barrier(2)

    class Slow(Ear):
        async def warehouses(self, tx: Tx, told: Sequence[Told[WarehouseSaved]]) -> None:
            if not self.batches:
                await together.wait()
            await super().warehouses(tx, told)

    await asyncio.gather(*(take(inbox_of(kernel, Slow()), *same) for _ in range(2)))

    assert await heard(kernel) == {f"W{n}": 1 for n in range(10)}


async def test_an_event_that_comes_twice_in_one_message_is_handled_once(kernel: Bench) -> None:
    ear, same = Ear(), event("A")

    await take_raw(inbox_of(kernel, ear), orjson.dumps([same, same]))

    assert await heard(kernel) == {"A": 1}
    assert ear.batches == [1]


async def test_a_parked_event_that_is_delivered_again_waits_on_and_its_neighbours_go_on(
    kernel: Bench,
) -> None:
    ear, broken = Ear(), event("A")
    ear.fails_on = {"A"}
    inbox = inbox_of(kernel, ear)
    await take(inbox, broken)
    ear.fails_on = set()

    await take(inbox, broken, event("B"))

    assert await heard(kernel) == {"B": 1}
    assert [tuple(row) for row in await kernel.sql("SELECT subject, state FROM parked")] == [("A", "retry")]


async def test_a_transaction_that_heard_nothing_new_leaves_nothing(kernel: Bench) -> None:
    event_id = new_id()

    async def tells(tx: Tx) -> None:
        tx.heard = [event_id]
        tx.announce(saved("A"))
        tx.record("warehouse", "A", "saved", None, {"code": "A"})

    await kernel.run(tells)
    with pytest.raises(HeardBefore):
        await kernel.run(tells)

    for table in ("inbox", "outbox", "event_log", "record_log"):
        assert (await kernel.sql(f"SELECT count(*) FROM {table}"))[0][0] == 1, table


async def test_a_failing_batch_is_tried_the_careful_way_and_the_failing_one_parks_alone(
    kernel: Bench,
) -> None:
    ear = Ear()
    ear.fails_on = {"BAD"}

    await take(inbox_of(kernel, ear), event("A"), event("BAD"), event("B"))

    assert await heard(kernel) == {"A": 1, "B": 1}
    assert [tuple(row) for row in await kernel.sql("SELECT subject FROM parked")] == [("BAD",)]


async def test_what_the_broker_delivers_again_is_looked_up_first(kernel: Bench) -> None:
    ear, known = Ear(), event("A")
    await take(inbox_of(kernel, ear), known)

    await Inbox(kernel.work, {WarehouseSaved: ear.warehouses}).take([_again(known)])

    assert ear.batches == [1]  # the handler was not called for what the inbox has


def _again(told: dict[str, Any]) -> Any:
    class Message:
        body, user_id, redelivered = orjson.dumps([told]), "inventory", True

    return Message()


# --- telling --------------------------------------------------------------------------------------------------------


async def tell_elsewhere(kernel: Bench, *codes: str) -> None:
    """Another process commits: this one has no memory of it."""
    origin = Origin("elsewhere", "elsewhere", "elsewhere")
    async with kernel.engine.begin() as db:
        at = (await db.execute(text("SELECT clock_timestamp()"))).scalar_one()
        await close(
            db, kernel.work.service, at, [Announcement(saved(c), new_id(), at, origin) for c in codes]
        )


async def test_what_another_process_told_is_published_while_this_one_tells_all_the_time(
    kernel: Bench, broker: Broker, topology: None
) -> None:
    async with consuming(kernel, broker, Ear()), relaying(kernel, broker):
        await kernel.run(make_elsewhere, "FIRST")
        await until(kernel, "SELECT count(*) FROM heard", 1)
        await tell_elsewhere(kernel, "STRANGE")
        told = 0
        while not await kernel.sql("SELECT 1 FROM heard WHERE code = 'STRANGE'"):
            told += 1
            assert told < 2000
            await kernel.run(make_elsewhere, f"OWN{told}")

        await until(kernel, "SELECT count(*) FROM outbox", 0)
        await until(kernel, "SELECT count(*) FROM heard", told + 2)
    assert set((await heard(kernel)).values()) == {1}


def test_what_the_relay_has_seen_before_its_process_heard_of_the_commit_is_not_published_twice() -> None:
    fresh = Fresh()

    assert fresh.take(7) is None  # seen in the outbox: committed, and nobody here knows yet
    fresh.put([Row(7, "key", "{}"), Row(8, "key", "{}")])

    assert [row.seq for row in fresh.page(10)] == [8]
    assert fresh.page(10) == []


async def test_a_relay_that_takes_over_publishes_from_the_outbox_not_from_what_it_remembers(
    kernel: Bench, broker: Broker, topology: None
) -> None:
    await kernel.run(make_elsewhere, "PUBLISHED")
    await kernel.write("DELETE FROM outbox")  # as the relay that worked until now has done

    async with consuming(kernel, broker, Ear()), relaying(kernel, broker):
        await kernel.run(make_elsewhere, "A")
        await until(kernel, "SELECT count(*) FROM heard", 1)

    assert await heard(kernel) == {"A": 1}


# --- lists ----------------------------------------------------------------------------------------------------------


async def test_a_query_that_is_built_anew_finds_what_its_own_constants_ask_for(kernel: Bench) -> None:
    await tell_elsewhere(kernel, "A", "B", "C", "D")
    found = []
    async with kernel.engine.connect() as db:
        for code in ("A", "B", "C", "D", "NONE"):
            query = select(event_log.c.subject).where(event_log.c.subject == code).limit(1)
            found.append((await db.execute(query)).scalar_one_or_none())

    assert found == ["A", "B", "C", "D", None]
