"""Notices with whom they concern, and the order in which they become visible."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    Row,
    Text,
    Uuid,
    bindparam,
    column,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from services.notifications.domain.inspection import Finding
from services.notifications.domain.notice import Concern, Key, Kind, Notice, State
from services.notifications.tables import findings, notice_concerns, notices
from shared.auth import Scope

from .sets import arrays, given

_STREAM_LOCK = 8005

_FIXED = ("id", "number", "kind", "subject", "raised_at")
_MOVING = (
    *("state", "version", "news", "source_version", "warehouse", "title", "sku", "description", "unit"),
    *("qty", "passed", "failed", "vendor", "po_id", "po_number", "receipt_id", "receipt_number"),
    *("receipt_line_id", "shipment_id", "shipment_number", "reason", "message", "closed_at"),
)
_LIFE = ("state", "version", "news", "source_version", "closed_at")
_CONCERN = ("notice_id", "key", "order_id", "order_number", "line_id", "line_no", "component", "qty", "sku")
_FINDING = ("inspection_id", "version", "passed", "failed", "closed")


_ids = bindparam("ids", type_=ARRAY(Uuid))
_LOCK_STREAM = text(f"SELECT pg_advisory_xact_lock({_STREAM_LOCK})")
_READ = tuple(
    "id" if one.name == "notice_id" else one.name for one in fields(Notice) if one.name != "concerns"
)
"""The columns of a notice, in the order of its fields; those of a concern have its fields' order."""
_WIDTH, _KIND, _STATE = len(_READ), _READ.index("kind"), _READ.index("state")
_WHOLE = select(
    *(notices.c[name] for name in _READ), *(notice_concerns.c[name] for name in _CONCERN[1:])
).outerjoin_from(notices, notice_concerns, notice_concerns.c.notice_id == notices.c.id)
_NOTICES = _WHOLE.where(
    notices.c.kind == bindparam("kinds", type_=ARRAY(Text)).any_(), notices.c.subject == _ids.any_()
)
_wanted = (
    func.unnest(
        bindparam("kinds", type_=ARRAY(Text)),
        bindparam("subjects", type_=ARRAY(Uuid)),
        bindparam("wished", type_=ARRAY(Boolean)),
    )
    .table_valued(column("kind", Text), column("subject", Uuid), column("is_wished", Boolean), name="wanted")
    .render_derived()
)
_TO_BRING = _WHOLE.join(
    _wanted, (_wanted.c.kind == notices.c.kind) & (_wanted.c.subject == notices.c.subject)
).where(or_(_wanted.c.is_wished, notices.c.state == literal_column("'open'")))
_ABOUT_ORDERS = _WHOLE.where(
    notices.c.kind == bindparam("kinds", type_=ARRAY(Text)).any_(),
    notices.c.state == literal_column("'open'"),
    notices.c.id.in_(
        select(notice_concerns.c.notice_id).where(
            notice_concerns.c.order_id == bindparam("order_ids", type_=ARRAY(Uuid)).any_()
        )
    ),
)
_INSERT = text(
    f"""
    WITH new AS (
        INSERT INTO notices ({", ".join(_FIXED + _MOVING)}, position)
        SELECT {", ".join(_FIXED + _MOVING)}, nextval('notice_positions') FROM {given(_FIXED + _MOVING)}
    )
    INSERT INTO notice_concerns ({", ".join(_CONCERN)})
    SELECT * FROM unnest({", ".join(f":concern_{name}" for name in _CONCERN)})
    """  # noqa: S608  # constants of this module
).bindparams(
    *arrays(notices, _FIXED + _MOVING),
    *(bindparam(f"concern_{name}", type_=ARRAY(notice_concerns.c[name].type)) for name in _CONCERN),
)
"""New notices with whom they concern, in one statement."""
_UPDATE = text(
    f"""
    UPDATE notices SET {", ".join(f"{name} = given.{name}" for name in _MOVING)}, position = nextval('notice_positions')
    FROM {given(("id", *_MOVING))} WHERE notices.id = given.id
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(notices, ("id", *_MOVING)))
_UPDATE_LIFE = text(
    f"""
    UPDATE notices SET {", ".join(f"{name} = given.{name}" for name in _LIFE)}, position = nextval('notice_positions')
    FROM {given(("id", *_LIFE))} WHERE notices.id = given.id
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(notices, ("id", *_LIFE)))
"""Most changes open or close a notice and leave what it says."""
_PUT_CONCERNS = text(
    f"""
    INSERT INTO notice_concerns ({", ".join(_CONCERN)}) SELECT * FROM {given(_CONCERN)}
    ON CONFLICT (notice_id, key) DO UPDATE SET qty = excluded.qty
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(notice_concerns, _CONCERN))
_DROP_CONCERNS = text(
    """
    DELETE FROM notice_concerns USING unnest(:notice_id, :key) AS given(notice_id, key)
    WHERE notice_concerns.notice_id = given.notice_id AND notice_concerns.key = given.key
    """
).bindparams(*arrays(notice_concerns, _CONCERN[:2]))
_PUT_FINDINGS = text(
    f"""
    INSERT INTO findings ({", ".join(_FINDING)}) SELECT * FROM {given(_FINDING)}
    ON CONFLICT (inspection_id) DO UPDATE SET version = greatest(findings.version, excluded.version),
        {
        ", ".join(
            f"{name} = CASE WHEN findings.version < excluded.version THEN excluded.{name} ELSE findings.{name} END"
            for name in _FINDING[2:]
        )
    }
    RETURNING {", ".join(_FINDING)}
    """  # noqa: S608  # constants of this module
).bindparams(*arrays(findings, _FINDING))
_FINDINGS = select(findings).where(findings.c.inspection_id == _ids.any_())


async def lock_stream(db: AsyncConnection) -> None:
    """From here to the commit no other transaction changes notices.

    So the stream's positions are taken in the order in which they become visible: whoever has read position n has
    missed nothing before it. A sequence alone would not do: 7 may commit before 6, and a reader at 7 never sees 6.
    Taken before anything else is locked, so it cannot deadlock. Notices come in batches; one writer is enough.
    """
    await db.execute(_LOCK_STREAM)


async def load_notices(
    db: AsyncConnection, kinds: Collection[Kind], subjects: Iterable[UUID]
) -> dict[Key, Notice]:
    """The notices of these kinds about these subjects."""
    wanted = {"kinds": [kind.value for kind in kinds], "ids": sorted(set(subjects))}
    return _whole((await db.execute(_NOTICES, wanted)).all())


async def load_notices_to_bring(
    db: AsyncConnection, wishes: Mapping[Key, object | None]
) -> dict[Key, Notice]:
    """The notices with these keys, but for closed ones whose wish is None: those stay as they are."""
    wanted = {
        "kinds": [kind.value for kind, _ in wishes],
        "subjects": [subject for _, subject in wishes],
        "wished": [wish is not None for wish in wishes.values()],
    }
    return _whole((await db.execute(_TO_BRING, wanted)).all()) if wishes else {}


async def open_notices_about_orders(
    db: AsyncConnection, kinds: Collection[Kind], order_ids: Iterable[UUID]
) -> dict[Key, Notice]:
    """The open notices of these kinds that concern these orders."""
    wanted = {"kinds": [kind.value for kind in kinds], "order_ids": sorted(set(order_ids))}
    return _whole((await db.execute(_ABOUT_ORDERS, wanted)).all())


async def load_notice(db: AsyncConnection, notice_id: UUID, scope: Scope) -> Notice | None:
    """One notice; None when it is not there or not in the scope."""
    found = await db.execute(_WHOLE.where(notices.c.id == notice_id, scope.where(notices.c.warehouse)))
    return next(iter(_whole(found.all()).values()), None)


def _whole(rows: Iterable[Row[Any]]) -> dict[Key, Notice]:
    """Notices from rows that have one concern each."""
    groups: dict[UUID, list[Row[Any]]] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    loaded = (_notice(group) for group in groups.values())
    return {(notice.kind, notice.subject): notice for notice in loaded}


async def save_notices(db: AsyncConnection, changed: Sequence[tuple[Notice | None, Notice]]) -> None:
    """Write notices that are new or differ; each moves to the end of the stream."""
    new = [after for before, after in changed if before is None]
    moved = [(before, after) for before, after in changed if before is not None]
    if new:
        concerns = [(one.notice_id, *_concern_values(concern)) for one in new for concern in one.concerns]
        of_concerns = _columns([f"concern_{name}" for name in _CONCERN], concerns)
        await db.execute(_INSERT, {**_columns(_FIXED + _MOVING, map(_values, new)), **of_concerns})
    if moved:
        await _save_moved(db, moved)


async def _save_moved(db: AsyncConnection, moved: Sequence[tuple[Notice, Notice]]) -> None:
    reworded = [after for before, after in moved if _words(before) != _words(after)]
    lived = [after for before, after in moved if _words(before) == _words(after)]
    regrouped = [(before, after) for before, after in moved if before.concerns != after.concerns]
    put = [
        (after.notice_id, *_concern_values(concern))
        for before, after in regrouped
        for concern in set(after.concerns).difference(before.concerns)
    ]
    gone = [
        (after.notice_id, key)
        for before, after in regrouped
        for key in {one.key for one in before.concerns}.difference(one.key for one in after.concerns)
    ]
    for statement, names, rows in (
        (_UPDATE, ("id", *_MOVING), [_moving_values(one) for one in reworded]),
        (_UPDATE_LIFE, ("id", *_LIFE), [_life_values(one) for one in lived]),
        (_PUT_CONCERNS, _CONCERN, sorted(put)),
        (_DROP_CONCERNS, _CONCERN[:2], sorted(gone)),
    ):
        if rows:
            await db.execute(statement, _columns(names, rows))


async def load_findings(db: AsyncConnection, inspection_ids: Iterable[UUID]) -> dict[UUID, Finding]:
    """Where these inspections stand, as far as anything has been heard of them."""
    rows = await db.execute(_FINDINGS, {"ids": sorted(set(inspection_ids))})
    return {row.inspection_id: Finding(*(getattr(row, name) for name in _FINDING)) for row in rows}


async def save_findings(db: AsyncConnection, told: Collection[Finding]) -> dict[UUID, Finding]:
    """Keep the newest word about each inspection; what it is by now."""
    if not told:
        return {}
    rows = await db.execute(_PUT_FINDINGS, {name: [getattr(one, name) for one in told] for name in _FINDING})
    return {row.inspection_id: Finding(*(getattr(row, name) for name in _FINDING)) for row in rows}


def _notice(rows: Sequence[Row[Any]]) -> Notice:
    said = list(rows[0][:_WIDTH])
    said[_KIND], said[_STATE] = Kind(said[_KIND]), State(said[_STATE])
    own = [Concern(*row[_WIDTH:]) for row in rows if row[_WIDTH] is not None]
    return Notice(*(*said, tuple(sorted(own, key=_turn))))


def _turn(concern: Concern) -> tuple[str, int, int, UUID]:
    return concern.order_number, concern.line_no, concern.component, concern.key


def _getter(names: Iterable[str]) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*("notice_id" if name == "id" else name for name in names))


_values = _getter(_FIXED + _MOVING)
_moving_values = _getter(("id", *_MOVING))
_life_values = _getter(("id", *_LIFE))
_words = _getter(name for name in _MOVING if name not in _LIFE)
_concern_values = _getter(_CONCERN[1:])


def _columns(names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> dict[str, list[Any]]:
    columns = [list(values) for values in zip(*rows, strict=True)]
    return dict(zip(names, columns or [[] for _ in names], strict=True))
