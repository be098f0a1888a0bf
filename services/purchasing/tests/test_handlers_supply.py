"""SO-6, SO-8, SO-9, SHIP-3, BUY-16: goods, inspections, late ties, and answers about supply, on the real database."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from services.purchasing import handlers
from services.purchasing.domain.by_hand import LineChange
from services.purchasing.tests import facts
from services.purchasing.tests.builders import said, uid
from services.purchasing.tests.conftest import vendor
from shared.contracts.base import ItemKind, Source
from shared.contracts.inventory import Allotment, GoodsPegged
from shared.contracts.purchasing import (
    ExceptionKind,
    ExceptionRaised,
    PurchaseOrderCancelled,
    PurchaseOrderChanged,
    PurchaseOrderClosed,
    PurchaseOrderOpened,
    PurchaseOrderSnapshot,
    SupplyReductionAsked,
)
from shared.testing import Bench

Step = tuple[Callable[..., Awaitable[None]], Any]


async def bought(shop: Bench, order: str = "SO-1", **line: Any) -> PurchaseOrderOpened:
    """A special line of 10 LAMP that was bought."""
    await shop.hear(handlers.order_told, facts.opened(order, facts.line(order, **line)))
    return (await shop.told(PurchaseOrderOpened))[-1]


def peg(po: PurchaseOrderSnapshot, qty: object, name: str = "P-1", **figures: Any) -> Allotment:
    return facts.allotment(name, qty, po.lines[0].ties[0], **figures)


async def standing(shop: Bench) -> dict[str, Any]:
    """What everything came to, without ids and times."""
    lines = await shop.sql("SELECT ordered, cancelled, received, tied FROM purchase_order_lines ORDER BY id")
    ties = await shop.sql("SELECT qty, closed, missed FROM ties ORDER BY id")
    demands = await shop.sql(
        "SELECT need, request_state, left_to_buyer FROM demands ORDER BY order_number, line_no"
    )
    orders = await shop.sql("SELECT state FROM purchase_orders ORDER BY id")
    tickets = await shop.sql(
        "SELECT qty, withdrawn, failed, passed, returned, missing FROM allotments ORDER BY 1"
    )
    found = {"lines": lines, "ties": ties, "demands": demands, "orders": orders, "tickets": tickets}
    return {name: [tuple(row) for row in rows] for name, rows in found.items()}


@pytest.mark.rule("BUY-19")
async def test_a_partial_receipt_and_the_rest(shop: Bench) -> None:
    po = await bought(shop)

    await shop.hear(handlers.goods_received, facts.received(po, 4, peg(po, 4)))
    partly = await standing(shop)
    await shop.hear(handlers.goods_received, facts.received(po, 6, peg(po, 6, "P-2"), receipt="R-2"))

    assert (partly["orders"], partly["lines"]) == ([("partially_received",)], [(10, 0, 4, 10)])
    after = await standing(shop)
    assert (after["orders"], after["lines"]) == ([("received",)], [(10, 0, 10, 10)])
    assert after["demands"] == [(0, "none", False)]
    assert await shop.told(PurchaseOrderChanged) == []  # receipts are inventory's to tell


async def test_a_receipt_heard_twice_counts_once(shop: Bench) -> None:
    po = await bought(shop)
    receipt = facts.received(po, 4, peg(po, 4))

    await shop.hear(handlers.goods_received, receipt, receipt)
    once = await standing(shop)
    await shop.hear(handlers.goods_received, receipt)

    assert await standing(shop) == once
    assert once["lines"] == [(10, 0, 4, 10)]


@pytest.mark.rule("SO-8")
async def test_an_over_receipt_is_an_exception_that_a_person_closes(shop: Bench) -> None:
    po = await bought(shop)
    receipt = facts.received(po, 12, peg(po, 10), surplus=2)

    await shop.hear(handlers.goods_received, receipt, receipt)
    [raised] = await shop.told(ExceptionRaised)
    closed = await shop.run(handlers.close_exception, raised.exception_id, "kept")
    await shop.hear(handlers.goods_received, receipt)

    assert (raised.kind, raised.po_number) == (ExceptionKind.OVER_RECEIPT, po.number)
    assert raised.qty == 2
    assert (closed.version, closed.clear_reason) == (2, "kept")
    assert len(await shop.told(ExceptionRaised)) == 1


@pytest.mark.rule("SO-9")
async def test_failed_units_are_bought_again(shop: Bench) -> None:
    """Received 6 of 10, failed 2: pegged 4 good, tie open 4, replacement 2."""
    po = await bought(shop)
    await shop.hear(handlers.goods_received, facts.received(po, 6, peg(po, 6)))

    failed = facts.inspected(po, peg(po, 6, passed=4, failed=2))
    await shop.hear(handlers.inspection_completed, failed, failed)

    replacement = (await shop.told(PurchaseOrderOpened))[-1]
    assert replacement.po_id != po.po_id
    assert said(replacement.lines[0].ordered, replacement.lines[0].ties[0].qty) == "2 2"
    assert len(await shop.told(PurchaseOrderOpened)) == 2


@pytest.mark.rule("SHIP-3")
async def test_pegged_units_that_a_shipment_missed_are_bought_again(shop: Bench) -> None:
    po = await bought(shop)
    await shop.hear(handlers.goods_received, facts.received(po, 10, peg(po, 10)))

    await shop.hear(
        handlers.shipment_told,
        facts.shipped({"name": "P-1", "shipped": "7", "returned": "3", "missing": "3"}),
    )

    again = (await shop.told(PurchaseOrderOpened))[-1]
    assert said(again.lines[0].ordered) == "3"


@pytest.mark.rule("BO-12")
async def test_pegged_units_that_are_lost_are_bought_again_once(shop: Bench) -> None:
    po = await bought(shop)
    await shop.hear(handlers.goods_received, facts.received(po, 10, peg(po, 10)))

    lost = facts.standing(1, peg(po, 10, withdrawn=4))
    await shop.hear(handlers.stock_allotted, lost)
    await shop.hear(handlers.stock_allotted, lost)

    _, again = await shop.told(PurchaseOrderOpened)
    assert said(again.lines[0].ordered, again.lines[0].ties[0].qty) == "4 4"


@pytest.mark.rule("SHIP-4")
async def test_pegged_units_that_a_shipment_gave_back_are_pegged_again_not_bought_again(shop: Bench) -> None:
    po = await bought(shop)
    await shop.hear(handlers.goods_received, facts.received(po, 6, peg(po, 6)))

    await shop.hear(handlers.shipment_told, facts.shipped({"name": "P-1", "shipped": "3", "returned": "3"}))
    between = await standing(shop)
    await shop.hear(handlers.stock_allotted, facts.standing(1, peg(po, 3, "P-2")))

    assert between["demands"] == [(0, "none", False)]
    assert (await standing(shop))["demands"] == [(0, "none", False)]
    assert len(await shop.told(PurchaseOrderOpened)) == 1


@pytest.mark.rule("BUY-1")
async def test_order_as_needed_units_that_came_back_are_left_to_inventory(shop: Bench) -> None:
    """They are about to be allotted again: a request is shown, nothing is bought twice."""
    needed = facts.line(special_order=False, kind=ItemKind.ORDER_AS_NEEDED)
    await shop.hear(handlers.order_told, facts.opened("SO-1", needed))
    await shop.hear(handlers.stock_allotted, facts.standing(1, facts.allotment("A", 10)))

    await shop.hear(handlers.shipment_told, facts.shipped({"name": "A", "returned": "10"}))
    between = await standing(shop)
    await shop.hear(handlers.stock_allotted, facts.standing(1, facts.allotment("B", 10)))

    assert between["demands"] == [(10, "open", False)]
    assert (await standing(shop))["demands"] == [(0, "none", False)]
    assert await shop.told(PurchaseOrderSnapshot) == []


@pytest.mark.rule("SO-6")
async def test_goods_pegged_after_their_receipt_are_granted_like_a_receipts_pegs(shop: Bench) -> None:
    po = await bought(shop)
    late = GoodsPegged(
        receipt_id=uid("R-1"), receipt_number="R-1", receipt_line_id=uid("R-1/1"), po_id=po.po_id,
        po_number=po.number, po_line_id=po.lines[0].po_line_id, vendor="ACME", sku="LAMP", description="Lamp",
        unit="EA", warehouse="MAIN", inspection_id=uid("inspection"), pegs=[peg(po, 10)],
    )  # fmt: skip

    await shop.hear(handlers.goods_pegged, late, late)
    await shop.hear(handlers.goods_received, facts.received(po, 10))
    await shop.hear(handlers.inspection_completed, facts.inspected(po, peg(po, 10, failed=10)))

    assert (await standing(shop))["orders"][0] == ("received",)
    again = (await shop.told(PurchaseOrderOpened))[-1]
    assert said(again.lines[0].ordered) == "10"


async def test_a_tie_that_came_too_late_is_broken_and_bought_again(shop: Bench) -> None:
    po = await bought(shop)

    late = facts.missed(po, 4)
    await shop.hear(handlers.tie_missed, late, late)
    await shop.hear(handlers.tie_missed, late)

    [told] = await shop.told(PurchaseOrderChanged)
    assert said(told.lines[0].ties[0].closed) == "4"
    assert told.lines[0].ties[0].closed_reason == "the goods had gone before the tie was heard"
    again = (await shop.told(PurchaseOrderOpened))[-1]
    assert said(again.lines[0].ordered) == "4"
    assert len(await shop.told(PurchaseOrderOpened)) == 2


async def test_a_tie_missed_before_its_partial_receipt_is_heard_ends_the_same(shop: Bench) -> None:
    po = await bought(shop)

    await shop.hear(handlers.tie_missed, facts.missed(po, 4))
    await shop.hear(handlers.goods_received, facts.received(po, 6, peg(po, 6)))

    assert (await standing(shop))["demands"] == [(0, "none", False)]


@pytest.mark.rule("BUY-16")
async def test_cancel_and_receipt_of_4_end_alike_whichever_is_heard_first(shop: Bench) -> None:
    """Cells follow quantities: nothing of the tie stays open, the PO keeps 10, the request is closed."""
    for n, receipt_first in enumerate((True, False)):
        order = f"SO-{n + 1}"
        po = await bought(shop, order)
        wish = facts.cancelled(order, 2, facts.line(order, cancel_wanted=10))
        receipt = facts.received(po, 4, peg(po, 4, f"P-{n}", order=order), receipt=f"R-{n}")
        steps: list[Step] = [(handlers.goods_received, receipt), (handlers.order_told, wish)]
        for handler, fact in steps if receipt_first else reversed(steps):
            await shop.hear(handler, fact)
        await shop.hear(
            handlers.stock_allotted,
            facts.standing(2, peg(po, 4, f"P-{n}", order=order, withdrawn=4), order=order),
        )

    found = await standing(shop)
    assert found["demands"] == [(0, "none", False)] * 2
    assert {line[:3] for line in found["lines"]} == {(10, 0, 4)}
    open_ties = await shop.sql(
        "SELECT greatest(0, qty - closed - (SELECT coalesce(sum(qty), 0) FROM allotments WHERE tie_id = ties.id)) AS open"
        " FROM ties"
    )
    assert [row.open for row in open_ties] == [0, 0]


async def test_facts_end_alike_in_every_order(shop: Bench) -> None:
    """Receipt, inspection, shipment and reduction of one line, in all 24 orders."""
    outcomes = set()
    for n, order in enumerate(permutations(range(4))):
        number = f"SO-{n + 1}"
        po = await bought(shop, number)
        name = f"P-{number}"
        own = {"order": number}
        steps: list[Step] = [
            (handlers.goods_received, facts.received(po, 6, peg(po, 6, name, **own), receipt=f"R-{number}")),
            (handlers.inspection_completed, facts.inspected(po, peg(po, 6, name, passed=6, **own))),
            (handlers.shipment_told, facts.shipped({"name": name, "shipped": "6"}, number)),
            (handlers.order_told, facts.changed(number, 2, facts.line(number, ordered=8))),
        ]
        for step in order:
            await shop.hear(*steps[step])
        [row] = await shop.sql(
            "SELECT d.need, d.request_state, l.received, l.tied, p.state, t.closed FROM demands d "
            "JOIN ties t USING (line_id, component) JOIN purchase_order_lines l ON l.id = t.po_line_id "
            "JOIN purchase_orders p ON p.id = l.po_id WHERE d.order_number = :number",
            number=number,
        )
        outcomes.add(tuple(row))

    assert outcomes == {(Decimal(0), "none", Decimal(6), Decimal(8), "partially_received", Decimal(2))}


# --- reducing what was sent is a question ---


@pytest.mark.rule("BUY-16")
async def test_cancelling_a_sent_po_asks_and_breaks_only_what_can_no_longer_come(shop: Bench) -> None:
    po = await bought(shop)
    await shop.run(handlers.cancel_purchase_order, po.po_id, "vendor is out of it")
    [question] = await shop.told(SupplyReductionAsked)
    between = await standing(shop)

    answer = facts.reduced(question, 0)
    await shop.hear(handlers.supply_reduced, answer, answer)
    await shop.hear(handlers.supply_reduced, answer)

    assert [str(wish.supply) for wish in question.lines] == ["0"]
    assert (between["ties"], between["orders"]) == ([(10, 0, 0)], [("open",)])
    [cancelled] = await shop.told(PurchaseOrderCancelled)
    assert said(cancelled.lines[0].cancelled, cancelled.lines[0].ties[0].closed) == "10 10"
    assert cancelled.lines[0].ties[0].closed_reason == "vendor is out of it"
    assert (await standing(shop))["demands"] == [
        (10, "open", True)
    ]  # left to the buyer, not bought again at once
    assert len(await shop.told(PurchaseOrderOpened)) == 1


@pytest.mark.rule("BUY-16")
async def test_an_undone_purchase_stays_undone_until_a_buyer_orders_it(shop: Bench) -> None:
    po = await bought(shop)
    await shop.run(handlers.cancel_purchase_order, po.po_id, "vendor is out of it")
    [question] = await shop.told(SupplyReductionAsked)
    await shop.hear(handlers.supply_reduced, facts.reduced(question, 0))
    [row] = await shop.sql("SELECT request_id FROM demands")

    await shop.hear(handlers.order_told, facts.changed("SO-1", 2, facts.line(), priority=2))
    still = await standing(shop)
    await shop.run(handlers.order_request, row.request_id, None)

    assert still["demands"] == [(10, "open", True)]
    assert (await standing(shop))["demands"] == [(0, "none", False)]
    assert len(await shop.told(PurchaseOrderOpened)) == 2


@pytest.mark.rule("BUY-16")
async def test_a_new_source_on_the_order_is_bought_by_itself_again(shop: Bench) -> None:
    await shop.run(handlers.create_vendor, vendor("BOLT"))
    po = await bought(shop)
    await shop.run(handlers.cancel_purchase_order, po.po_id, "vendor is out of it")
    [question] = await shop.told(SupplyReductionAsked)
    await shop.hear(handlers.supply_reduced, facts.reduced(question, 0))

    await shop.hear(handlers.order_told, facts.changed("SO-1", 2, facts.line(source=Source(vendor="BOLT"))))

    assert [opened.vendor for opened in await shop.told(PurchaseOrderOpened)] == ["ACME", "BOLT"]


@pytest.mark.rule("BUY-16")
async def test_closing_short_after_4_came_closes_the_tie_at_4(shop: Bench) -> None:
    po = await bought(shop)
    await shop.hear(handlers.goods_received, facts.received(po, 4, peg(po, 4)))
    await shop.run(handlers.close_purchase_order, po.po_id, "no more will come")
    [question] = await shop.told(SupplyReductionAsked)

    await shop.hear(handlers.supply_reduced, facts.reduced(question, 4))

    [closed] = await shop.told(PurchaseOrderClosed)
    assert said(closed.lines[0].cancelled, closed.lines[0].ties[0].closed) == "6 6"
    assert (await standing(shop))["demands"] == [(6, "open", True)]


@pytest.mark.rule("BUY-16")
async def test_an_answer_heard_before_the_receipt_it_knows_of(shop: Bench) -> None:
    po = await bought(shop)
    await shop.run(handlers.cancel_purchase_order, po.po_id, "vendor is out of it")
    [question] = await shop.told(SupplyReductionAsked)

    await shop.hear(handlers.supply_reduced, facts.reduced(question, 4))
    waiting = await standing(shop)
    await shop.hear(handlers.goods_received, facts.received(po, 4, peg(po, 4)))

    assert waiting["orders"] == [("open",)]
    assert (await standing(shop))["orders"] == [("closed",)]
    assert len(await shop.told(PurchaseOrderClosed)) == 1


@pytest.mark.rule("BUY-16")
async def test_po_qty_10_to_6_leaves_a_tie_of_6_and_a_request_of_4(shop: Bench) -> None:
    po = await bought(shop)
    change = LineChange(qty=Decimal(6), reason="only 6 to be had")
    await shop.run(handlers.change_purchase_order_line, po.po_id, 1, 1, change)
    [question] = await shop.told(SupplyReductionAsked)

    await shop.hear(handlers.supply_reduced, facts.reduced(question, 6))

    told = (await shop.told(PurchaseOrderChanged))[-1]
    assert said(told.lines[0].ordered, told.lines[0].cancelled, told.lines[0].ties[0].closed) == "10 4 4"
    assert (await standing(shop))["demands"] == [(4, "open", True)]


async def test_the_record_log_of_a_purchase_order_tells_its_story(shop: Bench) -> None:
    po = await bought(shop)
    await shop.hear(handlers.goods_received, facts.received(po, 4, peg(po, 4)))
    await shop.run(handlers.close_purchase_order, po.po_id, "no more will come")
    [question] = await shop.told(SupplyReductionAsked)
    await shop.hear(handlers.supply_reduced, facts.reduced(question, 4))

    log = await shop.log("purchase_order", po.po_id)
    assert [row.action for row in log] == [
        "opened", "line added", "partially received", "line changed", "reduction asked", "closed", "line changed",
    ]  # fmt: skip
    assert log[-1].reason == "no more will come"
    versions = [told.version for told in await shop.told(PurchaseOrderSnapshot)]
    assert versions == [1, 2]
