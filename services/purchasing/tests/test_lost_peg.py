"""BO-12: of pegs that were lost in stock the need reopens, and their buyer gets one task; rule and real database."""

from decimal import Decimal
from itertools import permutations
from uuid import UUID

import pytest
from sqlalchemy.exc import IntegrityError

from services.purchasing import handlers
from services.purchasing.domain.lost_peg import Loss, Peg, lost_pegs
from services.purchasing.tests import facts
from services.purchasing.tests.builders import said, uid
from shared.contracts.inventory import Allotment, StockAllotted
from shared.contracts.purchasing import (
    PurchaseOrderOpened,
    PurchaseOrderSnapshot,
    TaskDone,
    TaskRaised,
)
from shared.testing import Bench


def pegged(name: str, withdrawn: int) -> Peg:
    return Peg(uid(name), uid(f"tie of {name}"), Decimal(withdrawn))


def loss(qty: int, allotment: str | None, question: str = "Q-1") -> Loss:
    return Loss(uid(question), uid(allotment) if allotment else None, Decimal(qty))


def found(losses: list[Loss], *pegs: Peg) -> list[tuple[UUID, str]]:
    return [(lost.peg.allotment_id, said(lost.qty)) for lost in lost_pegs(losses, pegs)]


# --- the rule ---


@pytest.mark.rule("BO-12")
def test_a_loss_is_that_of_the_peg_that_it_names() -> None:
    assert found([loss(2, "A"), loss(1, "B")], pegged("A", 2), pegged("B", 4)) == [
        (uid("A"), "2"),
        (uid("B"), "1"),
    ]


@pytest.mark.rule("BO-12")
def test_lost_free_stock_concerns_no_buyer() -> None:
    assert found([loss(2, "free stock")], pegged("A", 2)) == []


@pytest.mark.rule("BO-12")
def test_a_loss_that_names_no_allotment_is_that_of_the_peg_that_gave_most() -> None:
    losses = [loss(2, None), loss(1, None)]

    assert found(losses, pegged("A", 0), pegged("B", 3), pegged("C", 1)) == [(uid("B"), "3")]
    assert found(losses, pegged("A", 0)) == []


@pytest.mark.rule("BO-12")
def test_two_questions_about_one_peg_are_two_losses() -> None:
    lost = lost_pegs([loss(2, "A"), loss(1, "A", "Q-2")], [pegged("A", 3)])

    assert [said(one.qty) for one in lost] == ["2", "1"]
    assert len({one.key for one in lost}) == 2


# --- on the real database ---


async def arrived(shop: Bench, qty: object = 10) -> PurchaseOrderOpened:
    """A special line of 10 LAMP that was bought, of which so many came."""
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line("SO-1")))
    [po] = await shop.told(PurchaseOrderOpened)
    await shop.hear(handlers.goods_received, facts.received(po, qty, peg(po, qty)))
    return po


def peg(po: PurchaseOrderSnapshot, qty: object = 10, withdrawn: object = 0) -> Allotment:
    return facts.allotment("P-1", qty, po.lines[0].ties[0], withdrawn=withdrawn)


async def tasks(shop: Bench) -> list[tuple[str, str, str]]:
    rows = await shop.sql("SELECT kind, qty, po_number FROM tasks ORDER BY withdrawn")
    return [(row.kind, said(row.qty), row.po_number) for row in rows]


@pytest.mark.rule("BO-12")
async def test_a_lost_peg_reopens_the_need_and_leaves_its_buyer_a_task(shop: Bench) -> None:
    po = await arrived(shop)

    await shop.hear(handlers.stock_allotted, facts.lost(peg(po, withdrawn=4), 4))

    _, again = await shop.told(PurchaseOrderOpened)
    [task] = await shop.told(TaskRaised)
    assert said(again.lines[0].ordered, again.lines[0].ties[0].qty) == "4 4"
    assert (task.kind, task.buyer, task.warehouse, task.po_number) == ("peg_lost", "bob", "MAIN", po.number)
    assert (task.order_number, task.line_id, task.sku, said(task.qty)) == ("SO-1", uid("SO-1/1"), "LAMP", "4")
    assert task.message == (
        f"{po.number} line 1: 4 EA of LAMP that had come for SO-1 line 1 were lost in stock;"
        " what is still needed is requested again"
    )
    [logged] = await shop.log("task", task.task_id)
    assert (logged.action, logged.reason) == ("raised", "lost in stock")


@pytest.mark.rule("BO-12")
async def test_a_loss_told_twice_and_under_another_id_leaves_one_task(shop: Bench) -> None:
    po = await arrived(shop)
    lost = facts.lost(peg(po, withdrawn=4), 4)

    await shop.hear(handlers.stock_allotted, lost, lost)
    await shop.hear(handlers.stock_allotted, lost)

    assert await tasks(shop) == [("peg_lost", "4", po.number)]
    assert len(await shop.told(TaskRaised)) == 1
    assert len(await shop.told(PurchaseOrderOpened)) == 2


@pytest.mark.rule("BO-12")
@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_losses_in_whatever_order_come_to_the_same_tasks_and_need(
    shop: Bench, order: tuple[int, ...]
) -> None:
    po = await arrived(shop)
    told = [
        facts.lost(peg(po, withdrawn=4), 4),
        facts.lost(peg(po, withdrawn=5), 1),
        facts.lost(peg(po, withdrawn=7), 2, "Q-2"),
    ]

    for at in (*order, *reversed(order)):
        await shop.hear(handlers.stock_allotted, told[at])

    assert await tasks(shop) == [("peg_lost", qty, po.number) for qty in ("4", "1", "2")]
    assert await bought_again(shop) == Decimal(7)


async def bought_again(shop: Bench) -> Decimal:
    [row] = await shop.sql("SELECT sum(qty - closed) - 10 AS qty FROM ties")
    return Decimal(row.qty)


@pytest.mark.rule("BO-12")
async def test_a_loss_heard_before_the_receipt_of_its_goods(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened("SO-1", facts.line("SO-1")))
    [po] = await shop.told(PurchaseOrderOpened)

    await shop.hear(handlers.stock_allotted, facts.lost(peg(po, withdrawn=4), 4))
    await shop.hear(handlers.goods_received, facts.received(po, 10, peg(po)))

    assert await tasks(shop) == [("peg_lost", "4", po.number)]
    assert await bought_again(shop) == Decimal(4)


@pytest.mark.rule("BO-12")
async def test_a_task_done_is_told_and_the_loss_told_again_does_not_bring_it_back(shop: Bench) -> None:
    po = await arrived(shop)
    lost = facts.lost(peg(po, withdrawn=4), 4)
    await shop.hear(handlers.stock_allotted, lost)
    [raised] = await shop.told(TaskRaised)

    await shop.run(handlers.finish_task, raised.task_id)
    await shop.hear(handlers.stock_allotted, lost)

    [done] = await shop.told(TaskDone)
    assert done == TaskDone(**(raised.model_dump() | {"version": 2}))
    assert len(await shop.told(TaskRaised)) == 1
    assert [row.done_by for row in await shop.sql("SELECT done_by FROM tasks")] == ["tester"]


@pytest.mark.rule("BO-12")
async def test_what_was_taken_for_another_order_or_from_free_stock_leaves_no_task(shop: Bench) -> None:
    po = await arrived(shop)
    [line] = facts.lost(peg(po, withdrawn=4), 4).lines
    for_another = [line.taken[0].model_copy(update={"reason": "priority"})]
    of_the_shelf = facts.lost(facts.allotment("A", 3, withdrawn=3), 3)

    await shop.hear(
        handlers.stock_allotted,
        StockAllotted(reason="withdrawal", lines=[line.model_copy(update={"taken": for_another})]),
    )
    await shop.hear(handlers.stock_allotted, of_the_shelf)

    assert await tasks(shop) == []


@pytest.mark.rule("BUY-16")
async def test_a_broken_tie_is_told_as_a_task_once(shop: Bench) -> None:
    await shop.hear(handlers.order_told, facts.opened())
    less = facts.changed("SO-1", 2, facts.line(ordered=7))

    await shop.hear(handlers.order_told, less)
    await shop.hear(handlers.order_told, less)

    [task] = await shop.told(TaskRaised)
    assert (task.kind, task.version, said(task.qty)) == ("tie_broken", 1, "3")
    assert (task.line_id, task.component) == (uid("SO-1/1"), 0)


@pytest.mark.parametrize(
    "change",
    [
        "kind = 'something else'",
        "tie_closed = NULL",
        "question_id = id, allotment_id = id, withdrawn = 1",
        "kind = 'peg_lost', tie_closed = NULL",
        "kind = 'peg_lost', tie_closed = NULL, question_id = id, allotment_id = id",
    ],
)
async def test_a_task_is_about_one_break_or_one_loss(shop: Bench, change: str) -> None:
    await shop.hear(handlers.order_told, facts.opened())
    await shop.hear(handlers.order_told, facts.changed("SO-1", 2, facts.line(ordered=7)))

    with pytest.raises(IntegrityError):
        await shop.sql(f"UPDATE tasks SET {change} RETURNING id")  # the test's own words
