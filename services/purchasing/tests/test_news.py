"""What is no news to a demand is kept and not settled; what is, is settled whatever is heard first; numbers of new POs."""

from typing import Any

import pytest
from sqlalchemy import TextClause

from services.purchasing import handlers
from services.purchasing.store import demands, heard
from services.purchasing.store.purchase_orders import NUMBER_FORMAT
from services.purchasing.tests import facts
from services.purchasing.tests.conftest import prefer
from services.purchasing.tests.test_handlers_supply import bought, peg, standing
from shared.contracts.base import ItemKind, Source
from shared.contracts.purchasing import PurchaseOrderOpened
from shared.database import DirectConnection
from shared.testing import Bench
from shared.unit_of_work import Tx


class Counted:
    """How many statements were sent since it was last asked, the closing one included."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._sent = 0
        execute = DirectConnection.execute

        async def counted(db: DirectConnection, *statement: Any, **options: Any) -> Any:
            self._sent += 1
            return await execute(db, *statement, **options)

        patch.setattr(DirectConnection, "execute", counted)

    def taken(self) -> int:
        """How many since the last time."""
        sent, self._sent = self._sent, 0
        return sent


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    return Counted(monkeypatch)


async def test_the_main_chain_takes_no_more_statements_than_it_needs(shop: Bench, counted: Counted) -> None:
    await bought(shop, "SO-0")
    po = await bought(shop)
    passed = peg(po, 10, passed=10)
    counted.taken()
    sent = []
    for handler, fact in (
        (handlers.stock_allotted, facts.standing(1)),
        (handlers.goods_received, facts.received(po, 10, peg(po, 10))),
        (handlers.inspection_completed, facts.inspected(po, passed)),
        (handlers.shipment_told, facts.shipped({"name": "P-1", "shipped": "10"})),
    ):
        await shop.hear(handler, fact)
        sent.append(counted.taken())

    assert sent == [1, 7, 1, 1]
    assert (await standing(shop))["orders"][-1] == ("received",)


@pytest.mark.rule("SO-9")
@pytest.mark.parametrize("failed", [0, 4])
@pytest.mark.parametrize("inspected_first", [False, True])
async def test_an_inspection_heard_before_its_receipt_comes_to_the_same(
    shop: Bench, failed: int, inspected_first: bool
) -> None:
    po = await bought(shop)
    steps: list[Any] = [
        (handlers.goods_received, facts.received(po, 10, peg(po, 10))),
        (handlers.inspection_completed, facts.inspected(po, peg(po, 10, passed=10 - failed, failed=failed))),
    ]

    for handler, fact in reversed(steps) if inspected_first else steps:
        await shop.hear(handler, fact)

    end = await standing(shop)
    assert end["orders"] == [("received",), ("open",)][: 2 if failed else 1]
    assert [tie[0] for tie in end["ties"]] == [10, 4][: 2 if failed else 1]
    assert end["demands"] == [(0, "none", False)]


@pytest.mark.rule("BUY-1")
async def test_an_answer_to_a_version_that_is_not_told_yet_makes_even_a_special_line_wait(
    shop: Bench,
) -> None:
    """The customer has cancelled, inventory has taken the goods back, and the order has not told us yet."""
    po = await bought(shop)
    await shop.hear(handlers.goods_received, facts.received(po, 10, peg(po, 10)))

    await shop.hear(handlers.stock_allotted, facts.standing(2, peg(po, 10, withdrawn=10)))
    assert len(await shop.told(PurchaseOrderOpened)) == 1
    await shop.hear(handlers.order_told, facts.changed("SO-1", 2, facts.line(cancel_wanted=10)))

    assert len(await shop.told(PurchaseOrderOpened)) == 1
    assert (await standing(shop))["demands"] == [(0, "none", False)]


@pytest.mark.rule("BUY-1")
async def test_a_bare_answer_lets_a_line_that_takes_from_the_shelf_first_be_bought(shop: Bench) -> None:
    needed = facts.line(special_order=False, kind=ItemKind.ORDER_AS_NEEDED)
    await shop.hear(handlers.order_told, facts.opened("SO-1", needed))
    assert await shop.told(PurchaseOrderOpened) == []

    await shop.hear(handlers.stock_allotted, facts.standing(1))

    assert len(await shop.told(PurchaseOrderOpened)) == 1


@pytest.mark.rule("SO-2")
async def test_every_new_purchase_order_of_a_batch_has_a_number_of_its_own_and_tells_it(shop: Bench) -> None:
    await prefer(shop, append_to_pending_po="off")

    await shop.hear(handlers.order_told, *(facts.opened(f"SO-{n}") for n in range(1, 4)))

    kept = {row.id: row.number for row in await shop.sql("SELECT id, number FROM purchase_orders")}
    assert len(set(kept.values())) == 3
    assert all(number.startswith("PO-") and len(number) == 9 for number in kept.values())
    assert {po.po_id: po.number for po in await shop.told(PurchaseOrderOpened)} == kept
    [opened] = [row for po_id in kept for row in await shop.log("purchase_order", po_id) if not row.part][:1]
    assert opened.after["number"] == kept[type(next(iter(kept)))(opened.document_id)]


async def test_numbers_have_six_digits_and_then_more(shop: Bench) -> None:
    asked = "SELECT to_char(n, :format) AS number FROM unnest(ARRAY[7, 999999, 1000000]) AS n"

    rows = await shop.sql(asked, format=NUMBER_FORMAT)

    assert [row.number for row in rows] == ["000007", "999999", "1000000"]


@pytest.mark.rule("SO-2")
async def test_a_draft_is_appended_to_by_lines_of_several_items_and_others_are_left_alone(
    shop: Bench,
) -> None:
    await prefer(shop, auto_send_po="off")
    await shop.hear(handlers.order_told, facts.opened("SO-1"))
    east = facts.line("SO-2", warehouse="EAST")
    await shop.hear(handlers.order_told, facts.opened("SO-2", east))

    more = [facts.line("SO-3", n, sku=sku, source=Source(vendor="ACME")) for n, sku in enumerate("ABC", 1)]
    await shop.hear(handlers.order_told, facts.opened("SO-3", *more))

    rows = await shop.sql(
        "SELECT p.warehouse, count(*) AS lines FROM purchase_orders p JOIN purchase_order_lines l ON l.po_id = p.id"
        " GROUP BY p.id, p.warehouse ORDER BY 1"
    )
    assert [(row.warehouse, row.lines) for row in rows] == [("EAST", 1), ("MAIN", 4)]


KEEPING = (
    demands._HEAR,
    heard._hearing(("standings", "allotments")),
    heard._hearing(("allotments", "receipts")),
)


@pytest.mark.parametrize("statement", KEEPING, ids=["orders", "answers", "receipts"])
async def test_what_is_known_is_looked_up_by_its_key_while_tables_are_new(
    shop: Bench, statement: TextClause
) -> None:
    """Plans are made once: one that joined a new table with what was heard would read all of it for every fact."""

    async def plan(tx: Tx) -> list[str]:
        sql = str(statement.compile(dialect=shop.engine.dialect))
        await tx.db.exec_driver_sql(f"PREPARE keeping AS {sql}")
        nothing = ", ".join(["NULL"] * sql.count("$"))
        found = await tx.db.exec_driver_sql(f"EXPLAIN EXECUTE keeping({nothing})")
        lines = list(found.scalars())
        await tx.db.exec_driver_sql("DEALLOCATE keeping")
        return lines

    joins = [line.split("(")[0].strip(" ->") for line in await shop.run(plan) if "Join" in line]

    assert joins
    assert set(joins) == {"Nested Loop Left Join"}
