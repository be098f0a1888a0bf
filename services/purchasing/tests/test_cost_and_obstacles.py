"""BUY-9, BUY-2 and ORD-6: what a purchase costs, and what is in its way."""

from decimal import Decimal

import pytest

from services.purchasing.domain.cost import Cost, CostSource, cost_of
from services.purchasing.domain.obstacles import ExceptionKind, obstacles
from services.purchasing.tests.builders import demand, offer


def kinds(*given: object, **more: object) -> list[ExceptionKind]:
    line, vendor = given
    return [found.kind for found in obstacles(line, vendor)]  # type: ignore[arg-type]  # shortened for the tests


@pytest.mark.rule("BUY-9")
def test_the_cost_on_the_order_beats_the_vendors_price() -> None:
    assert cost_of(demand(cost=Decimal("10.00")), offer("9.50")) == Cost(Decimal("10.00"), CostSource.ORDER)


@pytest.mark.rule("BUY-18")
@pytest.mark.rule("BUY-9")
def test_without_one_the_vendors_price_per_item_unit_counts() -> None:
    assert cost_of(demand(cost=None), offer("100", per=12)) == Cost(
        Decimal("8.3333"), CostSource.VENDOR_PRICE
    )


@pytest.mark.rule("BUY-9")
def test_half_a_ten_thousandth_is_rounded_up() -> None:
    cost = cost_of(demand(cost=None), offer("0.0001", per=2))

    assert cost is not None
    assert cost.amount == Decimal("0.0001")


@pytest.mark.rule("BUY-8")
def test_a_cost_in_another_unit_says_nothing_about_the_line() -> None:
    cost = cost_of(demand(cost=Decimal(120), cost_unit="BX"), offer("9.50"))

    assert cost == Cost(Decimal("9.50"), CostSource.VENDOR_PRICE)


@pytest.mark.rule("BUY-9")
@pytest.mark.parametrize("vendor", [offer(None), offer("0"), offer("9.50")])
def test_a_zero_on_the_order_is_an_exception_whatever_the_vendor_asks(vendor: object) -> None:
    assert kinds(demand(cost=Decimal(0)), vendor) == [ExceptionKind.ZERO_COST]


@pytest.mark.rule("BUY-9")
def test_no_cost_at_all_is_an_exception() -> None:
    assert kinds(demand(cost=None), offer(None)) == [ExceptionKind.ZERO_COST]


@pytest.mark.rule("BUY-9")
@pytest.mark.parametrize("cost", [None, Decimal(0)])
def test_free_of_charge_needs_its_flag_and_then_costs_nothing(cost: Decimal | None) -> None:
    line = demand(cost=cost, free_of_charge=True)

    assert kinds(line, offer(None)) == []
    assert cost_of(line, offer(None)).amount == 0  # type: ignore[union-attr]  # it is there: no exception


@pytest.mark.rule("BUY-2")
def test_vendor_and_warehouse_both_blank_is_no_source() -> None:
    assert kinds(demand(vendor=None), None) == [ExceptionKind.NO_SOURCE]


@pytest.mark.rule("BUY-2")
def test_an_unknown_vendor_is_said_before_its_costs() -> None:
    assert kinds(demand(cost=None), None) == [ExceptionKind.UNKNOWN_VENDOR]


@pytest.mark.rule("BUY-2")
def test_an_inactive_vendor_sells_nothing() -> None:
    assert kinds(demand(), offer(active=False)) == [ExceptionKind.UNKNOWN_VENDOR]


@pytest.mark.rule("SO-4")
def test_a_source_warehouse_waits_for_transfers() -> None:
    assert kinds(demand(vendor=None, source_warehouse="EAST"), None) == [ExceptionKind.TRANSFER_NOT_AVAILABLE]


@pytest.mark.rule("ORD-6")
def test_specials_of_a_customer_on_hold_are_not_bought() -> None:
    assert kinds(demand(credit_hold=True), offer()) == [ExceptionKind.CREDIT_HOLD]
    assert kinds(demand(credit_hold=True, vendor=None), None) == [
        ExceptionKind.CREDIT_HOLD,
        ExceptionKind.NO_SOURCE,
    ]


@pytest.mark.rule("BUY-9")
def test_a_cost_in_the_orders_currency_is_not_a_price_in_the_vendors() -> None:
    assert kinds(demand(), offer(currency="USD")) == [ExceptionKind.CURRENCY_MISMATCH]
    assert kinds(demand(cost=None), offer(currency="USD")) == []
