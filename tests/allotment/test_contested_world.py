"""Five real services and one item that everybody wants: whenever all is quiet, it lies where the reference says.

Orders, priorities, pickers and losses act at random while the post travels as it likes; orders, shipping and inventory
are all real here. A failure prints its seed and the diary; `TIELINE_WORLD_SEED=…` plays it again,
`TIELINE_CONTESTED_WORLDS=…` plays more of them.
"""

import os
import random
from collections import defaultdict
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from shared.errors import TielineError
from shared.migrate import SERVICES
from shared.testing import Bench
from tests.allotment.reference import Want, share_out
from tests.confluence.people import People
from tests.world import MAIN, World, fresh_world
from tests.world_books import differences

WORLDS = int(os.environ.get("TIELINE_CONTESTED_WORLDS", "2"))
STEPS = 120
DEEDS = {
    "orders": 14, "raises_a_priority": 12, "cancels_a_line": 4, "cancels_an_order": 2, "changes_a_quantity": 3,
    "picks": 10, "unpicks": 7, "voids": 3, "ships": 6, "adjusts": 8, "changes_a_ship_type": 1, "releases_by_hand": 3,
}  # fmt: skip


class Contenders(People):
    """People who all want tables from one warehouse."""

    async def arrive(self) -> None:
        """Two customers, one of whom takes nothing before he gets all, and twenty tables."""
        await self.world.opens()
        await self.world.customer("SPLITS", shortage_answer="split")
        await self.world.customer("WAITS", shortage_answer="backorder_line")
        await self.world.on_the_shelf("TABLE", 20)
        await self.world.quiet()

    async def step(self) -> None:
        """Somebody does something, or a few letters arrive."""
        if self.dice.random() < 0.45:
            await self.some_post()
            return
        (deed,) = self.dice.choices(list(DEEDS), list(DEEDS.values()))
        try:
            await getattr(self, deed)()
        except TielineError as refusal:
            self.diary.append(f"   refused: {type(refusal).__name__}: {refusal}")

    async def orders(self) -> None:
        qty, customer = self.dice.randint(1, 12), self.dice.choice(["SPLITS", "SPLITS", "WAITS"])
        head = {"priority": self.dice.randint(1, 3), "priority_reason": "key account"}
        order = self.world.order(
            ("TABLE", qty), customer=customer, warehouse=MAIN, **(head if self.dice.random() < 0.3 else {})
        )
        await self._do(f"{customer} orders {qty}", order)


async def _out_of_place(world: World) -> list[str]:
    """Lines that hold other than the reference says, or wait without a backorder flag (BO-13)."""
    locked: defaultdict[UUID, Decimal] = defaultdict(Decimal)
    shipped: defaultdict[UUID, Decimal] = defaultdict(Decimal)
    for row in await world.rows(
        "shipping",
        "SELECT l.line_id, s.state, sum(x.qty) AS qty, sum(x.shipped) AS shipped FROM shipment_shares x "
        "JOIN shipment_lines l ON l.id = x.shipment_line_id JOIN shipments s ON s.id = l.shipment_id GROUP BY 1, 2",
    ):
        shipped[row.line_id] += row.shipped
        locked[row.line_id] += row.qty if row.state in ("picking", "packed") else 0
    held = {
        row.line_id: row.qty
        for row in await world.rows(
            "inventory",
            "SELECT line_id, sum(qty - withdrawn - failed - shipped - returned) AS qty FROM allotments GROUP BY 1",
        )
    }
    demands = await world.rows("inventory", "SELECT * FROM demand WHERE sku = 'TABLE'")
    queue = [
        Want(
            d.line_id, d.need - shipped[d.line_id],
            (-d.priority, d.ranked_at, d.order_id, d.line_no, 0), locked[d.line_id],
        )
        for d in demands
    ]  # fmt: skip
    stock = await world.one(
        "inventory", "SELECT on_hand FROM stock WHERE sku = 'TABLE' AND warehouse = 'MAIN'"
    )
    expected = share_out(stock.on_hand, queue)
    names = {d.line_id: f"{d.order_number}/{d.line_no}" for d in demands}
    wrong = [
        f"{names[want.line]} holds {held.get(want.line, 0)}, the reference says {expected[want.line]}: {want}"
        for want in queue if held.get(want.line, 0) != expected[want.line]
    ]  # fmt: skip
    unflagged = await world.rows(
        "orders",
        "SELECT o.number, l.line_no, l.is_backordered, l.granted FROM order_lines l "
        "JOIN sales_orders o ON o.id = l.order_id "
        "WHERE o.state = 'open' AND l.is_backordered <> (l.ordered - l.cancel_wanted > l.granted)",
    )
    return [*wrong, *(f"{row.number}/{row.line_no} is flagged {row.is_backordered}" for row in unflagged)]


async def _must_add_up(people: Contenders) -> None:
    await people.world.quiet()
    people.diary.append("--- all is quiet")
    found = [*await differences(people.world), *await _out_of_place(people.world)]
    assert not found, "\n".join(found)


async def _play(five: list[Bench], seed: int) -> None:
    people = Contenders(await fresh_world(five), random.Random(seed))
    try:
        await people.arrive()
        for n in range(1, STEPS + 1):
            await people.step()
            if n % 20 == 0:
                await _must_add_up(people)
    except BaseException:
        print(f"\nTIELINE_WORLD_SEED={seed}\n" + "\n".join(people.diary))
        raise


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-10")
@pytest.mark.rule("BO-13")
@pytest.mark.timeout(120 + WORLDS * 20)
async def test_what_everybody_wants_lies_where_the_reference_says_whatever_people_and_the_post_do(
    benches: Any,
) -> None:
    five = [await benches.of(service) for service in SERVICES]
    if seed := os.environ.get("TIELINE_WORLD_SEED"):
        await _play(five, int(seed))
        return
    seeds = random.Random(os.environ.get("TIELINE_WORLD_FIRST", "20260101"))
    for _ in range(WORLDS):
        await _play(five, seeds.getrandbits(32))
