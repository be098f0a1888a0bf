"""An inbox for tests of whole services: letters are handed to it, and what a handler cannot carry out fails the test."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from sqlalchemy.exc import DBAPIError

from shared.closing import HeardBefore
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
