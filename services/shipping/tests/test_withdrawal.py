"""The one question and its answer."""

from decimal import Decimal

import pytest

from services.shipping.domain.allotment import Allotment
from services.shipping.domain.shipment import State
from services.shipping.domain.withdrawal import Answer, answer

from .given import allotment, shipment, uid


def test_an_unknown_allotment_gives_all_that_is_wanted() -> None:
    assert answer(Allotment(uid(1), uid(1)), Decimal(4), []) == Answer(Decimal(4), Decimal(0), None)


def test_a_pending_shipment_gives_all_that_is_wanted() -> None:
    one = allotment(1, 10, standing=10)

    assert answer(one, Decimal(4), [shipment(21, (one, 10))]) == Answer(Decimal(4), Decimal(0), None)


@pytest.mark.rule("BO-10")
@pytest.mark.rule("SHIP-1")
@pytest.mark.parametrize("state", [State.PICKING, State.PACKED])
def test_units_that_are_being_picked_are_refused_with_the_reason(state: State) -> None:
    one = allotment(1, 10, standing=10)

    parcel = shipment(21, (one, 10), state=state)

    told = answer(one, Decimal(4), [parcel])

    lock = (parcel, Decimal(10))
    assert told == Answer(Decimal(0), Decimal(4), f"10 {state} on SH-000021", (lock,))


def test_what_stands_on_a_pending_shipment_is_given_and_what_is_picked_is_refused() -> None:
    one = allotment(1, 10, standing=10)

    locked, pending = shipment(21, (one, 7), state=State.PICKING), shipment(22, (one, 3))

    told = answer(one, Decimal(8), [locked, pending])

    assert told == Answer(Decimal(3), Decimal(5), "7 picking on SH-000021", ((locked, Decimal(7)),))


def test_shipped_units_are_refused() -> None:
    one = allotment(1, 10, shipped=6, returned=4)

    told = answer(one, Decimal(10), [])

    assert told == Answer(Decimal(0), Decimal(10), "6 shipped, 4 gone back to the line")


def test_wanted_is_absolute_so_asking_for_what_was_given_gives_nothing_more() -> None:
    one = allotment(1, 10, withdrawn=4, standing=6)

    assert answer(one, Decimal(4), [shipment(21, (one, 6))]).given == Decimal(4)
    assert answer(one, Decimal(3), [shipment(21, (one, 6))]) == Answer(Decimal(4), Decimal(0), None)


def test_failed_units_cannot_be_given_as_well() -> None:
    one = allotment(1, 10, failed=3, standing=7)

    told = answer(one, Decimal(10), [shipment(21, (one, 7))])

    assert told == Answer(Decimal(7), Decimal(3), "3 failed inspection")
