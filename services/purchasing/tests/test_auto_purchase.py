"""SO-2: which purchase orders the requests of one transaction go to."""

from decimal import Decimal
from typing import Any

import pytest

from services.purchasing.domain.auto_purchase import Purchase, fill_baskets, line_for, tie_for
from services.purchasing.domain.cost import Cost, CostSource
from services.purchasing.domain.demand import Demand, Kind
from services.purchasing.domain.purchase_order import MOST_LINES, State
from services.purchasing.tests.builders import demand, line, offer, po, tie, uid


def purchase(wanted: Demand, **vendor: Any) -> Purchase:
    return Purchase(wanted, wanted.ordered, offer(**vendor), Cost(Decimal("9.50"), CostSource.ORDER))


@pytest.mark.rule("SO-2")
def test_one_purchase_order_per_vendor_warehouse_and_currency() -> None:
    bought = [
        purchase(demand("SO-1/1")),
        purchase(demand("SO-2/2")),
        purchase(demand("SO-3/3", warehouse="EAST")),
        purchase(demand("SO-4/4"), vendor="BOLT"),
        purchase(demand("SO-5/5"), currency="USD"),
    ]

    baskets = fill_baskets(bought, [], append=True)

    assert [len(basket.purchases) for basket in baskets] == [2, 1, 1, 1]


@pytest.mark.rule("SO-2")
def test_without_appending_every_order_has_its_own() -> None:
    bought = [purchase(demand("SO-1/1")), purchase(demand("SO-1/2")), purchase(demand("SO-2/3"))]

    assert [len(basket.purchases) for basket in fill_baskets(bought, [], append=False)] == [2, 1]


@pytest.mark.rule("SO-2")
def test_requests_are_appended_to_the_oldest_unsent_order_of_the_group() -> None:
    drafts = [po(number="PO-2", state=State.DRAFT), po(number="PO-9", state=State.DRAFT, warehouse="EAST")]

    [basket] = fill_baskets([purchase(demand())], drafts, append=True)

    assert basket.po is drafts[0]


@pytest.mark.rule("SO-2")
def test_a_purchase_order_holds_200_lines_and_the_next_one_takes_over() -> None:
    bought = [purchase(demand(f"SO-{n}/1")) for n in range(MOST_LINES + 5)]
    nearly_full = po(*(line(f"PO-1/{n}", 1) for n in range(1, MOST_LINES)), state=State.DRAFT)

    baskets = fill_baskets(bought, [nearly_full], append=True)

    assert [(basket.po is not None, len(basket.purchases)) for basket in baskets] == [
        (True, 1),
        (False, 200),
        (False, 4),
    ]


@pytest.mark.rule("BO-6")
def test_lines_stand_in_rank_order_whatever_the_order_of_hearing() -> None:
    late, vip, early = demand("SO-1/9"), demand("SO-2/5", priority=3), demand("SO-3/1")

    [basket] = fill_baskets([purchase(d) for d in (late, vip, early)], [], append=True)

    assert [p.demand.order_number for p in basket.purchases] == ["SO-2", "SO-3", "SO-1"]


@pytest.mark.rule("BUY-16")
def test_a_linked_line_joins_its_parents_unsent_line() -> None:
    parent = demand("SO-1/1")
    child = demand("SO-1/2", 2, parent_line_id=parent.line_id)
    draft = po(line("PO-1/1", 10, tie(parent, 10)), state=State.DRAFT)

    [basket] = fill_baskets([purchase(child)], [draft], append=True)

    assert basket.purchases == ()
    assert [(joined.demand, onto.line_no) for joined, onto in basket.joins] == [(child, 1)]


def test_a_request_is_left_to_the_buyer_who_undid_its_purchase() -> None:
    assert not demand(left_to_buyer=True).buys_itself


def test_an_order_as_needed_line_does_not_buy_what_a_shipment_gave_back() -> None:
    needed: dict[str, Any] = {"kind": Kind.ORDER_AS_NEEDED, "special_order": False}

    assert not demand(came_back=3, **needed).buys_itself
    assert demand(came_back=0, **needed).buys_itself
    assert demand(came_back=3).buys_itself  # a special's units come back to its own peg


@pytest.mark.rule("BUY-10")
@pytest.mark.parametrize(
    ("given", "order_type"),
    [
        ({}, "special"),
        ({"kind": Kind.NONSTOCK, "special_order": False}, "nonstock"),
        ({"kind": Kind.ORDER_AS_NEEDED, "special_order": False}, "order_as_needed"),
    ],
)
def test_a_line_says_what_it_is_bought_for_with_the_comments_of_that_moment(
    given: dict[str, Any], order_type: str
) -> None:
    wanted = demand("SO-1/2", 10, component=20, comments=("oak, oiled",), **given)
    own = tie_for(wanted, Decimal(10), uid("PO-1"), uid("PO-1/1"), uid("tie"))

    bought = line_for(purchase(wanted), 1, own, None)

    assert (bought.order_type, bought.comments) == (order_type, ("oak, oiled",))
    assert [(one.order_number, one.line_no, one.component) for one in bought.ties] == [("SO-1", 2, 20)]
