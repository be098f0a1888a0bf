"""Facts of inventory and purchasing on the real database: BO-2, BO-3, BO-7, BO-8, SO-1, SO-5, SO-6, SO-8, SO-9, BUY-16."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.inventory import GoodsPegged, GoodsReturned
from shared.contracts.orders import (
    LinesReleased,
    ReleaseRevoked,
    SalesOrderCancelled,
    SalesOrderChanged,
)
from shared.contracts.purchasing import (
    ExceptionCleared,
    ExceptionKind,
    ExceptionRaised,
    PurchaseOrderCancelled,
    PurchaseOrderChanged,
    PurchaseOrderState,
)
from shared.ids import new_id

from .. import handlers, schemas, views
from ..domain.order import Line, OrderState
from ..domain.settlement import Picture
from ..domain.special import AlreadySpecial, NotSpecial, StockIsThere
from .given import D, figures
from .shop import EVERYWHERE, Shop, changed, inspection, peg, purchase_order, receipt, ticket


async def special_state(shop: Shop) -> str:
    """The state of the only special order."""
    (row,) = await shop.bench.sql("SELECT state FROM special_orders")
    return str(row.state)


@pytest.mark.rule("BO-8")
async def test_granted_stock_is_released_with_the_address_and_the_line_committed(shop: Shop) -> None:
    order = await shop.order(("TABLE", 5))

    await shop.allot(order, ticket(order.lines[0], 5))

    line = await shop.line(order)
    assert figures(line, "granted", "released", "is_backordered") == (5, 5, False)
    (told,) = await shop.bench.told(LinesReleased)
    assert (told.warehouse, told.ship_to.street, told.customer) == ("MAIN", "1 Main Street", "ACME")
    assert [(found.qty, found.release_no, found.line_no) for found in told.allotments] == [(D(5), 1, 1)]
    assert (await shop.now(order)).order.is_settled


@pytest.mark.rule("BO-2")
async def test_a_shortage_splits_the_line_once_and_tells_the_twin(shop: Shop) -> None:
    order = await shop.order(("TABLE", 25))
    part = ticket(order.lines[0], 20)

    fact = await shop.standing(order, part)
    await shop.bench.hear(handlers.stock_allotted, fact)
    await shop.bench.hear(handlers.stock_allotted, fact, fact)

    now = await shop.now(order)
    assert [figures(line, "ordered", "granted") for line in now.lines] == [(20, 20), (5, 0)]
    assert now.lines[1].parent_line_id == now.lines[0].id
    (told,) = await shop.bench.told(SalesOrderChanged)
    assert [figures(line, "ordered", "parent_line_id") for line in told.lines] == [
        (20, None),
        (5, now.lines[0].id),
    ]
    assert not now.order.is_settled
    await shop.allot(order, settled=2, reason="changed")
    settled = await shop.now(order)
    assert settled.order.is_settled
    assert settled.lines[1].is_backordered
    assert settled.order.is_backordered


@pytest.mark.rule("BO-8")
async def test_several_allotments_in_one_batch_are_one_release_per_order(shop: Shop) -> None:
    order = await shop.order(("TABLE", 5), ("TABLE", 3))
    first = await shop.standing(order, ticket(order.lines[0], 5))
    second = await shop.standing(
        order, ticket(order.lines[1], 1), ticket(order.lines[1], 2), reason="receipt"
    )

    await shop.bench.hear(handlers.stock_allotted, second, first)

    (told,) = await shop.bench.told(LinesReleased)
    assert sorted(found.qty for found in told.allotments) == [1, 2, 5]


@pytest.mark.rule("BO-8")
async def test_a_fill_takes_the_flag_off_and_releases_the_new_part(shop: Shop) -> None:
    order = await shop.order(("TABLE", 10))
    await shop.allot(order)
    assert (await shop.line(order)).is_backordered

    await shop.bench.hear(handlers.goods_received, receipt(fills=[ticket(order.lines[0], 4)]))
    assert (await shop.line(order)).is_backordered
    await shop.allot(order, ticket(order.lines[0], 6), reason="return")

    line = await shop.line(order)
    assert figures(line, "granted", "is_backordered") == (10, False)
    assert [found.qty for found in await shop.released()] == [4, 6]
    assert (await shop.now(order)).order.is_backordered


@pytest.mark.rule("SO-1")
@pytest.mark.rule("SO-6")
async def test_the_main_chain_from_tie_to_release(shop: Shop) -> None:
    order = await shop.order(("LAMP", 10))
    await shop.allot(order)
    assert (await shop.line(order)).is_backordered
    assert await special_state(shop) == "requested"

    po = await shop.tie(order.lines[0], 10)
    assert await special_state(shop) == "ordered"
    assert not await shop.released()

    tie_id = po.lines[0].ties[0].tie_id
    await shop.receive(peg(order.lines[0], 10, tie_id))

    assert await special_state(shop) == "ready"
    line = await shop.line(order)
    assert figures(line, "granted", "released", "is_backordered") == (10, 10, False)
    (released,) = await shop.released()
    assert figures(released, "gated", "qty") == (True, 10)


@pytest.mark.rule("SO-5")
async def test_a_special_line_releases_nothing_before_its_receipt_not_even_by_hand(shop: Shop) -> None:
    order = await shop.order(("LAMP", 10))
    await shop.allot(order)
    await shop.tie(order.lines[0], 10)

    await shop.bench.run(handlers.release_order, order.order.id, schemas.ReleaseByHand())

    assert not await shop.bench.told(LinesReleased)


@pytest.mark.rule("SO-6")
async def test_the_same_receipt_twice_and_under_another_id_releases_once(shop: Shop) -> None:
    order = await shop.order(("LAMP", 10))
    fact = receipt(peg(order.lines[0], 10))

    await shop.bench.hear(handlers.goods_received, fact, fact)
    await shop.bench.hear(handlers.goods_received, fact)

    assert [found.release_no for found in await shop.released()] == [1]
    assert (await shop.line(order)).granted == 10


@pytest.mark.rule("SO-8")
async def test_a_partial_receipt_releases_the_part_and_the_tie_keeps_the_rest(shop: Shop) -> None:
    order = await shop.order(("LAMP", 10))
    po = await shop.tie(order.lines[0], 10)

    await shop.receive(peg(order.lines[0], 4, po.lines[0].ties[0].tie_id))

    assert await special_state(shop) == "in_progress"
    assert figures(await shop.line(order), "granted", "released", "backordered") == (4, 4, 6)


@pytest.mark.rule("SO-9")
async def test_failed_units_are_no_longer_granted_and_the_special_order_goes_back(shop: Shop) -> None:
    order = await shop.order(("LAMP", 10))
    po = await shop.tie(order.lines[0], 10)
    arrived = peg(order.lines[0], 10, po.lines[0].ties[0].tie_id)
    await shop.receive(arrived)

    fact = await shop.inspect(arrived, passed=7, failed=3)
    await shop.bench.hear(handlers.inspection_completed, fact)

    assert figures(await shop.line(order), "granted", "backordered") == (7, 3)
    assert await special_state(shop) == "in_progress"
    (row,) = await shop.bench.sql("SELECT * FROM inspections")
    assert (row.passed, row.failed, row.reason) == (7, 3, "scratched")


@pytest.mark.rule("ORD-2")
async def test_a_complete_order_waits_for_its_special_line_and_is_taken_back_when_goods_fail(
    shop: Shop,
) -> None:
    order = await shop.order(("TABLE", 5), ("LAMP", 10), ship_type="complete")
    await shop.allot(order, ticket(order.lines[0], 5))
    assert not await shop.released()

    arrived = peg(order.lines[1], 10)
    await shop.receive(arrived)
    assert len(await shop.released()) == 2

    await shop.inspect(arrived, passed=8, failed=2)
    (revoked,) = await shop.bench.told(ReleaseRevoked)
    assert {found.revoke_no for found in revoked.allotments} == {1}
    assert len(revoked.allotments) == 2
    assert revoked.reason == "not covered"
    rows = await shop.bench.log("sales-order", order.order.id)
    assert sum(1 for row in rows if row.action == "release revoked") == 2


@pytest.mark.rule("ORD-2")
async def test_changing_complete_to_partial_releases_at_once(shop: Shop) -> None:
    order = await shop.order(("TABLE", 5), ("LAMP", 10), ship_type="complete")
    await shop.allot(order, ticket(order.lines[0], 5))
    now = await shop.now(order)

    await shop.bench.run(
        handlers.change_order,
        order.order.id,
        now.order.version,
        schemas.OrderChange.model_validate({"ship_type": "partial_ok"}),
    )

    assert [found.qty for found in await shop.released()] == [5]
    (told,) = await shop.bench.told(SalesOrderChanged)
    assert told.ship_type.value == "partial_ok"


async def test_a_tie_heard_after_its_goods_pegs_what_is_free(shop: Shop) -> None:
    order = await shop.order(("LAMP", 10))
    late = peg(order.lines[0], 6)
    fact = GoodsPegged(
        receipt_id=new_id(), receipt_number="RC-000001", receipt_line_id=late.receipt_line_id or new_id(), po_id=new_id(),
        po_number="PO-000001", po_line_id=new_id(), vendor="OAKCO", sku="LAMP", description="x", unit="EA", warehouse="MAIN",
        inspection_id=new_id(), pegs=[late],
    )  # fmt: skip

    await shop.bench.hear(handlers.goods_pegged, fact)
    await shop.bench.hear(handlers.goods_received, receipt(changed(late), received=8))

    assert figures(await shop.line(order), "granted", "released") == (6, 6)
    (row,) = await shop.bench.sql("SELECT * FROM receipt_lines")
    assert row.received == 8
    assert len(await shop.released()) == 1


@pytest.mark.rule("BUY-16")
async def test_a_broken_tie_takes_the_special_order_back_and_keeps_the_reason(shop: Shop) -> None:
    order = await shop.order(("LAMP", 10))
    po = await shop.tie(order.lines[0], 10)
    tie = po.lines[0].ties[0]

    cancelled = purchase_order(
        order.lines[0], 10, closed=10, version=2, po_id=po.po_id, tie_id=tie.tie_id,
        state=PurchaseOrderState.CANCELLED, kind=PurchaseOrderCancelled,
    )  # fmt: skip
    await shop.bench.hear(handlers.purchase_order_told, cancelled)
    # the first version again, late
    await shop.bench.hear(handlers.purchase_order_told, po)

    assert await special_state(shop) == "requested"
    (row,) = await shop.bench.sql("SELECT * FROM ties")
    assert (row.closed, row.closed_reason) == (10, "cancelled")
    logged = [row for row in await shop.bench.log("sales-order", order.order.id) if row.action == "tied"]
    assert [row.after["closed"] for row in logged] == ["0", "10"]


async def test_a_tie_that_vanished_with_its_line_is_broken(shop: Shop) -> None:
    order = await shop.order(("LAMP", 10))
    po = await shop.tie(order.lines[0], 10, kind=PurchaseOrderChanged, state=PurchaseOrderState.DRAFT)

    empty = PurchaseOrderChanged(**{**po.model_dump(), "version": 2, "lines": []})
    await shop.bench.hear(handlers.purchase_order_told, empty)

    assert await special_state(shop) == "requested"
    (row,) = await shop.bench.sql("SELECT * FROM ties")
    assert (row.closed, row.closed_reason) == (10, "purchase order line deleted")


@pytest.mark.rule("BUY-2")
async def test_what_is_in_the_way_is_shown_until_it_is_cleared(shop: Shop) -> None:
    order = await shop.order(("LAMP", 10))
    line = order.lines[0]
    values = {
        "exception_id": new_id(), "kind": ExceptionKind.NO_SOURCE, "order_id": line.order_id, "order_number": "SO",
        "line_id": line.id, "line_no": 1, "component": 0, "warehouse": "MAIN", "sku": "LAMP", "qty": "10",
        "message": "no vendor", "first_seen_at": datetime.now(UTC),
    }  # fmt: skip
    raised = ExceptionRaised.model_validate({**values, "version": 1})
    cleared = ExceptionCleared.model_validate({**values, "version": 2})

    await shop.bench.hear(handlers.exception_told, raised)
    (row,) = await shop.bench.sql("SELECT * FROM line_exceptions")
    assert (row.kind, row.cleared) == ("no_source", False)

    await shop.bench.hear(handlers.exception_told, cleared)
    await shop.bench.hear(handlers.exception_told, raised)
    (row,) = await shop.bench.sql("SELECT * FROM line_exceptions")
    assert row.cleared
    actions = [row.action for row in await shop.bench.log("sales-order", order.order.id)]
    assert actions[-2:] == ["obstacle raised", "obstacle cleared"]


def brought_back(line: Line, qty: int | str, **fields: Any) -> GoodsReturned:
    return GoodsReturned(
        **{
            "return_id": new_id(), "number": "CR-000001", "order_id": line.order_id, "line_id": line.id,
            "sku": line.sku, "warehouse": line.warehouse, "qty": Decimal(qty), "to_quarantine": True,
            "reason": "wrong colour", **fields,
        }
    )  # fmt: skip


@pytest.mark.rule("SO-12")
async def test_returned_goods_are_kept_once_and_logged(shop: Shop) -> None:
    order = await shop.order(("LAMP", 10))
    fact = brought_back(order.lines[0], 2)

    await shop.bench.hear(handlers.goods_returned, fact, fact)
    await shop.bench.hear(handlers.goods_returned, fact)

    (row,) = await shop.bench.sql("SELECT * FROM customer_returns")
    assert (row.qty, row.reason) == (2, "wrong colour")
    assert [row.action for row in await shop.bench.log("sales-order", order.order.id)].count(
        "goods returned"
    ) == 1


@pytest.mark.rule("SO-14")
async def test_a_return_is_credited_once_on_the_terms_of_its_line(shop: Shop) -> None:
    order = await shop.order(
        {"sku": "LAMP", "qty": 10, "price": "1.05", "discount": "0.1", "tax_rate": "0.21"}
    )
    await shop.allot(order, ticket(order.lines[0], 10))
    await shop.ship_out(order)
    fact = brought_back(order.lines[0], 3)

    await shop.bench.hear(handlers.goods_returned, fact, fact)
    await shop.bench.hear(handlers.goods_returned, fact)

    invoice, note = sorted(await shop.invoices(), key=lambda row: row.kind, reverse=True)
    assert (invoice.kind, note.kind, note.state, note.number[:3]) == (
        "invoice",
        "credit_note",
        "final",
        "CN-",
    )
    assert (note.net, note.tax, note.total) == (Decimal("2.84"), Decimal("0.60"), Decimal("3.44"))
    assert (note.return_id, note.customer) == (fact.return_id, order.order.customer)
    assert await shop.invoice_lines(note.id) == {order.lines[0].id: 3}
    assert [row.action for row in await shop.bench.log("invoice", note.id)] == ["credited"]
    trace = await shop.bench.read(views.trace, order.order.id, 1, EVERYWHERE)
    assert trace is not None
    assert all(hop.adds_up for hop in trace.sums)
    assert [(row["kind"], row["qty"]) for row in trace.invoices] == [("invoice", 10), ("credit_note", 3)]


@pytest.mark.rule("SO-14")
async def test_goods_that_no_line_has_shipped_are_credited_to_nobody(shop: Shop) -> None:
    order = await shop.order(("LAMP", 10))

    await shop.bench.hear(
        handlers.goods_returned, brought_back(order.lines[0], 2, order_id=None, line_id=None)
    )
    await shop.bench.hear(handlers.goods_returned, brought_back(order.lines[0], 2, order_id=new_id()))

    assert await shop.invoices() == []
    assert len(await shop.bench.sql("SELECT 1 FROM customer_returns")) == 2


@pytest.mark.rule("ORD-1")
async def test_a_cancelled_order_is_told_as_a_wish_and_cancelled_when_inventory_has_freed_it(
    shop: Shop,
) -> None:
    order = await shop.order(("TABLE", 5))
    part = ticket(order.lines[0], 5)
    await shop.allot(order, part)

    await shop.bench.run(handlers.cancel_order, order.order.id, schemas.Reason(reason="changed their mind"))
    (wish,) = await shop.bench.told(SalesOrderChanged)
    assert figures(wish.lines[0], "cancel_wanted", "cancelled", "need") == (5, 0, 0)
    assert (await shop.line(order)).is_cancelling

    await shop.allot(order, changed(part, withdrawn=5), settled=2, reason="cancelled")
    now = await shop.now(order)
    assert now.order.state is OrderState.CANCELLED
    assert figures(now.lines[0], "cancelled", "granted") == (5, 0)
    (told,) = await shop.bench.told(SalesOrderCancelled)
    assert told.version == 3
    assert told.lines[0].cancelled == 5


@pytest.mark.rule("ORD-6")
async def test_a_customer_without_backorders_has_the_shortage_cancelled(shop: Shop) -> None:
    await shop.customer("STRICT", no_backorders=True)
    order = await shop.order(("TABLE", 25), ("LAMP", 3), customer="STRICT")
    part = ticket(order.lines[0], 20)

    await shop.allot(order, part)
    await shop.allot(order, settled=2, reason="changed")

    now = await shop.now(order)
    assert figures(now.lines[0], "ordered", "cancelled", "granted", "is_backordered") == (25, 5, 20, False)
    assert figures(now.lines[1], "cancel_wanted", "is_backordered") == (0, True)


@pytest.mark.rule("ORD-6")
async def test_a_credit_hold_takes_back_what_is_pending_and_lifting_it_releases_again(shop: Shop) -> None:
    order = await shop.order(("TABLE", 5))
    await shop.allot(order, ticket(order.lines[0], 5))

    hold = schemas.CustomerChange(credit_hold=True, reason="unpaid")
    await shop.bench.run(handlers.change_customer, "ACME", 1, hold)
    assert (await shop.now(order)).order.credit_hold
    assert [found.revoke_no for found in (await shop.bench.told(ReleaseRevoked))[0].allotments] == [1]
    assert [told.credit_hold for told in await shop.bench.told(SalesOrderChanged)] == [True]

    await shop.bench.run(handlers.change_customer, "ACME", 2, schemas.CustomerChange(credit_hold=False))
    assert [found.release_no for found in await shop.released()] == [1, 2]
    assert [told.version for told in await shop.bench.told(SalesOrderChanged)] == [2, 3]
    logged = [
        row for row in await shop.bench.log("sales-order", order.order.id) if row.action == "credit hold set"
    ]
    assert logged[0].reason == "unpaid"


async def test_an_order_that_opened_while_its_customer_was_put_on_hold_converges(shop: Shop) -> None:
    order = await shop.order(("TABLE", 5))
    # the hold was committed between the order's reading of its customer and its own commit
    await shop.bench.write("UPDATE customers SET credit_hold = true")

    await shop.allot(order, ticket(order.lines[0], 5))

    assert (await shop.now(order)).order.credit_hold
    assert not await shop.released()
    assert [told.credit_hold for told in await shop.bench.told(SalesOrderChanged)] == [True]


@pytest.mark.rule("SO-1")
async def test_a_waiting_line_is_made_a_special_order_by_hand(shop: Shop) -> None:
    order = await shop.order(("TABLE", 10))
    await shop.allot(order)

    wanted = schemas.NewSpecialOrder.model_validate(
        {"order_id": str(order.order.id), "line_no": 1, "source": {"vendor": "PINECO"}, "cost": "4"}
    )
    made = await shop.bench.run(handlers.make_special_order, wanted)

    assert figures(made.special, "by_hand", "qty", "source_vendor") == (True, 10, "PINECO")
    (told,) = await shop.bench.told(SalesOrderChanged)
    (line,) = told.lines
    assert figures(line, "special_order", "special_order_id", "cost") == (True, made.special.id, 4)
    kept = await shop.line(order)
    assert kept.is_backordered
    with pytest.raises(AlreadySpecial):
        await shop.bench.run(handlers.make_special_order, wanted)


@pytest.mark.rule("SO-5")
async def test_stock_instead_is_told_logged_and_can_be_taken_back(shop: Shop) -> None:
    order = await shop.order(
        {"sku": "TABLE", "qty": 10, "special_order": True, "source": {"vendor": "PINECO"}}
    )
    await shop.allot(order)
    await shop.tie(order.lines[0], 10)

    why = schemas.Reason(reason="the showroom gives its own")
    answer = await shop.bench.run(handlers.use_stock_instead, order.order.id, 1, why)

    (told,) = await shop.bench.told(SalesOrderChanged)
    assert figures(told.lines[0], "special_order", "special_order_id", "ordered") == (False, None, 10)
    assert not answer.picture.order.has_special
    assert await special_state(shop) == "cancelled"
    entries = [
        row
        for row in await shop.bench.log("sales-order", order.order.id)
        if row.action == "use stock instead"
    ]
    assert {(row.part, row.reason) for row in entries} >= {("line 1", "the showroom gives its own")}
    await shop.allot(order, ticket(answer.picture.lines[0], 10), settled=2)
    assert [one.qty for one in await shop.released()] == [10]
    with pytest.raises(NotSpecial):
        await shop.bench.run(handlers.use_stock_instead, order.order.id, 1, why)


@pytest.mark.rule("SO-5")
async def test_a_line_that_took_stock_may_be_made_special_again_under_its_own_number(shop: Shop) -> None:
    order = await shop.order(
        {"sku": "TABLE", "qty": 10, "special_order": True, "source": {"vendor": "PINECO"}}
    )
    await shop.allot(order)
    why = schemas.Reason(reason="a mistake")
    await shop.bench.run(handlers.use_stock_instead, order.order.id, 1, why)
    await shop.allot(order, settled=2)

    wanted = schemas.NewSpecialOrder.model_validate({"order_id": str(order.order.id), "line_no": 1})
    made = await shop.bench.run(handlers.make_special_order, wanted)

    assert made.special.id == order.specials[0].id
    assert await special_state(shop) == "requested"
    assert (await shop.bench.told(SalesOrderChanged))[-1].lines[0].special_order_id == made.special.id


@pytest.mark.rule("SO-1")
async def test_a_special_order_for_a_part_makes_a_linked_line(shop: Shop) -> None:
    order = await shop.order({"sku": "TABLE", "qty": 10, "all_or_nothing": True})
    await shop.allot(order, ticket(order.lines[0], 4))

    with pytest.raises(StockIsThere):
        await shop.bench.run(
            handlers.make_special_order,
            schemas.NewSpecialOrder(order_id=order.order.id, line_no=1, qty=Decimal(7)),
        )
    made = await shop.bench.run(
        handlers.make_special_order,
        schemas.NewSpecialOrder(order_id=order.order.id, line_no=1, qty=Decimal(5)),
    )

    now = await shop.now(order)
    assert [figures(line, "ordered", "special_order") for line in now.lines] == [(5, False), (5, True)]
    assert (made.line.line_no, made.line.parent_line_id) == (2, now.lines[0].id)
    assert now.order.has_special


async def scene(shop: Shop) -> Picture:
    """An order with a stock line and a special line."""
    return await shop.order(("TABLE", 5), ("LAMP", 10))


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
@pytest.mark.parametrize("together", [False, True], ids=["one by one", "in one batch"])
async def test_the_facts_of_supply_end_alike_in_any_order_and_twice(
    shop: Shop, *, backwards: bool, together: bool
) -> None:
    order = await scene(shop)
    po = purchase_order(order.lines[1], 10)
    arrived = peg(order.lines[1], 10, po.lines[0].ties[0].tie_id)
    facts: list[tuple[Any, Any]] = [
        (handlers.stock_allotted, await shop.standing(order, ticket(order.lines[0], 5))),
        (handlers.purchase_order_told, po),
        (handlers.goods_received, receipt(arrived)),
        (handlers.inspection_completed, inspection(arrived, passed=8, failed=2)),
        (
            handlers.stock_allotted,
            await shop.standing(order, changed(arrived, failed=2, passed=8), reason="receipt"),
        ),
    ]
    for handler, fact in reversed(facts) if backwards else facts:
        await shop.bench.hear(handler, *([fact, fact] if together else [fact]))
        await shop.bench.hear(handler, fact)

    now = await shop.now(order)
    assert [figures(line, "granted", "released", "is_backordered") for line in now.lines] == [
        (5, 5, False),
        (8, 8, True),
    ]
    assert await special_state(shop) == "in_progress"
    assert len(await shop.released()) == 2
    (row,) = await shop.bench.sql("SELECT * FROM allotments WHERE tie_id IS NOT NULL")
    assert (row.passed, row.failed, row.release_no) == (8, 2, 1)


async def test_facts_about_an_order_that_is_not_known_yet_are_stored_and_hinder_no_neighbour(
    shop: Shop,
) -> None:
    known = await shop.order(("TABLE", 5))
    ghost = known.lines[0]
    fact = await shop.standing(known, ticket(ghost, 5))
    stranger = changed(ticket(ghost, 3)).model_copy(update={"order_id": new_id(), "line_id": new_id()})

    await shop.bench.hear(handlers.goods_received, receipt(stranger))
    await shop.bench.hear(
        handlers.purchase_order_told, purchase_order(replace(ghost, order_id=new_id(), id=new_id()), 5)
    )
    await shop.bench.hear(handlers.stock_allotted, fact)

    assert (await shop.line(known)).granted == 5
    assert len(await shop.bench.sql("SELECT 1 FROM allotments")) == 2
    assert len(await shop.bench.sql("SELECT 1 FROM ties")) == 1


async def test_ten_facts_at_once_about_one_order_lose_nothing_and_release_once_each(shop: Shop) -> None:
    order = await shop.order(("TABLE", 10))
    await shop.allot(order)
    facts = [await shop.standing(order, ticket(order.lines[0], 1), reason="receipt") for _ in range(10)]

    await asyncio.gather(*(shop.bench.hear(handlers.stock_allotted, fact) for fact in facts))

    assert figures(await shop.line(order), "granted", "released", "is_backordered") == (10, 10, False)
    released = await shop.released()
    assert len(released) == len({found.allotment_id for found in released}) == 10
    assert (await shop.now(order)).order.version == 12
