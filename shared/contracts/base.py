"""What every fact is: an immutable statement of its owner, told at least once, in any order.

A fact is either immutable with a natural key, or a full snapshot with a version that only replaces an older one.
Figures in it are absolute and only grow, so hearing it twice, late or out of order changes nothing (design, section 4).
"""

from enum import StrEnum
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

FACTS: dict[str, type["Fact"]] = {}
"""Every declared fact by type; filled as the contract modules are imported."""

MOST_LINES = 200
"""A fact lists at most so many lines; longer ones are told in parts (`part` of `parts`), each complete in itself."""


class Record(BaseModel):
    """A part of a fact. Unknown fields are tolerated: a newer producer may say more."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Fact(Record):
    """A past-tense statement of one service. `TYPE` is its CloudEvents type and its routing key."""

    TYPE: ClassVar[str]
    OUTSIDE: ClassVar[bool] = False
    """Only for outsiders: no service of ours listens, so it is published without `mandatory`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "TYPE" in cls.__dict__:
            FACTS[cls.TYPE] = cls

    @property
    def subject(self) -> str:
        """The document that the fact is about: an id or a code."""
        raise NotImplementedError

    @classmethod
    def producer(cls) -> str:
        """The service that owns the fact: the first word of its type."""
        return cls.TYPE.split(".", 1)[0]


class ItemKind(StrEnum):
    """ITEM-4: how an item is held and supplied."""

    STOCKED = "stocked"
    NONSTOCK = "nonstock"
    ORDER_AS_NEEDED = "order_as_needed"
    KIT = "kit"
    ASSEMBLY = "assembly"
    SERVICE = "service"


class Source(Record):
    """Where a demand is bought or transferred from: one of the two, or neither yet (BUY-2)."""

    vendor: str | None = None
    warehouse: str | None = None


class ShipTo(Record):
    """Where goods go: the address is told only where shipping or a vendor needs it."""

    code: str
    name: str
    street: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""
