"""A changed copy of a frozen part, or the part itself: most of settling finds that nothing differs.

`dataclasses.replace` walks the fields of a 44-field line one by one, whether or not anything is new; a chain asks for
some 70 copies and needs a third of them. Whoever compares versions afterwards sees at once that a part is the same one.
"""

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import Any, TypeVar

P = TypeVar("P")


def changed(part: P, **values: Any) -> P:
    """The part with these values; the same object where it has them all."""
    for name, value in values.items():
        if getattr(part, name) != value:
            break
    else:
        return part
    kind: Any = type(part)
    names, read = _layout(kind)
    copy: P = kind(**{**dict(zip(names, read(part), strict=True)), **values})
    return copy


@cache
def _layout(kind: type[Any]) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(field.name for field in fields(kind))
    return names, attrgetter(*names)
