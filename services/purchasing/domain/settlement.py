"""Settling a demand: from its figures to a request, an exception, or supply that it gives up.

1. Judge every demand by itself: its need (BUY-5), what is in the way (BUY-2, BUY-9), what it would cost.
2. What a demand has tied and does not need goes first to the lines linked with it (`a line has one fate`: a split or
   an increase made them), then it is broken off (BUY-16).
3. What is still needed, may be bought and is not left to a buyer is a purchase (SO-2).

The result depends only on figures, so settling again without a change does nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from services.purchasing.domain.cost import Cost, Offer, cost_of
from services.purchasing.domain.demand import Demand, DemandKey, RequestState, Tie, family, signed_need
from services.purchasing.domain.obstacles import Obstacle, obstacles
from shared.decimals import ZERO


@dataclass(frozen=True)
class Verdict:
    """What one demand comes to, all by itself. `waits`: inventory has not said yet what the shelf gives."""

    demand: Demand
    need: Decimal
    state: RequestState
    obstacles: tuple[Obstacle, ...] = ()
    offer: Offer | None = None
    cost: Cost | None = None
    waits: bool = False


def judge(demand: Demand, offer: Offer | None) -> Verdict:
    """The need of a demand and what is in the way of buying it."""
    if demand.is_bought and not demand.is_settled:
        return Verdict(demand, ZERO, RequestState.NONE, waits=True)
    need = signed_need(demand)
    if need <= 0:
        return Verdict(demand, need, RequestState.NONE, offer=offer)
    in_the_way = obstacles(demand, offer)
    state = RequestState.EXCEPTION if in_the_way else RequestState.OPEN
    return Verdict(demand, need, state, in_the_way, offer, cost_of(demand, offer) if offer else None)


@dataclass(frozen=True)
class GivenUp:
    """Part of a tie that its demand does not need: broken off, or taken over by the `heir`, a linked line."""

    tie: Tie
    qty: Decimal
    reason: str
    heir: Demand | None = None


def given_up(verdicts: Sequence[Verdict], is_sent: Callable[[Tie], bool]) -> list[GivenUp]:
    """What demands have tied and do not need, in key order; linked lines in need come first."""
    needs = {verdict.demand.key: max(ZERO, verdict.need) for verdict in verdicts}
    demands = [verdict.demand for verdict in verdicts]
    moves: list[GivenUp] = []
    for verdict in sorted(verdicts, key=lambda verdict: verdict.demand.key):
        unneeded = _unneeded(verdict, is_sent)
        kin = family(demands, verdict.demand) if unneeded else []
        if verdict.waits or any(_waits(verdicts, heir) for heir in kin):
            continue
        for tie, qty, reason in unneeded:
            moves += _pass_on(tie, qty, reason, [heir for heir in kin if heir.fits(tie)], needs)
    return moves


def _waits(verdicts: Iterable[Verdict], demand: Demand) -> bool:
    return any(verdict.waits for verdict in verdicts if verdict.demand.key == demand.key)


def _unneeded(verdict: Verdict, is_sent: Callable[[Tie], bool]) -> list[tuple[Tie, Decimal, str]]:
    """Ties that bring the wrong thing go whole; of the others what is too much, unsent ones first, then the newest."""
    demand = verdict.demand
    parts = [(tie, tie.open, _why_wrong(demand)) for tie in demand.ties if tie.open and not demand.fits(tie)]
    excess = -verdict.need
    if excess <= 0:
        return parts
    right = [tie for tie in demand.ties if tie.open and demand.fits(tie)]
    for tie in sorted(right, key=lambda tie: (not is_sent(tie), tie.tie_id), reverse=True):
        if excess <= 0:
            break
        parts.append((tie, min(excess, tie.open), _why_less(demand)))
        excess -= min(excess, tie.open)
    return parts


def _why_wrong(demand: Demand) -> str:
    line = f"{demand.order_number} line {demand.line_no}"
    return (
        f"the item was replaced on {line}"
        if demand.is_bought
        else f"{line} is no longer bought against the order"
    )


def _why_less(demand: Demand) -> str:
    line = f"{demand.order_number} line {demand.line_no}"
    return f"{line} was cancelled" if demand.wanted <= 0 else f"{line} needs less"


def _pass_on(
    tie: Tie, qty: Decimal, reason: str, heirs: Sequence[Demand], needs: dict[DemandKey, Decimal]
) -> list[GivenUp]:
    moves = []
    for heir in heirs:
        taken = min(qty, needs.get(heir.key, ZERO))
        if taken > 0:
            needs[heir.key] -= taken
            qty -= taken
            moves.append(GivenUp(tie, taken, reason, heir))
    if qty > 0:
        moves.append(GivenUp(tie, qty, reason))
    return moves


def after_inheritance(verdicts: Iterable[Verdict], moves: Iterable[GivenUp]) -> list[Verdict]:
    """The verdicts once supply has changed hands: who inherited needs less, who gave up has nothing too much."""
    inherited: dict[DemandKey, Decimal] = {}
    parted: dict[DemandKey, Decimal] = {}
    for move in moves:
        parted[move.tie.demand] = parted.get(move.tie.demand, ZERO) + move.qty
        if move.heir is not None:
            inherited[move.heir.key] = inherited.get(move.heir.key, ZERO) + move.qty
    return [_updated(verdict, inherited, parted) for verdict in verdicts]


def _updated(
    verdict: Verdict, inherited: Mapping[DemandKey, Decimal], parted: Mapping[DemandKey, Decimal]
) -> Verdict:
    key = verdict.demand.key
    if verdict.need < 0:
        return replace(verdict, need=min(ZERO, verdict.need + parted.get(key, ZERO)))
    need = verdict.need - inherited.get(key, ZERO)
    if need > 0:
        return replace(verdict, need=need)
    return replace(verdict, need=ZERO, state=RequestState.NONE, obstacles=())
