"""BO-13's clause on ranks as the checker reads it: who may hold while somebody waits, and every exception to it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from deploy.checking import Books
from deploy.checking.claims import no_loss_is_open
from deploy.checking.stock import is_not_idle, rank_is_kept
from shared.ids import new_id

FIRST, LAST = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
HOLDER, WAITER = new_id(), new_id()


def demand(line: UUID, need: int, granted: int, **said: Any) -> dict[str, Any]:
    return {
        "line_id": line, "component": 0, "order_id": line, "line_no": 1, "sku": "LAMP", "warehouse": "MAIN",
        "need": Decimal(need), "granted": Decimal(granted), "priority": 0, "ranked_at": FIRST, "special": False,
        "all_or_nothing": False,
    } | said  # fmt: skip


def claim(**said: Any) -> dict[str, Any]:
    figures = dict.fromkeys(("withdrawn", "failed", "shipped", "returned", "asked"), Decimal(0))
    return {
        "id": new_id(), "line_id": HOLDER, "component": 0, "sku": "LAMP", "warehouse": "MAIN", "qty": Decimal(5),
        "receipt_line_id": None, "locked": False,
    } | figures | said  # fmt: skip


def books(
    *, waiter: dict[str, Any] | None = None, held: dict[str, Any] | None = None, free: int = 0, **tables: Any
) -> Books:
    """A later line holds five, an earlier one waits for two."""
    figures = dict.fromkeys(("pegged", "arrived", "quarantined"), Decimal(0))
    inventory: dict[str, Any] = {
        "demand": [
            demand(HOLDER, 5, 5, ranked_at=LAST),
            demand(WAITER, 2, 0, **(waiter or {})),
        ],
        "allotments": [claim(**(held or {}))],
        "stock": [
            {
                "sku": "LAMP",
                "warehouse": "MAIN",
                "on_hand": Decimal(5 + free),
                "allotted": Decimal(5),
                **figures,
            }
        ],
        "preferences": [],
        "adjustments": [],
    }
    return Books({"inventory": inventory | tables, "orders": {"order_lines": [], "sales_orders": []}})


@pytest.mark.rule("BO-13")
def test_a_later_line_that_holds_while_an_earlier_one_waits_is_named_with_both_figures() -> None:
    (found,) = rank_is_kept(books())

    assert "holds 5" in found
    assert "lacks 2" in found


@pytest.mark.rule("BO-13")
@pytest.mark.parametrize(
    "as_it_may_be",
    [
        books(held={"locked": True}),
        books(held={"asked": Decimal(5)}),
        books(held={"receipt_line_id": new_id()}),
        books(held={"shipped": Decimal(5)}),
        books(waiter={"ranked_at": datetime(2026, 1, 3, tzinfo=UTC)}),
        books(waiter={"special": True}),
        books(waiter={"all_or_nothing": True}, preferences=[{"chosen": {"head_of_line": "skip"}}]),
        books(preferences=[{"chosen": {"backorder_management": "off"}}]),
        books(
            automation_schedules=[{"name": "primary", "enabled": False}],
            automation_left=[{"schedule": "primary", "sku": "LAMP", "warehouse": "MAIN"}],
        ),
    ],
    ids=[
        "locked by picking", "asked for", "a peg", "shipped", "the later one waits", "a special waits",
        "passed over (BO-5)", "managed by hand (BO-14)", "left for a schedule (BO-15)",
    ],
)  # fmt: skip
def test_what_may_not_be_taken_back_breaks_no_rank(as_it_may_be: Books) -> None:
    assert list(rank_is_kept(as_it_may_be)) == []


@pytest.mark.rule("BO-13")
def test_a_higher_priority_ranks_ahead_of_an_earlier_opening() -> None:
    late = {"ranked_at": datetime(2026, 1, 3, tzinfo=UTC), "priority": 5}

    assert len(list(rank_is_kept(books(waiter=late)))) == 1


@pytest.mark.rule("BO-5")
def test_free_stock_beside_an_all_or_nothing_line_is_idle_unless_it_is_passed_over() -> None:
    skips = [{"chosen": {"head_of_line": "skip"}}]
    waits = {"all_or_nothing": True}

    assert len(list(is_not_idle(books(waiter=waits, free=1)))) == 1
    assert list(is_not_idle(books(waiter=waits, free=1, preferences=skips))) == []
    assert len(list(is_not_idle(books(waiter=waits, free=2, preferences=skips)))) == 1


@pytest.mark.rule("BO-14")
def test_free_stock_is_left_alone_where_a_person_decides() -> None:
    assert len(list(is_not_idle(books(free=1)))) == 1
    assert list(is_not_idle(books(free=1, preferences=[{"chosen": {"backorder_management": "off"}}]))) == []


@pytest.mark.rule("BO-12")
def test_a_loss_that_still_asks_when_all_is_quiet_is_named() -> None:
    asking = {"number": "ADJ-000007", "sku": "LAMP", "warehouse": "MAIN", "asking": Decimal(3)}

    (found,) = no_loss_is_open(books(adjustments=[asking]))

    assert found == "ADJ-000007 of LAMP in MAIN still asks for 3"
