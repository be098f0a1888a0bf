"""What REST callers send and get."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, StringConstraints, field_validator

from services.notifications.domain.notice import Kind, State
from services.notifications.domain.team import Subscription as DomainSubscription
from services.notifications.domain.team import Team as DomainTeam
from shared.quantity import Qty
from shared.web import Input, Output

Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Member = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class NewTeam(Input):
    """People who look after warehouses."""

    code: Code
    name: Name
    warehouses: list[Code] = Field([], max_length=200)
    members: list[Member] = Field([], max_length=500, description="Subjects of the members' tokens")

    @field_validator("warehouses", "members")
    @classmethod
    def _each_once(cls, values: list[str]) -> list[str]:
        return sorted(set(values))


class TeamChange(Input):
    """A merge patch: what is left out stays; lists are replaced."""

    name: Name | None = None
    warehouses: list[Code] | None = Field(None, max_length=200)
    members: list[Member] | None = Field(None, max_length=500)

    @field_validator("name", "warehouses", "members")
    @classmethod
    def _not_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("cannot be cleared; leave it out to keep it, or send an empty list")
        return sorted(set(value)) if isinstance(value, list) else value


class NewSubscription(Input):
    """A team also wants the notices of a kind."""

    team: Code
    kind: Kind
    warehouse: Code | None = Field(None, description="Left out: of all warehouses")


class CloseRequest(Input):
    """What was done about it."""

    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class Team(Output):
    """A team."""

    code: str
    name: str
    version: int
    warehouses: list[str]
    members: list[str]


class Subscription(Output):
    """A subscription."""

    id: UUID
    team: str
    kind: Kind
    warehouse: str | None


class Concern(Output):
    """For whom: one order line and its quantity."""

    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    qty: Qty
    sku: str | None = Field(description="Where a notice groups lines of several items")


class NoticeRow(Output):
    """A notice in a list or in the live stream."""

    id: UUID
    number: str = Field(examples=["NT-000123"])
    kind: Kind
    subject: UUID = Field(
        description="What it is about: an inspection, an exception, a shipment, or an order in a warehouse"
    )
    state: State
    version: int
    position: int = Field(
        description="Where it stands in the live stream; send the greatest as Last-Event-ID"
    )
    warehouse: str
    title: str
    read: bool = Field(description="By the caller, since its last news")
    sku: str = Field(description="Empty when it groups lines of several items")
    description: str | None
    unit: str | None
    qty: Qty
    passed: Qty
    failed: Qty
    vendor: str | None
    po_id: UUID | None
    po_number: str | None
    receipt_id: UUID | None
    receipt_number: str | None
    receipt_line_id: UUID | None
    shipment_id: UUID | None
    shipment_number: str | None
    reason: str | None
    message: str | None
    raised_at: datetime
    closed_at: datetime | None


class Notice(NoticeRow):
    """A notice with all whom it concerns."""

    concerns: list[Concern]


def notice_row(row: Any) -> NoticeRow:
    """A row of the list, as callers get it."""
    return NoticeRow(**{name: getattr(row, name) for name in NoticeRow.model_fields})


def notice(shown: Any) -> Notice:
    """A notice as a member sees it (`views.ShownNotice`)."""
    concerns = [Concern(**{name: one[name] for name in Concern.model_fields}) for one in shown.concerns]
    return Notice(**{name: shown.notice[name] for name in NoticeRow.model_fields}, concerns=concerns)


def team(found: Any) -> Team:
    """A team, from the books or from a handler."""
    if isinstance(found, DomainTeam):
        warehouses, members = list(found.warehouses), list(found.members)
    else:
        warehouses, members = found.warehouses, found.members
    return Team(
        code=found.code, name=found.name, version=found.version, warehouses=warehouses, members=members
    )


def subscription(found: Any) -> Subscription:
    """A subscription, from the books or from a handler."""
    key = found.subscription_id if isinstance(found, DomainSubscription) else found.id
    return Subscription(id=key, team=found.team, kind=found.kind, warehouse=found.warehouse)
