"""The types that all of orders' requests are made of."""

from typing import Annotated

from pydantic import Field

Code = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^\S(?:.*\S)?$")]
"""A business code such as a sku, a warehouse or a customer: immutable, no spaces at its ends."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[str, Field(max_length=500)]
Why = Annotated[str, Field(min_length=1, max_length=500, description="Kept in the record log")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$", examples=["USD"])]
Priority = Annotated[int, Field(ge=-1000, le=1000, description="Higher goes first (ORD-3)")]
