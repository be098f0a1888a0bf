"""What is on paper in the shop: orders as their clerks see them, and facts on their way to inventory."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import orjson
import pytest
from sqlalchemy.exc import DBAPIError

from services.inventory.domain.demand import Key
from services.inventory.tests.builders import DAY_ONE, order_line
from shared.closing import HeardBefore
from shared.contracts.base import Fact
from shared.contracts.orders import OrderLine
from shared.inbox import Heard, Inbox
from shared.unit_of_work import RETRIED, sqlstate


@dataclass(frozen=True)
class Message:
    """What an inbox reads of a message of the broker."""

    body: bytes
    user_id: str
    redelivered: bool = False


class StrictInbox(Inbox):
    """An inbox that neither halves nor parks: what a handler cannot carry out fails the test, a second time too."""

    async def _halving(self, events: Sequence[Heard], losses: int = 0) -> None:
        await self._once(events, is_news=False)

    async def _once(self, events: Sequence[Heard], *, is_news: bool) -> None:
        try:
            await super()._once(events, is_news=is_news)
        except HeardBefore:
            raise
        except Exception as problem:
            if is_news and isinstance(problem, DBAPIError) and sqlstate(problem) in RETRIED:
                raise  # they were in each other's way too often; the careful way goes in the order of the events
            # no ordinary exception: an inbox meets those by another try
            raise pytest.fail.Exception(f"{[event.type for event in events]}: {problem!r}") from problem

    async def _park(self, event: Heard, problem: Exception) -> None:
        raise AssertionError(f"{event.type} cannot be read: {problem}")


@dataclass
class Line:
    """An order line as its clerk sees it; a kit or service never stands here."""

    id: UUID
    no: int
    key: Key
    ordered: int
    ranked_at: datetime
    special: bool = False
    all_or_nothing: bool = False
    given_up: int = 0

    @property
    def need(self) -> int:
        """What the customer still wants in all."""
        return self.ordered - self.given_up


@dataclass
class Order:
    """A sales order as its clerk sees it."""

    id: UUID
    number: str
    at: datetime
    priority: int
    lines: list[Line]
    version: int = 1
    has_told: bool = False


@dataclass(frozen=True)
class Letter:
    """A fact on its way to inventory."""

    id: UUID
    fact: Fact

    @property
    def message(self) -> Message:
        """As the broker brings it."""
        event = {
            "id": str(self.id), "type": self.fact.TYPE, "subject": self.fact.subject, "time": DAY_ONE.isoformat(),
            "actor": "tester", "correlationid": str(self.id), "data": self.fact.model_dump(mode="json"),
        }  # fmt: skip
        return Message(b"[" + orjson.dumps(event) + b"]", self.fact.producer())


def as_told(line: Line) -> OrderLine:
    """The line as its order's snapshot has it."""
    sku, warehouse = line.key
    return order_line(
        line.ordered, sku, line_no=line.no, special=line.special, line_id=line.id, warehouse=warehouse,
        cancel_wanted=Decimal(line.given_up), ranked_at=line.ranked_at, all_or_nothing=line.all_or_nothing,
    )  # fmt: skip
