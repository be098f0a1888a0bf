"""Whole sets of rows as one parameter: they travel as JSON, and PostgreSQL types them by the table."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from uuid import UUID

import orjson

from shared.decimals import plain


def rows_of(table: str, name: str) -> str:
    """The rows of a table that come as the parameter of this name."""
    return f"json_populate_recordset(NULL::{table}, CAST(:{name} AS json))"


def packed(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as a parameter; decimals are written exactly."""
    return orjson.dumps(list(rows), default=_written).decode()


def _written(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, UUID):  # the driver's own subclass, which orjson does not take
        return str(value)
    raise TypeError(f"{type(value).__name__} has no place in a row")
