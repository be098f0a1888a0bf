"""The forms of what callers send and get; a service's schemas derive from them."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

T = TypeVar("T")

PROBLEMS = "https://tieline.dev/problems/"


class Input(BaseModel):
    """What a caller sends: unknown fields and NUL bytes are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _no_nul(cls, values: Any) -> Any:
        if isinstance(values, dict):
            for name, value in values.items():
                if isinstance(value, str) and "\x00" in value:
                    raise ValueError(f"{name}: text must not contain NUL")
                if isinstance(value, list) and any(isinstance(v, str) and "\x00" in v for v in value):
                    raise ValueError(f"{name}: text must not contain NUL")
        return values


class Output(BaseModel):
    """What a caller gets."""

    model_config = ConfigDict(frozen=True)


class Page(BaseModel, Generic[T]):
    """One page of a list."""

    data: list[T]
    has_more: bool
    next_cursor: str | None = Field(description="Send it as `cursor` to get the next page")


class FieldProblem(BaseModel):
    """What is wrong at one place of the request."""

    pointer: str = Field(
        description="JSON pointer into the body, or the parameter's name", examples=["/lines/0/qty"]
    )
    detail: str


class Problem(BaseModel):
    """RFC 9457 problem details; further members carry the numbers."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(examples=[PROBLEMS + "received-too-much"])
    title: str
    status: int
    detail: str
    instance: str
    code: str
    request_id: str
    errors: list[FieldProblem] = []


class BatchResult(Output):
    """What became of one row of a batch; a refused row brings the problem that a request of its own would have got."""

    index: int = Field(description="The row's place in the request, from 0")
    result: str
    problem: Problem | None = None
