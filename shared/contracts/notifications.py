"""What notifications tells, for outsiders only."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from shared.contracts.base import Fact


class NoticeRaised(Fact):
    """A notice went to its teams (NOTE-1, NOTE-2)."""

    TYPE: ClassVar[str] = "notifications.notice.raised.v1"
    OUTSIDE: ClassVar[bool] = True

    notice_id: UUID
    number: str
    kind: str
    warehouse: str
    title: str
    teams: list[str]
    raised_at: datetime

    @property
    def subject(self) -> str:
        return str(self.notice_id)
