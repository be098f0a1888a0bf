"""What is on paper in the shop: orders as their clerks see them, and facts on their way to inventory."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import orjson

from services.inventory.domain.demand import Key
from services.inventory.tests.builders import DAY_ONE, order_line
from shared.contracts.base import Fact
from shared.contracts.orders import OrderLine
from tests.post import Message


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
