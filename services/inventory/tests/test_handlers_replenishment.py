"""Replenishment positions on the real database (BO-17): whatever changes one is told, and nothing is proposed twice."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.inventory import handlers
from services.inventory.domain.items import Levels, Source
from services.inventory.domain.returning import ReturnTo, WantedReturn
from services.inventory.handlers import replenishment
from services.inventory.tests.builders import (
    answered,
    changed,
    later,
    left,
    opened,
    order_line,
    po_line,
    sent,
    tied,
    voided,
)
from services.inventory.tests.scene import Scene
from shared.contracts.inventory import ReplenishmentNeeded
from shared.contracts.orders import SalesOrderCancelled, SalesOrderChanged
from shared.contracts.purchasing import PurchaseOrderCancelled, PurchaseOrderChanged


async def levels(
    scene: Scene, minimum: int, target: int, safety: int = 0, *, sku: str = "TABLE", version: int = 0
) -> None:
    """Somebody sets levels in MAIN."""
    wanted = Levels(sku, "MAIN", 0, Decimal(minimum), Decimal(target), Decimal(safety), 14)
    await scene.bench.run(handlers.set_levels, version, wanted)


async def told(scene: Scene) -> list[tuple[int, int]]:
    """(version, quantity) of every proposal that was told, in order."""
    return [(fact.version, int(fact.qty)) for fact in await scene.bench.told(ReplenishmentNeeded)]


async def proposed(scene: Scene, sku: str = "TABLE") -> int:
    """What stands proposed."""
    rows = await scene.bench.sql("SELECT proposed FROM replenishment_needs WHERE sku = :sku", sku=sku)
    return int(rows[0].proposed) if rows else 0


async def change_item(scene: Scene, sku: str = "TABLE", **wanted: Any) -> None:
    """Somebody changes an item."""
    (row,) = await scene.bench.sql("SELECT version FROM items WHERE sku = :sku", sku=sku)
    await scene.bench.run(handlers.change_item, sku, row.version, wanted)


@pytest.mark.rule("BO-17")
async def test_a_proposal_is_told_in_full_when_levels_are_set_below_what_is_there(scene: Scene) -> None:
    await scene.stocked(4)
    await change_item(scene, sources=(Source("*", "OAKCO", None), Source("MAIN", "PINECO", None)))

    await levels(scene, 10, 30, 2)

    (fact,) = await scene.bench.told(ReplenishmentNeeded)
    assert (fact.sku, fact.warehouse, fact.version, int(fact.qty), int(fact.position)) == (
        "TABLE",
        "MAIN",
        1,
        26,
        4,
    )
    assert (int(fact.minimum), int(fact.target), int(fact.safety), fact.lead_time_days) == (10, 30, 2, 14)
    assert fact.source.vendor == "PINECO"


@pytest.mark.rule("BO-17")
async def test_an_item_without_levels_is_never_looked_at(scene: Scene) -> None:
    await levels(scene, 0, 0, sku="CHAIR")
    await scene.orders(opened(order_line(8)))
    await scene.stocked(3)

    assert await told(scene) == []
    assert await scene.bench.sql("SELECT * FROM replenishment_needs") == []


@pytest.mark.rule("BO-17")
async def test_orders_lower_the_position_and_cancelling_them_raises_it(scene: Scene) -> None:
    await scene.stocked(12)
    await levels(scene, 10, 30)
    order = opened(order_line(20))

    await scene.orders(order)
    less = changed(order, SalesOrderChanged, wanted={10: 6})
    await scene.orders(less)

    # 12 - 20 = -8: 38; then 12 - 14 = -2: 32
    assert await told(scene) == [(1, 38), (2, 32)]
    await scene.orders(changed(less, SalesOrderCancelled, wanted={10: 20}, state="cancelled"))
    # the 12 are still asked for, nobody waits: 0 available, position 0
    assert await told(scene) == [(1, 38), (2, 32), (3, 30)]
    await scene.bench.hear(handlers.units_withdrawn, answered((await scene.questions())[-1], [12]))
    assert await told(scene) == [(1, 38), (2, 32), (3, 30), (4, 0)]


@pytest.mark.rule("BO-17")
async def test_what_is_ordered_for_stock_is_not_proposed_again_and_its_receipt_changes_nothing(
    scene: Scene,
) -> None:
    await levels(scene, 10, 30)
    po = sent(po_line(30))

    await scene.buys(po)
    await scene.receives(po, {1: 30})

    assert await told(scene) == [(1, 30), (2, 0)]


@pytest.mark.rule("BO-17")
async def test_more_than_was_ordered_raises_the_position(scene: Scene) -> None:
    await levels(scene, 10, 30)
    po = sent(po_line(5))
    await scene.buys(po)

    await scene.receives(po, {1: 12})

    assert await told(scene) == [(1, 30), (2, 25), (3, 0)]


@pytest.mark.rule("BO-17")
async def test_failed_units_of_a_waiting_stock_line_are_needed_again(scene: Scene) -> None:
    await scene.stocked(20)
    await levels(scene, 10, 30)
    waiting = opened(order_line(20))
    po = sent(po_line(15, tied(waiting, 15)))
    await scene.buys(po)
    await scene.receives(po, {1: 15})
    await scene.orders(waiting)
    assert await told(scene) == []
    (inspection,) = await scene.bench.sql("SELECT * FROM inspections")

    await scene.inspects(inspection.id, 0, 15)

    # the 15 that were left of the shelf replace them
    assert await told(scene) == [(1, 30)]


@pytest.mark.rule("BO-17")
async def test_a_short_receipt_whose_rest_is_cancelled_is_proposed_again(scene: Scene) -> None:
    await levels(scene, 10, 30)
    po = sent(po_line(30))
    await scene.buys(po)
    await scene.receives(po, {1: 8})
    assert await told(scene) == [(1, 30), (2, 0)]

    line = po.lines[0].model_copy(update={"cancelled": Decimal(22)})
    await scene.buys(later(po, PurchaseOrderChanged, lines=[line]))

    assert await told(scene) == [(1, 30), (2, 0), (3, 22)]


@pytest.mark.rule("BO-17")
async def test_a_purchase_order_cancelled_brings_its_proposal_back(scene: Scene) -> None:
    await levels(scene, 10, 30)
    po = sent(po_line(30))
    await scene.buys(po)

    await scene.buys(later(po, PurchaseOrderCancelled, state="cancelled"))

    assert await told(scene) == [(1, 30), (2, 0), (3, 30)]


@pytest.mark.rule("BO-17")
async def test_supply_for_a_special_order_is_no_supply_of_the_stock(scene: Scene) -> None:
    await levels(scene, 10, 30)
    special = opened(order_line(20, special=True))
    await scene.orders(special)
    po = sent(po_line(25, tied(special, 20)))

    await scene.buys(po)
    assert await told(scene) == [(1, 30), (2, 25)]
    await scene.receives(po, {1: 25})

    assert await told(scene) == [(1, 30), (2, 25)]
    assert await scene.stock() == {"on_hand": 25, "allotted": 0, "pegged": 20, "quarantined": 0}


@pytest.mark.rule("BO-17")
async def test_supply_that_is_tied_to_a_waiting_line_meets_its_need_which_counts(scene: Scene) -> None:
    await scene.stocked(15)
    await levels(scene, 10, 30)
    waiting = opened(order_line(25))
    await scene.orders(waiting)
    assert await told(scene) == [(1, 40)]

    await scene.buys(sent(po_line(20, tied(waiting, 10))))

    # 15 - 25 + 20 = 10: the tied 10 are for need that is counted already
    assert await told(scene) == [(1, 40), (2, 0)]


@pytest.mark.rule("BO-17")
async def test_losses_gains_and_returns_change_the_position(scene: Scene) -> None:
    await scene.stocked(12)
    await levels(scene, 10, 30)

    await scene.stocked(-5)
    back = WantedReturn(None, 0, "TABLE", "MAIN", Decimal(2), ReturnTo.STOCK, "unopened")
    await scene.bench.run(handlers.return_goods, back)
    to_look_at = replace(back, return_to=ReturnTo.QUARANTINE)
    await scene.bench.run(handlers.return_goods, to_look_at)
    await scene.stocked(1)

    assert await told(scene) == [(1, 23), (2, 21), (3, 0)]


@pytest.mark.rule("BO-17")
async def test_what_ships_or_goes_back_to_its_line_leaves_the_position_and_what_is_missing_does_not(
    scene: Scene,
) -> None:
    await scene.stocked(30)
    await levels(scene, 10, 30)
    order = opened(order_line(20))
    await scene.orders(order)
    (ticket,) = await scene.told_tickets(order)

    await scene.bench.hear(handlers.shipment_shipped, left(ticket, 10, 8))
    assert await told(scene) == []
    # of the next 10, 4 are not found: they are needed again, and nobody has them
    second = left(ticket, 10, 6, in_all=14, returned=4, missing=4)
    await scene.bench.hear(handlers.shipment_shipped, second)

    assert await told(scene) == [(1, 24)]


@pytest.mark.rule("BO-17")
async def test_a_voided_shipment_leaves_the_position(scene: Scene) -> None:
    await scene.stocked(20)
    await levels(scene, 10, 30)
    order = opened(order_line(10))
    await scene.orders(order)
    (ticket,) = await scene.told_tickets(order)

    await scene.bench.hear(handlers.shipment_voided, voided(ticket, 10))

    assert await told(scene) == []


@pytest.mark.rule("ITEM-2")
@pytest.mark.rule("BO-17")
async def test_a_special_order_item_has_no_proposal_and_clearing_the_flag_brings_it_back(
    scene: Scene,
) -> None:
    await levels(scene, 10, 30)

    await change_item(scene, special_order=True)
    await scene.stocked(1)
    await change_item(scene, special_order=False)

    assert await told(scene) == [(1, 30), (2, 0), (3, 29)]


@pytest.mark.rule("BO-17")
async def test_higher_levels_are_news_and_lower_ones_withdraw(scene: Scene) -> None:
    await scene.stocked(20)
    await levels(scene, 10, 30)
    await levels(scene, 25, 50, version=1)
    await levels(scene, 5, 50, version=2)

    assert await told(scene) == [(1, 30), (2, 0)]


@pytest.mark.rule("BO-17")
async def test_20_orders_and_10_purchase_orders_at_once_end_at_the_right_proposal(scene: Scene) -> None:
    await scene.stocked(50)
    await levels(scene, 40, 100)
    work = [scene.orders(opened(order_line(5), at=n)) for n in range(20)]
    work += [scene.buys(sent(po_line(3))) for _ in range(10)]

    await asyncio.gather(*work)

    # 50 - 100 + 30 = -20
    assert await proposed(scene) == 120
    versions = [version for version, _ in await told(scene)]
    assert versions == sorted(set(versions)) == list(range(1, len(versions) + 1))


@pytest.mark.rule("BO-17")
async def test_the_same_history_in_another_order_ends_at_the_same_proposal(scene: Scene) -> None:
    await levels(scene, 10, 30)
    special = opened(order_line(4, special=True))
    po = sent(po_line(12, tied(special, 4)))

    await scene.buys(po)
    await scene.receives(po, {1: 12})
    await scene.orders(special)

    # 12 came, 4 of them for the special order: 8 there
    assert await proposed(scene) == 22


@pytest.mark.rule("BO-17")
async def test_a_long_queue_is_not_read_in_passing_but_by_the_clock(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replenishment, "MOST_WAITING", 3)
    await levels(scene, 10, 30)
    orders = [opened(order_line(2), at=n) for n in range(5)]

    await scene.orders(*orders[:3])
    assert await told(scene) == [(1, 30), (2, 36)]
    await scene.orders(orders[3])
    await scene.orders(orders[4])
    assert await told(scene) == [(1, 30), (2, 36)]
    await scene.bench.run(handlers.tick)

    assert await told(scene) == [(1, 30), (2, 36), (3, 40)]
    assert await scene.bench.sql("SELECT * FROM replenishment_left") == []
    await scene.bench.run(handlers.tick)
    assert len(await told(scene)) == 3


@pytest.mark.rule("BO-17")
async def test_changes_while_the_clock_reads_a_long_queue_are_not_lost(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replenishment, "MOST_WAITING", 3)
    await levels(scene, 10, 30)

    work = [scene.orders(opened(order_line(2), at=n)) for n in range(20)]
    await asyncio.gather(*work, *(scene.bench.run(handlers.tick) for _ in range(8)))
    await scene.bench.run(handlers.tick)

    assert await proposed(scene) == 70
