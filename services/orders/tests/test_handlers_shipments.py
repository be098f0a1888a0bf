"""Shipping's facts on the real database: SHIP-3, SHIP-4, SHIP-5, SO-14, ORD-1, BO-8 and the trace."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.orders import OrderFilled, ReleaseRevoked, SalesOrderChanged
from shared.contracts.shipping import (
    ReleaseWithdrawn,
    Shipment,
    ShipmentCreated,
    ShipmentState,
    ShipmentUnpicked,
    ShipmentVoided,
    ShortAnswer,
    UnitsWithdrawn,
)
from shared.ids import new_id
from shared.preferences import choose, forget_kept

from .. import handlers, schemas, views
from ..domain.order import OrderState
from ..domain.preferences import Preferences
from ..domain.settlement import Picture
from .given import D, figures
from .shop import EVERYWHERE, Shop, changed, departure, peg, shipment_of, ticket, voiding


async def prefer(shop: Shop, **chosen: str) -> None:
    """Set preferences."""
    await shop.bench.run(choose, "orders", Preferences, 0, chosen)
    forget_kept()


async def granted(shop: Shop, *lines: tuple[str, int], **head: Any) -> Picture:
    """An order whose stock lines are all granted and released."""
    order = await shop.order(*lines, **head)
    await shop.allot(order, *(ticket(line, int(line.ordered)) for line in order.lines if line.sku == "TABLE"))
    return order


def version_of(shipment: Shipment, number: int, **fields: Any) -> Shipment:
    """A later version of a shipment."""
    return Shipment(**{**shipment.model_dump(), "version": number, **fields})


def with_qty(shipment: Shipment, number: int, qty: int) -> Shipment:
    """A later version whose only share has another quantity."""
    (line,) = shipment.lines
    share = {**line.shares[0].model_dump(), "qty": Decimal(qty)}
    return version_of(shipment, number, lines=[{**line.model_dump(), "qty": Decimal(qty), "shares": [share]}])


@pytest.mark.rule("SO-14")
async def test_a_shipment_that_is_created_has_one_draft_invoice_and_final_it_is_when_shipped(
    shop: Shop,
) -> None:
    order = await granted(shop, ("TABLE", 5))

    shipment = await shop.consign(order)
    (draft,) = await shop.invoices()
    assert (draft.state, draft.number, draft.net, draft.shipment_number) == ("draft", None, 50, "SH-000001")

    await shop.shipped(shipment)
    (final,) = await shop.invoices()
    assert (final.state, final.id, final.total) == ("final", draft.id, 50)
    assert final.number.startswith("INV-")
    assert await shop.invoice_lines(final.id) == {order.lines[0].id: 5}
    assert [row.action for row in await shop.bench.log("invoice", final.id)] == ["drafted", "finalised"]


@pytest.mark.rule("SO-14")
async def test_a_shipment_that_leaves_in_full_writes_no_line_of_its_draft_again_and_a_short_one_its_own(
    shop: Shop,
) -> None:
    order = await granted(shop, ("TABLE", 5), ("TABLE", 3))
    first, second = order.lines
    shipment = await shop.consign(order)
    again = await granted(shop, ("TABLE", 4))
    other = shipment_of(
        again, [t for t in await shop.released() if t.line_id == again.lines[0].id], "SH-000002"
    )
    await shop.bench.hear(handlers.shipment_created, ShipmentCreated(shipment=other))
    written = "SELECT line_id, qty, xmin::text AS by FROM invoice_lines"
    before = {row.line_id: row.by for row in await shop.bench.sql(written)}

    await shop.shipped(other)
    await shop.shipped(shipment, actual={second.id: 1})

    after = {row.line_id: row for row in await shop.bench.sql(written)}
    same = {line_id: row.by == before[line_id] for line_id, row in after.items()}
    assert same == {first.id: True, second.id: False, again.lines[0].id: True}
    assert after[second.id].qty == 1


@pytest.mark.rule("ORD-1")
@pytest.mark.rule("BO-8")
async def test_when_everything_has_shipped_the_order_is_filled_and_can_be_closed(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 5))

    await shop.ship_out(order)

    now = await shop.now(order)
    assert now.order.state is OrderState.FILLED
    assert figures(now.lines[0], "shipped", "granted", "backordered") == (5, 5, 0)
    assert [told.number for told in await shop.bench.told(OrderFilled)] == [order.order.number]
    closed = await shop.bench.run(handlers.close_order, order.order.id)
    assert closed.picture.order.state is OrderState.CLOSED


@pytest.mark.rule("SO-14")
async def test_the_same_shipment_twice_and_an_older_version_late_change_nothing(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 5))
    shipment = await shop.consign(order)
    left = departure(shipment)

    await shop.bench.hear(handlers.shipment_shipped, left, left)
    await shop.bench.hear(handlers.shipment_created, ShipmentCreated(shipment=shipment))
    await shop.bench.hear(handlers.shipment_shipped, left)

    (invoice,) = await shop.invoices()
    assert (invoice.state, invoice.total) == ("final", 50)
    assert len(await shop.bench.told(OrderFilled)) == 1
    (row,) = await shop.bench.sql("SELECT state, version FROM shipments")
    assert (row.state, row.version) == ("shipped", 2)


@pytest.mark.rule("SO-14")
async def test_a_shipment_that_ships_before_its_creation_was_heard_has_one_final_invoice(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 5))
    shipment = shipment_of(order, await shop.released(), "SH-000001")

    await shop.shipped(shipment)
    await shop.bench.hear(handlers.shipment_created, ShipmentCreated(shipment=shipment))

    (invoice,) = await shop.invoices()
    assert (invoice.state, invoice.total) == ("final", 50)


@pytest.mark.rule("SO-14")
async def test_an_extended_shipment_extends_its_draft_and_a_shrunk_one_shrinks_it(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 5), ("TABLE", 3))
    first, second = await shop.released()
    shipment = await shop.consign(order, only=[first.allotment_id])

    both = shipment_of(order, [first, second], "SH-000001")
    extended = version_of(shipment, 2, lines=[line.model_dump() for line in both.lines])
    await shop.bench.hear(handlers.shipment_created, ShipmentCreated(shipment=extended))
    (draft,) = await shop.invoices()
    assert draft.net == 80

    shrunk = with_qty(version_of(shipment, 2), 3, 2)
    answer = UnitsWithdrawn(question_id=new_id(), answers=[], shipments=[shrunk])
    await shop.bench.hear(handlers.units_withdrawn, answer)
    (draft,) = await shop.invoices()
    assert draft.net == 20
    taken = ReleaseWithdrawn(order_id=order.order.id, shipments=[with_qty(shipment, 4, 1)])
    await shop.bench.hear(handlers.release_withdrawn, taken)
    (draft,) = await shop.invoices()
    assert (draft.net, draft.state) == (10, "draft")


async def joined_shipment(shop: Shop, *orders: Picture) -> Shipment:
    """One pending shipment that carries everything released of several orders."""
    released = await shop.released()
    parts = [
        shipment_of(order, [t for t in released if t.line_id == order.lines[0].id], "SH-000001")
        for order in orders
    ]
    joined = version_of(parts[0], 1, lines=[line.model_dump() for part in parts for line in part.lines])
    await shop.bench.hear(handlers.shipment_created, ShipmentCreated(shipment=joined))
    return joined


@pytest.mark.rule("SO-14")
@pytest.mark.rule("SHIP-2")
async def test_a_shipment_of_two_orders_has_an_invoice_for_each(shop: Shop) -> None:
    one, two = await granted(shop, ("TABLE", 5)), await granted(shop, ("TABLE", 3))

    joined = await joined_shipment(shop, one, two)
    drafts = {row.order_id: (row.state, row.total) for row in await shop.invoices()}
    await shop.shipped(joined)

    assert drafts == {one.order.id: ("draft", 50), two.order.id: ("draft", 30)}
    final = await shop.invoices()
    assert {row.order_id: (row.state, row.total) for row in final} == {
        one.order.id: ("final", 50),
        two.order.id: ("final", 30),
    }
    assert len({row.number for row in final}) == 2
    assert {row.shipment_number for row in final} == {"SH-000001"}
    assert [(await shop.now(order)).order.state for order in (one, two)] == [
        OrderState.FILLED,
        OrderState.FILLED,
    ]


@pytest.mark.rule("SHIP-2")
async def test_an_order_that_leaves_a_shared_shipment_has_an_empty_draft_and_void_it_is_when_the_rest_ships(
    shop: Shop,
) -> None:
    one, two = await granted(shop, ("TABLE", 5)), await granted(shop, ("TABLE", 3))
    joined = await joined_shipment(shop, one, two)

    left = version_of(
        joined, 2, lines=[line.model_dump() for line in joined.lines if line.order_id == one.order.id]
    )
    taken = ReleaseWithdrawn(order_id=two.order.id, shipments=[left], order_ids=[one.order.id, two.order.id])
    await shop.bench.hear(handlers.release_withdrawn, taken)
    pending = {row.order_id: (row.state, row.total) for row in await shop.invoices()}
    await shop.shipped(left)

    assert pending == {one.order.id: ("draft", 50), two.order.id: ("draft", 0)}
    assert {row.order_id: (row.state, row.number is None) for row in await shop.invoices()} == {
        one.order.id: ("final", False),
        two.order.id: ("void", True),
    }


@pytest.mark.rule("SHIP-2")
async def test_a_voided_shared_shipment_voids_the_invoices_of_all_its_orders(shop: Shop) -> None:
    one, two = await granted(shop, ("TABLE", 5)), await granted(shop, ("TABLE", 3))
    joined = await joined_shipment(shop, one, two)

    gone = voiding(joined)
    await shop.bench.hear(
        handlers.shipment_voided,
        gone.model_copy(update={"shipment": gone.shipment.model_copy(update={"lines": []})}),
    )

    assert [row.state for row in await shop.invoices()] == ["void", "void"]
    assert [(await shop.line(order)).release_blocked for order in (one, two)] == [True, True]


@pytest.mark.rule("SHIP-2")
@pytest.mark.rule("SO-14")
@pytest.mark.parametrize("shrunk_first", [True, False])
async def test_an_order_that_has_left_a_shared_shipment_is_billed_for_nothing_in_whatever_order_it_is_heard(
    shop: Shop, *, shrunk_first: bool
) -> None:
    one, two = await granted(shop, ("TABLE", 5)), await granted(shop, ("TABLE", 3))
    joined = await joined_shipment(shop, one, two)
    orders = [one.order.id, two.order.id]
    left = version_of(
        joined, 2, lines=[line.model_dump() for line in joined.lines if line.order_id == one.order.id]
    )
    shrunk = ReleaseWithdrawn(order_id=two.order.id, shipments=[left], order_ids=orders)
    gone = ShipmentVoided(
        shipment=version_of(joined, 3, state="voided", lines=[]), by_hand=False, reason="empty", allotments=[],
        order_ids=orders,
    )  # fmt: skip

    if shrunk_first:
        await shop.bench.hear(handlers.release_withdrawn, shrunk)
        await shop.bench.hear(handlers.shipment_voided, gone)
    else:
        await shop.bench.hear(handlers.shipment_voided, gone)
        await shop.bench.hear(handlers.release_withdrawn, shrunk)

    assert [(row.state, row.number) for row in await shop.invoices()] == [("void", None)] * 2
    assert [(await shop.line(order)).release_blocked for order in (one, two)] == [False, False]


@pytest.mark.rule("SO-14")
async def test_without_drafts_the_invoice_is_made_when_the_shipment_ships(shop: Shop) -> None:
    await prefer(shop, auto_invoice_draft="off")
    order = await granted(shop, ("TABLE", 5))

    shipment = await shop.consign(order)
    assert not await shop.invoices()

    await shop.shipped(shipment)
    assert [invoice.state for invoice in await shop.invoices()] == ["final"]


@pytest.mark.rule("SO-14")
async def test_a_service_joins_the_first_draft_and_moves_to_the_shipment_that_ships_first(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 5), ("TABLE", 3), ("FITTING", 1))
    first, second = await shop.released()
    await shop.consign(order, "SH-000001", only=[first.allotment_id])
    other = await shop.consign(order, "SH-000002", only=[second.allotment_id])
    assert [invoice.net for invoice in await shop.invoices()] == [60, 30]

    await shop.shipped(other)

    totals = {row.shipment_number: (row.state, row.net) for row in await shop.invoices()}
    assert totals == {"SH-000001": ("draft", 50), "SH-000002": ("final", 40)}
    assert figures((await shop.now(order)).lines[2], "shipped", "granted") == (1, 1)


@pytest.mark.rule("SHIP-3")
@pytest.mark.rule("BO-8")
async def test_533_ordered_500_shipped_and_33_backordered_make_one_more_shipment(shop: Shop) -> None:
    order = await shop.order(("TABLE", 533))
    await shop.allot(order, ticket(order.lines[0], 533))
    shipment = await shop.consign(order)

    left = departure(shipment, actual={order.lines[0].id: 500})
    await shop.bench.hear(handlers.shipment_shipped, left)
    line = await shop.line(order)
    assert figures(line, "shipped", "granted", "backordered", "is_backordered") == (500, 500, 33, True)
    (invoice,) = await shop.invoices()
    assert invoice.net == 5000

    await shop.bench.hear(
        handlers.stock_allotted, await shop.standing(order, ticket(line, 33), reason="receipt")
    )
    now = await shop.now(order)
    assert not now.lines[0].is_backordered
    assert now.order.is_backordered
    first, fill = await shop.released()
    assert fill.qty == 33

    await shop.shipped(await shop.consign(order, "SH-000002", only=[fill.allotment_id]))
    done = await shop.now(order)
    assert (done.order.state, done.order.is_backordered) == (OrderState.FILLED, False)
    assert [row.net for row in await shop.invoices()] == [5000, 330]
    assert first.allotment_id != fill.allotment_id


@pytest.mark.rule("SHIP-3")
async def test_a_short_ship_that_is_closed_wants_the_rest_no_more_exactly_once(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 10))
    shipment = await shop.consign(order)
    left = departure(shipment, actual={order.lines[0].id: 7}, answer=ShortAnswer.CLOSE)

    await shop.bench.hear(handlers.shipment_shipped, left, left)
    await shop.bench.hear(handlers.shipment_shipped, left)

    assert (await shop.line(order)).cancel_wanted == 3
    assert [told.version for told in await shop.bench.told(SalesOrderChanged)] == [2]
    await shop.allot(order, settled=2, reason="changed")
    now = await shop.now(order)
    assert (now.order.state, now.lines[0].cancelled) == (OrderState.FILLED, D(3))


@pytest.mark.rule("ORD-6")
async def test_a_customer_without_backorders_has_a_short_ship_closed_special_orders_excepted(
    shop: Shop,
) -> None:
    await shop.customer("STRICT", no_backorders=True)
    order = await granted(shop, ("TABLE", 10), ("LAMP", 10), customer="STRICT")
    await shop.receive(peg(order.lines[1], 10))
    shipment = await shop.consign(order)

    await shop.shipped(shipment, actual={line.id: 7 for line in order.lines})

    table, lamp = (await shop.now(order)).lines
    assert (table.cancel_wanted, lamp.cancel_wanted) == (D(3), D(0))
    assert lamp.is_backordered


@pytest.mark.rule("SHIP-4")
async def test_a_void_by_hand_voids_the_draft_and_blocks_release_until_released_by_hand(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 5))
    shipment = await shop.consign(order)

    await shop.bench.hear(handlers.shipment_voided, voiding(shipment))
    # inventory gives the units back to the line
    again = ticket(order.lines[0], 5)
    await shop.bench.hear(handlers.stock_allotted, await shop.standing(order, again, reason="void"))
    line = await shop.line(order)
    assert figures(line, "release_blocked", "granted", "released") == (True, 5, 0)
    assert [invoice.state for invoice in await shop.invoices()] == ["void"]

    # the same void under another id does not block again what a hand has released
    await shop.bench.run(
        handlers.release_order, order.order.id, schemas.ReleaseByHand(reason="address corrected")
    )
    await shop.bench.hear(handlers.shipment_voided, voiding(shipment))
    assert figures(await shop.line(order), "release_blocked", "released") == (False, 5)
    assert [found.allotment_id for found in await shop.released()][-1] == again.allotment_id


@pytest.mark.rule("SHIP-4")
async def test_a_void_heard_after_the_new_allotment_ends_in_the_same_state(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 5))
    shipment = await shop.consign(order)

    again = ticket(order.lines[0], 5)
    await shop.bench.hear(handlers.stock_allotted, await shop.standing(order, again, reason="void"))
    await shop.bench.hear(handlers.shipment_voided, voiding(shipment))

    assert figures(await shop.line(order), "release_blocked", "granted", "released") == (True, 5, 0)


@pytest.mark.rule("SHIP-4")
async def test_a_void_that_nobody_did_by_hand_releases_the_new_units_at_once(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 5))
    shipment = await shop.consign(order)

    await shop.bench.hear(handlers.shipment_voided, voiding(shipment, by_hand=False))
    await shop.bench.hear(
        handlers.stock_allotted, await shop.standing(order, ticket(order.lines[0], 5), reason="void")
    )

    assert figures(await shop.line(order), "release_blocked", "released") == (False, 5)


async def test_unpicked_brings_the_shipment_back_to_pending(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 5))
    shipment = await shop.consign(order)

    await shop.bench.hear(
        handlers.shipment_unpicked,
        ShipmentUnpicked(shipment=version_of(shipment, 4, state=ShipmentState.PENDING)),
    )

    (row,) = await shop.bench.sql("SELECT state, version FROM shipments")
    assert (row.state, row.version) == ("pending", 4)
    assert [invoice.state for invoice in await shop.invoices()] == ["draft"]


@pytest.mark.rule("ORD-1")
async def test_what_shipping_refused_to_give_back_ships_and_fills_the_order(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 10))
    shipment = await shop.consign(order)
    await shop.bench.run(handlers.cancel_order, order.order.id, schemas.Reason(reason="too late"))

    # the shipment is being picked: inventory settles without getting anything back
    await shop.allot(order, settled=2, reason="cancelled")
    assert (await shop.line(order)).is_cancelling
    assert (await shop.now(order)).order.state is OrderState.OPEN

    await shop.shipped(shipment)
    now = await shop.now(order)
    assert now.order.state is OrderState.FILLED
    assert figures(now.lines[0], "shipped", "cancelled") == (10, 0)


@pytest.mark.rule("ORD-1")
async def test_a_line_is_not_cancelled_below_what_has_shipped(shop: Shop) -> None:
    order = await granted(shop, ("TABLE", 10))
    await shop.shipped(await shop.consign(order), actual={order.lines[0].id: 6})

    wanted = schemas.LineCancel(qty=Decimal(5), reason="no")
    with pytest.raises(Exception, match="at most 4 can be cancelled"):
        await shop.bench.run(handlers.cancel_line, order.order.id, 1, wanted)
    rest = schemas.LineCancel(reason="enough")
    await shop.bench.run(handlers.cancel_line, order.order.id, 1, rest)

    assert (await shop.line(order)).cancel_wanted == 4


@pytest.mark.rule("SO-6")
async def test_pegs_wait_for_a_hand_while_the_preference_is_off(shop: Shop) -> None:
    await prefer(shop, auto_ship_on_receipt="off")
    order = await shop.order(("LAMP", 10), ("LAMP", 5))
    await shop.receive(peg(order.lines[0], 10), peg(order.lines[1], 5))
    assert not await shop.released()

    await shop.bench.run(handlers.release_order, order.order.id, schemas.ReleaseByHand(lines=[2]))

    assert [found.qty for found in await shop.released()] == [5]
    assert not await shop.bench.told(ReleaseRevoked)


async def hops(shop: Shop, order: Picture, line_no: int = 1) -> tuple[Any, dict[str, dict[str, Decimal]]]:
    """The trace of a line, after checking that every hop adds up."""
    found = await shop.bench.read(views.trace, order.order.id, line_no, EVERYWHERE)
    assert found is not None
    answer = schemas.trace(found)
    assert all(hop.adds_up for hop in answer.sums), answer.sums
    return answer, {hop.hop: hop.parts for hop in answer.sums}


@pytest.mark.rule("SO-14")
async def test_the_trace_adds_up_after_a_partial_receipt_a_failure_a_broken_tie_and_a_short_ship(
    shop: Shop,
) -> None:
    order = await shop.order(("LAMP", 10))
    line = order.lines[0]
    await shop.allot(order)
    po = await shop.tie(line, 10)
    tie = po.lines[0].ties[0]
    arrived = peg(line, 6, tie.tie_id)
    await shop.receive(arrived)
    trace, sums = await hops(shop, order)
    assert sums["ties"] == {"pegged": 6, "open": 4, "closed": 0}
    assert sums["granted"] == {"shipped": 0, "on_shipment": 0, "waiting_for_release": 6}
    assert (trace.ties[0].po_number, trace.receipts[0].receipt_number) == ("PO-000001", "RC-000001")

    await shop.inspect(arrived, passed=4, failed=2)
    # shipping has taken the failed units off before the shipment was told
    (released,) = await shop.released()
    pending = with_qty(shipment_of(order, [released], "SH-000001"), 1, 4)
    await shop.bench.hear(handlers.shipment_created, ShipmentCreated(shipment=pending))
    trace, sums = await hops(shop, order)
    assert sums["inspections"] == {"passed": 4, "failed": 2, "uninspected": 0}
    assert sums["granted"] == {"shipped": 0, "on_shipment": 4, "waiting_for_release": 0}
    assert sums["line"] == {"cancelled": 0, "backordered": 6, "granted": 4}

    broken = replace_tie(po, closed=4)
    await shop.bench.hear(handlers.purchase_order_told, broken)
    await shop.shipped(pending, actual={line.id: 3}, missing=True)
    trace, sums = await hops(shop, order)
    assert sums["ties"] == {"pegged": 6, "open": 0, "closed": 4}
    assert sums["granted"] == {"shipped": 3, "on_shipment": 0, "waiting_for_release": 0}
    assert sums["allotments"] == {"granted": 3, "withdrawn": 0, "failed": 2, "returned": 1}
    assert sums["invoices"] == {"invoiced": 3, "not_invoiced": 0}
    assert trace.ties[0].closed_reason == "vendor has no more"
    assert trace.shipments[0].shipped == 3
    assert trace.invoices[0].state == "final"


def replace_tie(po: Any, *, closed: int) -> Any:
    """The purchase order's next version with its tie closed by so much."""
    (line,) = po.lines
    tie = {**line.ties[0].model_dump(), "closed": Decimal(closed), "closed_reason": "vendor has no more"}
    lines = [{**line.model_dump(), "ties": [tie]}]
    return type(po)(**{**po.model_dump(), "version": po.version + 1, "lines": lines})


@pytest.mark.parametrize("backwards", [False, True], ids=["in order", "backwards"])
async def test_the_facts_of_shipping_end_alike_in_any_order_and_twice(shop: Shop, *, backwards: bool) -> None:
    order = await granted(shop, ("TABLE", 10))
    shipment = shipment_of(order, await shop.released(), "SH-000001")
    left = departure(shipment, actual={order.lines[0].id: 7})
    returned = changed(ticket(order.lines[0], 3))
    facts: list[tuple[Any, Any]] = [
        (handlers.shipment_created, ShipmentCreated(shipment=shipment)),
        (handlers.shipment_shipped, left),
        (handlers.stock_allotted, await shop.standing(order, returned, reason="ship")),
    ]
    for handler, fact in reversed(facts) if backwards else facts:
        await shop.bench.hear(handler, fact, fact)
        await shop.bench.hear(handler, fact)

    now = await shop.now(order)
    assert figures(now.lines[0], "granted", "shipped", "released", "is_backordered") == (10, 7, 10, False)
    assert [(row.state, row.net) for row in await shop.invoices()] == [("final", 70)]
    assert sorted(found.qty for found in await shop.released()) == [3, 10]
    assert replace(now.order, version=0).state is OrderState.OPEN
