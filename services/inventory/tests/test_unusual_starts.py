"""What the usual case spares itself: each thing that is not looked for, in the case where it is there after all."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

import shared.preferences
from services.inventory import handlers
from services.inventory.domain.inspection import Round
from services.inventory.domain.receiving import Receiving
from services.inventory.store.columns import next_number
from services.inventory.store.queue import FIRST_CHUNK
from services.inventory.tests.builders import (
    answered,
    changed,
    figures,
    later,
    left,
    opened,
    order_line,
    po_line,
    sent,
    shipment,
    tied,
)
from services.inventory.tests.scene import Scene, statements
from shared.contracts.inventory import SupplyReduced
from shared.contracts.orders import SalesOrderChanged
from shared.contracts.purchasing import (
    PurchaseOrderChanged,
    PurchaseOrderClosed,
    PurchaseOrderState,
    ReductionWish,
    SupplyReductionAsked,
)
from shared.contracts.shipping import ShipmentShipped
from shared.ids import new_id

# --- orders -----------------------------------------------------------------------------------------------------------


@pytest.mark.rule("SO-6")
async def test_of_orders_that_open_together_one_has_goods_already(scene: Scene) -> None:
    early, plain = opened(order_line(7, special=True)), opened(order_line(2))
    po = sent(po_line(10, tied(early, 10)))
    await scene.buys(po)
    await scene.receives(po, {1: 10})
    await scene.stocked(5)

    await scene.orders(early, plain)

    assert await scene.granted(early, plain) == [10, 2]
    (question,) = await scene.questions()
    assert [(ask.line_id, int(ask.wanted)) for ask in question.asks] == [(early.lines[0].line_id, 3)]
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [3]))


@pytest.mark.rule("SO-6")
async def test_an_order_that_opens_while_its_goods_are_received_keeps_them(scene: Scene) -> None:
    for _ in range(8):
        order = opened(order_line(4, special=True))
        po = sent(po_line(4, tied(order, 4)))
        await scene.buys(po)

        await asyncio.gather(scene.receives(po, {1: 4}), scene.orders(order))

        line = await scene.line(order)
        figures_now = int(line.need), int(line.granted), line.heard_version, line.settled_version
        assert figures_now == (4, 4, 1, 1)


@pytest.mark.rule("BO-3")
async def test_an_opening_that_is_heard_with_an_older_order_is_not_its_first_news_alone(scene: Scene) -> None:
    await scene.stocked(10)
    known, fresh = opened(order_line(4)), opened(order_line(3))
    await scene.orders(known)
    raised = changed(known, SalesOrderChanged, wanted={10: 1})

    await scene.orders(raised, fresh)

    assert [int((await scene.line(order)).need) for order in (known, fresh)] == [3, 3]
    assert await scene.granted(fresh) == [3]
    # its second version is not settled before the question is answered
    told = [s for s in await scene.standings() if s.line_id == known.lines[0].line_id]
    assert [s.settled_version for s in told] == [1, 1]
    (question,) = await scene.questions()
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [1]))


@pytest.mark.rule("BO-3")
async def test_an_order_that_is_told_again_with_news_of_another_changes_nothing(scene: Scene) -> None:
    old, fresh = opened(order_line(4, "LAMP", special=True)), opened(order_line(3, "CHAIR"))
    await scene.orders(old)
    await scene.bench.forget_told()

    await scene.orders(old, fresh)

    assert [s.order_id for s in await scene.standings()] == [fresh.order_id]


@pytest.mark.rule("SO-5")
async def test_an_order_whose_lines_are_no_demands_any_more_opens_with_another_one(scene: Scene) -> None:
    early, plain = opened(order_line(7, special=True)), opened(order_line(2))
    po = sent(po_line(7, tied(early, 7)))
    await scene.buys(po)
    await scene.receives(po, {1: 7})
    dropped = early.lines[0].model_copy(update={"special_order": False, "drop_ship": True})
    early = early.model_copy(update={"lines": [dropped]})

    await scene.orders(early, plain)

    (question,) = await scene.questions()
    assert [(ask.line_id, int(ask.wanted)) for ask in question.asks] == [(early.lines[0].line_id, 7)]
    await scene.bench.hear(handlers.units_withdrawn, answered(question, [7]))
    assert await scene.granted(early, plain) == [0, 2]


# --- purchase orders --------------------------------------------------------------------------------------------------


@pytest.mark.rule("BUY-16")
async def test_a_question_makes_its_purchase_order_known_and_one_heard_with_it_is_new(scene: Scene) -> None:
    asked, fresh = sent(po_line(10)), sent(po_line(4))
    wish = ReductionWish(po_line_id=asked.lines[0].po_line_id, supply=Decimal(6))
    question = SupplyReductionAsked(question_id=new_id(), po_id=asked.po_id, lines=[wish])
    await scene.bench.hear(handlers.supply_reduction_asked, question)

    await scene.buys(asked, fresh)

    assert len(await scene.bench.told(SupplyReduced)) == 1
    expected = await scene.bench.sql("SELECT po_line_id, expected FROM incoming_lines")
    assert {row.po_line_id: int(row.expected) for row in expected} == {
        asked.lines[0].po_line_id: 6,
        fresh.lines[0].po_line_id: 4,
    }


@pytest.mark.rule("SO-16")
async def test_two_versions_of_a_new_purchase_order_heard_at_once_expect_it_once(scene: Scene) -> None:
    for _ in range(8):
        po = sent(po_line(10))
        more = later(po, PurchaseOrderChanged, lines=[with_more(po)])
        await asyncio.gather(scene.buys(po), scene.buys(more), scene.buys(po))

        shipment = await scene.expected(po)
        lines = await scene.bench.sql(
            "SELECT expected FROM incoming_lines WHERE shipment_id = :id", id=shipment.id
        )
        assert [int(line.expected) for line in lines] == [12]


def with_more(po: Any) -> Any:
    """Its line, of which 12 are ordered."""
    return po.lines[0].model_copy(update={"ordered": Decimal(12)})


async def test_a_shipment_keeps_its_number_when_its_purchase_order_changes(scene: Scene) -> None:
    po = sent(po_line(10))
    await scene.buys(po)
    before = await scene.expected(po)

    await scene.buys(later(po, PurchaseOrderChanged, lines=[with_more(po)]))

    after = await scene.expected(po)
    assert (after.id, after.number, after.version) == (before.id, before.number, before.version + 1)


@pytest.mark.parametrize("value", [7, 123456, 999999, 1000000, 98765432])
async def test_a_number_made_where_it_is_inserted_is_written_as_all_others(scene: Scene, value: int) -> None:
    number = next_number("inspection_numbers", "IN").replace(
        "nextval('inspection_numbers')", "CAST(:value AS bigint)"
    )

    (row,) = await scene.bench.sql(f"SELECT {number} AS number", value=value)

    assert row.number == f"IN-{value:06d}"


# --- receipts ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule("SO-6")
async def test_a_receipt_of_an_item_that_was_never_here_beside_one_that_was(scene: Scene) -> None:
    waiting = opened(order_line(3))
    await scene.orders(waiting)
    po = sent(po_line(5), po_line(4, sku="CHAIR", line_no=2), po_line(2, sku="LAMP", line_no=3))
    await scene.buys(po)

    await scene.receives(po, {1: 5, 2: 4})

    assert [(await scene.stock(sku))["on_hand"] for sku in ("TABLE", "CHAIR")] == [5, 4]
    assert await scene.granted(waiting) == [3]
    assert await scene.bench.sql("SELECT 1 FROM stock WHERE sku = 'LAMP'") == []


@pytest.mark.rule("SO-16")
async def test_counting_touches_no_stock(scene: Scene) -> None:
    po = sent(po_line(5))
    await scene.buys(po)

    await scene.receives(po, {1: 5}, complete=False)

    assert await scene.bench.sql("SELECT 1 FROM stock") == []


@pytest.mark.rule("SO-9")
async def test_each_inspection_of_a_receipt_has_the_number_that_was_told_to_its_receiver(
    scene: Scene,
) -> None:
    orders = [opened(order_line(2, special=True)) for _ in range(3)]
    await scene.orders(*orders)
    lines = [po_line(2, tied(order, 2), line_no=n) for n, order in enumerate(orders, 1)]
    po = sent(*lines, po_line(5, sku="CHAIR", line_no=4))
    await scene.buys(po)

    receipt = await scene.receives(po, {1: 2, 2: 2, 3: 2, 4: 5})

    rows = await scene.bench.sql("SELECT receipt_line_id, id, number, to_inspect FROM inspections")
    told = {
        line.line.id: (line.inspection.id, line.inspection.number, line.inspection.to_inspect)
        for line in receipt.lines
        if line.inspection
    }
    assert {row.receipt_line_id: (row.id, row.number, row.to_inspect) for row in rows} == told
    assert len(told) == 3


@pytest.mark.rule("BO-6")
async def test_claim_tickets_are_numbered_in_the_order_of_the_queue_over_all_rounds(scene: Scene) -> None:
    orders = [opened(order_line(1), at=n) for n in range(FIRST_CHUNK + 6)]
    await scene.orders(*reversed(orders))

    await scene.stocked(FIRST_CHUNK + 6)

    rows = await scene.bench.sql("SELECT order_id FROM allotments ORDER BY id")
    assert [row.order_id for row in rows] == [order.order_id for order in orders]


# --- departures -------------------------------------------------------------------------------------------------------


@pytest.mark.rule("SHIP-3")
async def test_a_departure_told_again_with_a_new_one_of_the_same_ticket_books_the_new_one_alone(
    scene: Scene,
) -> None:
    await scene.stocked(10)
    order = opened(order_line(10))
    await scene.orders(order)
    (ticket,) = await scene.told_tickets(order)
    first = left(ticket, 4, 4)
    second = ShipmentShipped(
        shipment=shipment((ticket, 6, 6)), shipped_at=first.shipped_at, shipped_by="packer",
        allotments=[figures(ticket, 10)],
    )  # fmt: skip
    await scene.bench.hear(handlers.shipment_shipped, first)

    await scene.bench.hear(handlers.shipment_shipped, first, second)

    booked = await scene.bench.sql("SELECT qty FROM stock_ledger WHERE kind = 'issue' ORDER BY qty")
    assert [int(row.qty) for row in booked] == [-6, -4]
    assert (await scene.stock())["on_hand"] == 0


# --- what it costs ----------------------------------------------------------------------------------------------------


async def test_a_chain_takes_few_statements(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.preferences, "FRESH_SECONDS", 3600)
    await _chain(scene)  # the first finds stock rows missing and preferences unread

    assert await _chain(scene) == {
        "order opened": 3,
        "purchase order opened": 3,
        "receipt": 5,
        "inspection": 4,
        "departure": 4,
        "purchase order closed": 3,
    }


async def _chain(scene: Scene) -> dict[str, int]:
    """A special order from its opening to its departure: how many statements each step takes, the closing one included."""
    took: dict[str, int] = {}

    async def step(name: str, work: Any) -> Any:
        with statements(scene.bench) as sent_now:
            result = await work
        took[name] = len(sent_now)
        return result

    order = opened(order_line(2, special=True))
    await step("order opened", scene.orders(order))
    po = sent(po_line(2, tied(order, 2)))
    await step("purchase order opened", scene.buys(po))
    row = await scene.expected(po)
    wish = Receiving(row.id, row.version, [(1, Decimal(2))])
    (receipt,) = await step("receipt", scene.bench.run(handlers.receive_many, [wish]))
    wishes = [Round(receipt.lines[0].inspection.id, Decimal(2), Decimal(0))]
    await step("inspection", scene.bench.run(handlers.complete_inspections, wishes))
    (ticket,) = await scene.told_tickets(order)
    await step("departure", scene.bench.hear(handlers.shipment_shipped, left(ticket, 2, 2)))
    closed = later(po, PurchaseOrderClosed, state=PurchaseOrderState.CLOSED)
    await step("purchase order closed", scene.buys(closed))
    return took
