"""Whole sets of rows as parameters: one array per column."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, Table, bindparam


def given(names: Sequence[str]) -> str:
    """`unnest(:a, :b) AS given(a, b)`."""
    return f"unnest({', '.join(f':{name}' for name in names)}) AS given({', '.join(names)})"


def arrays(table: Table, names: Sequence[str]) -> list[Any]:
    """The parameters of these columns."""
    return [bindparam(name, type_=ARRAY(table.c[name].type)) for name in names]
