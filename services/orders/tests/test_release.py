"""What may ship (ORD-2, BO-5, BO-8, SO-5, SO-6, ORD-6, SHIP-4)."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from ..domain.allotment import Allotment
from ..domain.order import ItemKind, Line, ShipType
from ..domain.release import Releases, decide_releases
from .given import figures, line, order, peg, picture, settled, ticket


def decided(
    lines: list[Line],
    allotments: list[Allotment],
    *,
    pegs_go: bool = True,
    by_hand: tuple[UUID, ...] = (),
    **head: Any,
) -> Releases:
    """The release decision for an open order."""
    return decide_releases(order(**head), lines, allotments, auto_ship_on_receipt=pegs_go, by_hand=by_hand)


@pytest.mark.rule("BO-8")
def test_each_granted_part_is_released_once_under_partial_ok() -> None:
    short = line(10, granted=4)
    part = ticket(short, 4)

    first = decided([short], [part])

    assert [(found.id, found.release_no) for found in first.released] == [(part.id, 1)]
    assert not decided([short], list(first.released)).released


@pytest.mark.rule("ORD-2")
def test_a_complete_order_releases_nothing_before_every_line_is_covered() -> None:
    there, waiting = line(5, granted=5), line(10, granted=4, special_order=True)
    tickets = [ticket(there, 5), peg(waiting, 4)]
    complete: dict[str, Any] = {"ship_type": ShipType.COMPLETE}

    assert not decided([there, waiting], tickets, **complete).released

    covered = replace(waiting, granted=waiting.ordered)
    assert len(decided([there, covered], [tickets[0], peg(waiting, 10)], **complete).released) == 2


@pytest.mark.rule("ORD-2")
@pytest.mark.parametrize(
    "other",
    [line(10, cancel_wanted=10), line(10, drop_ship=True), line(1, kind=ItemKind.SERVICE)],
    ids=["cancelled", "drop ship", "service"],
)
def test_a_cancelled_or_drop_ship_line_or_a_service_never_blocks_a_complete_order(other: Line) -> None:
    there = line(5, granted=5)

    assert decided([there, other], [ticket(there, 5)], ship_type=ShipType.COMPLETE).released


@pytest.mark.rule("ORD-2")
def test_a_complete_order_that_is_no_longer_covered_has_its_release_revoked() -> None:
    there, failed = line(5, granted=5), line(10, granted=8)
    released = ticket(there, 5, release_no=1)

    result = decided([there, failed], [released], ship_type=ShipType.COMPLETE)

    assert [(found.release_no, found.revoke_no) for found in result.revoked] == [(1, 1)]
    assert result.reason == "not covered"


@pytest.mark.rule("ORD-2")
def test_what_was_revoked_is_released_again_under_the_next_number() -> None:
    there = line(5, granted=5)

    result = decided([there], [ticket(there, 5, release_no=1, revoke_no=1)])

    assert [found.release_no for found in result.released] == [2]


@pytest.mark.rule("BO-5")
def test_an_all_or_nothing_line_waits_until_all_of_it_is_granted() -> None:
    waiting = line(10, granted=9, all_or_nothing=True)
    assert not decided([waiting], [ticket(waiting, 9)]).released

    whole = replace(waiting, granted=waiting.ordered)
    assert len(decided([whole], [ticket(whole, 9), ticket(whole, 1)]).released) == 2


@pytest.mark.rule("ORD-6")
@pytest.mark.parametrize("hold", ["credit_hold", "customer_hold"])
def test_a_hold_releases_nothing_and_takes_back_what_has_not_left(hold: str) -> None:
    there = line(10, granted=10, shipped=3)
    fresh, out = ticket(there, 4), ticket(there, 6, release_no=1, shipped=3)

    held: dict[str, Any] = {hold: True}
    result = decided([there], [fresh, out], **held)

    assert not result.released
    assert [found.id for found in result.revoked] == [out.id]
    assert result.reason == "held"


@pytest.mark.rule("SO-6")
def test_pegs_wait_for_a_hand_while_auto_ship_on_receipt_is_off() -> None:
    special = line(10, granted=10, special_order=True)
    arrived = peg(special, 10)

    assert not decided([special], [arrived], pegs_go=False).released
    assert decided([special], [arrived], pegs_go=False, by_hand=(special.id,)).released
    # what was released by hand is not taken back
    assert not decided([special], [replace(arrived, release_no=1)], pegs_go=False).revoked


@pytest.mark.rule("SHIP-4")
def test_a_line_that_a_void_by_hand_has_blocked_waits_for_a_hand() -> None:
    blocked = line(10, granted=10, release_blocked=True)

    assert not decided([blocked], [ticket(blocked, 10)]).released


def test_units_beyond_the_need_are_not_released_since_they_are_on_their_way_back() -> None:
    # the new allotment was heard before the return of the voided one
    over = line(10, granted=15)

    assert not decided([over], [ticket(over, 10, release_no=1), ticket(over, 5)]).released


def test_an_allotment_that_has_ended_is_neither_released_nor_revoked() -> None:
    done = line(10, granted=5, shipped=5)

    result = decided([done], [ticket(done, 10, release_no=1, shipped=5, returned=5)], credit_hold=True)

    assert result == Releases()


@pytest.mark.rule("ORD-2")
def test_changing_complete_to_partial_releases_what_is_covered_and_back_makes_it_wait() -> None:
    there, waiting = line(5), line(10)
    complete = picture(there, waiting, of=order(ship_type=ShipType.COMPLETE), allotments=(ticket(there, 5),))
    assert not settled(complete).releases.released

    partial = settled(replace(complete, order=replace(complete.order, ship_type=ShipType.PARTIAL_OK)))
    assert len(partial.releases.released) == 1
    back = settled(
        replace(partial.picture, order=replace(partial.picture.order, ship_type=ShipType.COMPLETE))
    )
    assert len(back.releases.revoked) == 1


@pytest.mark.rule("ORD-2")
@pytest.mark.rule("SHIP-3")
def test_what_stays_released_under_another_ship_type_is_released_anew_once() -> None:
    covered, done = line(5, granted=5), line(2, granted=2, shipped=2)
    tickets = [ticket(covered, 5, release_no=1), ticket(done, 2, release_no=1, shipped=2)]
    head = order(ship_type=ShipType.COMPLETE)

    (again,) = decide_releases(head, [covered, done], tickets, auto_ship_on_receipt=True, anew=True).released

    assert (again.id, again.release_no) == (tickets[0].id, 2)
    assert (
        decide_releases(head, [covered, done], [again, tickets[1]], auto_ship_on_receipt=True) == Releases()
    )


@pytest.mark.rule("ORD-2")
def test_a_complete_order_over_two_warehouses_waits_for_the_special_order_in_the_other_one() -> None:
    here, there = line(5, warehouse="MAIN"), line(10, warehouse="SHOP", special_order=True)
    head = order(ship_type=ShipType.COMPLETE)
    part = picture(here, there, of=head, allotments=(ticket(here, 5), peg(there, 6)))
    waiting = settled(part)
    assert not waiting.releases.released

    arrived = replace(peg(there, 4), order_id=head.id)
    whole = settled(replace(waiting.picture, allotments=(*waiting.picture.allotments, arrived)))

    assert sorted(found.warehouse for found in whole.releases.released) == ["MAIN", "SHOP", "SHOP"]
    assert {found.line_id for found in whole.releases.released} == {here.id, there.id}


@pytest.mark.rule("ORD-2")
def test_partial_to_complete_revokes_only_what_has_not_left_and_a_backordered_twin_makes_the_order_wait() -> (
    None
):
    first = line(20, shipped=8)
    twin = line(5, parent_line_id=first.id, opening_decided=True)
    partial = settled(picture(first, twin, allotments=(ticket(first, 20, release_no=1, shipped=8),)))
    assert not partial.releases.revoked

    complete = replace(partial.picture.order, ship_type=ShipType.COMPLETE)
    waiting = settled(replace(partial.picture, order=complete))

    (revoked,) = waiting.releases.revoked
    assert figures(revoked, "live", "shipped") == (12, 8)
    assert waiting.picture.lines[0].released == 8


@pytest.mark.rule("ORD-2")
def test_a_line_cancelled_meanwhile_lets_the_complete_order_go() -> None:
    there, waiting = line(5), line(10)
    complete = settled(
        picture(there, waiting, of=order(ship_type=ShipType.COMPLETE), allotments=(ticket(there, 5),))
    )
    assert not complete.releases.released

    gone = replace(complete.picture.lines[1], cancel_wanted=waiting.ordered, wish_version=2)
    freed = settled(complete.picture.with_line(gone))

    assert [found.line_id for found in freed.releases.released] == [there.id]


@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-5")
def test_a_victim_that_became_all_or_nothing_holds_what_it_has_left_until_all_is_back() -> None:
    victim = line(60, all_or_nothing=True, opening_decided=True)
    taken = settled(picture(victim, allotments=(ticket(victim, 60, release_no=1, withdrawn=20),)))

    (revoked,) = taken.releases.revoked
    assert revoked.live == 40
    assert taken.releases.reason == "not covered"
    assert taken.picture.lines[0].is_backordered
    back = replace(ticket(victim, 20), order_id=taken.picture.order.id)
    restored = settled(replace(taken.picture, allotments=(*taken.picture.allotments, back)))
    assert sum(found.live for found in restored.releases.released) == 60
    assert not restored.picture.lines[0].is_backordered
