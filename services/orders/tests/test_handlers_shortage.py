"""The shortage question, ship types, priorities and their victims on the real database (BO-1..BO-9, ORD-2, ORD-3)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from shared.contracts.inventory import LineStanding, StockAllotted, Taken
from shared.contracts.orders import LinesReleased, ReleaseRevoked, SalesOrderChanged, SalesOrderOpened
from shared.contracts.shipping import PickLock, UnitsWithdrawn, WithdrawalAnswer
from shared.ids import new_id
from shared.preferences import choose, forget_kept

from .. import handlers, schemas
from ..domain.order import ShipType
from ..domain.preferences import Preferences
from ..domain.settlement import Picture
from ..domain.shortage import (
    NOT_ASKED_YET,
    Figure,
    Figures,
    FiguresWanted,
    ShortageDecisionRequired,
    Wanted,
)
from .given import D, figures, shape
from .shop import Shop, changed, departure, ticket


def shown(available: int, takeable: int = 0, *, priority: int = 0, sku: str = "TABLE") -> Figures:
    """What inventory says."""
    return Figures({Wanted("MAIN", priority, sku): Figure(D(available), D(takeable))})


def wanted(*lines: dict[str, Any], **head: Any) -> schemas.NewSalesOrder:
    """An order of ASKED, who has no answer of his own, opened at once."""
    body = {"customer": "ASKED", "warehouse": "MAIN", "open": True, "lines": list(lines), **head}
    return schemas.NewSalesOrder.model_validate(body)


def table(qty: int, **fields: Any) -> dict[str, Any]:
    """A line of tables."""
    return {"sku": "TABLE", "qty": str(qty), **fields}


async def prefer(shop: Shop, **chosen: str) -> None:
    """Set preferences."""
    await shop.bench.run(choose, "orders", Preferences, 0, chosen)
    forget_kept()


async def log_of(shop: Shop, order: Picture, action: str) -> Sequence[Any]:
    """The log rows of one kind."""
    rows = await shop.bench.log("sales-order", order.order.id)
    return [row for row in rows if row.action == action]


@pytest.fixture
async def shop(shop: Shop) -> Shop:
    """With a customer who is asked."""
    await shop.customer("ASKED")
    return shop


@pytest.mark.rule("BO-1")
@pytest.mark.rule("BO-2")
async def test_the_question_keeps_nothing_and_the_answer_in_the_repeated_request_makes_two_lines(
    shop: Shop,
) -> None:
    with pytest.raises(ShortageDecisionRequired):
        await shop.bench.run(handlers.create_order, wanted(table(25)), shown(20))
    assert not await shop.bench.sql("SELECT 1 FROM sales_orders")

    answer = await shop.bench.run(handlers.create_order, wanted(table(25, shortage="split")), shown(20))

    first, twin = (await shop.now(answer.picture)).lines
    assert figures(first, "ordered", "is_backordered") == (20, False)
    assert figures(twin, "ordered", "is_backordered", "parent_line_id") == (5, True, first.id)
    (told,) = await shop.bench.told(SalesOrderOpened)
    assert shape(told.lines, "line_no", "ordered", "all_or_nothing") == [
        (1, 20, False),
        (2, 5, False),
    ]
    assert answer.picture.order.is_backordered


@pytest.mark.rule("BO-2")
async def test_the_figures_are_wanted_for_stock_lines_only_and_before_anything_is_written(shop: Shop) -> None:
    with pytest.raises(FiguresWanted) as unknown:
        await shop.bench.run(
            handlers.create_orders, [wanted(table(3)), wanted({"sku": "LAMP", "qty": "2"})], NOT_ASKED_YET
        )
    assert unknown.value.wanted == {Wanted("MAIN", 0, "TABLE")}

    special = await shop.bench.run(handlers.create_order, wanted({"sku": "LAMP", "qty": "2"}), NOT_ASKED_YET)
    draft = await shop.bench.run(handlers.create_order, wanted(table(3), open=False), NOT_ASKED_YET)

    assert special.picture.order.is_open
    assert not draft.picture.order.is_open


@pytest.mark.rule("BO-2")
async def test_in_a_batch_each_order_has_its_own_question_and_later_ones_see_what_is_left(shop: Shop) -> None:
    batch = [wanted(table(12)), wanted(table(12)), wanted(table(8)), wanted(table(4, shortage="split"))]

    results = await shop.bench.run(handlers.create_orders, batch, shown(20))

    first, asked, third, nothing_left = results
    assert isinstance(asked, ShortageDecisionRequired)
    assert asked.facts["lines"][0]["available"] == "8"
    assert isinstance(first, Picture)
    assert isinstance(third, Picture)
    assert len(third.lines) == 1
    assert isinstance(nothing_left, Picture)
    assert [line.is_backordered for line in nothing_left.lines] == [True]


@pytest.mark.rule("BO-2")
async def test_a_draft_asks_when_it_opens_and_takes_the_answer_of_the_draft_the_body_or_all_lines(
    shop: Shop,
) -> None:
    def answers(**given: Any) -> schemas.OpenOrder:
        return schemas.OpenOrder.model_validate(given)

    draft = (
        await shop.bench.run(handlers.create_order, wanted(table(25), open=False), NOT_ASKED_YET)
    ).picture
    with pytest.raises(ShortageDecisionRequired):
        await shop.bench.run(handlers.open_order, draft.order.id, None, shown(20))

    given = answers(lines=[{"line_no": 1, "shortage": "backorder_line"}], shortage="split")
    opened = (await shop.bench.run(handlers.open_order, draft.order.id, given, shown(20))).picture

    assert shape(opened.lines, "ordered", "all_or_nothing") == [(25, True)]
    other = (await shop.bench.run(handlers.create_order, wanted(table(25), open=False))).picture
    for_all = answers(shortage="split")
    split = (await shop.bench.run(handlers.open_order, other.order.id, for_all, shown(20))).picture
    assert [line.ordered for line in split.lines] == [20, 5]
    kept = await shop.bench.run(
        handlers.create_order, wanted(table(25, shortage="split"), open=False), NOT_ASKED_YET
    )
    own = (await shop.bench.run(handlers.open_order, kept.picture.order.id, None, shown(20))).picture
    assert [line.ordered for line in own.lines] == [20, 5]


@pytest.mark.rule("BO-4")
async def test_an_increase_and_a_further_line_ask_like_an_opening(shop: Shop) -> None:
    order = (await shop.bench.run(handlers.create_order, wanted(table(10)), shown(10))).picture
    order_id = order.order.id
    more = schemas.LineChange(qty=Decimal(18))
    with pytest.raises(FiguresWanted):
        await shop.bench.run(handlers.change_line, order_id, 1, 1, more, NOT_ASKED_YET)
    with pytest.raises(ShortageDecisionRequired) as put:
        await shop.bench.run(handlers.change_line, order_id, 1, 1, more, shown(3))
    assert [row["qty"] for row in put.value.facts["lines"]] == ["8"]

    answered = schemas.LineChange.model_validate({"qty": "18", "shortage": "split"})
    after = await shop.bench.run(handlers.change_line, order_id, 1, 1, answered, shown(3))
    with pytest.raises(ShortageDecisionRequired):
        await shop.bench.run(
            handlers.add_line, order_id, schemas.NewLine(sku="TABLE", qty=Decimal(9)), shown(1)
        )

    assert shape(after.picture.lines, "line_no", "ordered", "is_backordered") == [
        (1, 10, False),
        (2, 3, False),
        (3, 5, True),
    ]
    assert after.picture.lines[1].parent_line_id == after.picture.lines[0].id
    (told,) = await shop.bench.told(SalesOrderChanged)
    assert [line.ordered for line in told.lines] == [10, 3, 5]


@pytest.mark.rule("BO-4")
async def test_a_decrease_asks_nothing_and_takes_from_the_backordered_twin_first(shop: Shop) -> None:
    answer = await shop.bench.run(handlers.create_order, wanted(table(25, shortage="split")), shown(20))
    order = answer.picture
    await shop.allot(order, ticket(order.lines[0], 20))
    now = await shop.now(order)

    less = schemas.LineChange(qty=Decimal(17))
    after = await shop.bench.run(
        handlers.change_line, order.order.id, 1, now.order.version, less, NOT_ASKED_YET
    )

    assert [line.cancel_wanted for line in after.picture.lines] == [0, 3]
    assert not await shop.bench.told(ReleaseRevoked)


@pytest.mark.rule("BO-2")
async def test_less_than_was_shown_moves_to_the_twin_with_a_log_and_no_second_question(shop: Shop) -> None:
    answer = await shop.bench.run(handlers.create_order, wanted(table(25, shortage="split")), shown(20))

    await shop.allot(answer.picture, ticket(answer.picture.lines[0], 15))

    now = await shop.now(answer.picture)
    assert shape(now.lines, "ordered", "is_backordered") == [(15, False), (10, True)]
    (told,) = await shop.bench.told(SalesOrderChanged)
    assert [line.ordered for line in told.lines] == [15, 10]
    (row,) = await log_of(shop, answer.picture, "shortage decided")
    assert (row.part, row.after) == ("line 1", {"by": "twin"})
    assert [released.qty for released in await shop.released()] == [15]


@pytest.mark.rule("BO-2")
async def test_a_shortage_that_nobody_was_asked_about_follows_the_preference(shop: Shop) -> None:
    await prefer(shop, shortage_fallback="backorder_line")
    order = (await shop.bench.run(handlers.create_order, wanted(table(25)))).picture

    await shop.allot(order, ticket(order.lines[0], 20))

    (kept,) = (await shop.now(order)).lines
    assert figures(kept, "ordered", "granted", "all_or_nothing", "is_backordered") == (25, 20, True, True)
    assert not await shop.released()
    (row,) = await log_of(shop, order, "shortage decided")
    assert row.after == {"by": "shortage_fallback"}
    (told,) = await shop.bench.told(SalesOrderChanged)
    assert told.lines[0].all_or_nothing


@pytest.mark.rule("BO-2")
@pytest.mark.rule("BO-9")
@pytest.mark.rule("ORD-6")
@pytest.mark.parametrize(("came", "cancelled"), [(5, 0), (3, 2), (0, 5)])
async def test_of_an_opening_that_takes_from_others_only_what_they_refuse_is_cancelled_without_backorders(
    shop: Shop, came: int, cancelled: int
) -> None:
    await shop.customer("STRICT", no_backorders=True)
    order = await shop.order(("TABLE", 25), customer="STRICT", priority=5, priority_reason="a hospital")
    free = ticket(order.lines[0], 20)

    await shop.allot(order, free, settled=0)
    meanwhile = await shop.line(order)
    rest = [ticket(order.lines[0], came)] if came else []
    answer = await shop.standing(order, free, *rest, settled=1)
    await shop.bench.hear(handlers.stock_allotted, answer, answer)

    assert figures(meanwhile, "granted", "released", "cancel_wanted") == (20, 20, 0)
    assert not meanwhile.is_backordered
    assert figures(await shop.line(order), "granted", "cancel_wanted") == (20 + came, cancelled)


def taking(order: Picture, line_no: int, held: Any, **taken: Any) -> StockAllotted:
    """Inventory has taken units of a line for another order."""
    line = order.lines[line_no - 1]
    by = {"reason": "priority", "for_order_id": new_id(), "for_order_number": "SO-VIP", **taken}
    standing = LineStanding(
        order_id=order.order.id, order_number=order.order.number, line_id=line.id, line_no=line_no, component=0,
        sku=line.sku, warehouse=line.warehouse, settled_version=0, allotments=[held] if held else [],
        taken=[Taken.model_validate(by)],
    )  # fmt: skip
    return StockAllotted(reason="withdrawal", lines=[standing])


async def granted(shop: Shop, qty: int) -> tuple[Picture, Any]:
    """An order whose line is granted and released, with its allotment."""
    order = await shop.order(("TABLE", qty))
    held = ticket(order.lines[0], qty)
    await shop.allot(order, held)
    return order, held


@pytest.mark.rule("BO-9")
async def test_a_victim_is_flagged_logged_with_who_took_it_and_ships_what_it_has_left(shop: Shop) -> None:
    order, held = await granted(shop, 60)

    await shop.bench.hear(handlers.stock_allotted, taking(order, 1, changed(held, withdrawn=20), qty="20"))

    victim = await shop.line(order)
    assert figures(victim, "granted", "released", "backordered", "is_backordered") == (40, 40, 20, True)
    assert (await shop.now(order)).order.is_backordered
    assert not victim.all_or_nothing
    (row,) = await log_of(shop, order, "taken")
    assert row.part == "line 1"
    assert {name: row.after[name] for name in ("qty", "why", "for_order", "refused")} == {
        "qty": "20", "why": "priority", "for_order": "SO-VIP", "refused": "0",
    }  # fmt: skip
    assert not await shop.bench.told(ReleaseRevoked)


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-11")
async def test_with_victim_whole_what_is_left_is_held_off_its_shipment_until_all_is_back(shop: Shop) -> None:
    await prefer(shop, victim="whole")
    order, held = await granted(shop, 60)
    less = changed(held, withdrawn=20)

    await shop.bench.hear(handlers.stock_allotted, taking(order, 1, less, qty="20"))

    victim = await shop.line(order)
    assert figures(victim, "granted", "released", "all_or_nothing", "is_backordered") == (40, 0, True, True)
    (revoked,) = await shop.bench.told(ReleaseRevoked)
    assert [one.allotment_id for one in revoked.allotments] == [held.allotment_id]
    (told,) = await shop.bench.told(SalesOrderChanged)
    assert told.lines[0].all_or_nothing
    back = ticket(victim, 20)
    await shop.allot(order, less, back, settled=2, reason="changed")
    restored = await shop.line(order)
    assert figures(restored, "granted", "released", "is_backordered") == (60, 60, False)
    again = (await shop.bench.told(LinesReleased))[-1]
    assert all(one.all_or_nothing for one in again.allotments)


@pytest.mark.rule("BO-9")
async def test_a_taking_told_again_is_logged_once_and_makes_nobody_whole_again(shop: Shop) -> None:
    order, held = await granted(shop, 10)
    key = {"question_id": new_id(), "allotment_id": held.allotment_id}
    first = taking(order, 1, changed(held, withdrawn=2), qty="2", **key)
    second = taking(order, 1, changed(held, withdrawn=5), qty="3", **key)

    for fact in (first, second):
        await shop.bench.hear(handlers.stock_allotted, fact)
    await prefer(shop, victim="whole")
    for fact in (second, first):
        await shop.bench.hear(handlers.stock_allotted, fact)

    assert [row.after["qty"] for row in await log_of(shop, order, "taken")] == ["2", "3"]
    assert not (await shop.line(order)).all_or_nothing


@pytest.mark.rule("BO-10")
async def test_what_was_refused_or_taken_for_rank_or_loss_makes_nobody_whole(shop: Shop) -> None:
    await prefer(shop, victim="whole")
    order, held = await granted(shop, 10)

    await shop.bench.hear(
        handlers.stock_allotted, taking(order, 1, None, qty="0", refused="4", reason="priority")
    )
    await shop.bench.hear(
        handlers.stock_allotted, taking(order, 1, changed(held, withdrawn=2), qty="2", reason="loss")
    )

    victim = await shop.line(order)
    assert figures(victim, "granted", "released", "all_or_nothing") == (8, 8, False)
    assert [row.after["why"] for row in await log_of(shop, order, "taken")] == ["loss"]


@pytest.mark.rule("BO-10")
async def test_what_shipping_could_not_give_back_is_logged_on_the_line_that_keeps_it(shop: Shop) -> None:
    order, held = await granted(shop, 10)
    lock = PickLock(shipment_id=new_id(), number="SH-000001", version=2, qty=Decimal(4))
    refused = WithdrawalAnswer(
        allotment_id=held.allotment_id, order_id=order.order.id, line_id=order.lines[0].id, component=0,
        wanted=Decimal(4), given=Decimal(0), refused=Decimal(4), refused_because="it is being picked", line_no=1,
        locks=[lock],
    )  # fmt: skip

    answer = UnitsWithdrawn(question_id=new_id(), answers=[refused])
    await shop.bench.hear(handlers.units_withdrawn, answer)
    await shop.bench.hear(handlers.units_withdrawn, answer)

    (blocked,) = await log_of(shop, order, "blocked by pick lock")
    assert (blocked.part, blocked.reason) == ("line 1", "it is being picked")
    assert (blocked.after["qty"], blocked.after["on"]) == ("4", [{"shipment": "SH-000001", "qty": "4"}])
    assert (await shop.line(order)).granted == 10


@pytest.mark.rule("SHIP-3")
@pytest.mark.rule("BO-5")
async def test_an_all_or_nothing_line_is_released_as_such_and_its_short_ship_waits_for_all_again(
    shop: Shop,
) -> None:
    order = await shop.order({"sku": "TABLE", "qty": "10", "all_or_nothing": True})
    await shop.allot(order, ticket(order.lines[0], 10))
    (released,) = await shop.released()
    assert released.all_or_nothing
    shipment = await shop.consign(order)

    left = departure(shipment, actual={order.lines[0].id: 7}, missing=False)
    short = left.model_copy(update={"override_reason": "the customer is waiting"})
    await shop.bench.hear(handlers.shipment_shipped, short)

    line = await shop.line(order)
    assert figures(line, "shipped", "granted", "backordered", "is_backordered") == (7, 7, 3, True)
    assert (await log_of(shop, order, "shipped"))[0].reason == "the customer is waiting"


@pytest.mark.rule("ORD-2")
async def test_complete_over_two_warehouses_is_released_from_both_when_the_last_line_is_covered(
    shop: Shop,
) -> None:
    order = await shop.order(
        ("TABLE", 5), {"sku": "TABLE", "qty": "3", "warehouse": "SHOP"}, ship_type="complete"
    )
    here, there = order.lines
    await shop.allot(order, ticket(here, 5))
    assert not await shop.released()

    await shop.allot(order, ticket(there, 3), reason="adjustment")

    facts = await shop.bench.told(LinesReleased)
    assert sorted((fact.warehouse, fact.ship_type.value) for fact in facts) == [
        ("MAIN", "complete"),
        ("SHOP", "complete"),
    ]


@pytest.mark.rule("ORD-2")
@pytest.mark.rule("SHIP-3")
async def test_a_covered_order_tells_shipping_its_new_ship_type(shop: Shop) -> None:
    order = await shop.order(("TABLE", 5))
    await shop.allot(order, ticket(order.lines[0], 5))
    version = (await shop.now(order)).order.version

    await shop.bench.run(
        handlers.change_order, order.order.id, version, schemas.OrderChange(ship_type=ShipType.COMPLETE)
    )

    told = await shop.bench.told(LinesReleased)
    assert [(fact.ship_type.value, fact.allotments[0].release_no) for fact in told] == [
        ("partial_ok", 1),
        ("complete", 2),
    ]
    assert not await shop.bench.told(ReleaseRevoked)


@pytest.mark.rule("ORD-2")
async def test_partial_to_complete_takes_back_and_complete_to_partial_releases_at_once(shop: Shop) -> None:
    order = await shop.order(("TABLE", 5), ("LAMP", 3))
    await shop.allot(order, ticket(order.lines[0], 5))
    version = (await shop.now(order)).order.version

    complete = await shop.bench.run(
        handlers.change_order, order.order.id, version, schemas.OrderChange(ship_type=ShipType.COMPLETE)
    )
    taken_back = await shop.bench.told(ReleaseRevoked)
    await shop.bench.run(
        handlers.change_order,
        order.order.id,
        complete.version,
        schemas.OrderChange(ship_type=ShipType.PARTIAL_OK),
    )

    assert [fact.reason for fact in taken_back] == ["not covered"]
    assert [one.release_no for one in await shop.released()] == [1, 2]
    told = await shop.bench.told(SalesOrderChanged)
    assert [fact.ship_type.value for fact in told] == ["complete", "partial_ok"]
