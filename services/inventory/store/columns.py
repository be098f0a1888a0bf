"""Rows as arrays: one statement moves any number of them (`unnest`)."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Date,
    DateTime,
    Integer,
    Numeric,
    Text,
    TextClause,
    Uuid,
    bindparam,
    text,
)
from sqlalchemy.types import TypeEngine

ID = Uuid(as_uuid=True)
QTY = Numeric(18, 6)
TEXT = Text()
INT = Integer()
FLAG = Boolean()
INSTANT = DateTime(timezone=True)
DAY = Date()


OUT_OF_ORDER = """
    EXISTS (
        SELECT 1 FROM (
            SELECT d.priority, d.ranked_at, d.order_id, d.line_no, d.component FROM demand d
            WHERE d.sku = s.sku AND d.warehouse = s.warehouse AND d.need > d.granted AND NOT d.special
            ORDER BY d.priority DESC, d.ranked_at, d.order_id, d.line_no, d.component LIMIT 1
        ) w CROSS JOIN LATERAL (
            SELECT d.priority, d.ranked_at, d.order_id, d.line_no, d.component FROM demand d
            WHERE d.sku = s.sku AND d.warehouse = s.warehouse AND d.granted > d.shipped AND NOT d.special
              AND NOT d.stuck
            ORDER BY d.priority, d.ranked_at DESC, d.order_id DESC, d.line_no DESC, d.component DESC LIMIT 1
        ) h
        WHERE (-w.priority, w.ranked_at, w.order_id, w.line_no, w.component)
            < (-h.priority, h.ranked_at, h.order_id, h.line_no, h.component)
    )
"""
"""Whether somebody waits ahead of somebody who holds, of the stock row `s`: a step at either end of the queue."""


def next_number(sequence: str, prefix: str) -> str:
    """SQL: the next human number of a document, as `shared.schema.next_numbers` writes it, for whoever inserts it."""
    return f"'{prefix}-' || to_char(nextval('{sequence}'), 'FM999999000000')"


def statement(sql: str, **arrays: TypeEngine[Any]) -> TextClause:
    """A statement, built once, whose named parameters are arrays of these types."""
    return text(sql).bindparams(*(bindparam(name, type_=ARRAY(kind)) for name, kind in arrays.items()))


def spread(rows: Iterable[object], *names: str) -> dict[str, list[Any]]:
    """Objects -> {attribute: its values}, the parameters of such a statement."""
    held = list(rows)
    return {name: [getattr(row, name) for row in held] for name in names}


def columns(rows: Iterable[tuple[Any, ...]], *names: str) -> dict[str, list[Any]]:
    """Tuples -> {name: its values}."""
    held = list(rows)
    return {name: [row[n] for row in held] for n, name in enumerate(names)}


def keys(pairs: Iterable[tuple[str, str]]) -> Mapping[str, list[str]]:
    """Stock keys as two arrays, each key once, in lock order."""
    return columns(sorted(set(pairs)), "skus", "warehouses")


def lines(pairs: Iterable[tuple[Any, int]]) -> Mapping[str, list[Any]]:
    """Demand keys as two arrays, each once."""
    return columns(sorted(set(pairs)), "line_ids", "components")
