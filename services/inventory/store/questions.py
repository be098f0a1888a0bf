"""The questions that would take allotted units back, and their answers (design, section 1)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from services.inventory.domain.claim import Allotment
from services.inventory.store.columns import FLAG, ID, QTY, TEXT, columns, statement
from shared.decimals import ZERO

_ASK = statement(
    """
    WITH asked AS (
        INSERT INTO questions (id, order_id, adjustment_id, reason, asked_at)
        SELECT id, order_id, adjustment_id, reason, :at
        FROM unnest(:question_ids, :order_ids, :adjustment_ids, :reasons) AS q(id, order_id, adjustment_id, reason)
    ), wish AS (
        SELECT * FROM unnest(:ask_question_ids, :ask_allotment_ids, :ask_wanted, :ask_units)
            AS wish(question_id, allotment_id, wanted, units)
    ), named AS (
        INSERT INTO asks (question_id, allotment_id, wanted, units, unlocks)
        SELECT wish.question_id, wish.allotment_id, wish.wanted, wish.units, a.unlocks
        FROM wish JOIN allotments a ON a.id = wish.allotment_id
    )
    UPDATE allotments a SET asked = greatest(a.asked, now_is.wanted - a.withdrawn)
    FROM (SELECT allotment_id AS id, max(wanted) AS wanted FROM wish GROUP BY allotment_id) now_is
    WHERE a.id = now_is.id
    """,
    question_ids=ID,
    order_ids=ID,
    adjustment_ids=ID,
    reasons=TEXT,
    ask_question_ids=ID,
    ask_allotment_ids=ID,
    ask_wanted=QTY,
    ask_units=QTY,
)
_OPEN = statement(
    """
    SELECT k.question_id, k.allotment_id, k.wanted, k.units, k.got, k.unlocks, q.reason, q.order_id, o.number,
        q.adjustment_id
    FROM asks k JOIN questions q ON q.id = k.question_id LEFT JOIN orders_heard o ON o.order_id = q.order_id
    WHERE k.allotment_id = ANY(:ids) AND k.given IS NULL
    ORDER BY k.allotment_id, k.wanted, k.question_id
    """,
    ids=ID,
)
_ANSWER = statement(
    """
    WITH answered AS (
        UPDATE questions SET answered_at = :at WHERE id = ANY(:question_ids) AND answered_at IS NULL
    ), given AS (
        UPDATE asks SET given = answer.given
        FROM unnest(:question_ids, :allotment_ids, :given) AS answer(question_id, allotment_id, given)
        WHERE asks.question_id = answer.question_id AND asks.allotment_id = answer.allotment_id AND asks.given IS NULL
    )
    SELECT 1
    """,
    question_ids=ID,
    allotment_ids=ID,
    given=QTY,
)
_GOT = statement(
    """
    UPDATE asks SET got = now_is.got
    FROM unnest(:question_ids, :allotment_ids, :got) AS now_is(question_id, allotment_id, got)
    WHERE asks.question_id = now_is.question_id AND asks.allotment_id = now_is.allotment_id
    """,
    question_ids=ID,
    allotment_ids=ID,
    got=QTY,
)
_WITHDRAW = statement(
    """
    UPDATE allotments a SET withdrawn = now_is.withdrawn, locked = now_is.locked, asked = greatest(0, coalesce((
            SELECT max(asks.wanted) FROM asks WHERE asks.allotment_id = a.id AND asks.given IS NULL
        ), 0) - now_is.withdrawn)
    FROM unnest(:id, :withdrawn, :locked) AS now_is(id, withdrawn, locked) WHERE a.id = now_is.id
    """,
    id=ID,
    withdrawn=QTY,
    locked=FLAG,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """So many further units of an allotment; `wanted` is the `withdrawn` figure that it should have then."""

    allotment: Allotment
    units: Decimal
    wanted: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """One question: of an order that gives its own up, for an order that others give to, or for a loss."""

    id: UUID
    reason: str
    asks: Sequence[Ask]
    order_id: UUID | None = None
    adjustment_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class OpenAsk:
    """What one question wants of an allotment: the `units` below its `wanted` figure, of which it `got` some already.

    An answer is an absolute figure, so one to a later question may bring an earlier one its units.
    """

    question_id: UUID
    allotment_id: UUID
    wanted: Decimal
    units: Decimal
    got: Decimal
    unlocks: int
    reason: str
    order_id: UUID | None
    order_number: str | None
    adjustment_id: UUID | None

    @property
    def key(self) -> tuple[UUID, UUID]:
        """The question and the allotment."""
        return self.question_id, self.allotment_id

    def share(self, before: Decimal, after: Decimal) -> Decimal:
        """Its part of what is given when the allotment's `withdrawn` figure grows from one to the other."""
        own = min(after, self.wanted) - max(before, self.wanted - self.units)
        return min(max(ZERO, own), self.units - self.got)


async def ask(db: AsyncConnection, questions: Sequence[Question], at: datetime) -> None:
    """Keep the questions and mark the units that they are about."""
    heads = [(q.id, q.order_id, q.adjustment_id, q.reason) for q in questions]
    rows = [(q.id, ask.allotment.id, ask.wanted, ask.units) for q in questions for ask in q.asks]
    await db.execute(
        _ASK,
        {
            **columns(heads, "question_ids", "order_ids", "adjustment_ids", "reasons"),
            **columns(rows, "ask_question_ids", "ask_allotment_ids", "ask_wanted", "ask_units"),
            "at": at,
        },
    )


async def open_asks(db: AsyncConnection, allotment_ids: Iterable[UUID]) -> list[OpenAsk]:
    """What is asked of these allotments and not answered yet, in the order in which units go to it."""
    return [OpenAsk(*row) for row in await db.execute(_OPEN, {"ids": list(allotment_ids)})]


async def answer(
    db: AsyncConnection,
    answers: Iterable[tuple[UUID, UUID, Decimal]],
    got: Mapping[tuple[UUID, UUID], Decimal],
    at: datetime,
) -> None:
    """Close questions: (question, allotment, `withdrawn` figure that was given); and write what each ask has `got`."""
    await db.execute(_ANSWER, {**columns(answers, "question_ids", "allotment_ids", "given"), "at": at})
    if rows := [(*key, units) for key, units in sorted(got.items())]:
        await db.execute(_GOT, columns(rows, "question_ids", "allotment_ids", "got"))


async def withdraw(db: AsyncConnection, withdrawn: Mapping[UUID, tuple[Decimal, bool]]) -> None:
    """Write (withdrawn, locked) of allotments; what remains asked is what open questions want beyond that."""
    rows = [(id_, *figures) for id_, figures in sorted(withdrawn.items())]
    await db.execute(_WITHDRAW, columns(rows, "id", "withdrawn", "locked"))
