"""Field types that purchasing's callers meet everywhere."""

from typing import Annotated

from pydantic import Field

from shared.web import Input

Code = Annotated[
    str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", examples=["ACME"])
]
"""A business code: letters, digits, dot, dash, underscore; it never changes."""

Sku = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^\S(?:.*\S)?$", examples=["LAMP-01"])]
"""An item's code."""

Unit = Annotated[str, Field(min_length=1, max_length=20, examples=["EA"])]
"""A unit of measure."""

Words = Annotated[str, Field(min_length=1, max_length=200)]
"""A line of text for people."""

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["USD"])]
"""ISO 4217."""

Why = Annotated[str, Field(min_length=1, max_length=500, description="Kept in the record log")]
"""Why somebody did it."""


class Because(Input):
    """A step that needs a reason."""

    reason: Why
