"""SO-2 and BUY-1..12: from an order to a purchase order, on the real database."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from services.purchasing import handlers
from services.purchasing.tests import facts
from services.purchasing.tests.builders import NOW, said, uid
from services.purchasing.tests.conftest import prefer, price, vendor
from shared.contracts.base import ItemKind, Source
from shared.contracts.orders import KitComponent
from shared.contracts.purchasing import (
    ExceptionCleared,
    ExceptionKind,
    ExceptionRaised,
    PurchaseOrderCancelled,
    PurchaseOrderChanged,
    PurchaseOrderOpened,
    PurchaseOrderSnapshot,
    PurchaseOrderState,
)
from shared.testing import Bench


async def requests(bench: Bench) -> list[tuple[str, Decimal]]:
    rows = await bench.sql(
        "SELECT request_state, need FROM demands WHERE request_state <> 'none' ORDER BY order_number"
    )
    return [(row.request_state, row.need) for row in rows]


@pytest.mark.rule("SO-2")
async def test_an_opened_special_order_is_bought_at_once(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened())

    [po] = await shop.told(PurchaseOrderSnapshot)
    assert isinstance(po, PurchaseOrderOpened)
    assert (po.number[:3], po.version, po.state) == ("PO-", 1, PurchaseOrderState.OPEN)
    assert (po.vendor, po.warehouse, po.currency, po.sent_at) == ("ACME", "MAIN", "EUR", NOW)
    [line] = po.lines
    assert (line.sku, str(line.ordered), str(line.cost)) == ("LAMP", "10", "9.5")
    assert line.expected_on is not None
    assert line.expected_on.isoformat() == "2026-11-28"
    [tie] = line.ties
    assert (tie.order_number, tie.line_no, tie.special_order_id) == ("SO-1", 1, uid("sp SO-1/1"))
    assert await requests(shop) == []
    [row] = await shop.sql("SELECT company, buyer, by_hand, created_by, told FROM purchase_orders")
    assert tuple(row) == ("C1", "bob", False, "tester", 1)


@pytest.mark.rule("BUY-1")
async def test_stocked_lines_and_services_are_not_bought(shop: Bench) -> None:
    await shop.hear(
        handlers.order_told,
        facts.opened(
            "SO-1",
            facts.line(line_no=1, special_order=False),
            facts.line(line_no=2, special_order=False, kind=ItemKind.SERVICE),
        ),
    )

    assert await shop.told(PurchaseOrderSnapshot) == []
    assert await requests(shop) == []


@pytest.mark.rule("BUY-1")
async def test_order_as_needed_buys_its_ungranted_need_once_inventory_has_settled_it(shop: Bench) -> None:
    needed = facts.line(special_order=False, kind=ItemKind.ORDER_AS_NEEDED)
    await shop.hear(handlers.order_told, facts.opened("SO-1", needed))
    before = await shop.told(PurchaseOrderSnapshot)

    await shop.hear(handlers.stock_allotted, facts.standing(1, facts.allotment("A", 6)))

    assert before == []
    [po] = await shop.told(PurchaseOrderSnapshot)
    assert po.lines[0].ordered == 4


@pytest.mark.rule("BUY-1")
async def test_a_standing_heard_before_its_order_counts(shop: Bench) -> None:
    needed = facts.line(special_order=False, kind=ItemKind.ORDER_AS_NEEDED)
    await shop.hear(handlers.stock_allotted, facts.standing(1, facts.allotment("A", 6)))
    await shop.hear(handlers.order_told, facts.opened("SO-1", needed))

    [po] = await shop.told(PurchaseOrderSnapshot)
    assert po.lines[0].ordered == 4


@pytest.mark.rule("BUY-5")
async def test_a_need_of_10_in_boxes_of_12_is_one_box_with_2_untied(shop: Bench) -> None:
    await shop.run(handlers.create_price, price(amount="100", per=12))

    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(cost=None)))

    [po] = await shop.told(PurchaseOrderOpened)
    [line] = po.lines
    assert (str(line.ordered), line.purchase_unit, str(line.units_per)) == ("12", "BX", "12")
    assert [str(tie.qty) for tie in line.ties] == ["10"]
    assert str(line.cost) == "8.3333"
    [row] = await shop.sql(
        "SELECT purchase_price, cost_source, ordered - cancelled - tied AS untied FROM purchase_order_lines"
    )
    assert tuple(row) == (Decimal(100), "vendor_price", 2)


@pytest.mark.rule("BUY-12")
async def test_the_same_order_twice_in_one_batch_and_again_is_bought_once(shop: Bench) -> None:
    told = shop.tell(facts.opened())

    await shop.hear_told(handlers.order_told, [told, told])
    await shop.hear(handlers.order_told, facts.opened())

    assert len(await shop.told(PurchaseOrderSnapshot)) == 1
    assert len(await shop.sql("SELECT 1 FROM ties")) == 1


@pytest.mark.rule("BUY-12")
async def test_versions_in_the_reversed_order_end_alike(shop: Bench) -> None:
    newer = facts.changed("SO-1", 2, facts.line(ordered=7))

    await shop.hear(handlers.order_told, newer)
    await shop.hear(handlers.order_told, facts.opened())
    await shop.hear(
        handlers.order_told, facts.opened("SO-2"), facts.changed("SO-2", 2, facts.line("SO-2", ordered=7))
    )

    bought = [po.lines[0].ordered for po in await shop.told(PurchaseOrderOpened)]
    assert bought == [7, 7]


@pytest.mark.rule("BUY-12")
async def test_workers_that_settle_one_demand_at_once_buy_it_once(shop: Bench) -> None:
    await prefer(shop, auto_purchase_on_open="off")
    await shop.hear(handlers.order_told, facts.opened())
    await prefer(shop, 1, auto_purchase_on_open="on")
    key = (uid("SO-1/1"), 0)
    gate = asyncio.Event()

    async def worker() -> None:
        await gate.wait()
        await shop.run(handlers.settle, [key])

    racing = [asyncio.create_task(worker()) for _ in range(20)]
    gate.set()
    await asyncio.gather(*racing)

    assert len(await shop.sql("SELECT 1 FROM purchase_order_lines")) == 1
    assert len(await shop.told(PurchaseOrderOpened)) == 1


@pytest.mark.rule("BUY-12")
async def test_a_buyer_and_the_automation_at_once_buy_it_once(shop: Bench) -> None:
    await prefer(shop, auto_purchase_on_open="off")
    await shop.hear(handlers.order_told, facts.opened())
    [row] = await shop.sql("SELECT request_id FROM demands")

    outcomes = await asyncio.gather(
        *(shop.run(handlers.order_request, row.request_id, None) for _ in range(8)), return_exceptions=True
    )

    assert sum(not isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert len(await shop.sql("SELECT 1 FROM ties")) == 1


@pytest.mark.rule("SO-2")
async def test_a_batch_of_openings_makes_one_purchase_order_per_group_in_rank_order(shop: Bench) -> None:
    await shop.run(handlers.create_vendor, vendor("BOLT"))

    await shop.hear(
        handlers.order_told,
        facts.opened("SO-2", facts.line("SO-2", 3)),
        facts.opened("SO-1", facts.line("SO-1", 2), facts.line("SO-1", 4, source=Source(vendor="BOLT"))),
        facts.opened("SO-3", facts.line("SO-3", 9), priority=5),
    )

    orders = {po.vendor: po for po in await shop.told(PurchaseOrderOpened)}
    assert [line.ties[0].order_number for line in orders["ACME"].lines] == ["SO-3", "SO-1", "SO-2"]
    assert [line.line_no for line in orders["ACME"].lines] == [1, 2, 3]
    assert len(orders["BOLT"].lines) == 1


@pytest.mark.rule("SO-2")
async def test_without_appending_each_order_has_its_own_purchase_order(shop: Bench) -> None:
    await prefer(shop, append_to_pending_po="off")

    await shop.hear(handlers.order_told, facts.opened("SO-1"), facts.opened("SO-2"))

    assert len(await shop.told(PurchaseOrderOpened)) == 2


@pytest.mark.rule("SO-2")
async def test_without_sending_requests_gather_on_a_draft_that_is_told(shop: Bench) -> None:
    await prefer(shop, auto_send_po="off")

    await shop.hear(handlers.order_told, facts.opened("SO-1"))
    await shop.hear(handlers.order_told, facts.opened("SO-2"))

    first, second = await shop.told(PurchaseOrderChanged)
    assert first.po_id == second.po_id
    assert (second.version, second.state, len(second.lines)) == (2, PurchaseOrderState.DRAFT, 2)


@pytest.mark.rule("SO-2")
async def test_switched_off_a_request_waits_for_a_buyer(shop: Bench) -> None:
    await prefer(shop, auto_purchase_on_open="off")

    await shop.hear(handlers.order_told, facts.opened())

    assert await requests(shop) == [("open", Decimal(10))]
    assert await shop.told(PurchaseOrderSnapshot) == []


@pytest.mark.rule("BUY-16")
async def test_a_linked_line_joins_its_parents_draft_line(shop: Bench) -> None:
    await prefer(shop, auto_send_po="off")
    await shop.hear(handlers.order_told, facts.opened())

    more = facts.line(line_no=2, ordered=2, parent_line_id=uid("SO-1/1"))
    await shop.hear(handlers.order_told, facts.changed("SO-1", 2, facts.line(), more))

    po = (await shop.told(PurchaseOrderChanged))[-1]
    assert [(str(line.ordered), [str(tie.qty) for tie in line.ties]) for line in po.lines] == [
        ("12", ["10", "2"])
    ]


@pytest.mark.rule("BUY-2")
async def test_no_source_is_an_exception_until_it_is_filled(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(source=Source())))
    [raised] = await shop.told(ExceptionRaised)
    waiting = await requests(shop)

    await shop.hear(handlers.order_told, facts.changed("SO-1", 2, facts.line()))

    assert (raised.kind, raised.order_number, raised.line_no, raised.version) == (
        ExceptionKind.NO_SOURCE,
        "SO-1",
        1,
        1,
    )
    assert raised.first_seen_at == NOW
    assert waiting == [("exception", Decimal(10))]
    [cleared] = await shop.told(ExceptionCleared)
    assert (cleared.exception_id, cleared.version) == (raised.exception_id, 2)
    assert len(await shop.told(PurchaseOrderOpened)) == 1


@pytest.mark.rule("BUY-2")
async def test_an_exception_heard_again_is_raised_once(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(source=Source())))
    await shop.hear(handlers.order_told, facts.changed("SO-1", 2, facts.line(source=Source()), priority=3))

    assert len(await shop.told(ExceptionRaised)) == 1


@pytest.mark.rule("BUY-2")
async def test_an_unknown_vendor_is_cleared_when_the_vendor_is_created(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(source=Source(vendor="NOVA"))))

    await shop.run(handlers.create_vendor, vendor("NOVA"))

    [raised] = await shop.told(ExceptionRaised)
    assert raised.kind is ExceptionKind.UNKNOWN_VENDOR
    [cleared] = await shop.told(ExceptionCleared)
    assert cleared.exception_id == raised.exception_id
    [po] = await shop.told(PurchaseOrderOpened)
    assert po.vendor == "NOVA"


@pytest.mark.rule("BUY-2")
async def test_a_vendor_created_while_an_order_for_it_opens_is_never_missed(shop: Bench) -> None:
    for n in range(5):
        code = f"NEW{n}"
        order = facts.opened(f"SO-{n}", facts.line(f"SO-{n}", source=Source(vendor=code)))
        await asyncio.gather(
            shop.hear(handlers.order_told, order), shop.run(handlers.create_vendor, vendor(code))
        )

    assert await requests(shop) == []
    assert len(await shop.told(PurchaseOrderOpened)) == 5


@pytest.mark.rule("BUY-9")
async def test_zero_cost_is_an_exception_until_a_price_record_is_there(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(cost=None)))
    [raised] = await shop.told(ExceptionRaised)

    await shop.run(handlers.create_price, price(amount="9.25"))

    assert raised.kind is ExceptionKind.ZERO_COST
    assert len(await shop.told(ExceptionCleared)) == 1
    [po] = await shop.told(PurchaseOrderOpened)
    assert str(po.lines[0].cost) == "9.25"


@pytest.mark.rule("BUY-9")
async def test_free_of_charge_is_bought_for_nothing(shop: Bench) -> None:
    await shop.hear(
        handlers.order_told, facts.opened("SO-1", facts.line(cost=Decimal(0), free_of_charge=True))
    )

    [po] = await shop.told(PurchaseOrderOpened)
    assert po.lines[0].cost == 0


@pytest.mark.rule("ORD-6")
async def test_specials_of_a_customer_on_hold_are_bought_once_the_hold_is_released(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened(credit_hold=True))
    bought_on_hold = await shop.told(PurchaseOrderSnapshot)

    await shop.hear(handlers.order_told, facts.changed("SO-1", 2))

    assert bought_on_hold == []
    assert [fact.kind for fact in await shop.told(ExceptionRaised)] == [ExceptionKind.CREDIT_HOLD]
    assert len(await shop.told(ExceptionCleared)) == 1
    assert len(await shop.told(PurchaseOrderOpened)) == 1


async def test_a_source_warehouse_is_an_exception_of_its_own(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(source=Source(warehouse="EAST"))))

    [raised] = await shop.told(ExceptionRaised)
    assert raised.kind is ExceptionKind.TRANSFER_NOT_AVAILABLE


async def test_a_cancelled_order_clears_its_exceptions(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(source=Source())))

    await shop.hear(
        handlers.order_told, facts.cancelled("SO-1", 2, facts.line(source=Source(), cancel_wanted=10))
    )

    assert len(await shop.told(ExceptionCleared)) == 1
    assert await requests(shop) == []


@pytest.mark.rule("BUY-16")
async def test_cancelling_the_order_deletes_its_line_from_a_draft(shop: Bench) -> None:
    await prefer(shop, auto_send_po="off")
    await shop.hear(handlers.order_told, facts.opened("SO-1"), facts.opened("SO-2"))

    await shop.hear(handlers.order_told, facts.cancelled("SO-1", 2, facts.line(cancel_wanted=10)))
    await shop.hear(handlers.order_told, facts.cancelled("SO-2", 2, facts.line("SO-2", cancel_wanted=10)))

    changed = (await shop.told(PurchaseOrderChanged))[-1]
    lines = {line.ties[0].order_number: line for line in changed.lines}
    assert said(lines["SO-1"].cancelled, lines["SO-1"].ties[0].closed) == "10 10"
    assert lines["SO-2"].cancelled == 0
    [ended] = await shop.told(PurchaseOrderCancelled)
    assert ended.version == changed.version + 1
    assert await shop.sql("SELECT 1 FROM tasks") == []


@pytest.mark.rule("BUY-16")
async def test_cancelling_the_order_leaves_a_sent_po_untied_with_a_task_for_its_buyer(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened())

    cancelled = facts.cancelled("SO-1", 2, facts.line(cancel_wanted=10))
    await shop.hear(handlers.order_told, cancelled, cancelled)

    [po] = await shop.told(PurchaseOrderChanged)
    [line] = po.lines
    assert said(line.ordered, line.cancelled, line.ties[0].closed) == "10 0 10"
    assert line.ties[0].closed_reason == "SO-1 line 1 was cancelled"
    [task] = await shop.sql("SELECT buyer, qty, reason FROM tasks")
    assert tuple(task) == ("bob", 10, "SO-1 line 1 was cancelled")
    [tied] = await shop.sql("SELECT tied FROM purchase_order_lines")
    assert tied.tied == 0


@pytest.mark.rule("BUY-16")
async def test_line_10_to_7_on_a_sent_po_leaves_3_untied(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened())

    await shop.hear(handlers.order_told, facts.changed("SO-1", 2, facts.line(ordered=7)))

    [po] = await shop.told(PurchaseOrderChanged)
    assert said(po.lines[0].ordered, po.lines[0].ties[0].qty, po.lines[0].ties[0].closed) == "10 10 3"
    assert len(await shop.sql("SELECT 1 FROM tasks")) == 1


async def test_what_a_split_line_gives_up_goes_to_its_linked_line(shop: Bench) -> None:
    """An order-as-needed line is split after 4 were bought for it: the tie moves along, nothing is bought twice."""
    kind: dict[str, Any] = {"special_order": False, "kind": ItemKind.ORDER_AS_NEEDED}
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(**kind)))
    await shop.hear(handlers.stock_allotted, facts.standing(1, facts.allotment("A", 6)))

    parent, child = (
        facts.line(ordered=6, **kind),
        facts.line(line_no=2, ordered=4, parent_line_id=uid("SO-1/1"), **kind),
    )
    await shop.hear(handlers.order_told, facts.changed("SO-1", 2, parent, child))
    await shop.hear(handlers.stock_allotted, facts.standing(2), facts.standing(2, line_no=2))

    assert len(await shop.told(PurchaseOrderOpened)) == 1
    [po] = await shop.told(PurchaseOrderChanged)
    assert [(tie.line_no, str(tie.qty), str(tie.closed)) for tie in po.lines[0].ties] == [
        (1, "4", "4"),
        (2, "4", "0"),
    ]
    assert await requests(shop) == []
    assert await shop.sql("SELECT 1 FROM tasks") == []


async def test_every_version_of_a_purchase_order_is_told_once_and_logged(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened())
    await shop.hear(handlers.order_told, facts.changed("SO-1", 2, facts.line(ordered=7)))
    await shop.hear(handlers.order_told, facts.changed("SO-1", 3, facts.line(ordered=7), priority=4))

    told = await shop.told(PurchaseOrderSnapshot)
    assert [po.version for po in told] == [1, 2]
    log = await shop.log("purchase_order", told[0].po_id)
    assert [(row.part, row.action) for row in log] == [
        ("", "opened"),
        ("line 1", "line added"),
        ("line 1", "line changed"),
    ]
    assert log[2].before["untied"] == "0"
    assert log[2].after["untied"] == "3"
    assert all(row.actor == "tester" and row.cause for row in log)


@pytest.mark.rule("BUY-4")
async def test_special_components_of_a_kit_are_bought_by_their_sequence_stock_ones_are_not(
    shop: Bench,
) -> None:
    """3 kits of (2 A special seq 10, 1 B stock seq 20): request A 6, seq 10."""
    parts = [
        KitComponent(
            seq=10, sku="A", description="A", kind=ItemKind.STOCKED, unit="EA", precision=0, qty_per_kit=Decimal(2),
            special_order=True, source=Source(vendor="ACME"), cost=Decimal(4),
        ),
        KitComponent(
            seq=20, sku="B", description="B", kind=ItemKind.STOCKED, unit="EA", precision=0, qty_per_kit=Decimal(1)
        ),
    ]  # fmt: skip

    await shop.hear(
        handlers.order_told,
        facts.opened("SO-1", facts.line(ordered=3, kind=ItemKind.KIT, special_order=False, components=parts)),
    )

    [po] = await shop.told(PurchaseOrderOpened)
    [line] = po.lines
    assert (line.sku, str(line.ordered), line.ties[0].component) == ("A", "6", 10)


async def test_copies_keep_the_newest_version_whatever_comes_last(shop: Bench) -> None:
    await shop.hear(handlers.item_saved, facts.item("SOFA", 3, unit="PC"), facts.item("SOFA", 2, unit="EA"))
    await shop.hear(handlers.item_saved, facts.item("SOFA", 1, unit="BX"))
    await shop.hear(handlers.warehouse_saved, facts.warehouse("EAST", 2, "Asia/Tokyo"))
    await shop.hear(handlers.warehouse_saved, facts.warehouse("EAST", 1, "UTC"))

    [item] = await shop.sql("SELECT unit, version FROM items WHERE sku = 'SOFA'")
    [place] = await shop.sql("SELECT time_zone FROM warehouses WHERE code = 'EAST'")
    assert (tuple(item), tuple(place)) == (("PC", 3), ("Asia/Tokyo",))


async def test_goods_are_expected_on_a_day_of_their_warehouse(shop: Bench) -> None:
    """21 November 12:00 UTC is the 22nd in Kiritimati; 7 days later is the 29th."""
    await shop.hear(handlers.warehouse_saved, facts.warehouse("ISLE", 1, "Pacific/Kiritimati"))

    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(warehouse="ISLE")))

    [po] = await shop.told(PurchaseOrderOpened)
    assert str(po.lines[0].expected_on) == "2026-11-29"
