"""Why a line waits (BO-18): what orders knows of it, in the order in which goods come to a customer."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.ids import new_id

from ..domain.allotment import Allotment
from ..domain.explaining import Situation, Standing, before_leaving, before_supply
from ..domain.order import ItemKind, Line, OrderState, ShipType
from ..domain.special import SpecialOrder, Tie
from .given import line, order, peg, special_of, ticket, tie


@dataclass(frozen=True)
class Obstacle:
    """What purchasing has told."""

    kind: str
    message: str
    qty: Decimal
    first_seen_at: datetime


def situation(of: Line, *others: Line, **fields: Any) -> Situation:
    """The line among others of its order, all of them to be seen."""
    head = {name: fields.pop(name) for name in list(fields) if name in _HEAD}
    lines = (of, *others)
    everything = {"visible": frozenset(found.id for found in lines), **fields}
    return Situation(order(**head), of, lines, **everything)


_HEAD = {"state", "ship_type", "credit_hold", "customer_hold"}


def why(now: Situation, *, pegs_go: bool = True) -> list[tuple[str, Any]]:
    """The reasons in their order, with quantities."""
    found = [*before_supply(now), *before_leaving(now, auto_ship_on_receipt=pegs_go)]
    return [(reason.reason, reason.qty) for reason in found]


@pytest.mark.rule("BO-18")
def test_a_draft_is_no_demand_and_a_finished_line_waits_for_nothing() -> None:
    assert why(situation(line(5), state=OrderState.DRAFT)) == [("draft", 5)]
    assert why(situation(line(5, granted=5, shipped=5))) == []
    assert why(situation(line(1, kind=ItemKind.SERVICE), credit_hold=True)) == []


@pytest.mark.rule("BO-18")
def test_what_inventory_has_not_answered_or_freed_comes_first() -> None:
    assert why(situation(line(5, settled_version=0))) == [("not_answered", 5)]

    picked = line(10, granted=10, cancel_wanted=4, cancelled=1, wish_version=2, settled_version=2)
    assert why(situation(picked)) == [("cancelling", 3)]


@pytest.mark.rule("BO-18")
def test_a_special_order_names_what_is_in_its_way_what_is_ordered_and_what_is_not() -> None:
    waiting = line(10, special_order=True)
    special: SpecialOrder = special_of(waiting)
    supply: Tie = tie(waiting, 6)
    obstacle = Obstacle("no_source", "No source for LAMP", Decimal(4), datetime(2026, 3, 1, tzinfo=UTC))

    now = situation(
        waiting, ties=[supply], expected={supply.id: date(2026, 4, 1)}, special=special, obstacles=[obstacle]
    )

    assert why(now) == [("not_bought", 4), ("ordered", 6), ("requested", 4)]
    ordered = before_supply(now)[1]
    assert "expected on 2026-04-01" in ordered.message
    assert ordered.details["po_number"] == "PO-000001"


@pytest.mark.rule("BO-18")
def test_what_has_arrived_through_a_tie_is_no_longer_to_come() -> None:
    waiting = line(10, special_order=True, granted=4)
    supply = tie(waiting, 10)

    now = situation(
        waiting, tickets=[peg(waiting, 4, supply, passed=4)], ties=[supply], special=special_of(waiting)
    )

    assert why(now) == [("ordered", 6)]


@pytest.mark.rule("BO-18")
@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"credit_hold": True}, "credit_hold"),
        ({"customer_hold": True}, "customer_hold"),
    ],
)
def test_a_hold_keeps_what_is_granted(fields: dict[str, bool], reason: str) -> None:
    held = line(10, granted=6)
    tickets: list[Allotment] = [ticket(held, 6)]

    assert why(situation(held, tickets=tickets, **fields)) == [(reason, 6)]


@pytest.mark.rule("BO-18")
def test_a_void_by_hand_an_all_or_nothing_line_and_a_complete_order_hold_what_is_granted() -> None:
    held = line(10, granted=6, release_blocked=True, all_or_nothing=True)
    other, covered = line(4, line_no=2), line(3, line_no=3, granted=3)
    hidden = line(2, line_no=4, warehouse="SHOP")
    now = situation(held, other, covered, hidden, tickets=[ticket(held, 6)], ship_type=ShipType.COMPLETE)
    limited = Situation(now.order, now.line, now.lines, now.tickets, visible=now.visible - {hidden.id})

    assert why(now) == [("voided_by_hand", 6), ("all_or_nothing", 6), ("complete_order", 6)]
    complete = before_leaving(limited, auto_ship_on_receipt=True)[-1]
    assert complete.details == {
        "lines": [{"line_no": 2, "sku": "TABLE", "waiting": 4}],
        "in_other_warehouses": 1,
    }


@pytest.mark.rule("BO-18")
def test_arrived_goods_wait_for_a_hand_an_inspection_or_the_shipment_that_they_stand_on() -> None:
    arrived = line(10, granted=10, special_order=True)
    gated = peg(arrived, 10, gated=True, passed=4, failed=0)
    assert why(situation(arrived, tickets=[gated]), pegs_go=False) == [
        ("release_by_hand", 10),
        ("inspection", 6),
    ]

    released = peg(arrived, 10, gated=True, passed=10, release_no=1)
    standing = Standing(new_id(), "SH-000001", "picking", Decimal(10))
    now = situation(arrived, tickets=[released], standings=[standing])
    assert why(now) == [("shipment_picking", 10)]
    assert before_leaving(now, auto_ship_on_receipt=True)[0].details["shipment_number"] == "SH-000001"
