"""When stock itself has to be bought (BO-17): the arithmetic."""

from decimal import Decimal
from typing import Any

import pytest

from services.inventory.domain.replenishment import Position, proposal, renewed
from services.inventory.tests.builders import ints


def position(available: int, waiting: int = 0, supply: int = 0, **given: Any) -> Position:
    """An item with minimum 10, target 30 and no safety stock, from OAKCO."""
    usual: dict[str, Any] = {
        "sku": "TABLE", "warehouse": "MAIN", "minimum": Decimal(10), "target": Decimal(30), "safety": Decimal(0),
        "lead_time_days": 14, "is_replenished": True, "vendor": "OAKCO", "from_warehouse": None,
    }  # fmt: skip
    figures = {"available": Decimal(available), "waiting": Decimal(waiting), "supply": Decimal(supply)}
    levels = {name: Decimal(value) if isinstance(value, int) and name in ("minimum", "target", "safety") else value
              for name, value in given.items()}  # fmt: skip
    return Position(**(usual | figures | levels))


@pytest.mark.rule("BO-17")
@pytest.mark.parametrize(
    ("found", "proposed"),
    [
        pytest.param(position(12), 0, id="12 there, minimum 10: nothing"),
        pytest.param(position(10), 0, id="at the minimum is not below it"),
        pytest.param(position(9), 21, id="9 there: 30 - 9"),
        pytest.param(position(0), 30, id="nothing there: 30"),
        pytest.param(position(12, waiting=4), 22, id="12 - 4 waiting = 8: 30 - 8"),
        pytest.param(position(0, waiting=25), 55, id="25 wait: 30 + 25"),
        pytest.param(position(0, waiting=25, supply=40), 0, id="-25 + 40 on its way = 15: nothing"),
        pytest.param(position(2, supply=7), 21, id="2 + 7 on its way = 9: the rest up to 30"),
        pytest.param(
            position(2, supply=28), 0, id="what was proposed has been ordered: nothing is bought twice"
        ),
        pytest.param(position(12, safety=15), 18, id="below the safety stock: 30 - 12"),
        pytest.param(
            position(12, safety=40), 28, id="a safety stock above the target is bought up to itself: 40 - 12"
        ),
        pytest.param(position(0, minimum=0, target=0), 0, id="levels of 0 ask for nothing"),
        pytest.param(position(-0, waiting=3, minimum=0, target=0), 3, id="but for what waits"),
        pytest.param(
            position(0, is_replenished=False), 0, id="a special-order item, or one that is not stocked"
        ),
    ],
)
def test_a_proposal_is_what_lacks_to_the_target(found: Position, proposed: int) -> None:
    assert proposal(found) == proposed


@pytest.mark.rule("BO-17")
def test_only_news_is_told_and_each_has_a_version_of_its_own() -> None:
    assert renewed(None, position(20)) is None
    first = renewed(None, position(4))
    assert first is not None
    assert (first.version, *ints(first.proposed, first.position)) == (1, 26, 4)

    assert renewed(first, position(4)) is None
    more = renewed(first, position(1))
    assert more is not None
    assert (more.version, *ints(more.proposed)) == (2, 29)
    withdrawn = renewed(more, position(30))
    assert withdrawn is not None
    assert (withdrawn.version, *ints(withdrawn.proposed)) == (3, 0)
    assert renewed(withdrawn, position(25)) is None


@pytest.mark.rule("BO-17")
def test_another_source_or_lead_time_is_news_while_something_is_proposed() -> None:
    first = renewed(None, position(4))

    elsewhere = renewed(first, position(4, vendor="PINECO"))
    slower = renewed(first, position(4, lead_time_days=30))

    assert elsewhere is not None
    assert slower is not None
    assert (elsewhere.vendor, slower.lead_time_days) == ("PINECO", 30)
