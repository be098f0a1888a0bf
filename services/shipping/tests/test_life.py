"""SHIP-1: the life of a shipment."""

import pytest

from services.shipping.domain.shipment import IllegalShipmentMove, State

from .given import allotment, shipment

LEGAL = {
    ("pending", "picking"),
    ("pending", "voided"),
    ("picking", "packed"),
    ("picking", "pending"),
    ("picking", "voided"),
    ("packed", "shipped"),
    ("packed", "pending"),
    ("packed", "voided"),
}


@pytest.mark.rule("SHIP-1")
@pytest.mark.parametrize("before", list(State))
@pytest.mark.parametrize("after", list(State))
def test_a_shipment_goes_only_where_the_table_says(before: State, after: State) -> None:
    parcel = shipment(1, (allotment(1, 5), 5), state=before)

    if (before.value, after.value) in LEGAL:
        assert parcel.moved_to(after).state is after
    else:
        with pytest.raises(IllegalShipmentMove) as refused:
            parcel.moved_to(after)
        assert refused.value.facts["state"] == before
        assert refused.value.facts["wanted_state"] == after
