"""The queue on a real database: it does what the pure rule says, and nothing goes twice however many come at once."""

import asyncio
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.inventory import handlers
from services.inventory.domain.adjustment import WantedAdjustment
from services.inventory.domain.allotment import allot
from services.inventory.domain.demand import Demand
from services.inventory.store.queue import FIRST_CHUNK
from services.inventory.tests.builders import answered, changed, demand, named, opened, order_line
from services.inventory.tests.scene import Scene
from shared.contracts.orders import SalesOrderChanged

AT_ONCE = 20


@pytest.mark.rule("BO-3")
@pytest.mark.rule("BO-13")
async def test_20_openings_at_once_for_the_last_units_never_promise_one_twice(scene: Scene) -> None:
    await scene.stocked(50)
    orders = [opened(order_line(5), at=n) for n in range(AT_ONCE)]
    gate = asyncio.Event()

    async def open_behind_the_gate(order: Any) -> None:
        await gate.wait()
        await scene.orders(order)

    workers = [asyncio.create_task(open_behind_the_gate(order)) for order in random.sample(orders, AT_ONCE)]
    gate.set()
    await asyncio.gather(*workers)

    granted = await scene.granted(*orders)
    assert sorted(granted) == [0] * 10 + [5] * 10
    assert await scene.stock() == {"on_hand": 50, "allotted": 50, "pegged": 0, "quarantined": 0}


@pytest.mark.rule("BO-6")
async def test_20_openings_heard_together_go_to_exactly_the_right_winners(scene: Scene) -> None:
    await scene.stocked(52)
    orders = [opened(order_line(5), at=n) for n in range(AT_ONCE)]

    await scene.orders(*random.sample(orders, AT_ONCE))

    assert await scene.granted(*orders) == [5] * 10 + [2] + [0] * 9


@pytest.mark.rule("BO-6")
async def test_openings_that_race_for_stock_still_to_come_are_served_by_rank_when_it_comes(
    scene: Scene,
) -> None:
    orders = [opened(order_line(5), at=n) for n in range(AT_ONCE)]
    await asyncio.gather(*(scene.orders(order) for order in random.sample(orders, AT_ONCE)))

    await asyncio.gather(*(scene.stocked(10) for _ in range(5)))

    assert await scene.granted(*orders) == [5] * 10 + [0] * 10


@pytest.mark.rule("BO-13")
async def test_openings_receipts_losses_and_priorities_at_once_leave_the_books_in_order(scene: Scene) -> None:
    orders = [
        opened(
            order_line(n % 4 + 1, ("TABLE", "CHAIR")[n % 2]),
            order_line(2, ("CHAIR", "TABLE")[n % 2], line_no=20),
            at=n,
        )
        for n in range(AT_ONCE)
    ]
    raised = [changed(order, SalesOrderChanged, priority=n % 3) for n, order in enumerate(orders)]

    async def lose() -> None:
        wanted = WantedAdjustment("TABLE", "MAIN", Decimal(-1), "broken")
        await scene.bench.run(handlers.adjust_many, [wanted])

    work = [scene.orders(order) for order in (*orders, *raised)]
    work += [scene.stocked(7, sku) for sku in ("TABLE", "CHAIR") for _ in range(4)]
    work += [lose() for _ in range(5)]
    random.shuffle(work)
    await asyncio.gather(*work)

    assert await scene.broken() == {}
    figures = [await scene.stock(sku) for sku in ("TABLE", "CHAIR")]
    assert all(0 <= f["allotted"] <= f["on_hand"] for f in figures)


async def shipping_gives_back(scene: Scene, answers: int = 0) -> None:
    """Every question is answered with yes, until none is left."""
    while fresh := (await scene.questions())[answers:]:
        answers += len(fresh)
        for question in fresh:
            given = answered(question, [ask.wanted for ask in question.asks])
            await scene.bench.hear(handlers.units_withdrawn, given)


@pytest.mark.rule("BO-3")
@pytest.mark.rule("BO-9")
async def test_20_openings_at_once_with_priorities_end_as_their_rank_says(scene: Scene) -> None:
    await scene.stocked(50)
    orders = [opened(order_line(5), at=n, priority=n % 3) for n in range(AT_ONCE)]

    await asyncio.gather(*(scene.orders(order) for order in random.sample(orders, AT_ONCE)))
    await shipping_gives_back(scene)

    by_rank = sorted(orders, key=lambda order: (-order.priority, order.opened_at))
    assert await scene.granted(*by_rank) == [5] * 10 + [0] * 10


@pytest.mark.rule("BO-9")
async def test_two_priorities_raised_at_once_take_every_unit_once(scene: Scene) -> None:
    for _ in range(5):
        await scene.bench.empty()
        await scene.set_up()
        await scene.stocked(100)
        o1, o2, o3 = opened(order_line(60), at=1), opened(order_line(50), at=2), opened(order_line(30), at=3)
        await scene.orders(o1, o2, o3)

        await asyncio.gather(
            *(scene.orders(changed(order, SalesOrderChanged, priority=5)) for order in (o2, o3))
        )
        asked = [int(ask.units) for ask in await scene.bench.sql("SELECT units FROM asks")]
        await shipping_gives_back(scene)

        assert await scene.granted(o1, o2, o3) == [20, 50, 30]
        assert sum(asked) in (
            40,
            70,
        )  # 40 of O1's; or O3 came first and took 30 of O2's, which O2 took from O1 then


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-10")
async def test_a_priority_raised_while_shipping_refuses_asks_those_who_can_still_give(scene: Scene) -> None:
    for _ in range(5):
        await scene.bench.empty()
        await scene.set_up()
        await scene.stocked(20)
        o1, o2, o3 = opened(order_line(10), at=1), opened(order_line(10), at=2), opened(order_line(4), at=3)
        await scene.orders(o1, o2, o3)
        await scene.orders(raised := changed(o3, SalesOrderChanged, priority=1))
        (question,) = await scene.questions()
        vip = opened(order_line(3), at=9, priority=9)

        await asyncio.gather(
            scene.bench.hear(handlers.units_withdrawn, answered(question, [0])),
            scene.orders(vip),
            scene.orders(changed(raised, SalesOrderChanged, priority=2)),
        )
        (locked,) = await scene.tickets(o2)
        assert locked.locked
        late = [q for q in (await scene.questions())[1:] if q.asks[0].allotment_id == locked.id]
        for late_question in late:
            await scene.bench.hear(handlers.units_withdrawn, answered(late_question, [0]))
        rest = [q for q in (await scene.questions())[1:] if q not in late]
        for question in rest:
            given = answered(question, [ask.wanted for ask in question.asks])
            await scene.bench.hear(handlers.units_withdrawn, given)

        assert await scene.granted(o1, o2, o3, vip) == [3, 10, 4, 3]


@pytest.mark.rule("BO-12")
@pytest.mark.rule("BO-13")
async def test_losses_openings_and_answers_at_once_never_lose_a_unit_twice(scene: Scene) -> None:
    await scene.stocked(60)
    orders = [opened(order_line(5), at=n, priority=n % 2) for n in range(12)]
    await scene.orders(*orders)

    async def lose() -> None:
        wanted = WantedAdjustment("TABLE", "MAIN", Decimal(-4), "broken")
        await scene.bench.run(handlers.adjust_many, [wanted])

    fresh = [opened(order_line(6), at=20 + n, priority=2) for n in range(4)]
    work = [lose() for _ in range(5)] + [scene.orders(order) for order in fresh]
    random.shuffle(work)
    await asyncio.gather(*work)
    questions = await scene.questions()
    await asyncio.gather(
        *(
            scene.bench.hear(handlers.units_withdrawn, answered(q, [ask.wanted for ask in q.asks]))
            for q in random.sample(questions, len(questions))
        )
    )
    await shipping_gives_back(scene, len(questions))

    assert (await scene.stock())["on_hand"] == 40
    assert await scene.granted(*fresh) == [6, 6, 6, 6]
    (lost,) = await scene.bench.sql("SELECT sum(asking) AS asking, sum(refused) AS refused FROM adjustments")
    assert (lost.asking, lost.refused) == (0, 0)


async def test_a_long_queue_is_filled_as_far_as_the_goods_reach(scene: Scene) -> None:
    waiting = FIRST_CHUNK * 3
    orders = [opened(order_line(1), at=n) for n in range(waiting)]
    for start in range(0, waiting, 50):
        await scene.orders(*orders[start : start + 50])

    await scene.stocked(waiting - 5)

    rows = await scene.bench.sql("SELECT granted FROM demand ORDER BY ranked_at")
    assert [int(row.granted) for row in rows] == [1] * (waiting - 5) + [0] * 5


quantities = st.decimals(min_value=0, max_value=20, places=2)


@pytest.mark.rule("BO-6")
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    there=st.tuples(quantities, quantities),
    lines=st.lists(
        st.tuples(st.sampled_from(["TABLE", "CHAIR"]), st.decimals(min_value="0.01", max_value=20, places=2),
                  st.integers(0, 2), st.integers(0, 3), st.integers(1, 3), st.booleans()),
        max_size=10,
    ),
)  # fmt: skip
async def test_the_queue_in_sql_does_what_the_rule_says(
    scene: Scene, there: tuple[Decimal, Decimal], lines: list[tuple[str, Decimal, int, int, int, bool]]
) -> None:
    await _forget_stock(scene)
    demands = [
        demand(
            n // 2,
            qty,
            line_id=named(n),
            sku=sku,
            priority=priority,
            at=at,
            line_no=n * 10 + place,
            special=special,
        )
        for n, (sku, qty, priority, at, place, special) in enumerate(lines)
    ]
    for d in demands:
        await _write(scene, d)
    for sku, qty in zip(("TABLE", "CHAIR"), there, strict=True):
        await scene.bench.write(
            "INSERT INTO stock (sku, warehouse, on_hand) VALUES (:sku, 'MAIN', :qty) "
            "ON CONFLICT (sku, warehouse) DO UPDATE SET on_hand = :qty", sku=sku, qty=qty,
        )  # fmt: skip
        await scene.bench.write(
            "INSERT INTO stock_ledger (id, sku, warehouse, qty, kind, source_key, document, actor, at) "
            "SELECT gen_random_uuid(), :sku, 'MAIN', CAST(:qty AS numeric), 'adjustment', gen_random_uuid(), '', '', now() "
            "WHERE CAST(:qty AS numeric) <> 0",
            sku=sku, qty=qty,
        )  # fmt: skip

    await scene.bench.run(handlers.sweep, None, None)

    for sku, qty in zip(("TABLE", "CHAIR"), there, strict=True):
        expected = {
            share.demand.line: share.qty for share in allot(qty, [d for d in demands if d.sku == sku])
        }
        rows = await scene.bench.sql(
            "SELECT line_id, component, granted FROM demand WHERE sku = :sku AND granted > 0", sku=sku
        )
        assert {(row.line_id, row.component): row.granted for row in rows} == expected
    assert await scene.bench.run(handlers.sweep, None, None) == []
    assert await scene.broken() == {}


async def _forget_stock(scene: Scene) -> None:
    for table in ("allotments", "demand", "stock", "stock_ledger", "orders_heard"):
        await scene.bench.write(f"DELETE FROM {table}")


async def _write(scene: Scene, d: Demand) -> None:
    """A demand as the rule's example has it, with a rank that no order would have by itself."""
    await scene.bench.write(
        "INSERT INTO demand (line_id, component, order_id, order_number, line_no, sku, warehouse, ordered, priority, "
        "ranked_at, special, all_or_nothing, heard_version, settled_version) VALUES (:line, 0, :order, '', :no, :sku, "
        "'MAIN', :qty, :priority, :at, :special, false, 1, 1)",
        line=d.line_id, order=d.order_id, no=d.line_no, sku=d.sku, qty=d.ordered, priority=d.priority, at=d.ranked_at,
        special=d.special,
    )  # fmt: skip
