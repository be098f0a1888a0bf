"""BUY-19: the checks before a purchase order is closed, each switched by itself."""

import pytest

from services.purchasing.domain.closing import CloseCheck, CloseCheckFailed, may_close
from services.purchasing.domain.preferences import Preferences, Switch
from services.purchasing.tests.builders import line, po

FIGURES = {
    "all arrived": {"received": 10},
    "more arrived": {"received": 11},
    "the rest was cancelled": {"received": 6, "cancelled": 4},
    "the rest is forgotten": {"received": 6},
    "cancelled in full": {"cancelled": 10},
}


@pytest.mark.rule("BUY-19")
@pytest.mark.parametrize(
    ("check", "failing"),
    [
        (CloseCheck.NOT_OVER, {"more arrived"}),
        (CloseCheck.IN_FULL, {"more arrived", "the rest was cancelled", "the rest is forgotten"}),
        (CloseCheck.BALANCED, {"more arrived", "the rest is forgotten"}),
    ],
)
def test_a_check_that_is_switched_on_keeps_an_order_open(check: CloseCheck, failing: set[str]) -> None:
    refused = {}
    for name, figures in FIGURES.items():
        may_close(po(line("PO-1/1", 10, **figures)), set())
        try:
            may_close(po(line("PO-1/1", 10, received=10), line("PO-1/2", 10, **figures)), {check})
        except CloseCheckFailed as problem:
            refused[name] = (problem.facts["line"], problem.facts["check"])

    assert refused == dict.fromkeys(failing, (2, check.value))


@pytest.mark.rule("BUY-19")
def test_every_check_is_off_until_it_is_switched_on() -> None:
    assert Preferences().close_checks == frozenset()
    assert Preferences(close_check_in_full=Switch.ON).close_checks == {CloseCheck.IN_FULL}
    assert Preferences(Switch.ON, Switch.ON, Switch.ON, Switch.ON, Switch.ON, Switch.ON).close_checks == set(
        CloseCheck
    )
