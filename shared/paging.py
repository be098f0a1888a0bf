"""Keyset pagination: no offset, no count; a cursor is bound to its filter and sort."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import ColumnElement, Select, and_, false, literal, or_

from shared.errors import BadRequest, Invalid
from shared.quantity import plain

DEFAULT_LIMIT, MOST_ROWS = 50, 200


class CursorUnusable(BadRequest):
    """The cursor belongs to another list, filter or sort, or is damaged."""


class SortUnknown(Invalid):
    """The list cannot be sorted that way."""


@dataclass(frozen=True)
class Sorts:
    """The allow-listed sorts of a list: name -> column (never null), the default, and the unique tie-breaker."""

    columns: Mapping[str, ColumnElement[Any]]
    default: str
    tie: ColumnElement[Any]

    def parse(self, wanted: str | None) -> "list[Key]":
        """`-priority,created_at` -> keys with directions; the tie-breaker comes last, in the first key's direction."""
        keys = []
        for word in (wanted or self.default).split(","):
            name = word.removeprefix("-")
            if name not in self.columns:
                raise SortUnknown(
                    f"Cannot sort by {name!r}; choose from {', '.join(sorted(self.columns))}",
                    allowed=sorted(self.columns),
                )
            keys.append(Key(self.columns[name], word.startswith("-")))
        return [*keys, Key(self.tie, keys[0].descending)]


@dataclass(frozen=True)
class Key:
    """One column of a sort."""

    column: ColumnElement[Any]
    descending: bool


@dataclass(frozen=True)
class PageParams:
    """What the caller asked for; `filters` fingerprints the rest of the query so that a cursor fits only its own list."""

    sorts: Sorts
    limit: int = DEFAULT_LIMIT
    cursor: str | None = None
    sort: str | None = None
    filters: str = ""
    wait: float = 0.0

    @property
    def binding(self) -> str:
        """A short fingerprint of filter and sort."""
        return hashlib.sha256(f"{self.filters}|{self.sort or self.sorts.default}".encode()).hexdigest()[:16]


def page_query(query: Select[Any], page: PageParams) -> Select[Any]:
    """The query for one page and one row more, which says whether there is a next page."""
    keys = page.sorts.parse(page.sort)
    if page.cursor:
        query = query.where(_after(keys, _decode(page)))
    labelled = query.add_columns(*(key.column.label(f"_key_{n}") for n, key in enumerate(keys)))
    order = [key.column.desc() if key.descending else key.column.asc() for key in keys]
    return labelled.order_by(*order).limit(page.limit + 1)


def next_cursor(rows: Sequence[Any], page: PageParams) -> str | None:
    """The cursor of the page after these rows (which may hold one row too many); None on the last page."""
    if len(rows) <= page.limit:
        return None
    last = rows[page.limit - 1]._mapping
    values = [_text(last[name]) for name in last if str(name).startswith("_key_")]
    return base64.urlsafe_b64encode(orjson.dumps([page.binding, values])).decode().rstrip("=")


def _after(keys: Sequence[Key], values: Sequence[str]) -> ColumnElement[bool]:
    """(a, b) after (x, y), each column in its own direction: a beyond x, or a = x and b beyond y."""
    beyond: list[ColumnElement[bool]] = []
    equal: list[ColumnElement[bool]] = []
    for key, value in zip(keys, values, strict=True):
        bound = literal(_parse(key.column, value), key.column.type)
        step = key.column < bound if key.descending else key.column > bound
        beyond.append(and_(*equal, step))
        equal.append(key.column == bound)
    return or_(false(), *beyond)


def _decode(page: PageParams) -> list[str]:
    cursor = page.cursor or ""
    try:
        binding, values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        texts = [str(value) for value in values]
    except (ValueError, TypeError) as problem:
        raise CursorUnusable("The cursor is damaged; start again without it") from problem
    if binding != page.binding or len(texts) != len(page.sorts.parse(page.sort)):
        raise CursorUnusable("The cursor belongs to another filter or sort; start again without it")
    return texts


def _text(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return plain(value) if isinstance(value, Decimal) else str(value)


def _parse(column: ColumnElement[Any], value: str) -> Any:
    kind = column.type.python_type
    try:
        if kind is bool:
            return value == "True"
        if kind in (datetime, date):
            return kind.fromisoformat(value)
        return kind(value) if kind in (int, Decimal, UUID) else value
    except (ValueError, ArithmeticError) as problem:
        raise CursorUnusable("The cursor is damaged; start again without it") from problem
