"""Crash points: `CRASH_AT=name:nth` kills this process, as `kill -9` does, when it passes the named point for the nth time.

Tests prove with them that a process may die anywhere: nothing is lost and nothing happens twice. Without the variable
`reached` is a function that does nothing.
"""

import os
import signal
from collections.abc import Callable
from itertools import count

POINTS = frozenset(
    {
        "pre_commit",  # a REST call: everything is written, nothing committed
        "post_commit",  # a REST call: committed, not answered
        "batch_pre_commit",  # facts: everything is written, nothing committed
        "batch_committed",  # facts: committed, not acknowledged
        "relay_selected",  # the outbox was read, nothing published
        "relay_confirmed",  # the broker has confirmed, the rows are still there
        "on_first_message",  # taken from the queue, nothing done
    }
)


def armed(setting: str | None) -> Callable[[str], None]:
    """What `reached` does under a setting such as `relay_confirmed:3`."""
    if not setting:
        return _nothing
    wanted, _, nth = setting.partition(":")
    if wanted not in POINTS:
        raise ValueError(f"CRASH_AT names {wanted!r}; there are {', '.join(sorted(POINTS))}")
    passing = count(1)
    fatal = int(nth or 1)

    def perhaps(point: str) -> None:
        if point == wanted and next(passing) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    return perhaps


def _nothing(_: str) -> None:
    return


reached = armed(os.environ.get("CRASH_AT"))
