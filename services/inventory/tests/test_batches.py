"""Many receipts, or rounds of inspections, in one transaction: an outcome each, and few statements for all together."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

import shared.preferences
from services.inventory import handlers
from services.inventory.domain.incoming import IncomingShipmentMoved
from services.inventory.domain.inspection import InspectedTooMuch, Inspection, NothingInspected, Round
from services.inventory.domain.receiving import NotOnShipment, Receipt, Receiving
from services.inventory.handlers.inspections import NoSuchInspection
from services.inventory.handlers.trucks import IncomingShipmentChanged, NoSuchIncomingShipment
from services.inventory.tests.builders import later, named, opened, order_line, po_line, sent, tied
from services.inventory.tests.scene import Scene, snapshot, statements
from shared.auth import Principal, Scope
from shared.contracts.base import ItemKind
from shared.contracts.inventory import GoodsReceived, InspectionCompleted, StockAllotted
from shared.contracts.orders import KitComponent
from shared.contracts.purchasing import PurchaseOrderCancelled
from shared.errors import TielineError
from shared.ids import new_id
from shared.testing import ALL_SCOPES
from shared.unit_of_work import Origin, Tx, run


async def special(scene: Scene, qty: int, sku: str = "TABLE", warehouse: str = "MAIN") -> tuple[Any, Any]:
    """A special order, and the purchase order that brings its goods."""
    order = opened(order_line(qty, sku, special=True, warehouse=warehouse))
    await scene.orders(order)
    po = sent(po_line(qty, tied(order, qty), sku=sku), warehouse=warehouse)
    await scene.buys(po)
    return order, po


async def counted(scene: Scene, po: Any, *quantities: int, complete: bool = True) -> Receiving:
    """The wish to receive a purchase order's shipment, line by line."""
    shipment = await scene.expected(po)
    lines = [(n, Decimal(qty)) for n, qty in enumerate(quantities, 1)]
    return Receiving(shipment.id, shipment.version, lines, complete)


async def receive(scene: Scene, *wanted: Receiving) -> list[Receipt | TielineError]:
    return await scene.bench.run(handlers.receive_many, list(wanted))


async def inspect(scene: Scene, *rounds: Round) -> list[Inspection | TielineError]:
    return await scene.bench.run(handlers.complete_inspections, list(rounds))


def kinds(outcomes: Sequence[object]) -> list[type]:
    return [type(outcome) for outcome in outcomes]


# --- receipts ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule("SO-16")
async def test_a_refused_receipt_hinders_no_other(scene: Scene) -> None:
    orders, pos = zip(*[await special(scene, 5) for _ in range(4)], strict=True)
    good = [await counted(scene, po, 5) for po in pos]
    await scene.buys(later(pos[1], PurchaseOrderCancelled, state="cancelled"))
    wrong_line = Receiving(good[2].shipment_id, 1, [(9, Decimal(5))])

    outcomes = await receive(scene, good[0], Receiving(new_id(), 1, []), good[1], wrong_line, good[3])

    assert kinds(outcomes) == [Receipt, NoSuchIncomingShipment, IncomingShipmentMoved, NotOnShipment, Receipt]
    assert await scene.granted(*orders) == [5, 0, 0, 5]
    assert await scene.stock() == {"on_hand": 10, "allotted": 0, "pegged": 10, "quarantined": 0}
    told = await scene.bench.told(GoodsReceived)
    assert [fact.po_number for fact in told] == [pos[0].number, pos[3].number]


@pytest.mark.rule("SO-16")
@pytest.mark.parametrize("complete", [True, False])
async def test_a_shipment_that_stands_twice_in_the_list_has_moved_on_for_the_second(
    scene: Scene, complete: bool
) -> None:
    order, po = await special(scene, 5)
    first = await counted(scene, po, 5, complete=complete)

    outcomes = await receive(scene, first, first)

    assert kinds(outcomes) == [Receipt, IncomingShipmentChanged]
    assert await scene.granted(order) == [5 if complete else 0]
    (shipment,) = await scene.bench.sql("SELECT state, version FROM incoming_shipments")
    assert (shipment.state, shipment.version) == ("complete" if complete else "receiving", 2)


async def test_a_refused_row_does_not_use_up_its_shipment(scene: Scene) -> None:
    order, po = await special(scene, 5)
    good = await counted(scene, po, 5)

    outcomes = await receive(scene, Receiving(good.shipment_id, 9, good.counted), good)

    assert kinds(outcomes) == [IncomingShipmentChanged, Receipt]
    assert await scene.granted(order) == [5]


@pytest.mark.rule("SO-16")
async def test_counts_and_receipts_stand_in_one_list(scene: Scene) -> None:
    orders, pos = zip(*[await special(scene, 5) for _ in range(2)], strict=True)
    counting = await counted(scene, pos[0], 3, complete=False)

    outcomes = await receive(scene, counting, await counted(scene, pos[1], 5))

    assert kinds(outcomes) == [Receipt, Receipt]
    assert await scene.granted(*orders) == [0, 5]
    rows = await scene.bench.sql("SELECT counted FROM incoming_lines ORDER BY counted")
    assert [int(row.counted) for row in rows] == [3, 5]


@pytest.mark.rule("BO-7")
async def test_receipts_of_one_item_go_to_the_queue_together(scene: Scene) -> None:
    first, second = opened(order_line(6), at=0), opened(order_line(6), at=1)
    await scene.orders(first, second)
    pos = [sent(po_line(4)), sent(po_line(5))]
    await scene.buys(*pos)

    outcomes = await receive(
        scene, *[await counted(scene, po, qty) for po, qty in zip(pos, (4, 5), strict=True)]
    )

    assert await scene.granted(first, second) == [6, 3]
    lines = [line for outcome in outcomes if isinstance(outcome, Receipt) for line in outcome.lines]
    assert sum(fill.qty for line in lines for fill in line.fills) == 9
    assert [line.free for line in lines] == [0, 0]
    told = [
        fill for fact in await scene.bench.told(GoodsReceived) for line in fact.lines for fill in line.fills
    ]
    assert sorted(int(fill.qty) for fill in told) == [3, 6]


@pytest.mark.rule("SO-8")
async def test_a_demand_tied_to_two_purchase_orders_of_the_list_gets_its_need_once(scene: Scene) -> None:
    order = opened(order_line(5, special=True))
    await scene.orders(order)
    pos = [sent(po_line(4, tied(order, 4))), sent(po_line(4, tied(order, 4)))]
    await scene.buys(*pos)

    await receive(scene, *[await counted(scene, po, 4) for po in pos])

    assert await scene.granted(order) == [5]
    assert await scene.stock() == {"on_hand": 8, "allotted": 0, "pegged": 5, "quarantined": 0}
    log = await scene.bench.log("demand", order.lines[0].line_id)
    assert [(row.before["granted"], row.after["granted"]) for row in log if row.action == "pegged"] == [
        ("0", "4"),
        ("4", "5"),
    ]


@pytest.mark.rule("SO-8")
async def test_what_did_not_come_is_expected_again_for_each(scene: Scene) -> None:
    _, pos = zip(*[await special(scene, 5) for _ in range(3)], strict=True)

    await receive(scene, *[await counted(scene, po, n + 3) for n, po in enumerate(pos)])

    rows = await scene.bench.sql(
        "SELECT s.po_number, l.expected FROM incoming_shipments s JOIN incoming_lines l ON l.shipment_id = s.id "
        "WHERE s.state = 'expected' ORDER BY s.po_number"
    )
    assert [(row.po_number, int(row.expected)) for row in rows] == [(pos[0].number, 2), (pos[1].number, 1)]


async def test_receipts_in_two_warehouses_fill_their_own(scene: Scene) -> None:
    main, main_po = await special(scene, 5)
    east, east_po = await special(scene, 7, warehouse="EAST")

    await receive(scene, await counted(scene, east_po, 7), await counted(scene, main_po, 5))

    assert await scene.granted(main, east) == [5, 7]
    assert [(await scene.stock("TABLE", place))["pegged"] for place in ("MAIN", "EAST")] == [5, 7]


async def test_a_row_of_another_warehouse_does_not_exist_for_the_caller(scene: Scene) -> None:
    main, main_po = await special(scene, 5)
    east, east_po = await special(scene, 7, warehouse="EAST")
    wanted = [await counted(scene, east_po, 7), await counted(scene, main_po, 5)]
    scene.bench.principal = Principal("tester", ALL_SCOPES, Scope(frozenset({"MAIN"})))

    outcomes = await receive(scene, *wanted)

    assert kinds(outcomes) == [NoSuchIncomingShipment, Receipt]
    assert await scene.granted(main, east) == [5, 0]


@pytest.mark.rule("ITEM-7")
async def test_the_parts_of_a_kit_come_on_two_purchase_orders(scene: Scene) -> None:
    parts = [
        KitComponent(seq=10, sku="TABLE", description="A table", kind=ItemKind.STOCKED, unit="EA", precision=0,
                     qty_per_kit=Decimal(1), special_order=True),
        KitComponent(seq=20, sku="LAMP", description="A lamp", kind=ItemKind.NONSTOCK, unit="EA", precision=0,
                     qty_per_kit=Decimal(2)),
    ]  # fmt: skip
    order = opened(order_line(3, "SET", kind="kit", components=parts))
    await scene.orders(order)
    tables = tied(order, 3).model_copy(update={"component": 10})
    lamps = tied(order, 6).model_copy(update={"component": 20})
    pos = [sent(po_line(3, tables)), sent(po_line(6, lamps, sku="LAMP"))]
    await scene.buys(*pos)

    await receive(scene, await counted(scene, pos[0], 3), await counted(scene, pos[1], 4))

    rows = await scene.bench.sql("SELECT component, granted FROM demand ORDER BY component")
    assert [(row.component, int(row.granted)) for row in rows] == [(10, 3), (20, 4)]
    assert len(await scene.bench.sql("SELECT * FROM inspections")) == 2


@pytest.mark.rule("SO-6")
@pytest.mark.rule("BO-6")
async def test_a_list_leaves_what_its_receipts_would_have_left_one_by_one(scene: Scene) -> None:
    sets = []
    for way in (0, 1):
        await scene.bench.empty()
        await scene.set_up()
        orders = [opened(order_line(4), at=n, order_id=named(n + 1)) for n in range(3)]
        orders += [opened(order_line(4, special=True), at=n, order_id=named(n + 1)) for n in range(3, 6)]
        lines = [
            [line.model_copy(update={"line_id": named(100 + n)}) for line in order.lines]
            for n, order in enumerate(orders)
        ]
        orders = [order.model_copy(update={"lines": own}) for order, own in zip(orders, lines, strict=True)]
        await scene.orders(*orders)
        ties = [
            tied(order, 4).model_copy(update={"tie_id": named(200 + n)}) for n, order in enumerate(orders)
        ]
        pos = [
            sent(
                po_line(6, ties[3 + n], po_line_id=named(300 + n)),
                po_id=named(400 + n),
            )
            for n in range(3)
        ]
        await scene.buys(*pos)
        wanted = [await counted(scene, po, 6) for po in pos]
        for some in [wanted] if way else [[want] for want in wanted]:
            await receive(scene, *some)
        sets.append(await snapshot(scene.bench))

    assert sets[0] == sets[1]


@pytest.mark.rule("ORD-5")
async def test_each_of_several_callers_answers_for_his_own_receipt(scene: Scene) -> None:
    waiting = opened(order_line(5, "CHAIR"))
    await scene.orders(waiting)
    order, po = await special(scene, 5)
    chairs = sent(po_line(5, sku="CHAIR"))
    await scene.buys(chairs)
    wanted = [await counted(scene, po, 5), await counted(scene, chairs, 5)]

    async def together(tx: Tx) -> None:
        tx.callers = tuple(
            tx.as_(
                Origin(name, f"request of {name}", name),
                Principal(name, ALL_SCOPES, Scope(frozenset({"MAIN"}))),
            )
            for name in ("anna", "bert")
        )
        await handlers.receive_many(tx, wanted)

    await run(
        scene.bench.work, together, Origin("gathered", "gathered", "gathered"), Principal("", frozenset())
    )

    told = await scene.bench.told(GoodsReceived)
    assert [fact.received_by for fact in told] == ["anna", "bert"]
    logs = [
        ("demand", order.lines[0].line_id), ("demand", waiting.lines[0].line_id),
        *(("incoming-shipment", want.shipment_id) for want in wanted),
    ]  # fmt: skip
    last = [(await scene.bench.log(*place))[-1] for place in logs]
    assert [(row.actor, row.cause) for row in last] == [
        ("anna", "request of anna"), ("bert", "request of bert"), ("anna", "request of anna"), ("bert", "request of bert"),
    ]  # fmt: skip
    assert [
        row.actor
        for row in await scene.bench.sql("SELECT DISTINCT actor FROM record_log WHERE actor = 'gathered'")
    ] == []


# --- inspections ------------------------------------------------------------------------------------------------------


async def received(scene: Scene, *quantities: int) -> tuple[list[Any], list[Any]]:
    """Special orders whose goods have come: the orders and the ids of their inspections."""
    orders, pos = zip(*[await special(scene, qty) for qty in quantities], strict=True)
    await receive(scene, *[await counted(scene, po, qty) for po, qty in zip(pos, quantities, strict=True)])
    rows = await scene.bench.sql("SELECT id FROM inspections ORDER BY number")
    return list(orders), [row.id for row in rows]


@pytest.mark.rule("SO-9")
async def test_a_refused_round_hinders_no_other(scene: Scene) -> None:
    orders, found = await received(scene, 5, 5, 5)

    outcomes = await inspect(
        scene,
        Round(found[0], Decimal(5), Decimal(0)),
        Round(new_id(), Decimal(5), Decimal(0)),
        Round(found[1], Decimal(0), Decimal(0)),
        Round(found[1], Decimal(9), Decimal(0)),
        Round(found[2], Decimal(3), Decimal(2), "scratched"),
    )

    assert kinds(outcomes) == [Inspection, NoSuchInspection, NothingInspected, InspectedTooMuch, Inspection]
    assert await scene.granted(*orders) == [5, 5, 3]
    assert await scene.stock() == {"on_hand": 15, "allotted": 0, "pegged": 13, "quarantined": 2}
    told = await scene.bench.told(InspectionCompleted)
    assert [(int(fact.passed), int(fact.failed), fact.closed) for fact in told] == [
        (5, 0, True),
        (3, 2, True),
    ]


@pytest.mark.rule("SO-9")
async def test_rounds_of_one_inspection_follow_each_other(scene: Scene) -> None:
    (order,), (inspection,) = await received(scene, 10)

    outcomes = await inspect(
        scene,
        Round(inspection, Decimal(4), Decimal(0)),
        Round(inspection, Decimal(2), Decimal(1), "scratched"),
        Round(inspection, Decimal(4), Decimal(0)),
        Round(inspection, Decimal(0), Decimal(3), "dented"),
    )

    assert kinds(outcomes) == [Inspection, Inspection, InspectedTooMuch, Inspection]
    assert await scene.granted(order) == [6]
    told = await scene.bench.told(InspectionCompleted)
    assert [(fact.version, int(fact.passed), int(fact.failed), fact.closed) for fact in told] == [
        (1, 4, 0, False),
        (2, 6, 1, False),
        (3, 6, 4, True),
    ]
    log = await scene.bench.log("demand", order.lines[0].line_id)
    failed = [(r.before["granted"], r.after["granted"]) for r in log if r.action == "failed inspection"]
    assert failed == [("10", "9"), ("9", "6")]


@pytest.mark.rule("SO-9")
@pytest.mark.rule("BO-7")
async def test_failed_units_reopen_needs_that_free_stock_may_serve(scene: Scene) -> None:
    order = opened(order_line(5, kind="order_as_needed"))
    await scene.orders(order)
    po = sent(po_line(5, tied(order, 5)), po_line(3, line_no=2))
    await scene.buys(po)
    await receive(scene, await counted(scene, po, 5, 3))
    (inspection,) = await scene.bench.sql("SELECT id FROM inspections")

    await inspect(scene, Round(inspection.id, Decimal(3), Decimal(2), "scratched"))

    assert await scene.granted(order) == [5]
    assert await scene.stock() == {"on_hand": 8, "allotted": 2, "pegged": 3, "quarantined": 2}
    assert [fact.reason for fact in await scene.bench.told(StockAllotted)][-1] == "inspection"


async def test_rounds_in_two_warehouses_are_seen_by_who_may(scene: Scene) -> None:
    _, main_po = await special(scene, 5)
    _, east_po = await special(scene, 5, warehouse="EAST")
    await receive(scene, await counted(scene, main_po, 5), await counted(scene, east_po, 5))
    found = await scene.bench.sql("SELECT id FROM inspections ORDER BY warehouse")
    scene.bench.principal = Principal("tester", ALL_SCOPES, Scope(frozenset({"EAST"})))

    outcomes = await inspect(scene, *(Round(row.id, Decimal(5), Decimal(0)) for row in found))

    assert kinds(outcomes) == [Inspection, NoSuchInspection]


# --- what it costs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("work", ["receive", "inspect"])
async def test_a_longer_list_needs_no_more_statements(
    scene: Scene, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared.preferences, "FRESH_SECONDS", 3600)
    skus, places = ("TABLE", "CHAIR", "LAMP"), ("MAIN", "EAST")
    counts = []
    # the first finds stock rows missing and preferences unread
    for size in (6, 1, 12):
        pos = [(await special(scene, 5, skus[n % 3], places[n % 2]))[1] for n in range(size)]
        wanted = [await counted(scene, po, 4) for po in pos]
        if work == "receive":
            with statements(scene.bench) as sent_now:
                await receive(scene, *wanted)
        else:
            await receive(scene, *wanted)
            found = await scene.bench.sql("SELECT id FROM inspections WHERE state = 'open'")
            rounds = [Round(row.id, Decimal(3), Decimal(1), "bad") for row in found]
            with statements(scene.bench) as sent_now:
                await inspect(scene, *rounds)
        counts.append(len(sent_now))

    assert counts[1] == counts[2], counts
