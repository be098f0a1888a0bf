"""Many rows in one statement: the rows travel as one JSON parameter, PostgreSQL types them by the table."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Table, Text, TextClause, bindparam, text

from shared.decimals import plain


def upsert(
    table: Table, *, key: Sequence[str], columns: Sequence[str], update: str | None = None, tail: str = ""
) -> TextClause:
    """INSERT … SELECT of the bound `rows`, in key order; conflicts on the key are updated by `update`, else ignored.

    The rows are inserted in key order, so that two transactions with the same keys wait for each other instead of
    deadlocking. `tail` may add WHERE and RETURNING.
    """
    source = f"json_populate_recordset(NULL::{table.name}, CAST(:rows AS json))"
    statement = upsert_of(table, source=source, key=key, columns=columns, update=update, tail=tail)
    return text(statement).bindparams(bindparam("rows", type_=Text))


def upsert_of(
    table: Table,
    *,
    source: str,
    key: Sequence[str],
    columns: Sequence[str],
    update: str | None = None,
    tail: str = "",
) -> str:
    """The same with rows of any source, as part of a larger statement."""
    names, keys = ", ".join(columns), ", ".join(key)
    conflict = f"DO UPDATE SET {update}" if update else "DO NOTHING"
    return (
        f"INSERT INTO {table.name} ({names}) SELECT {names} "  # noqa: S608  # names of our own tables and columns
        f"FROM {source} ORDER BY {keys} ON CONFLICT ({keys}) {conflict} {tail}"
    )


def replacing(columns: Iterable[str]) -> str:
    """The update clause that takes the new values."""
    return ", ".join(f"{column} = excluded.{column}" for column in columns)


def packed(rows: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Rows as the statement's parameter; decimals are written exactly."""
    return {"rows": orjson.dumps(list(rows), default=_written).decode()}


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, UUID):  # the driver's own subclass, which orjson does not take
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a row")
