"""SO-9: nothing uninspected is picked."""

from decimal import Decimal

import pytest

from services.shipping.domain.inspection_gate import NotInspected, may_pick, uninspected

from .given import allotment, by_id, shipment


@pytest.mark.rule("SO-9")
def test_a_shipment_with_uninspected_units_cannot_be_picked_and_the_refusal_names_them() -> None:
    special = allotment(1, 10, gated=True, passed=6, standing=10)
    stock = allotment(2, 5, line=20, standing=5)
    parcel = shipment(21, (special, 10), (stock, 5))

    with pytest.raises(NotInspected) as refused:
        may_pick(parcel, by_id(special, stock))

    (line,) = refused.value.facts["lines"]
    assert (line["sku"], line["qty"], line["uninspected"]) == ("SKU-10", "10", "4")


@pytest.mark.rule("SO-9")
def test_passed_units_and_units_without_a_gate_can_be_picked() -> None:
    special, stock = (
        allotment(1, 10, gated=True, passed=10, standing=10),
        allotment(2, 5, line=20, standing=5),
    )

    may_pick(shipment(21, (special, 10), (stock, 5)), by_id(special, stock))


@pytest.mark.rule("SO-9")
def test_failed_units_do_not_hold_up_the_passed_ones() -> None:
    special = allotment(1, 10, gated=True, passed=6, failed=4, standing=6)
    parcel = shipment(21, (special, 6))

    may_pick(parcel, by_id(special))

    assert uninspected(parcel, by_id(special)) == {}


def test_only_the_units_on_this_shipment_count() -> None:
    special = allotment(1, 10, gated=True, passed=2, standing=10)
    parcel = shipment(21, (special, 3))

    assert list(uninspected(parcel, by_id(special)).values()) == [Decimal(3)]
