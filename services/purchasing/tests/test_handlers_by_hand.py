"""What buyers do by hand: purchase orders, requests, vendors and prices, on the real database."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from services.purchasing import handlers, views
from services.purchasing.domain.by_hand import (
    LineChange,
    NoCost,
    NotWholePurchaseUnits,
    OnlyAgainstDemand,
    SentAtThisCost,
    TooPrecise,
    UnknownItem,
    WantedLine,
)
from services.purchasing.domain.closing import CloseCheckFailed
from services.purchasing.domain.purchase_order import IllegalTransition
from services.purchasing.domain.reduction import BelowReceived, ReductionUnderWay
from services.purchasing.domain.vendor import ProductLine
from services.purchasing.handlers.catalogue import (
    ActivePriceExists,
    NoSuchVendor,
    RecordMoved,
    TargetWithoutCurrency,
    VendorExists,
)
from services.purchasing.handlers.exceptions import ClearsByItself
from services.purchasing.handlers.purchase_orders import (
    NoSuchLine,
    NoSuchPurchaseOrder,
    OtherCurrency,
    PurchaseOrderMoved,
    UnknownVendor,
    UnknownWarehouse,
)
from services.purchasing.handlers.requests import CannotBeOrdered, NothingToOrder
from services.purchasing.handlers.tasks import NoOpenTask
from services.purchasing.schemas.purchase_orders import PurchaseOrderOut
from services.purchasing.tests import facts
from services.purchasing.tests.builders import NOW, said, uid
from services.purchasing.tests.conftest import prefer, price, vendor
from shared.auth import Principal, Scope
from shared.contracts.base import ItemKind, Source
from shared.contracts.purchasing import (
    ExceptionRaised,
    PurchaseOrderCancelled,
    PurchaseOrderChanged,
    PurchaseOrderClosed,
    PurchaseOrderOpened,
    PurchaseOrderSnapshot,
    SupplyReductionAsked,
)
from shared.testing import Bench


async def by_hand(shop: Bench, *lines: WantedLine, send: bool = False, **given: Any) -> UUID:
    """A draft of 10 LAMP at 9.25 from ACME."""
    wanted = list(lines) or [WantedLine("LAMP", Decimal(10), Decimal("9.25"))]
    where = {"vendor": "ACME", "warehouse": "MAIN", "currency": None} | given
    return await shop.run(
        handlers.create_purchase_order, where["vendor"], where["warehouse"], where["currency"], wanted, send
    )


async def shown(shop: Bench, po_id: UUID) -> PurchaseOrderOut:
    found = await shop.read(views.purchase_order, po_id, Scope())
    assert found is not None
    return found


# --- making and sending ---


@pytest.mark.rule("BUY-19")
async def test_a_draft_is_told_sent_and_told_again(shop: Bench) -> None:
    po_id = await by_hand(shop)
    await shop.run(handlers.open_purchase_order, po_id)

    draft, sent = await shop.told(PurchaseOrderSnapshot)
    assert (type(draft), draft.version) == (PurchaseOrderChanged, 1)
    assert (type(sent), sent.version) == (PurchaseOrderOpened, 2)
    assert sent.lines[0].ties == []
    found = await shown(shop, po_id)
    assert (found.state, found.by_hand, found.buyer, said(found.total)) == ("open", True, "bob", "92.5")


@pytest.mark.rule("BUY-3")
@pytest.mark.parametrize("flags", [{"special_order": True}, {"kind": ItemKind.NONSTOCK}])
async def test_special_and_nonstock_items_need_a_demand_or_a_reason(
    shop: Bench, flags: dict[str, Any]
) -> None:
    await shop.hear(handlers.item_saved, facts.item("RARE", **flags))

    with pytest.raises(OnlyAgainstDemand):
        await by_hand(shop, WantedLine("RARE", Decimal(1), Decimal(5)))
    po_id = await by_hand(
        shop, WantedLine("RARE", Decimal(1), Decimal(5), override_reason="for the showroom")
    )

    assert (await shown(shop, po_id)).lines[0].reason == "for the showroom"


@pytest.mark.rule("BUY-9")
async def test_a_line_by_hand_costs_what_the_vendor_asks_or_what_is_given_never_nothing(shop: Bench) -> None:
    with pytest.raises(NoCost):
        await by_hand(shop, WantedLine("LAMP", Decimal(10)))
    await shop.run(handlers.create_price, price(amount="9.10"))

    po_id = await by_hand(
        shop,
        WantedLine("LAMP", Decimal(10)),
        WantedLine("LAMP", Decimal(10), Decimal("8.75")),
        WantedLine("LAMP", Decimal(1), Decimal(0), free_of_charge=True),
    )

    assert said(*(line.cost for line in (await shown(shop, po_id)).lines)) == "9.1 8.75 0"


async def test_what_cannot_be_ordered_is_refused_with_its_reason(shop: Bench) -> None:
    await shop.run(handlers.create_price, price(amount="100", per=12))

    with pytest.raises(UnknownItem):
        await by_hand(shop, WantedLine("GHOST", Decimal(1), Decimal(1)))
    with pytest.raises(NotWholePurchaseUnits) as refused:
        await by_hand(shop, WantedLine("LAMP", Decimal(10)))
    with pytest.raises(TooPrecise):
        await by_hand(shop, WantedLine("LAMP", Decimal("1.5")))
    with pytest.raises(UnknownVendor):
        await by_hand(shop, vendor="NOBODY")
    with pytest.raises(UnknownWarehouse):
        await by_hand(shop, warehouse="MOON")
    with pytest.raises(OtherCurrency):
        await by_hand(shop, currency="USD")
    assert refused.value.facts == {"qty": "10", "below": "0", "above": "12"}
    assert await shop.sql("SELECT 1 FROM purchase_orders") == []


async def test_a_draft_by_hand_is_not_sent_by_automation(shop: Bench) -> None:
    po_id = await by_hand(shop)

    await shop.hear(handlers.order_told, facts.opened())

    assert (await shown(shop, po_id)).state == "draft"
    assert (await shop.told(PurchaseOrderOpened))[0].po_id != po_id


@pytest.mark.rule("SO-2")
async def test_without_automatic_sending_requests_join_a_draft_by_hand(shop: Bench) -> None:
    await prefer(shop, auto_send_po="off")
    po_id = await by_hand(shop)

    await shop.hear(handlers.order_told, facts.opened())

    found = await shown(shop, po_id)
    assert [(line.order_type, said(line.tied, line.untied)) for line in found.lines] == [
        ("stock", "0 10"),
        ("special", "10 0"),
    ]


# --- changing ---


async def test_a_draft_line_may_change_in_everything(shop: Bench) -> None:
    po_id = await by_hand(shop)

    change = LineChange(qty=Decimal(4), cost=Decimal("8.00"))
    await shop.run(handlers.change_purchase_order_line, po_id, 1, 1, change)

    line = (await shown(shop, po_id)).lines[0]
    assert said(line.ordered, line.cost, line.cancelled) == "4 8 0"


@pytest.mark.rule("BUY-16")
async def test_less_of_a_draft_line_breaks_its_tie_and_leaves_the_request_to_the_buyer(shop: Bench) -> None:
    await prefer(shop, auto_send_po="off")
    await shop.hear(handlers.order_told, facts.opened())
    [po] = await shop.told(PurchaseOrderChanged)

    await shop.run(handlers.change_purchase_order_line, po.po_id, 1, 1, LineChange(qty=Decimal(6)))

    found = await shown(shop, po.po_id)
    assert said(found.lines[0].ordered, found.lines[0].tied, found.lines[0].ties[0].closed) == "6 6 4"
    [demand] = await shop.sql("SELECT need, request_state, left_to_buyer FROM demands")
    assert tuple(demand) == (4, "open", True)


@pytest.mark.rule("BUY-16")
async def test_more_of_a_special_line_needs_a_reason_and_is_untied(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened())
    [po] = await shop.told(PurchaseOrderOpened)

    with pytest.raises(OnlyAgainstDemand):
        await shop.run(handlers.change_purchase_order_line, po.po_id, 1, 1, LineChange(qty=Decimal(15)))
    change = LineChange(qty=Decimal(15), override_reason="a second customer asks")
    await shop.run(handlers.change_purchase_order_line, po.po_id, 1, 1, change)

    line = (await shown(shop, po.po_id)).lines[0]
    assert said(line.ordered, line.tied, line.untied) == "15 10 5"


async def test_a_sent_line_keeps_its_cost_but_its_dates_may_change(shop: Bench) -> None:
    po_id = await by_hand(shop, send=True)
    day = NOW.date()

    with pytest.raises(SentAtThisCost):
        await shop.run(handlers.change_purchase_order_line, po_id, 1, 1, LineChange(cost=Decimal(1)))
    await shop.run(
        handlers.change_purchase_order_line, po_id, 1, 1, LineChange(expected_on=day, agreed_on=day)
    )

    line = (await shown(shop, po_id)).lines[0]
    assert (line.expected_on, line.agreed_on) == (day, day)
    assert (await shop.told(PurchaseOrderChanged))[-1].lines[0].expected_on == day


async def test_a_stale_version_changes_nothing(shop: Bench) -> None:
    po_id = await by_hand(shop)

    with pytest.raises(PurchaseOrderMoved) as stale:
        await shop.run(handlers.change_purchase_order_line, po_id, 7, 1, LineChange(qty=Decimal(4)))
    with pytest.raises(NoSuchLine):
        await shop.run(handlers.change_purchase_order_line, po_id, 1, 9, LineChange(qty=Decimal(4)))

    assert stale.value.facts == {"current": 1, "given": 7}
    assert said((await shown(shop, po_id)).lines[0].ordered) == "10"


# --- ending ---


@pytest.mark.rule("BUY-19")
async def test_a_draft_is_cancelled_at_once(shop: Bench) -> None:
    po_id = await by_hand(shop)

    await shop.run(handlers.cancel_purchase_order, po_id, "not needed")

    assert len(await shop.told(PurchaseOrderCancelled)) == 1
    with pytest.raises(IllegalTransition) as refused:
        await shop.run(handlers.open_purchase_order, po_id)
    assert refused.value.facts["state"] == "cancelled"


@pytest.mark.rule("BUY-16")
async def test_cancelling_a_draft_with_a_tie_reopens_the_request(shop: Bench) -> None:
    await prefer(shop, auto_send_po="off")
    await shop.hear(handlers.order_told, facts.opened())
    [po] = await shop.told(PurchaseOrderChanged)

    await shop.run(handlers.cancel_purchase_order, po.po_id, "wrong vendor")

    [tie] = await shop.sql("SELECT closed, closed_reason FROM ties")
    assert tuple(tie) == (10, "wrong vendor")
    [demand] = await shop.sql("SELECT need, request_state FROM demands")
    assert tuple(demand) == (10, "open")


@pytest.mark.rule("BUY-16")
async def test_a_line_of_a_sent_po_is_cancelling_until_inventory_answers(shop: Bench) -> None:
    po_id = await by_hand(
        shop,
        WantedLine("LAMP", Decimal(5), Decimal(9)),
        WantedLine("LAMP", Decimal(7), Decimal(9)),
        send=True,
    )
    await shop.run(handlers.cancel_purchase_order_line, po_id, 2, "not needed")
    asked = await shown(shop, po_id)
    with pytest.raises(ReductionUnderWay):
        await shop.run(handlers.cancel_purchase_order, po_id, "not at all")
    [question] = await shop.told(SupplyReductionAsked)

    await shop.hear(handlers.supply_reduced, facts.reduced(question, 0))

    assert asked.cancelling
    assert [line.wanted_supply for line in asked.lines] == [None, Decimal(0)]
    found = await shown(shop, po_id)
    assert (found.cancelling, found.state) == (False, "open")
    assert said(*(line.supply for line in found.lines)) == "5 0"
    assert found.version > asked.version


@pytest.mark.rule("BUY-16")
async def test_a_sent_line_does_not_go_below_what_was_received(shop: Bench) -> None:
    po_id = await by_hand(shop, send=True)
    [po] = await shop.told(PurchaseOrderOpened)
    await shop.hear(handlers.goods_received, facts.received(po, 4))
    version = (await shown(shop, po_id)).version

    with pytest.raises(BelowReceived):
        await shop.run(handlers.change_purchase_order_line, po_id, version, 1, LineChange(qty=Decimal(3)))

    assert await shop.told(SupplyReductionAsked) == []


@pytest.mark.rule("BUY-19")
async def test_a_received_po_closes_at_once(shop: Bench) -> None:
    po_id = await by_hand(shop, send=True)
    [po] = await shop.told(PurchaseOrderOpened)
    await shop.hear(handlers.goods_received, facts.received(po, 10))

    await shop.run(handlers.close_purchase_order, po_id, "all there")

    assert len(await shop.told(PurchaseOrderClosed)) == 1
    assert (await shown(shop, po_id)).state == "closed"


@pytest.mark.rule("BUY-19")
async def test_a_close_check_that_is_switched_on_is_asked_before_anything_is_asked_of_inventory(
    shop: Bench,
) -> None:
    await prefer(shop, close_check_balanced="on")
    po_id = await by_hand(shop, send=True)
    [po] = await shop.told(PurchaseOrderOpened)
    await shop.hear(handlers.goods_received, facts.received(po, 4))

    with pytest.raises(CloseCheckFailed) as refused:
        await shop.run(handlers.close_purchase_order, po_id, "enough")
    await shop.hear(handlers.goods_received, facts.received(po, 6, receipt="R-2"))
    await shop.run(handlers.close_purchase_order, po_id, "all there")

    assert refused.value.facts["received"] == "4"
    assert await shop.told(SupplyReductionAsked) == []
    assert (await shown(shop, po_id)).state == "closed"


async def test_another_warehouses_purchase_order_is_not_found(shop: Bench) -> None:
    po_id = await by_hand(shop)
    shop.principal = Principal("eve", shop.principal.scopes, Scope(frozenset({"EAST"})))

    with pytest.raises(NoSuchPurchaseOrder):
        await shop.run(handlers.open_purchase_order, po_id)
    with pytest.raises(UnknownWarehouse):
        await by_hand(shop)
    assert await shop.read(views.purchase_order, po_id, shop.principal.scope) is None


# --- requests, exceptions, tasks ---


@pytest.mark.rule("SO-3")
async def test_a_request_is_ordered_from_another_vendor(shop: Bench) -> None:
    await shop.run(handlers.create_vendor, vendor("BOLT"))
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(source=Source())))
    [row] = await shop.sql("SELECT request_id FROM demands")

    with pytest.raises(CannotBeOrdered) as refused:
        await shop.run(handlers.order_request, row.request_id, None)
    await shop.run(handlers.order_request, row.request_id, "BOLT")

    assert refused.value.facts == {"exceptions": ["no_source"]}
    [po] = await shop.told(PurchaseOrderOpened)
    assert po.vendor == "BOLT"
    assert [tuple(r) for r in await shop.sql("SELECT need, request_state FROM demands")] == [(0, "none")]
    assert [tuple(r) for r in await shop.sql("SELECT cleared_at IS NULL FROM exceptions")] == [(False,)]
    with pytest.raises(NothingToOrder):
        await shop.run(handlers.order_request, row.request_id, "BOLT")


async def test_an_exception_about_a_demand_is_not_closed_by_hand(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line(source=Source())))
    [raised] = await shop.told(ExceptionRaised)

    with pytest.raises(ClearsByItself):
        await shop.run(handlers.close_exception, raised.exception_id, "go away")


async def test_a_task_is_done_once(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened())
    await shop.hear(handlers.order_told, facts.changed("SO-1", 2, facts.line(ordered=7)))
    [task] = await shop.sql("SELECT id FROM tasks")

    await shop.run(handlers.finish_task, task.id)

    with pytest.raises(NoOpenTask):
        await shop.run(handlers.finish_task, task.id)
    assert [tuple(row) for row in await shop.sql("SELECT done_by FROM tasks")] == [("tester",)]


# --- vendors and prices ---


async def test_a_vendor_is_created_once_and_changed_by_version(shop: Bench) -> None:
    with pytest.raises(VendorExists):
        await shop.run(handlers.create_vendor, vendor(name="Other"))
    await shop.run(handlers.change_vendor, "ACME", 1, {"buyer": "eve"})
    with pytest.raises(RecordMoved):
        await shop.run(handlers.change_vendor, "ACME", 1, {"buyer": "mallory"})

    [row] = await shop.sql("SELECT name, buyer, version FROM vendors")
    assert tuple(row) == ("Acme", "eve", 2)
    assert [entry.action for entry in await shop.log("vendor", "ACME")] == ["created", "changed"]


async def test_a_vendor_has_one_active_price_for_an_item(shop: Bench) -> None:
    first = await shop.run(handlers.create_price, price(amount="9"))
    with pytest.raises(ActivePriceExists):
        await shop.run(handlers.create_price, price(amount="8"))
    with pytest.raises(NoSuchVendor):
        await shop.run(handlers.create_price, price(vendor="NOBODY"))

    await shop.run(handlers.change_price, first.id, 1, {"active": False})
    await shop.run(handlers.create_price, price(amount="8"))

    with pytest.raises(ActivePriceExists):
        await shop.run(handlers.change_price, first.id, 2, {"active": True})


async def test_a_price_list_has_a_result_for_each_row_and_changes_nothing_the_second_time(
    shop: Bench,
) -> None:
    await shop.run(handlers.create_price, price("DESK", "50"))
    rows = [price("LAMP", "9"), price("DESK", "55"), price("LAMP", "8"), price("SOFA", vendor="NOBODY")]

    first = await shop.run(handlers.keep_prices, rows)
    again = await shop.run(handlers.keep_prices, rows[:2])

    assert [row.result for row in first] == ["created", "changed", "refused", "refused"]
    assert [row.result for row in again] == ["unchanged", "unchanged"]
    prices = await shop.sql("SELECT sku, price, version FROM vendor_prices ORDER BY sku")
    assert [tuple(row) for row in prices] == [("DESK", 55, 2), ("LAMP", 9, 1)]


async def test_an_inactive_price_that_is_there_is_not_made_again_and_ends_no_active_one(shop: Bench) -> None:
    old = replace(price(amount="8", active=False), id=uid("old"))
    first = await shop.run(handlers.keep_prices, [old])
    await shop.run(handlers.create_price, price(amount="9"))

    again = await shop.run(handlers.keep_prices, [replace(old, id=uid("again"))])
    other = await shop.run(handlers.keep_prices, [replace(old, id=uid("box"), units_per=Decimal(12))])

    assert [row.result for row in (*first, *again, *other)] == ["created", "unchanged", "changed"]
    assert again[0].id == first[0].id
    prices = await shop.sql("SELECT price, units_per, active FROM vendor_prices ORDER BY units_per")
    assert [tuple(row) for row in prices] == [(8, 1, False), (8, 12, False)]


@pytest.mark.rule("BUY-14")
async def test_a_target_buy_needs_a_currency(shop: Bench) -> None:
    line = ProductLine("LIGHT", "Lighting", "ACME", Decimal(1000), None, 1, NOW)

    with pytest.raises(TargetWithoutCurrency):
        await shop.run(handlers.create_product_line, line)


# --- speed ---


async def test_a_batch_of_50_openings_takes_as_many_statements_as_a_batch_of_2(shop: Bench) -> None:
    counted: list[str] = []
    event.listen(shop.engine.sync_engine, "before_cursor_execute", lambda *call: counted.append(call[2]))

    async def statements(*orders: str) -> int:
        counted.clear()
        await shop.hear(handlers.order_told, *(facts.opened(order, facts.line(order)) for order in orders))
        return len(counted)

    await statements("first, which reads the preferences")
    few = await statements("A-1", "A-2")
    many = await statements(*(f"B-{n}" for n in range(50)))

    assert many == few
    assert few <= 16
