"""Notices about what orders wait for (NOTE-2), on the real database."""

from itertools import permutations
from typing import Any

import pytest

from services.notifications.subscriptions import SUBSCRIPTIONS
from shared.contracts.base import Fact
from shared.contracts.notifications import NoticeRaised
from shared.decimals import plain
from shared.testing import Bench

from .order_facts import allotted, order, shipped, stands, taken_by, units, wants


async def hear(bench: Bench, *facts: Fact) -> None:
    """Each fact in a transaction of its own, by whoever subscribed to it."""
    for fact in facts:
        await bench.hear(SUBSCRIPTIONS[type(fact)], fact)


async def open_ones(bench: Bench) -> list[tuple[str, str]]:
    """(kind, title) of the open notices."""
    rows = await bench.sql("SELECT kind, title FROM notices WHERE state = 'open' ORDER BY kind, title")
    return [(row.kind, row.title) for row in rows]


async def raised(bench: Bench) -> list[str]:
    """The kinds that teams were told of, in order."""
    return [fact.kind for fact in await bench.told(NoticeRaised)]


async def concerns(bench: Bench, kind: str) -> list[tuple[str, int, str]]:
    """For whom the notices of a kind are: (order, line, units)."""
    rows = await bench.sql(
        "SELECT c.* FROM notice_concerns c JOIN notices n ON n.id = c.notice_id WHERE n.kind = :kind"
        " ORDER BY c.order_number, c.line_no",
        kind=kind,
    )
    return [(row.order_number, row.line_no, plain(row.qty)) for row in rows]


@pytest.mark.rule("NOTE-2")
async def test_a_line_that_wants_more_than_it_got_is_told_once_inventory_has_answered(
    db_notifications: Bench,
) -> None:
    await hear(db_notifications, order(wants(533)))
    assert await open_ones(db_notifications) == []

    await hear(db_notifications, allotted(stands(units(1, 500))))

    assert await open_ones(db_notifications) == [
        ("backordered", "Backordered: 33 EA of GADGET for SO-000001 line 10")
    ]
    assert await raised(db_notifications) == ["backordered"]


@pytest.mark.rule("NOTE-2")
async def test_a_covered_line_and_a_special_one_tell_nothing(db_notifications: Bench) -> None:
    await hear(
        db_notifications,
        order(wants(5), wants(7, line=20, special_order=True), wants(2, line=30, drop_ship=True)),
        allotted(stands(units(1, 5)), stands(line=20), stands(line=30)),
    )

    assert await db_notifications.sql("SELECT * FROM notices") == []
    assert [
        row.line_no for row in await db_notifications.sql("SELECT line_no FROM demands WHERE from_stock")
    ] == [10]


@pytest.mark.rule("NOTE-2")
async def test_the_lines_of_an_order_are_grouped_and_a_split_is_one_change(db_notifications: Bench) -> None:
    await hear(
        db_notifications,
        order(wants(25), wants(3, line=20)),
        allotted(stands(units(1, 20)), stands(line=20)),
        order(wants(20), wants(3, line=20), wants(5, line=30, parent_line_id=wants(1).line_id), version=2),
    )
    assert await open_ones(db_notifications) == [("backordered", "Backordered: 2 lines of SO-000001")]

    await hear(db_notifications, allotted(stands(line=30, version=2), reason="changed"))

    assert await concerns(db_notifications, "backordered") == [("SO-000001", 20, "3"), ("SO-000001", 30, "5")]
    assert await raised(db_notifications) == ["backordered"]
    (row,) = await db_notifications.sql("SELECT news, version FROM notices")
    assert (row.news, row.version) == (1, 2)


@pytest.mark.rule("NOTE-2")
async def test_each_warehouse_has_a_notice_of_its_own(db_notifications: Bench) -> None:
    await hear(
        db_notifications,
        order(wants(5), wants(7, line=20, warehouse="EAST")),
        allotted(stands(), stands(line=20)),
    )

    rows = await db_notifications.sql("SELECT warehouse, qty FROM notices ORDER BY warehouse")
    assert [(row.warehouse, plain(row.qty)) for row in rows] == [("EAST", "7"), ("MAIN", "5")]


@pytest.mark.rule("NOTE-2")
async def test_a_fill_closes_the_backorder_and_is_told_until_the_goods_have_left(
    db_notifications: Bench,
) -> None:
    first, rest = units(1, 20), units(2, 5)
    await hear(db_notifications, order(wants(25)), allotted(stands(first)))

    await hear(db_notifications, allotted(stands(rest, version=0), reason="receipt"))
    assert await open_ones(db_notifications) == [
        ("backorder_filled", "Backorder filled: 25 EA of GADGET for SO-000001 line 10")
    ]
    await hear(db_notifications, shipped(first, rest))

    assert ("backorder_filled" in dict(await open_ones(db_notifications))) is False
    assert (await raised(db_notifications))[:2] == ["backordered", "backorder_filled"]


@pytest.mark.rule("NOTE-2")
async def test_a_cancelled_shortage_closes_the_notice_and_fills_nothing(db_notifications: Bench) -> None:
    await hear(db_notifications, order(wants(25)), allotted(stands(units(1, 20))))

    await hear(db_notifications, order(wants(25, cancel_wanted=5), version=2))

    assert await open_ones(db_notifications) == []
    assert await raised(db_notifications) == ["backordered"]


@pytest.mark.rule("BO-9")
async def test_what_a_priority_order_took_is_told_to_the_victims_teams_until_it_is_back(
    db_notifications: Bench,
) -> None:
    await hear(db_notifications, order(wants(40)), allotted(stands(units(1, 40))))

    lost = units(1, 40, withdrawn=10)
    await hear(
        db_notifications, allotted(stands(lost, version=0, taken=[taken_by(9, 10)]), reason="withdrawal")
    )
    assert await open_ones(db_notifications) == [
        ("backordered", "Backordered: 10 EA of GADGET for SO-000001 line 10"),
        ("taken_by_priority", "Taken by SO-000009: 10 EA of GADGET for SO-000001 line 10"),
    ]
    (row,) = await db_notifications.sql("SELECT * FROM notices WHERE kind = 'taken_by_priority'")
    assert (row.reason, row.message) == ("priority", "line 10: 10 of GADGET for SO-000009 (priority)")

    await hear(db_notifications, allotted(stands(units(2, 10), version=0), reason="receipt"))
    assert await open_ones(db_notifications) == []


@pytest.mark.rule("NOTE-2")
async def test_a_short_ship_that_is_backordered_makes_the_line_wait_again(db_notifications: Bench) -> None:
    held = units(1, 533)
    await hear(db_notifications, order(wants(533)), allotted(stands(held)))

    await hear(db_notifications, shipped(held, short=33))

    assert await open_ones(db_notifications) == [
        ("backordered", "Backordered: 33 EA of GADGET for SO-000001 line 10"),
        ("short_ship", "SH-006001 shipped short: 33 of GADGET for SO-000001 line 10"),
    ]


@pytest.mark.rule("NOTE-2")
async def test_facts_heard_twice_and_together_raise_each_notice_once(db_notifications: Bench) -> None:
    facts = [order(wants(25)), allotted(stands(units(1, 20)))]

    await hear(db_notifications, *facts, *facts)
    for fact in facts:
        await db_notifications.hear(SUBSCRIPTIONS[type(fact)], fact, fact)

    assert await raised(db_notifications) == ["backordered"]


@pytest.mark.rule("NOTE-2")
async def test_any_order_of_facts_ends_in_the_same_open_notices(db_notifications: Bench) -> None:
    facts: list[Fact] = [
        order(wants(25)),
        allotted(stands(units(1, 20))),
        order(wants(25), team="SALES", version=2),
        allotted(stands(units(1, 20, withdrawn=8), version=2, taken=[taken_by(9, 8)])),
        allotted(stands(units(2, 3), version=0), reason="receipt"),
    ]

    ends: set[Any] = set()
    for some in list(permutations(facts))[::4]:
        await db_notifications.empty()
        await hear(db_notifications, *some)
        ends.add(
            (tuple(await open_ones(db_notifications)), tuple(await concerns(db_notifications, "backordered")))
        )

    assert ends == {
        (
            (
                ("backordered", "Backordered: 10 EA of GADGET for SO-000001 line 10"),
                ("taken_by_priority", "Taken by SO-000009: 8 EA of GADGET for SO-000001 line 10"),
            ),
            (("SO-000001", 10, "10"),),
        )
    }


@pytest.mark.rule("NOTE-2")
async def test_a_special_line_that_uses_stock_instead_is_kept_alike_in_any_order_of_facts(
    db_notifications: Bench,
) -> None:
    facts: list[Fact] = [
        order(wants(7, special_order=True)),
        allotted(stands()),
        order(wants(7), version=2),
        allotted(stands(units(1, 5), version=2), reason="changed"),
    ]

    ends = set()
    for some in permutations(facts):
        await db_notifications.empty()
        await hear(db_notifications, *some)
        once = tuple(map(tuple, await db_notifications.sql("SELECT * FROM demands")))
        await hear(db_notifications, *facts)
        ends |= {once, tuple(map(tuple, await db_notifications.sql("SELECT * FROM demands")))}

    assert len(ends) == 1
    assert await open_ones(db_notifications) == [
        ("backordered", "Backordered: 2 EA of GADGET for SO-000001 line 10")
    ]
