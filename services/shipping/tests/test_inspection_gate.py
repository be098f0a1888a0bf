"""SO-9: nothing uninspected is picked."""

from decimal import Decimal

import pytest

from services.shipping.domain.allotment import Allotment
from services.shipping.domain.inspection_gate import NOBODY, NOTHING, Late, Newer, NotInspected, uninspected
from services.shipping.domain.mixed_pick import Picked, pick
from services.shipping.domain.shipment import Shipment, State

from .given import NOW, allotment, by_id, new_ids, said, shipment, terms, uid


def picked(parcel: Shipment, *allotments: Allotment, newer: Newer = NOTHING, late: Late = NOBODY) -> Picked:
    return pick(parcel, by_id(*allotments), newer, NOW, new_ids(), late)


def on(parcel: Shipment | None) -> dict[str, str]:
    """What is on a shipment: {"SKU-10": "6"}."""
    return {line.sku: said(line.qty) for line in parcel.lines} if parcel else {}


@pytest.mark.rule("SO-9")
def test_a_shipment_with_uninspected_units_cannot_be_picked_and_the_refusal_names_them() -> None:
    special = allotment(1, 10, gated=True, standing=10)

    with pytest.raises(NotInspected) as refused:
        picked(shipment(21, (special, 10)), special)

    (line,) = refused.value.facts["lines"]
    assert (line["sku"], line["qty"], line["uninspected"]) == ("SKU-10", "10", "10")


@pytest.mark.rule("SO-9")
def test_passed_units_and_units_without_a_gate_are_picked_whole() -> None:
    special, stock = (
        allotment(1, 10, gated=True, passed=10, standing=10),
        allotment(2, 5, line=20, standing=5),
    )
    parcel = shipment(21, (special, 10), (stock, 5))

    after = picked(parcel, special, stock)

    assert (after.shipment.state, after.shipment.lines, after.rest) == (State.PICKING, parcel.lines, None)


@pytest.mark.rule("SO-9")
def test_picking_a_mixed_shipment_takes_what_is_passed_and_leaves_the_rest_on_a_new_pending_one() -> None:
    special = allotment(1, 10, gated=True, passed=6, standing=10)
    stock = allotment(2, 5, line=20, standing=5)
    parcel = shipment(21, (special, 10), (stock, 5))

    after = picked(parcel, special, stock)

    assert (after.shipment.state, on(after.shipment)) == (State.PICKING, {"SKU-10": "6", "SKU-20": "5"})
    assert after.rest is not None
    assert (after.rest.state, after.rest.version, on(after.rest)) == (State.PENDING, 1, {"SKU-10": "4"})
    assert after.rest.lines[0].remainder_of == parcel.lines[0].shipment_line_id


@pytest.mark.rule("SO-9")
def test_under_complete_all_of_the_order_waits_and_another_order_on_the_shipment_does_not() -> None:
    whole = {"ship_type": "complete"}
    special = allotment(1, 10, gated=True, passed=6, terms=terms(10, **whole))
    stock = allotment(2, 5, terms=terms(20, **whole))
    other = allotment(3, 7, terms=terms(30, order_id=uid(2), order_number="SO-000002"))

    with pytest.raises(NotInspected, match="what ships with them waits too"):
        picked(shipment(21, (special, 10), (stock, 5)), special, stock)
    after = picked(shipment(21, (special, 10), (stock, 5), (other, 7)), special, stock, other)

    assert on(after.shipment) == {"SKU-30": "7"}
    assert on(after.rest) == {"SKU-10": "10", "SKU-20": "5"}


@pytest.mark.rule("SO-9")
@pytest.mark.rule("ORD-2")
def test_under_complete_units_that_wait_on_another_shipment_hold_this_one_and_no_other_order_on_it() -> None:
    stock = allotment(2, 5, terms=terms(20, ship_type="complete"))
    other = allotment(3, 7, terms=terms(30, order_id=uid(2), order_number="SO-000002"))
    late = {uid(1): ["SH-000022"]}

    with pytest.raises(NotInspected, match="units of its complete order on SH-000022 wait") as refused:
        picked(shipment(21, (stock, 5)), stock, late=late)
    after = picked(shipment(21, (stock, 5), (other, 7)), stock, other, late=late)

    assert (refused.value.facts["lines"], refused.value.facts["other_shipments"]) == ([], ["SH-000022"])
    assert (on(after.shipment), on(after.rest)) == ({"SKU-30": "7"}, {"SKU-20": "5"})


@pytest.mark.rule("SO-9")
def test_what_waits_elsewhere_of_another_order_or_under_partial_ok_holds_nothing() -> None:
    whole, part = allotment(1, 4, terms=terms(10, ship_type="complete")), allotment(2, 5, line=20)

    assert picked(shipment(21, (whole, 4)), whole, late={uid(2): ["SH-000022"]}).rest is None
    assert picked(shipment(21, (part, 5)), part, late={uid(1): ["SH-000022"]}).rest is None


@pytest.mark.rule("BO-5")
def test_an_all_or_nothing_line_waits_as_a_whole_for_its_inspection() -> None:
    special = allotment(1, 10, gated=True, passed=6, terms=terms(10, all_or_nothing=True))
    stock = allotment(2, 5, terms=terms(20))

    after = picked(shipment(21, (special, 10), (stock, 5)), special, stock)

    assert (on(after.shipment), on(after.rest)) == ({"SKU-20": "5"}, {"SKU-10": "10"})


@pytest.mark.rule("SO-9")
def test_failed_units_do_not_hold_up_the_passed_ones() -> None:
    special = allotment(1, 10, gated=True, passed=6, failed=4, standing=6)
    parcel = shipment(21, (special, 6))

    assert picked(parcel, special).rest is None
    assert uninspected(parcel, by_id(special)) == {}


def test_only_the_units_on_this_shipment_count() -> None:
    special = allotment(1, 10, gated=True, passed=2, standing=10)
    parcel = shipment(21, (special, 3))

    assert list(uninspected(parcel, by_id(special)).values()) == [Decimal(3)]


@pytest.mark.rule("SO-9")
def test_of_an_allotment_on_two_pending_shipments_the_older_one_has_the_passed_units() -> None:
    special = allotment(1, 10, gated=True, passed=6, standing=10)
    older, newer = shipment(21, (special, 7)), shipment(22, (special, 3))

    assert list(uninspected(older, by_id(special), {uid(1): Decimal(3)}).values()) == [Decimal(1)]
    assert list(uninspected(newer, by_id(special)).values()) == [Decimal(3)]


@pytest.mark.rule("SO-9")
def test_uninspected_units_that_went_back_hold_up_nobody() -> None:
    special = allotment(1, 10, gated=True, passed=6, returned=4, unproven=4, standing=6)

    assert uninspected(shipment(21, (special, 6)), by_id(special)) == {}
