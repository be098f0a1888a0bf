"""SO-14: what an invoice comes to, and where services go."""

import pytest

from shared.ids import new_id

from ..domain.invoicing import amounts, bill, bill_shipment, rounded, services_go_to, total
from .given import D, figures, line


@pytest.mark.rule("SO-14")
@pytest.mark.parametrize(
    ("qty", "price", "discount", "tax_rate", "net", "tax"),
    [
        ("3", "10", "0", "0", "30.00", "0.00"),
        # 3 x 9.95 x 0.9 = 26.865 -> 26.87; 26.87 x 0.21 = 5.6427 -> 5.64
        ("3", "9.95", "0.1", "0.21", "26.87", "5.64"),
        # half a cent goes up: 1 x 0.125 = 0.125 -> 0.13
        ("1", "0.125", "0", "0", "0.13", "0.00"),
        # tax of the rounded net: 0.13 x 0.5 = 0.065 -> 0.07
        ("1", "0.125", "0", "0.5", "0.13", "0.07"),
        ("0.333", "10", "0", "0.2", "3.33", "0.67"),
    ],
)
def test_net_and_tax_are_rounded_half_up_per_line(
    qty: str, price: str, discount: str, tax_rate: str, net: str, tax: str
) -> None:
    found = amounts(D(qty), D(price), D(discount), D(tax_rate))

    assert (found.net, found.tax) == (D(net), D(tax))


@pytest.mark.rule("SO-14")
def test_the_totals_are_the_sums_of_the_rounded_lines() -> None:
    # three lines of 0.125 are 0.39 on paper, not 0.38
    lines = [bill(line(1, price=D("0.125")), D(1)) for _ in range(3)]

    assert total(lines).net == D("0.39")
    assert rounded(D("0.375")) == D("0.38")


@pytest.mark.rule("SO-14")
def test_a_shipment_is_billed_by_order_line_in_line_order_without_empty_ones() -> None:
    order_id = new_id()
    first, second, empty = (line(5, order_id=order_id, line_no=n) for n in (1, 2, 3))
    on_it = {second.id: D(2), first.id: D(3), empty.id: D(0)}

    billed = bill_shipment(on_it, {found.id: found for found in (first, second, empty)})

    assert [figures(found, "line_no", "qty", "net") for found in billed] == [(1, 3, 30), (2, 2, 20)]


def test_a_line_free_of_charge_is_billed_at_nothing() -> None:
    assert bill(line(5, free_of_charge=True), D(5)).net == 0


@pytest.mark.rule("SO-14")
def test_services_join_the_first_shipment_that_ships_else_the_oldest_draft_else_one_of_their_own() -> None:
    shipped, draft = new_id(), new_id()

    assert services_go_to([shipped], [draft], goods_left=True) == (shipped, False)
    assert services_go_to([], [draft], goods_left=True) == (draft, False)
    assert services_go_to([], [], goods_left=True) == (None, False)
    assert services_go_to([], [], goods_left=False) == (None, True)
