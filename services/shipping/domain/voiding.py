"""A shipment that will not leave (SHIP-4): its units go back to their lines.

The rest that a mixed pick had left behind goes back to the shipment line that it was divided from, if that can still
change; it is then no order line's business, and nothing of it is blocked.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from shared.decimals import ZERO

from .allotment import Allotment
from .inspection_gate import NOTHING, Newer, waiting
from .shipment import Line, Shipment, State


@dataclass(frozen=True, slots=True)
class Voided:
    """The voided shipment with the lines whose units went back to their orders, its allotments, and the shipments that
    took a remainder back (before and after)."""

    shipment: Shipment
    allotments: dict[UUID, Allotment]
    extended: tuple[tuple[Shipment, Shipment], ...] = ()


def void(
    shipment: Shipment,
    allotments: Mapping[UUID, Allotment],
    reason: str,
    originals: Iterable[Shipment] = (),
    newer: Newer = NOTHING,
) -> Voided:
    """Void by hand, from pending, picking or packed: every live unit on it goes back.

    `originals` are the shipments that lines of it were divided from, locked.
    """
    gone = shipment.moved_to(State.VOIDED)
    before = {one.shipment_id: one for one in originals if one.state is State.PENDING}
    after = dict(before)
    returned: list[Line] = []
    for line in shipment.lines:
        home = _home(line, after.values())
        if home is None:
            returned.append(line)
        else:
            after[home.shipment_id] = _taken_back(home, line)
    figures = dict(allotments)
    for line in returned:
        for share in line.shares:
            unproven = waiting(shipment, share, allotments, newer)
            figures[share.allotment_id] = figures[share.allotment_id].departed(
                share.qty, ZERO, missing=False, unproven=unproven
            )
    voided = replace(
        gone,
        version=shipment.version + 1,
        told=shipment.told + 1,
        void_reason=reason,
        lines=tuple(returned),
    )
    return Voided(
        voided, figures, tuple(_grown(before[key], one) for key, one in after.items() if one != before[key])
    )


def _home(line: Line, originals: Iterable[Shipment]) -> Shipment | None:
    """The shipment of the line that this one was divided from, with room for its shares."""
    for shipment in originals:
        if any(own.shipment_line_id == line.remainder_of for own in shipment.lines):
            return shipment if all(shipment.has_room(one.allotment_id) for one in line.shares) else None
    return None


def _taken_back(home: Shipment, remainder: Line) -> Shipment:
    lines = []
    for line in home.lines:
        if line.shipment_line_id == remainder.remainder_of:
            for share in remainder.shares:
                line = line.changed_by(share.allotment_id, share.qty)
        lines.append(line)
    return replace(home, lines=tuple(lines))


def _grown(before: Shipment, after: Shipment) -> tuple[Shipment, Shipment]:
    return before, replace(after, version=before.version + 1, told=before.told + 1)
