"""How many statements something takes, whichever way they go to the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from shared.database import DirectConnection


@contextmanager
def statements_counted() -> Iterator[list[str]]:
    """The statements that are executed meanwhile."""
    seen: list[str] = []
    carry_out = DirectConnection.execute

    async def noted(self: DirectConnection, statement: Any, *args: Any, **options: Any) -> Any:
        seen.append(" ".join(str(statement).split())[:80])
        return await carry_out(self, statement, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DirectConnection, "execute", noted)
        yield seen
