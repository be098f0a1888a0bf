"""Field types that inventory's callers meet everywhere."""

from typing import Annotated

from pydantic import Field

Code = Annotated[
    str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", examples=["MAIN"])
]
"""A business code: letters, digits, dot, dash, underscore; it never changes."""

Words = Annotated[str, Field(min_length=1, max_length=200)]
"""A line of text for people."""

Reason = Annotated[str, Field(min_length=1, max_length=500, examples=["counted"])]
"""Why somebody did it; it stands in the record log."""
