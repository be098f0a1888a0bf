"""Buyers' tasks: what a change after a tie (BUY-16) or a loss in stock (BO-12) left for somebody to look at."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from services.purchasing.domain.lost_peg import Loss, LostPeg, Peg, lost_pegs
from services.purchasing.store import desk
from services.purchasing.store.desk import Task, TiedLine
from shared.contracts import purchasing as facts
from shared.contracts.inventory import LineStanding
from shared.decimals import plain
from shared.errors import NotFound
from shared.ids import new_id
from shared.unit_of_work import Told, Tx

LOSS = "loss"


class NoOpenTask(NotFound):
    """There is no such task to be done in the caller's warehouses: none of that id, or it is done already."""


async def finish_task(tx: Tx, task_id: UUID) -> UUID:
    """Somebody has seen to it."""
    done = await desk.finish_task(tx, task_id)
    if done is None:
        raise NoOpenTask(
            "There is no such open task in your warehouses: it may be done already", task=task_id
        )
    tx.record("task", task_id, "done", {"state": "open"}, {"state": "done"})
    tx.announce(_told(facts.TaskDone, done, version=2))
    return task_id


async def raise_breaks(tx: Tx, made: Iterable[Task], causes: Mapping[UUID, Told[Any]]) -> None:
    """BUY-16: ties of sent purchase orders were broken; `causes` are those of the purchase orders' changes."""
    tasks = sorted(made, key=_turn)
    new = await desk.add_breaks(tx, tasks)
    for task in tasks:
        if task.id in new:
            _tell_raised(tx, task, causes.get(task.po_id))


async def raise_losses(tx: Tx, told: Iterable[tuple[Told[Any], LineStanding]]) -> None:
    """BO-12: pegs were lost in stock; each loss is one task, whatever is told again. The demands are settled."""
    found = {lost.key: (lost, t) for t, line in told for lost in _lost(line)}
    if not found:
        return
    tied = await desk.tied_lines(tx, {lost.peg.tie_id for lost, _ in found.values()})
    made = [
        (_lost_task(tx, lost, tied[lost.peg.tie_id]), t)
        for lost, t in found.values()
        if lost.peg.tie_id in tied
    ]
    new = await desk.add_losses(tx, [task for task, _ in made])
    for task, because in made:
        if task.id in new:
            _tell_raised(tx, task, because)


def _lost(line: LineStanding) -> list[LostPeg]:
    losses = [
        Loss(taken.question_id, taken.allotment_id, taken.qty)
        for taken in line.taken
        if taken.reason == LOSS and taken.qty > 0 and taken.question_id is not None
    ]
    pegs = [Peg(a.allotment_id, a.tie_id, a.withdrawn) for a in line.allotments if a.tie_id is not None]
    return lost_pegs(losses, pegs)


def _lost_task(tx: Tx, lost: LostPeg, tied: TiedLine) -> Task:
    reason = "lost in stock"
    return Task(
        id=new_id(), kind=facts.TaskKind.PEG_LOST, buyer=tied.buyer, warehouse=tied.warehouse, po_id=tied.po_id,
        po_number=tied.po_number, po_line_no=tied.po_line_no, tie_id=tied.tie_id, order_id=tied.order_id,
        order_number=tied.order_number, line_id=tied.line_id, line_no=tied.line_no, component=tied.component,
        sku=tied.sku, qty=lost.qty, reason=reason, created_at=tx.now,
        message=f"{tied.po_number} line {tied.po_line_no}: {plain(lost.qty)} {tied.unit} of {tied.sku} that had come "
        f"for {tied.order_number} line {tied.line_no} were {reason}; what is still needed is requested again",
        question_id=lost.question_id, allotment_id=lost.peg.allotment_id, withdrawn=lost.peg.withdrawn,
    )  # fmt: skip


def _tell_raised(tx: Tx, task: Task, because: Told[Any] | None) -> None:
    after = {"kind": task.kind, "qty": task.qty, "state": "open"}
    tx.record("task", task.id, "raised", None, after, reason=task.reason, because=because)
    tx.announce(_told(facts.TaskRaised, task, version=1), because)


def _told(kind: type[facts.TaskSnapshot], task: Task, version: int) -> facts.TaskSnapshot:
    return kind(
        task_id=task.id, version=version, kind=facts.TaskKind(task.kind), buyer=task.buyer, warehouse=task.warehouse,
        po_id=task.po_id, po_number=task.po_number, po_line_no=task.po_line_no, order_id=task.order_id,
        order_number=task.order_number, line_id=task.line_id, line_no=task.line_no, component=task.component,
        sku=task.sku, qty=task.qty, reason=task.reason, message=task.message, created_at=task.created_at,
    )  # fmt: skip


def _turn(task: Task) -> tuple[UUID, Any]:
    return task.tie_id, task.tie_closed
