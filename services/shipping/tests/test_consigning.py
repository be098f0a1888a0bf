"""What stands on which shipment."""

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

import pytest

from services.shipping.domain.allotment import Allotment
from services.shipping.domain.consigning import Settlement, settle
from services.shipping.domain.shipment import MOST_SHARES, Shipment, State

from .given import DEPOT, NOW, allotment, new_ids, shipment, terms, uid


def settled(allotments: Iterable[Allotment], *shipments: Shipment, moved: Iterable[int] = ()) -> Settlement:
    return settle(
        allotments,
        shipments,
        NOW,
        new_ids(),
        {one.allotment_id: "order cancelled" for one in allotments},
        frozenset(uid(number) for number in moved),
    )


@pytest.mark.rule("SHIP-5")
def test_several_increases_of_one_order_line_make_one_line_on_one_shipment() -> None:
    outcome = settled([allotment(1, 5), allotment(2, 7), allotment(3, 8)])

    (change,) = outcome.changes
    assert [(line.line_no, line.qty) for line in change.after.lines] == [(10, Decimal(20))]
    assert [share.qty for share in change.after.shares] == [Decimal(5), Decimal(7), Decimal(8)]


@pytest.mark.rule("SHIP-2")
def test_units_join_the_oldest_pending_shipment_of_their_order() -> None:
    older, newer = allotment(1, 5, standing=5), allotment(2, 5, standing=5)

    outcome = settled([allotment(3, 4)], shipment(22, (newer, 5)), shipment(21, (older, 5)))

    (change,) = outcome.changes
    assert change.after.number == "SH-000021"
    assert change.after.units_of(uid(3)) == Decimal(4)
    assert (change.has_grown, change.after.version, change.after.told) == (True, 2, 2)


@pytest.mark.rule("SHIP-2")
@pytest.mark.parametrize(
    "other",
    [
        {"state": State.PICKING},
        {"state": State.PACKED},
        {"warehouse": "EAST"},
        {"currency": "USD"},
        {"ship_to": replace(DEPOT, street="Other street 1")},
        {"carrier": "UPS"},
        {"order_id": uid(2)},
    ],
    ids=lambda other: next(iter(other)) + " " + str(next(iter(other.values())))[:8],
)
def test_a_shipment_that_does_not_match_is_left_alone_and_a_new_one_is_made(other: dict[str, object]) -> None:
    there = allotment(1, 5, standing=5)
    state = other.pop("state", State.PENDING)
    parcel = shipment(21, (there, 5), state=State(state), **other)  # type: ignore[arg-type]  # StrEnum from object

    outcome = settled(
        [allotment(2, 4, terms=terms(carrier="DHL"))], replace(parcel, carrier=parcel.carrier or "DPD")
    )

    (change,) = outcome.changes
    assert change.before is None
    assert change.after.carrier == "DHL"


@pytest.mark.rule("SHIP-2")
def test_a_release_without_a_carrier_goes_with_the_carrier_that_was_chosen_meanwhile() -> None:
    there = allotment(1, 5, standing=5)

    outcome = settled([allotment(2, 4)], shipment(21, (there, 5), carrier="DHL"))

    assert [change.after.number for change in outcome.changes] == ["SH-000021"]


def test_every_live_unit_of_a_released_allotment_stands_on_exactly_one_shipment() -> None:
    outcome = settled([allotment(1, 10, withdrawn=2, failed=1)])

    assert outcome.changes[0].after.units_of(uid(1)) == Decimal(7)
    assert outcome.allotments[uid(1)].standing == Decimal(7)


def test_settling_again_changes_nothing() -> None:
    first = settled([allotment(1, 5), allotment(2, 5, line=20)])

    again = settled(first.allotments.values(), *(change.after for change in first.changes))

    assert again.changes == []
    assert again.allotments == first.allotments


def test_withdrawn_units_leave_their_pending_shipment() -> None:
    one = allotment(1, 10, standing=10, withdrawn=4)

    outcome = settled([one], shipment(21, (one, 10)))

    (change,) = outcome.changes
    assert (change.after.units_of(uid(1)), change.has_grown) == (Decimal(6), False)
    assert outcome.allotments[uid(1)].standing == Decimal(6)


@pytest.mark.rule("SHIP-4")
def test_an_emptied_shipment_is_voided_with_the_reason() -> None:
    one = allotment(1, 10, standing=10, revoke_no=1)

    outcome = settled([one], shipment(21, (one, 10)))

    (change,) = outcome.changes
    assert change.is_emptied
    assert (change.after.state, change.after.void_reason, change.after.lines) == (
        State.VOIDED,
        "order cancelled",
        (),
    )


@pytest.mark.rule("SHIP-1")
@pytest.mark.parametrize("state", [State.PICKING, State.PACKED])
def test_units_that_are_being_picked_stay_where_they_are(state: State) -> None:
    one = allotment(1, 10, standing=10, revoke_no=1)

    outcome = settled([one], shipment(21, (one, 10), state=state))

    assert outcome.changes == []
    assert [(stuck.shipment.number, stuck.units) for stuck in outcome.stuck] == [("SH-000021", Decimal(10))]
    assert outcome.allotments[uid(1)].standing == Decimal(10)


def test_units_leave_the_newest_pending_shipment_first() -> None:
    one = allotment(1, 10, standing=10, withdrawn=3)

    outcome = settled([one], shipment(21, (one, 5)), shipment(22, (one, 5)))

    assert [(change.after.number, change.after.units_of(uid(1))) for change in outcome.changes] == [
        ("SH-000022", Decimal(2))
    ]


def test_what_one_line_loses_and_another_gains_is_one_change_of_the_shipment() -> None:
    going, coming = allotment(1, 5, standing=5, withdrawn=5), allotment(2, 3, line=20)

    outcome = settled([going, coming], shipment(21, (going, 5)))

    (change,) = outcome.changes
    assert change.has_grown
    assert [(line.line_no, line.qty) for line in change.after.lines] == [(20, Decimal(3))]


def test_units_released_anew_to_another_place_move_there() -> None:
    elsewhere = terms(ship_to=replace(DEPOT, code="SITE", name="Aurora building site"))
    one = allotment(1, 5, standing=5, release_no=2, terms=elsewhere)

    outcome = settled([one], shipment(21, (one, 5)), moved=[1])

    assert [(change.after.state, change.after.ship_to.code) for change in outcome.changes] == [
        (State.VOIDED, "MAIN"),
        (State.PENDING, "SITE"),
    ]
    assert outcome.allotments[uid(1)].standing == Decimal(5)


def test_a_full_shipment_takes_no_further_share_and_the_next_one_begins() -> None:
    many = [allotment(number, 1, line=number) for number in range(1, MOST_SHARES + 2)]

    outcome = settled(many)

    assert [len(change.after.lines) for change in outcome.changes] == [MOST_SHARES, 1]
