"""How inventory words what it tells of allotments: claim tickets, standings, parts of at most 200."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from services.inventory.domain.claim import Allotment
from services.inventory.domain.demand import Demand, Line
from services.inventory.store.queue import Grant
from shared.contracts import inventory as facts
from shared.contracts.base import MOST_LINES
from shared.decimals import ZERO, plain
from shared.unit_of_work import Told, Tx

T = TypeVar("T")


def claim(allotment: Allotment, demand: Demand) -> facts.Allotment:
    """The claim ticket as others see it."""
    return facts.Allotment(
        allotment_id=allotment.id,
        order_id=allotment.order_id,
        order_number=demand.order_number,
        line_id=allotment.line_id,
        line_no=demand.line_no,
        component=allotment.component,
        sku=allotment.sku,
        warehouse=allotment.warehouse,
        qty=allotment.qty,
        origin=facts.Origin.RECEIPT if allotment.is_peg else facts.Origin.STOCK,
        receipt_line_id=allotment.receipt_line_id,
        tie_id=allotment.tie_id,
        gated=allotment.gated,
        withdrawn=allotment.withdrawn,
        failed=allotment.failed,
        passed=allotment.passed,
    )


def standing(
    demand: Demand,
    allotments: Iterable[Allotment] = (),
    *,
    answers: bool = True,
    taken: Sequence[facts.Taken] = (),
) -> facts.LineStanding:
    """What is now decided for one line.

    An answer to the order's snapshot brings every live allotment, so that whoever hears it before an older one decides
    on all that the line has. Anything else brings what is new and says 0: alone it is nothing to decide on.
    """
    return facts.LineStanding(
        order_id=demand.order_id,
        order_number=demand.order_number,
        line_id=demand.line_id,
        line_no=demand.line_no,
        component=demand.component,
        sku=demand.sku,
        warehouse=demand.warehouse,
        settled_version=demand.settled_version if answers else 0,
        allotments=[claim(allotment, demand) for allotment in allotments],
        taken=list(taken),
    )


def standings(
    demands: Mapping[Line, Demand],
    allotments: Mapping[Line, Sequence[Allotment]],
    answered: Container[Line] = (),
    taken: Mapping[Line, Sequence[facts.Taken]] | None = None,
) -> list[facts.LineStanding]:
    """The standings of these demands, order by order, line by line; `answered` are those that answer their order."""
    ordered = sorted(demands.values(), key=lambda d: (d.order_id, d.line_no, d.component))
    lost = taken or {}
    return [
        standing(d, allotments.get(d.line, ()), answers=d.line in answered, taken=lost.get(d.line, ()))
        for d in ordered
    ]


def tell_allotted(
    tx: Tx, reason: str, lines: Sequence[facts.LineStanding], because: Told[Any] | None = None
) -> None:
    """Tell standings, in as many facts as their length needs."""
    for part in _parts(lines):
        tx.announce(facts.StockAllotted(reason=reason, lines=part), because)


def in_parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """A long list in pieces that one fact can carry."""
    for start in range(0, len(items), MOST_LINES):
        yield items[start : start + MOST_LINES]


def tell_by_cause(
    tx: Tx,
    reason: str,
    demands: Mapping[Line, Demand],
    changed: Mapping[Line, Sequence[Allotment]],
    causes: Mapping[Line, Told[Any]],
    others: Told[Any],
    answered: Container[Line] = (),
    taken: Mapping[Line, Sequence[facts.Taken]] | None = None,
) -> None:
    """Tell where these lines stand: each fact that was heard has its own lines' news as a consequence.

    What went to lines that no fact named (the next in the queue) has `others` as its cause.
    """
    groups: dict[UUID, tuple[Told[Any], dict[Line, Demand]]] = {}
    for line, demand in demands.items():
        cause = causes.get(line, others)
        groups.setdefault(cause.id, (cause, {}))[1][line] = demand
    for cause, own in groups.values():
        tell_allotted(tx, reason, standings(own, changed, answered, taken), cause)


def _parts(lines: Sequence[facts.LineStanding]) -> Iterator[list[facts.LineStanding]]:
    """Parts of at most 200 lines and allotments; a standing is never divided (a line's changes are few)."""
    part: list[facts.LineStanding] = []
    size = 0
    for line in lines:
        weight = 1 + len(line.allotments)
        if part and size + weight > MOST_LINES:
            yield part
            part, size = [], 0
        part.append(line)
        size += weight
    if part:
        yield part


def by_line(allotments: Iterable[Allotment]) -> dict[Line, list[Allotment]]:
    """Allotments grouped by their demand."""
    found: dict[Line, list[Allotment]] = {}
    for allotment in allotments:
        found.setdefault(allotment.line, []).append(allotment)
    return found


def log_grants(tx: Tx, grants: Iterable[Grant], reason: str, because: Told[Any] | None = None) -> None:
    """Keep in the record log that these lines got stock, and why (BO-8)."""
    last: dict[Line, Grant] = {}
    born: dict[Line, list[Allotment]] = {}
    for grant in grants:
        last[grant.demand.line] = grant
        born.setdefault(grant.demand.line, []).append(grant.allotment)
    for line, grant in last.items():
        log_granted(tx, grant.demand, born[line], reason, because)


def log_granted(
    tx: Tx, demand: Demand, born: Sequence[Allotment], reason: str, because: Told[Any] | None = None
) -> None:
    """Keep in the record log that a line was granted these new allotments; `demand` is as it stands after them."""
    got = sum((allotment.qty for allotment in born), ZERO)
    action = "pegged" if born[0].is_peg else "allotted"
    ids = {"allotments": [str(allotment.id) for allotment in born]}
    log_figures(tx, demand, (got, ZERO), action, reason=reason, because=because, also=ids)


def log_figures(
    tx: Tx,
    after: Demand,
    change: tuple[Decimal, Decimal],
    action: str,
    *,
    reason: str | None = None,
    because: Told[Any] | None = None,
    also: Mapping[str, Any] | None = None,
) -> None:
    """Keep in the record log that a line's (granted, shipped) changed by so much; `also` are facts about the change."""
    granted, shipped = change
    now = {"granted": plain(after.granted), "shipped": plain(after.shipped)}
    before = dict(now)
    if granted:
        before["granted"] = plain(after.granted - granted)
    if shipped:
        before["shipped"] = plain(after.shipped - shipped)
    part = str(after.component)
    tx.record(
        "demand",
        after.line_id,
        action,
        before,
        {**now, **(also or {})},
        part=part,
        reason=reason,
        because=because,
    )
