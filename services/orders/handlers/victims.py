"""What inventory took from lines for others (BO-9, BO-12): logged on the line that lost it, with who has it and why."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any
from uuid import UUID

from shared.contracts.inventory import LineStanding, Taken
from shared.decimals import ZERO

from ..domain.order import Line
from ..domain.settlement import Tell
from .settling import Change, part_of

PRIORITY = "priority"


class Victims:
    """What was taken from the lines of a batch of standings."""

    def __init__(self, standings: Iterable[LineStanding]) -> None:
        self._taken: dict[UUID, list[Taken]] = {}
        for standing in standings:
            self._taken.setdefault(standing.line_id, []).extend(standing.taken)

    def note(self, change: Change, *, whole: bool) -> None:
        """Log what was taken of this order's lines.

        With `victim = whole` a line that a priority took units from is all-or-nothing from now on: what it has left is
        held for it, off its shipments, until all of it is granted again.
        """
        for line in change.now.lines:
            for taken in self._taken.get(line.id, ()):
                # what was refused alone is logged by shipping's own answer
                if taken.qty > ZERO:
                    change.more_log.append((part_of(line), "taken", None, _facts(taken)))
            if whole and self._has_lost_to_a_priority(line):
                change.now = change.now.with_line(replace(line, all_or_nothing=True))
                change.must_tell = Tell.CHANGED

    def _has_lost_to_a_priority(self, line: Line) -> bool:
        if line.all_or_nothing or line.is_done:
            return False
        return any(taken.reason == PRIORITY and taken.qty > ZERO for taken in self._taken.get(line.id, ()))


def _facts(taken: Taken) -> dict[str, Any]:
    """Who took how much and why; `refused`: what could not move any more (BO-10)."""
    return {
        "qty": taken.qty,
        "why": taken.reason,
        "for_order": taken.for_order_number,
        "for_order_id": taken.for_order_id,
        "refused": taken.refused,
    }
