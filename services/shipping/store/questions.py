"""Questions that have been answered: each once."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, Text, Uuid, bindparam, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.shipping.tables import questions

_ANSWERED = select(questions.c.question_id).where(
    questions.c.question_id == bindparam("ids", type_=ARRAY(Uuid)).any_()
)
_INSERT = text(
    """
    INSERT INTO questions (question_id, reason, answers, answered_at)
    SELECT question_id, reason, CAST(answers AS jsonb), :at
    FROM unnest(:question_ids, :reasons, :answers) AS given(question_id, reason, answers)
    """
).bindparams(
    bindparam("question_ids", type_=ARRAY(Uuid)),
    bindparam("reasons", type_=ARRAY(Text)),
    bindparam("answers", type_=ARRAY(Text)),
)


async def answered(db: AsyncConnection, question_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these questions have been answered before."""
    return set((await db.execute(_ANSWERED, {"ids": list(question_ids)})).scalars())


async def save_answers(
    db: AsyncConnection,
    reasons: Mapping[UUID, str],
    answers: Mapping[UUID, list[dict[str, Any]]],
    at: datetime,
) -> None:
    """Remember what was answered, question by question."""
    await db.execute(
        _INSERT,
        {
            "question_ids": list(answers),
            "reasons": [reasons[key] for key in answers],
            "answers": [orjson.dumps(rows).decode() for rows in answers.values()],
            "at": at,
        },
    )
