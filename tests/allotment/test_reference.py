"""The reference allocator is itself proven against the worked example of the rules, cell by cell."""

from decimal import Decimal

import pytest

from services.inventory.tests.builders import minute, named
from tests.allotment.reference import Want, share_out
from tests.allotment.worked_example import CASES, Case


@pytest.mark.rule("BO-9")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_reference_says_what_the_worked_example_says(case: Case) -> None:
    wants = [
        Want(named(n), Decimal(qty), (-priority, minute(n), named(n), 10, 0))
        for n, (qty, priority) in enumerate(zip(case.wanted, case.priorities, strict=True), 1)
    ]

    held = share_out(Decimal(case.stock - case.pegged), wants)

    assert tuple(int(held[want.line]) for want in wants) == case.granted
    assert case.stock - case.pegged - sum(held.values()) == case.free


@pytest.mark.rule("BO-10")
def test_the_reference_leaves_locked_units_where_they_are() -> None:
    first = Want(named(1), Decimal(5), (-1, minute(1), named(1), 10, 0))
    victim = Want(named(2), Decimal(8), (0, minute(0), named(2), 10, 0), locked=Decimal(6))

    held = share_out(Decimal(8), [first, victim])

    assert [int(held[want.line]) for want in (first, victim)] == [2, 6]
