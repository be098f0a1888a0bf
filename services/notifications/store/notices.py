# ruff: noqa: S608  # every statement is put together from constants of this module
"""Notices with whom they concern, and the order in which they become visible."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    Text,
    TextClause,
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

from .heard import LEFT_SHARES, SHARES_NOW, shares_now
from .people import TOLD, TOLD_PARAMETERS, About, Addressees, addressees
from .sets import packed, rows_of

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
_READ = tuple(
    "id" if one.name == "notice_id" else one.name for one in fields(Notice) if one.name != "concerns"
)
"""The columns of a notice, in the order of its fields; those of a concern have its fields' order."""
_WIDTH, _KIND, _STATE = len(_READ), _READ.index("kind"), _READ.index("state")
_WHOLE = select(
    *(notices.c[name] for name in _READ), *(notice_concerns.c[name] for name in _CONCERN[1:])
).outerjoin_from(notices, notice_concerns, notice_concerns.c.notice_id == notices.c.id)
# By subject, and only then by kind: there are few kinds, and a plan that was made while there were few notices would go
# by the index of the kinds for good and read all of a kind for each subject. No index serves a concatenation, or
# IS NOT DISTINCT FROM.
_NOTICES = _WHOLE.where(
    notices.c.subject == _ids.any_(),
    notices.c.kind.concat("") == bindparam("kinds", type_=ARRAY(Text)).any_(),
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
    _wanted,
    (_wanted.c.subject == notices.c.subject) & _wanted.c.kind.is_not_distinct_from(notices.c.kind),
).where(or_(_wanted.c.is_wished, notices.c.state == literal_column("'open'")))
# OFFSET 0: from the shares and concerns to their notices, never from all (open) ones, of which a new house has few
_LOOK = text(
    f"""
    SELECT flags.*, told.* FROM (SELECT
        EXISTS (SELECT 1 FROM findings WHERE inspection_id = ANY(:subjects)) AS has_findings,
        EXISTS (SELECT 1 FROM shipment_shares AS s JOIN shipments AS h ON h.id = s.shipment_id
                WHERE s.allotment_id = ANY(:allotments) AND h.state = 'pending') AS has_pending,
        EXISTS (SELECT 1 FROM demands AS d WHERE d.order_id = ANY(:waiting) AND d.from_stock AND d.version > 0)
            AS has_demands,
        EXISTS (SELECT 1 FROM pick_locks AS l WHERE l.shipment_id = ANY(:shipments)) AS has_locks,
        EXISTS (SELECT 1 {LEFT_SHARES}) AS has_left_shares
    ) AS flags LEFT JOIN (
        SELECT {", ".join(f"n.{name} AS n_{name}" for name in _READ)},
            {", ".join(f"c.{name} AS c_{name}" for name in _CONCERN[1:])}
        FROM (
            SELECT n.id FROM unnest(:kinds, :subjects) AS wanted(kind, subject)
            JOIN notices AS n ON n.subject = wanted.subject AND n.kind IS NOT DISTINCT FROM wanted.kind
            UNION
            SELECT n.id FROM shipment_shares AS s JOIN shipments AS h ON h.id = s.shipment_id, LATERAL (
                SELECT id, kind FROM notices WHERE subject = s.shipment_id OFFSET 0) AS n
            WHERE s.allotment_id = ANY(:allotments) AND h.state = 'pending' AND n.kind = 'shipment_ready'
            UNION
            SELECT n.id FROM notice_concerns AS c, LATERAL (
                SELECT id, kind, state FROM notices WHERE id = c.notice_id OFFSET 0) AS n
            WHERE c.order_id = ANY(:moved) AND n.kind = ANY(:incidents) AND n.state = 'open'
        ) AS found CROSS JOIN LATERAL (SELECT * FROM notices WHERE notices.id = found.id OFFSET 0) AS n
        LEFT JOIN LATERAL (SELECT * FROM notice_concerns WHERE notice_id = n.id OFFSET 0) AS c ON true
    ) AS told ON true
    """
).bindparams(
    bindparam("kinds", type_=ARRAY(Text)),
    bindparam("incidents", type_=ARRAY(Text)),
    *(
        bindparam(name, type_=ARRAY(Uuid))
        for name in ("subjects", "allotments", "waiting", "shipments", "moved")
    ),
    *SHARES_NOW,
)
_FLAGS = 5
_NUMBER = "'NT-' || to_char(nextval('notice_numbers'), 'FM999999000000')"
_GIVEN = ", ".join(_NUMBER if name == "number" else name for name in _FIXED + _MOVING)
_PARTS = {
    "new": f"""new AS (
        INSERT INTO notices ({", ".join(_FIXED + _MOVING)}, position)
        SELECT {_GIVEN}, nextval('notice_positions') FROM {rows_of("notices", "new")} RETURNING id, number)""",
    "reworded": f"""reworded AS (
        UPDATE notices SET {", ".join(f"{name} = given.{name}" for name in _MOVING)},
            position = nextval('notice_positions')
        FROM {rows_of("notices", "reworded")} AS given WHERE notices.id = given.id)""",
    "lived": f"""lived AS (
        UPDATE notices SET {", ".join(f"{name} = given.{name}" for name in _LIFE)}, position = nextval('notice_positions')
        FROM {rows_of("notices", "lived")} AS given WHERE notices.id = given.id)""",
    "put": f"""put AS (
        INSERT INTO notice_concerns ({", ".join(_CONCERN)})
        SELECT {", ".join(_CONCERN)} FROM {rows_of("notice_concerns", "put")}
        ON CONFLICT (notice_id, key) DO UPDATE SET qty = excluded.qty)""",
    "gone": f"""gone AS (
        DELETE FROM notice_concerns USING {rows_of("notice_concerns", "gone")} AS given
        WHERE notice_concerns.notice_id = given.notice_id AND notice_concerns.key = given.key)""",
}
"""New ones with their numbers, reworded ones, those that only opened or closed (most), and whom they concern."""
_NUMBERED = """SELECT 'number' AS by, number AS team, NULL AS warehouse, NULL AS kind, id, CAST(NULL AS uuid) AS order_id
    FROM new"""
_FINDINGS = select(findings).where(findings.c.inspection_id == _ids.any_())


@dataclass(frozen=True)
class Look:
    """Notices that some facts may concern, and whether anything is there that is seldom there."""

    notices: dict[Key, Notice]
    has_findings: bool
    has_pending: bool
    has_demands: bool
    has_locks: bool
    has_left_shares: bool

    def of(self, *kinds: Kind) -> dict[Key, Notice]:
        """Those of these kinds."""
        return {key: notice for key, notice in self.notices.items() if key[0] in kinds}


async def look(
    db: AsyncConnection,
    keys: Collection[Key] = (),
    *,
    allotments: Iterable[UUID] = (),
    waiting: Iterable[UUID] = (),
    shipments: Iterable[UUID] = (),
    moved: Iterable[UUID] = (),
    incidents: Iterable[Kind] = (),
    renewed: Iterable[UUID] = (),
    shares: Collection[Mapping[str, Any]] = (),
) -> Look:
    """What must be known to decide most facts, in one statement.

    The notices with these keys, of pending shipments that hold units of the allotments that they may be picked, and open
    incidents about the orders `moved`. Whether there are findings about the subjects, pending shipments with the
    allotments, stock lines of the orders `waiting`, locks on the shipments, other shares of shipments `renewed` than these.
    """
    wanted = {
        "kinds": [kind.value for kind, _ in keys],
        "subjects": [subject for _, subject in keys],
        "allotments": list(set(allotments)),
        "waiting": list(set(waiting)),
        "shipments": list(set(shipments)),
        "moved": list(set(moved)),
        "incidents": [kind.value for kind in incidents],
        **shares_now(renewed, shares),
    }
    rows = (await db.execute(_LOOK, wanted)).all()
    return Look(_whole(row[_FLAGS:] for row in rows if row[_FLAGS] is not None), *rows[0][:_FLAGS])


async def load_notices(
    db: AsyncConnection, kinds: Collection[Kind], subjects: Iterable[UUID]
) -> dict[Key, Notice]:
    """The notices of these kinds about these subjects."""
    wanted = {"kinds": [kind.value for kind in kinds], "ids": list(set(subjects))}
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


async def load_notice(db: AsyncConnection, notice_id: UUID, scope: Scope) -> Notice | None:
    """One notice; None when it is not there or not in the scope."""
    found = await db.execute(_WHOLE.where(notices.c.id == notice_id, scope.where(notices.c.warehouse)))
    return next(iter(_whole(found.all()).values()), None)


def _whole(rows: Iterable[Sequence[Any]]) -> dict[Key, Notice]:
    """Notices from rows that have one concern each."""
    groups: dict[UUID, list[Sequence[Any]]] = {}
    for row in rows:
        groups.setdefault(row[0], []).append(row)
    loaded = (_notice(group) for group in groups.values())
    return {(notice.kind, notice.subject): notice for notice in loaded}


@dataclass(frozen=True)
class Saved:
    """The numbers of new notices, and who is to be told."""

    numbers: Mapping[UUID, str]
    addressees: Addressees


async def save_notices(
    db: AsyncConnection, changed: Sequence[tuple[Notice | None, Notice]], about: About | None = None
) -> Saved:
    """Write notices that are new or differ, each moves to the end of the stream; `about`: and see who is to be told."""
    rows = _rows(changed)
    parts = tuple(part for part in _PARTS if rows[part])
    told: dict[str, Any] = about.wanted if about else {}
    found = (
        await db.execute(_saving(parts, bool(told)), {part: packed(rows[part]) for part in parts} | told)
    ).all()
    return Saved({row.id: row.team for row in found if row.by == "number"}, addressees(found))


@cache
def _saving(parts: tuple[str, ...], tells: bool) -> TextClause:
    said = [_NUMBERED] if "new" in parts else []
    said += [TOLD] if tells else []
    answer = " UNION ALL ".join(said) or "SELECT 1 WHERE false"
    statement = text(f"WITH {', '.join(_PARTS[part] for part in parts)} {answer}")
    own = (bindparam(part, type_=Text) for part in parts)
    return statement.bindparams(*own, *(TOLD_PARAMETERS if tells else ()))


def _rows(changed: Sequence[tuple[Notice | None, Notice]]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {part: [] for part in _PARTS}
    for before, after in changed:
        known: tuple[Concern, ...] = ()
        if before is None:
            rows["new"].append(dict(zip(_FIXED + _MOVING, _values(after), strict=True)))
        elif _words(before) != _words(after):
            rows["reworded"].append(dict(zip(("id", *_MOVING), _moving_values(after), strict=True)))
        else:
            rows["lived"].append(dict(zip(("id", *_LIFE), _life_values(after), strict=True)))
        if before is not None:
            known = before.concerns
        if known != after.concerns:
            rows["put"] += [
                dict(zip(_CONCERN, (after.notice_id, *_concern_values(one)), strict=True))
                for one in after.concerns
                if one not in known
            ]
            left = {one.key for one in known}.difference(one.key for one in after.concerns)
            rows["gone"] += [{"notice_id": after.notice_id, "key": key} for key in left]
    return rows


async def load_findings(db: AsyncConnection, inspection_ids: Iterable[UUID]) -> dict[UUID, Finding]:
    """Where these inspections stand, as far as anything has been heard of them."""
    rows = await db.execute(_FINDINGS, {"ids": list(set(inspection_ids))})
    return {row.inspection_id: Finding(*(getattr(row, name) for name in _FINDING)) for row in rows}


def _notice(rows: Sequence[Sequence[Any]]) -> Notice:
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
