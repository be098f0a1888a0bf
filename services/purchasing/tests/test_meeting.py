"""Two workers at once: one brings a demand, the other something for it, and neither sees what is not committed yet.

They meet at the demand's standing, so the later of the two sees all; whichever that is, it comes to the same.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import pytest

from services.purchasing import handlers
from services.purchasing.domain.demand import Demand, Tie
from services.purchasing.store import demands as store
from services.purchasing.tests import facts
from services.purchasing.tests.test_handlers_supply import Step, bought
from shared.contracts.base import ItemKind
from shared.contracts.inventory import GoodsReceived
from shared.testing import Bench
from shared.unit_of_work import Told, Tx

_WAITING = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
AS_NEEDED = facts.line(special_order=False, kind=ItemKind.ORDER_AS_NEEDED)
FILL = facts.allotment("S-1", 4)


async def at_once(shop: Bench, first: Step, second: Step) -> None:
    """The second is heard when all of the first has been done, and nothing of it is committed."""
    done, may_commit = asyncio.Event(), asyncio.Event()

    async def held(tx: Tx, told: Sequence[Told[Any]]) -> None:
        await first[0](tx, told)
        done.set()
        await may_commit.wait()

    one = asyncio.create_task(shop.hear(held, first[1]))
    await asyncio.wait_for(done.wait(), 20)
    other = asyncio.create_task(shop.hear(*second))
    for _ in range(500):
        if other.done() or await shop.sql(_WAITING):
            break
        await asyncio.sleep(0.02)
    may_commit.set()
    await asyncio.gather(one, other)


async def coming(shop: Bench) -> list[int]:
    """What the order's ties still bring, and what its demand says is lacking."""
    ties = await shop.sql("SELECT qty - closed - missed FROM ties WHERE order_number = 'SO-1'")
    needs = await shop.sql("SELECT need FROM demands WHERE order_number = 'SO-1'")
    return [row[0] for row in (*ties, *needs)]


async def filled(shop: Bench) -> GoodsReceived:
    """Goods of another order's purchase arrive, and four free units of them fill SO-1."""
    receipt = facts.received(await bought(shop, "SO-0"), 4)
    (line,) = receipt.lines
    return receipt.model_copy(update={"lines": [line.model_copy(update={"fills": [FILL]})]})


Pair = Callable[[Step, Step], tuple[Step, Step]]


@pytest.fixture(params=["the demand first", "the demand last"])
def turn(request: pytest.FixtureRequest) -> Pair:
    """In which order the two are heard."""
    return lambda a, b: (a, b) if request.param == "the demand first" else (b, a)


@pytest.mark.rule("BUY-1")
async def test_an_order_and_its_bare_answer_heard_at_once_are_bought(shop: Bench, turn: Pair) -> None:
    order: Step = (handlers.order_told, facts.opened("SO-1", AS_NEEDED))
    answer: Step = (handlers.stock_allotted, facts.standing(1))

    await at_once(shop, *turn(order, answer))

    assert await coming(shop) == [10, 0]


@pytest.mark.rule("BUY-1")
async def test_of_an_order_and_an_answer_with_units_only_the_rest_is_bought(shop: Bench, turn: Pair) -> None:
    order: Step = (handlers.order_told, facts.opened("SO-1", AS_NEEDED))
    answer: Step = (handlers.stock_allotted, facts.standing(1, FILL))

    await at_once(shop, *turn(order, answer))

    assert await coming(shop) == [6, 0]


@pytest.mark.rule("BUY-5")
async def test_a_receipt_that_fills_a_line_while_its_order_is_heard_counts(shop: Bench, turn: Pair) -> None:
    """The order comes late: inventory has answered it, and a receipt fills it just now."""
    receipt: Step = (handlers.goods_received, await filled(shop))
    await shop.hear(handlers.stock_allotted, facts.standing(1))

    await at_once(shop, *turn((handlers.order_told, facts.opened("SO-1", AS_NEEDED)), receipt))

    assert await coming(shop) == [6, 0]


@pytest.mark.rule("BUY-5")
@pytest.mark.parametrize("kind", ["answer", "receipt"])
async def test_a_line_that_becomes_a_special_one_while_it_is_filled_buys_only_the_rest(
    shop: Bench, turn: Pair, kind: str
) -> None:
    receipt: Step = (handlers.goods_received, await filled(shop))
    answer: Step = (handlers.stock_allotted, facts.standing(1, FILL))
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(special_order=False)))
    special: Step = (handlers.order_told, facts.changed("SO-1", 2, facts.line()))

    await at_once(shop, *turn(special, answer if kind == "answer" else receipt))

    assert await coming(shop) == [6, 0]


@pytest.mark.rule("BUY-1")
async def test_an_answer_to_the_version_that_makes_a_line_bought_is_not_lost(shop: Bench, turn: Pair) -> None:
    """As it is known it is a stock line; the version that is answered makes it one that is bought as needed."""
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(special_order=False)))
    await shop.hear(handlers.stock_allotted, facts.standing(1))
    order: Step = (handlers.order_told, facts.changed("SO-1", 2, AS_NEEDED))

    await at_once(shop, *turn(order, (handlers.stock_allotted, facts.standing(2))))

    assert await coming(shop) == [10, 0]


async def test_two_receipts_of_one_line_heard_at_once_are_both_counted(shop: Bench) -> None:
    po = await bought(shop)
    pegs = [facts.allotment(f"P-{n}", 5, po.lines[0].ties[0]) for n in (1, 2)]
    both = [facts.received(po, 5, one, receipt=f"R-{n}") for n, one in enumerate(pegs, 1)]

    await at_once(shop, *((handlers.goods_received, receipt) for receipt in both))

    assert [tuple(row) for row in await shop.sql("SELECT received FROM purchase_order_lines")] == [(10,)]
    assert [tuple(row) for row in await shop.sql("SELECT state FROM purchase_orders")] == [("received",)]


def test_columns_stand_in_the_order_of_the_fields_that_they_become() -> None:
    rank = store.TIE.index("qty") + 1
    of_ties = ["tie_id", *store.TIE[1:rank], "priority", "ranked_at", *store.TIE[rank:]]

    assert [one.name for one in fields(Demand)] == [
        *store._DEMAND, "granted", "came_back", "settled_version", "ties",
    ]  # fmt: skip
    assert [one.name for one in fields(Tie)] == [*of_ties, "pegged", "closed_reason"]
