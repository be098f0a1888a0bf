"""The caller's warehouses against documents that lie in several."""

from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Text, cast, or_, true
from sqlalchemy.dialects.postgresql import JSONB

from shared.auth import Scope


def any_of(column: ColumnElement[Any], scope: Scope) -> ColumnElement[bool]:
    """Whether a document with this list of warehouses has one in the scope; one without any is everybody's."""
    if scope.warehouses is None:
        return true()
    return or_(lies_in(column, sorted(scope.warehouses)), column == cast([], JSONB))


def lies_in(column: ColumnElement[Any], warehouses: list[str]) -> ColumnElement[bool]:
    """Whether the list holds one of these warehouses."""
    return column.has_any(cast(warehouses, ARRAY(Text)))  # type: ignore[no-any-return]  # a JSONB column
