"""Many receipts or rounds of inspections in one request, a result each."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from services.inventory.domain.inspection import Inspection
from services.inventory.domain.receiving import Receipt, Receiving
from services.inventory.schemas.incoming import (
    MOST_COUNTED,
    Count,
    InspectionDone,
    ReceiptOut,
    Round,
    inspection_done,
    receipt,
)
from shared.errors import TielineError
from shared.web import BatchResult, Input, Output, Problem

MOST_ROWS = 200


class ReceivingRow(Count):
    """One incoming shipment of a batch, as a request of its own would have it; `version` is the ETag that was read."""

    shipment_id: UUID
    version: Annotated[int, Field(ge=0, lt=10**18)]

    @property
    def wanted(self) -> Receiving:
        """For the handler."""
        return Receiving(self.shipment_id, self.version, self.counted, self.complete)


class ReceivingBatch(Input):
    """Up to 200 receipts in one request, at most 1000 counted lines in all."""

    receipts: Annotated[list[ReceivingRow], Field(min_length=1, max_length=MOST_ROWS)]

    @model_validator(mode="after")
    def _bounded(self) -> "ReceivingBatch":
        if sum(len(row.lines) for row in self.receipts) > MOST_COUNTED:
            raise ValueError(f"at most {MOST_COUNTED} counted lines in all receipts together")
        return self


class RoundRow(Round):
    """One round of a batch."""

    inspection_id: UUID


class RoundBatch(Input):
    """Up to 200 rounds in one request."""

    rounds: Annotated[list[RoundRow], Field(min_length=1, max_length=MOST_ROWS)]


class ReceiptAnswer(BatchResult):
    """What became of one receipt of a batch; `counted`: its counts are kept, nothing has moved yet."""

    result: Literal["received", "counted", "refused"]
    receipt: ReceiptOut | None = None


class ReceiptAnswers(Output):
    """What became of a batch, row by row."""

    received: int
    counted: int
    refused: int
    results: list[ReceiptAnswer]


def receipts(
    outcomes: Sequence[Receipt | TielineError], problem_of: Callable[[TielineError], Problem]
) -> ReceiptAnswers:
    """From the handler's results, in the order of the request."""
    rows = [
        ReceiptAnswer(index=n, result="refused", problem=problem_of(outcome))
        if isinstance(outcome, TielineError)
        else ReceiptAnswer(
            index=n, result="received" if outcome.lines else "counted", receipt=receipt(outcome)
        )
        for n, outcome in enumerate(outcomes)
    ]
    sums = Counter(row.result for row in rows)
    return ReceiptAnswers(
        received=sums["received"], counted=sums["counted"], refused=sums["refused"], results=rows
    )


class InspectionAnswer(BatchResult):
    """What became of one round of a batch."""

    result: Literal["inspected", "refused"]
    inspection: InspectionDone | None = None


class InspectionAnswers(Output):
    """What became of a batch, row by row."""

    inspected: int
    refused: int
    results: list[InspectionAnswer]


def inspections_done(
    outcomes: Sequence[Inspection | TielineError], problem_of: Callable[[TielineError], Problem]
) -> InspectionAnswers:
    """From the handler's results, in the order of the request."""
    rows = [
        InspectionAnswer(index=n, result="refused", problem=problem_of(outcome))
        if isinstance(outcome, TielineError)
        else InspectionAnswer(index=n, result="inspected", inspection=inspection_done(outcome))
        for n, outcome in enumerate(outcomes)
    ]
    refused = sum(row.result == "refused" for row in rows)
    return InspectionAnswers(inspected=len(rows) - refused, refused=refused, results=rows)
