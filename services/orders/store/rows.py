"""Many rows in one statement: arrays in, `unnest` inside, so that a batch costs what a single row does.

Ids, numbers and flags go as one text an array, for PostgreSQL to take apart: the driver asks every element whether it is an
array itself, and writes numbers digit by digit. An order and its line have sixty of them: two thirds of the CPU of writing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Executable,
    Integer,
    Numeric,
    Select,
    Table,
    TableValuedAlias,
    Text,
    Update,
    Uuid,
    bindparam,
    cast,
    column,
    func,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.ext.asyncio import AsyncConnection

Row = Mapping[str, Any]


def row_of(part: Any) -> dict[str, Any]:
    """A dataclass as a row; its fields are named like the columns."""
    kind = type(part)
    if kind not in _READERS:
        _READERS[kind] = attrgetter(*names_of(kind))
    return dict(zip(names_of(kind), _READERS[kind](part), strict=True))


def names_of(kind: type[Any]) -> tuple[str, ...]:
    """The fields of a dataclass, in order; looked up once, for rows come by the thousand."""
    if kind not in _NAMES:
        _NAMES[kind] = tuple(field.name for field in fields(kind))
    return _NAMES[kind]


_NAMES: dict[type[Any], tuple[str, ...]] = {}
_READERS: dict[type[Any], Callable[[Any], tuple[Any, ...]]] = {}


async def insert_rows(db: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows that all have the same fields."""
    if rows:
        await db.execute(_insert(table, tuple(rows[0])), _arrays(table, rows))


async def insert_new(db: AsyncConnection, table: Table, rows: Sequence[Row]) -> list[Any]:
    """Insert the rows whose key is not there yet; those come back, by their primary keys."""
    if not rows:
        return []
    statement = _insert(table, tuple(rows[0])).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return list((await db.execute(statement, _arrays(table, rows))).all())


@dataclass(frozen=True)
class Kept:
    """How something heard is kept: a statement on one table, and its arrays."""

    statement: Any
    values: dict[str, Any]
    returns: bool = False


async def keep(db: AsyncConnection, *kept: Kept | None) -> list[Any]:
    """What was heard, each kind to a table of its own, in one statement; what the last one returns comes back."""
    due = [one for one in kept if one is not None]
    if not due:
        return []
    values = {name: found for one in due for name, found in one.values.items()}
    result = await db.execute(_joined(*(one.statement for one in due)), values)
    return list(result.scalars()) if kept[-1] is not None and kept[-1].returns else []


@cache
def _joined(*statements: Any) -> Executable:
    *first, last = statements
    joined: Executable = (
        last.add_cte(*(part.cte(f"k{number}") for number, part in enumerate(first))) if first else last
    )
    return joined


async def replace_older(db: AsyncConnection, table: Table, rows: Iterable[Row]) -> set[Any]:
    """Keep snapshots by version: the newest of the rows replaces an older row; the keys that were stored come back."""
    return set(await keep(db, newest(table, rows)))


def newest(table: Table, rows: Iterable[Row]) -> Kept | None:
    """Snapshots by version: the newest of the rows replaces an older row, and its key comes back."""
    key = next(iter(table.primary_key.columns)).name
    known: dict[Any, Row] = {}
    for row in rows:
        if row[key] not in known or known[row[key]]["version"] < row["version"]:
            known[row[key]] = row
    if not known:
        return None
    ordered = [known[found] for found in sorted(known)]
    return Kept(_replace_older(table, tuple(ordered[0])), _arrays(table, ordered, table.name), returns=True)


async def overwrite_rows(db: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows, or put them in place of what was there."""
    await keep(db, overwritten(table, rows))


def overwritten(table: Table, rows: Sequence[Row]) -> Kept | None:
    """Rows as they are, whatever was there."""
    return Kept(_overwrite(table, tuple(rows[0])), _arrays(table, rows, table.name)) if rows else None


def completed(table: Table, rows: Iterable[Row], late: Sequence[str]) -> Kept | None:
    """New rows; of known ones the `late` fields that this fact knows and an earlier one did not."""
    folded: dict[Any, dict[str, Any]] = {}
    for row in rows:
        known = folded.setdefault(row["id"], dict(row))
        known.update({name: row[name] for name in late if row[name] is not None})
    if not folded:
        return None
    ordered = [folded[found] for found in sorted(folded)]
    return Kept(_complete(table, tuple(ordered[0]), tuple(late)), _arrays(table, ordered, table.name))


async def update_rows(db: AsyncConnection, table: Table, rows: Sequence[Row]) -> None:
    """Update rows by primary key; every row names the same fields, the key among them."""
    if rows:
        await db.execute(_update(table, tuple(rows[0])), _arrays(table, rows))


async def write_together(
    db: AsyncConnection, new: Mapping[Table, Sequence[Row]], changed: Mapping[Table, Sequence[Row]]
) -> None:
    """Insert and update rows of several tables in one statement: a round trip costs more than what it carries.

    Foreign keys are checked when the statement ends, so rows that refer to each other may be new together; no row may
    be touched twice.
    """
    inserted = {table: rows for table, rows in new.items() if rows}
    updated = {table: rows for table, rows in changed.items() if rows}
    if inserted or updated:
        shape = (_shape(inserted), _shape(updated))
        values = {**_values("n", inserted), **_values("c", updated)}
        await db.execute(_together(*shape), values)


Shape = tuple[tuple[Table, tuple[str, ...]], ...]


def _shape(rows: Mapping[Table, Sequence[Row]]) -> Shape:
    return tuple((table, tuple(own[0])) for table, own in rows.items())


def _values(prefix: str, rows: Mapping[Table, Sequence[Row]]) -> dict[str, Any]:
    return {
        name: values
        for table, own in rows.items()
        for name, values in _arrays(table, own, f"{prefix}_{table.name}").items()
    }


@cache
def _together(new: Shape, changed: Shape) -> Executable:
    parts: list[Insert | Update] = [
        *(_insert(table, names, f"n_{table.name}") for table, names in new),
        *(_update(table, names, f"c_{table.name}") for table, names in changed),
    ]
    last = parts.pop()
    return last.add_cte(*(part.cte(f"w{number}") for number, part in enumerate(parts)))


Values = Mapping[str, ColumnElement[Any]]
Bounds = Callable[[Values], Values]
"""From what figures would become to what they may become, in the same statement."""


def _unbounded(raised: Values) -> Values:
    return raised


def raised(
    table: Table,
    rows: Iterable[Row],
    figures: Sequence[str],
    *,
    may_insert: bool,
    bounds: Bounds = _unbounded,
) -> Kept | None:
    """Figures only grow: each becomes the greatest of what is stored and what was heard, within its bounds."""
    folded: dict[Any, dict[str, Any]] = {}
    for row in rows:
        known = folded.setdefault(row["id"], dict(row))
        for name in figures:
            known[name] = max(known[name], row[name])
    if not folded:
        return None
    ordered = [folded[found] for found in sorted(folded)]
    build = _insert_or_raise if may_insert else _raise
    return Kept(build(table, tuple(ordered[0]), tuple(figures), bounds), _arrays(table, ordered, table.name))


def _arrays(table: Table, rows: Sequence[Row], prefix: str = "p") -> dict[str, Any]:
    return {f"{prefix}_{name}": _array(table.c[name].type, [row[name] for row in rows]) for name in rows[0]}


def _array(kind: Any, values: list[Any]) -> Any:
    if isinstance(kind, _SPELT):
        # nothing of these needs quotes inside the braces
        return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"
    return [orjson.dumps(value).decode() for value in values] if isinstance(kind, JSONB) else values


_SPELT = (Uuid, Numeric, Integer, Boolean)
"""Instants are not: PostgreSQL reads one ten times as slowly as a number."""


def _given(table: Table, names: tuple[str, ...], prefix: str = "p") -> TableValuedAlias:
    types = {name: _inside(table.c[name].type) for name in names}
    arrays = [_as_array(f"{prefix}_{name}", kind) for name, kind in types.items()]
    columns = [column(name, kind) for name, kind in types.items()]
    return func.unnest(*arrays).table_valued(*columns, name="given").render_derived()


def _inside(kind: Any) -> Any:
    if isinstance(kind, JSONB):
        return Text()
    # the column itself rounds what is put into it
    return Numeric() if isinstance(kind, Numeric) else kind


def _as_array(name: str, kind: Any) -> ColumnElement[Any]:
    if isinstance(kind, _SPELT):
        return cast(bindparam(name, type_=Text), ARRAY(kind))
    return bindparam(name, type_=ARRAY(kind))


def _value(table: Table, given: TableValuedAlias, name: str) -> ColumnElement[Any]:
    found: ColumnElement[Any] = given.c[name]
    return cast(found, JSONB) if isinstance(table.c[name].type, JSONB) else found


def _rows(table: Table, names: tuple[str, ...], prefix: str = "p") -> Select[Any]:
    given = _given(table, names, prefix)
    return select(*(_value(table, given, name) for name in names))


@cache
def _insert(table: Table, names: tuple[str, ...], prefix: str = "p") -> Insert:
    return insert(table).from_select(list(names), _rows(table, names, prefix))


@cache
def _overwrite(table: Table, names: tuple[str, ...]) -> Insert:
    statement = insert(table).from_select(list(names), _rows(table, names, table.name))
    keys = [found.name for found in table.primary_key.columns]
    return statement.on_conflict_do_update(
        index_elements=keys, set_={name: statement.excluded[name] for name in names if name not in keys}
    )


@cache
def _complete(table: Table, names: tuple[str, ...], late: tuple[str, ...]) -> Insert:
    statement = insert(table).from_select(list(names), _rows(table, names, table.name))
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: func.coalesce(statement.excluded[name], table.c[name]) for name in late},
    )


@cache
def _replace_older(table: Table, names: tuple[str, ...]) -> Executable:
    key = next(iter(table.primary_key.columns))
    statement = insert(table).from_select(list(names), _rows(table, names, table.name))
    return statement.on_conflict_do_update(
        index_elements=[key],
        set_={name: statement.excluded[name] for name in names if name != key.name},
        where=table.c.version < statement.excluded.version,
    ).returning(key)


@cache
def _update(table: Table, names: tuple[str, ...], prefix: str = "p") -> Update:
    given = _given(table, names, prefix)
    keys = [found.name for found in table.primary_key.columns]
    values = {name: _value(table, given, name) for name in names if name not in keys}
    return update(table).values(values).where(*(table.c[key] == given.c[key] for key in keys))


@cache
def _insert_or_raise(
    table: Table, names: tuple[str, ...], figures: tuple[str, ...], bounds: Bounds
) -> Insert:
    statement = insert(table).from_select(list(names), _rows(table, names, table.name))
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_=bounds({name: func.greatest(table.c[name], statement.excluded[name]) for name in figures}),
    )


@cache
def _raise(table: Table, names: tuple[str, ...], figures: tuple[str, ...], bounds: Bounds) -> Update:
    given = _given(table, names, table.name)
    values = bounds({name: func.greatest(table.c[name], given.c[name]) for name in figures})
    return update(table).values(values).where(table.c.id == given.c.id)
