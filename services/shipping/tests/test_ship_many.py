"""Many shipments leave in one transaction, each with its result (SHIP-3)."""

from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from services.shipping import handlers
from services.shipping.domain.departure import Count
from services.shipping.handlers import Leaving
from services.shipping.views import Shown
from shared.contracts.shipping import ShipmentShipped
from shared.testing import Bench

from .counting import statements_counted
from .facts import inspected, released, units
from .test_handlers import hear, stands


async def pending_ones(bench: Bench, many: int, **other: Any) -> list[UUID]:
    """So many pending shipments of 5 units each, oldest first."""
    await bench.hear(
        handlers.lines_released, *(released(units(n, 5, **other), order=n) for n in range(1, many + 1))
    )
    return [row.id for row in await bench.sql("SELECT id FROM shipments ORDER BY id")]


@pytest.mark.rule("SHIP-3")
async def test_one_that_is_refused_keeps_no_other_from_leaving(shipping: Bench) -> None:
    first, second, third = await pending_ones(shipping, 3)
    (line,) = await shipping.sql("SELECT id FROM shipment_lines WHERE shipment_id = :id", id=second)

    results = await shipping.run(
        handlers.ship_many,
        [
            Leaving(first, 1),
            Leaving(second, 1, [Count(line.id, Decimal(3))]),
            Leaving(third, 9),
            Leaving(first, 1),
        ],
    )

    assert [one.shipment.state if isinstance(one, Shown) else one.code for one in results] == [
        "shipped",
        "short-ship-decision-required",
        "shipment-moved-on",
        "shipment-moved-on",
    ]
    assert [state for _, state, _, _ in await stands(shipping)] == ["shipped", "pending", "pending"]
    assert len(await shipping.told(ShipmentShipped)) == 1


@pytest.mark.rule("SHIP-3")
async def test_twenty_take_as_many_statements_as_one(shipping: Bench) -> None:
    await hear(shipping, released(units(100, 5), order=100))
    ids = await pending_ones(shipping, 21)
    await shipping.run(handlers.ship_many, [Leaving(ids[0])])

    one = await statements(shipping, [Leaving(ids[1])])
    twenty = await statements(shipping, [Leaving(key) for key in ids[2:]])

    assert twenty == one
    assert one <= 9


@pytest.mark.rule("SO-9")
async def test_mixed_ones_among_many_leave_their_rests_behind(shipping: Bench) -> None:
    ids = await pending_ones(shipping, 3, gated=True)
    await hear(shipping, *(inspected(n, 5, passed=n, order=n) for n in (1, 2)))

    results = await shipping.run(handlers.ship_many, [Leaving(key) for key in ids])

    assert [isinstance(one, Shown) for one in results] == [True, True, False]
    assert [row[1:] for row in await stands(shipping)] == [
        ("shipped", 10, "1"),
        ("shipped", 10, "2"),
        ("pending", 10, "5"),
        ("pending", 10, "4"),
        ("pending", 10, "3"),
    ]


async def statements(bench: Bench, wanted: list[Leaving]) -> int:
    """How many statements it takes."""
    with statements_counted() as seen:
        results = await bench.run(handlers.ship_many, wanted)
    assert all(isinstance(one, Shown) for one in results)
    return len(seen)
