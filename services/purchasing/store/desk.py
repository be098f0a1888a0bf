"""The exception desk, the buyers' tasks, and the questions to inventory about sent purchase orders."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, TextClause, Uuid, any_, bindparam, select, text, update

from services.purchasing.domain.demand import DemandKey
from services.purchasing.domain.obstacles import ExceptionKind
from services.purchasing.domain.reduction import Reduction, ReductionKind
from services.purchasing.store.rows import packed, replacing, upsert
from services.purchasing.tables import (
    exceptions,
    supply_reduction_lines,
    supply_reductions,
    tasks,
    ties,
)
from shared.unit_of_work import Tx

# --- exceptions ---


@dataclass(frozen=True)
class ExceptionEntry:
    """An entry of the exception desk; about a demand, or about a receipt line (over-receipt)."""

    id: UUID
    kind: ExceptionKind
    warehouse: str
    sku: str
    qty: Decimal
    message: str
    first_seen_at: datetime
    version: int = 1
    line_id: UUID | None = None
    component: int | None = None
    order_id: UUID | None = None
    order_number: str | None = None
    line_no: int | None = None
    po_id: UUID | None = None
    po_number: str | None = None
    receipt_line_id: UUID | None = None
    cleared_at: datetime | None = None
    cleared_by: str | None = None
    clear_reason: str | None = None

    def cleared(self, at: datetime, by: str, reason: str) -> "ExceptionEntry":
        """The entry once what was in the way is gone."""
        return replace(self, version=self.version + 1, cleared_at=at, cleared_by=by, clear_reason=reason)


_COLUMNS = tuple(str(column.name) for column in exceptions.columns)
_SAVE = upsert(
    exceptions,
    key=("id",),
    columns=_COLUMNS,
    update=replacing(("version", "qty", "message", "cleared_at", "cleared_by", "clear_reason")),
)
_OPEN = text(
    """
    SELECT exceptions.* FROM unnest(:lines, :components) AS wanted(line_id, component)
    JOIN exceptions USING (line_id, component) WHERE cleared_at IS NULL
    """
).bindparams(bindparam("lines", type_=ARRAY(Uuid)), bindparam("components", type_=ARRAY(Integer)))


async def open_exceptions(tx: Tx, keys: Collection[DemandKey]) -> dict[DemandKey, list[ExceptionEntry]]:
    """The open exceptions of these demands, which are locked."""
    found: dict[DemandKey, list[ExceptionEntry]] = defaultdict(list)
    if keys:
        wanted = sorted(keys)
        arrays = {"lines": [line for line, _ in wanted], "components": [component for _, component in wanted]}
        for row in await tx.db.execute(_OPEN, arrays):
            found[row.line_id, row.component].append(_entry(row))
    return found


async def lock_exception(tx: Tx, exception_id: UUID) -> ExceptionEntry | None:
    """One entry within the caller's warehouses, locked."""
    statement = (
        select(exceptions)
        .where(exceptions.c.id == exception_id, tx.scope.where(exceptions.c.warehouse))
        .with_for_update(key_share=True)
    )
    row = (await tx.db.execute(statement)).first()
    return _entry(row) if row else None


def _entry(row: Any) -> ExceptionEntry:
    values = dict(row._mapping)
    return ExceptionEntry(**(values | {"kind": ExceptionKind(values["kind"])}))


async def save_exceptions(tx: Tx, entries: Collection[ExceptionEntry]) -> None:
    """Write new and changed entries."""
    if entries:
        await tx.db.execute(
            _SAVE, packed({name: getattr(entry, name) for name in _COLUMNS} for entry in entries)
        )


# --- tasks ---


@dataclass(frozen=True)
class Task:
    """Something a buyer should look at: what happened to which tie, and why."""

    id: UUID
    kind: str
    buyer: str
    warehouse: str
    po_id: UUID
    po_number: str
    po_line_no: int
    tie_id: UUID
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    sku: str
    qty: Decimal
    reason: str
    message: str
    created_at: datetime
    tie_closed: Decimal | None = None
    """tie_broken: the tie's figure after the break."""
    question_id: UUID | None = None
    """peg_lost: the question that took the units, the peg, and its figure after that."""
    allotment_id: UUID | None = None
    withdrawn: Decimal | None = None


_TASK_COLUMNS = tuple(str(column.name) for column in tasks.columns if not column.name.startswith("done_"))
_BREAKS = upsert(tasks, key=("tie_id", "tie_closed"), columns=_TASK_COLUMNS, tail="RETURNING id")
_LOSSES = upsert(
    tasks, key=("question_id", "allotment_id", "withdrawn"), columns=_TASK_COLUMNS, tail="RETURNING id"
)


async def add_breaks(tx: Tx, made: Collection[Task]) -> set[UUID]:
    """Put tasks about broken ties on the buyers' lists, each break once; those that are new come back."""
    return await _add_tasks(tx, _BREAKS, made)


async def add_losses(tx: Tx, made: Collection[Task]) -> set[UUID]:
    """Put tasks about lost pegs on the buyers' lists, each loss once; those that are new come back."""
    return await _add_tasks(tx, _LOSSES, made)


async def _add_tasks(tx: Tx, statement: TextClause, made: Collection[Task]) -> set[UUID]:
    if not made:
        return set()
    rows = packed({name: getattr(task, name) for name in _TASK_COLUMNS} for task in made)
    return set((await tx.db.execute(statement, rows)).scalars())


@dataclass(frozen=True)
class TiedLine:
    """What a task about a tie says of it: the purchase order's line, its buyer, and the order line."""

    tie_id: UUID
    po_id: UUID
    po_number: str
    po_line_no: int
    buyer: str
    warehouse: str
    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    sku: str
    unit: str


_TIED_LINES = text(
    """
    SELECT ties.id AS tie_id, ties.po_id, purchase_orders.number AS po_number, lines.line_no AS po_line_no,
           purchase_orders.buyer, purchase_orders.warehouse, ties.order_id, ties.order_number, ties.line_id,
           ties.line_no, ties.component, ties.sku, ties.unit
    FROM ties
    JOIN purchase_orders ON purchase_orders.id = ties.po_id
    JOIN purchase_order_lines lines ON lines.id = ties.po_line_id
    WHERE ties.id = ANY(:ids)
    """
).bindparams(bindparam("ids", type_=ARRAY(Uuid)))


async def tied_lines(tx: Tx, tie_ids: Collection[UUID]) -> dict[UUID, TiedLine]:
    """What these ties tie together; what names it never changes, so it is read without a lock."""
    rows = await tx.db.execute(_TIED_LINES, {"ids": sorted(tie_ids)})
    return {row.tie_id: TiedLine(*row) for row in rows}


async def finish_task(tx: Tx, task_id: UUID) -> Task | None:
    """Mark a task of the caller's warehouses done, if it is there and not done yet."""
    done = (
        update(tasks)
        .where(
            tasks.c.id == task_id,
            tx.scope.where(tasks.c.warehouse),
            tasks.c.done_at.is_(None),
            ties.c.id == tasks.c.tie_id,
        )
        .values(done_at=tx.now, done_by=tx.actor)
        .returning(*(tasks.c[name] for name in _TASK_COLUMNS), ties.c.line_id, ties.c.component)
    )
    row = (await tx.db.execute(done)).first()
    return Task(**row._mapping) if row else None


# --- questions to inventory ---


async def ask_reduction(tx: Tx, reduction: Reduction) -> None:
    """Remember the question until inventory answers it."""
    await tx.db.execute(
        supply_reductions.insert(),
        {
            "question_id": reduction.question_id, "po_id": reduction.po_id, "kind": reduction.kind,
            "reason": reduction.reason, "asked_by": reduction.asked_by, "asked_at": tx.now,
        },
    )  # fmt: skip
    await tx.db.execute(
        supply_reduction_lines.insert(),
        [
            {"question_id": reduction.question_id, "po_line_id": po_line_id, "supply": supply}
            for po_line_id, supply in reduction.supplies.items()
        ],
    )


async def reduction_under_way(tx: Tx, po_id: UUID) -> bool:
    """Whether inventory still owes an answer about this purchase order, which is locked."""
    statement = select(supply_reductions.c.question_id).where(
        supply_reductions.c.po_id == po_id, supply_reductions.c.answered_at.is_(None)
    )
    return (await tx.db.execute(statement)).first() is not None


async def unanswered(tx: Tx, question_ids: Collection[UUID]) -> list[Reduction]:
    """The questions of these ids that have no answer yet; their purchase orders are locked or about to be."""
    statement = select(supply_reductions).where(
        supply_reductions.c.question_id.in_(sorted(question_ids)), supply_reductions.c.answered_at.is_(None)
    )
    return [
        Reduction(row.question_id, row.po_id, ReductionKind(row.kind), row.reason, row.asked_by, {})
        for row in await tx.db.execute(statement)
    ]


_ANSWER_LINES = text(
    """
    UPDATE supply_reduction_lines lines SET answered = told.supply
    FROM json_populate_recordset(NULL::supply_reduction_lines, CAST(:rows AS json)) AS told
    WHERE (lines.question_id, lines.po_line_id) = (told.question_id, told.po_line_id)
    """
)


async def answer_reductions(tx: Tx, answers: Mapping[UUID, Mapping[UUID, Decimal]]) -> None:
    """Keep inventory's answers: how much supply each line has left."""
    if not answers:
        return
    await tx.db.execute(
        update(supply_reductions)
        .where(supply_reductions.c.question_id == any_(bindparam("ids", type_=ARRAY(Uuid))))
        .values(answered_at=tx.now),
        {"ids": sorted(answers)},
    )
    rows = (
        {"question_id": question_id, "po_line_id": po_line_id, "supply": supply}
        for question_id, supplies in answers.items()
        for po_line_id, supply in supplies.items()
    )
    await tx.db.execute(_ANSWER_LINES, packed(rows))
