"""The measurements' own bookkeeping: what is waited for, what is found wrong, and whose figures ours are divided by."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import books as books_module
from bench import peer
from bench.books import Books, Wrong
from bench.figures import quantile
from deploy.local.definitions import SERVICES

CHAINS = 3
BALANCED = {
    "filled": 3, "shipments": 3, "final": 3, "notices": 3, "stock": 0, "outbox": 0, "parked": 0,
}  # fmt: skip
ROWS = {
    "sales_orders": {"orders": 3, "filled": 3, "invoiced_once": 3, "final": 3},
    "shipments": {"shipments": 3, "orders_shipped": 3, "left_house": 3},
    "notices": {"notices": 3, "orders_noticed": 3, "closed": 3},
}


class Database:
    """Answers the books' questions by the table that they ask; `late` figures come at their third look."""

    def __init__(self, figures: dict[str, int], rows: dict[str, dict[str, int]], late: str = "") -> None:
        self._figures = figures
        self._rows = rows
        self._late = late
        self.looks: list[str] = []

    async def fetchval(self, query: str, *words: str) -> int:
        table = next(name for name in ("sales_orders", "invoices", *self._figures) if f"FROM {name}" in query)
        name = {"sales_orders": "filled", "invoices": "final"}.get(table, table)
        self.looks.append(name)
        return 2 if name == self._late and self.looks.count(name) < 3 else self._figures[name]

    async def fetchrow(self, query: str, *words: str) -> dict[str, int]:
        return next(row for table, row in self._rows.items() if f"FROM {table}" in query)


@pytest.fixture
def books_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Database], Books]:
    monkeypatch.setattr(books_module, "LOOK", 0.001)
    monkeypatch.setattr(books_module, "PATIENCE", 0.2)

    def made(database: Database) -> Books:
        books = Books({})
        books._held = dict.fromkeys(SERVICES, database)
        return books

    return made


@pytest.mark.parametrize("late", ["shipments", "filled", "final", "notices", "stock", "outbox", "parked"])
async def test_the_clock_runs_until_the_last_figure_of_the_books_has_come(
    books_of: Callable[[Database], Books], late: str
) -> None:
    database = Database(BALANCED, ROWS, late)

    await books_of(database).settle("MARK", "WH-MARK", CHAINS)

    assert database.looks.count(late) >= 3
    assert set(database.looks) == set(BALANCED)


@pytest.mark.parametrize(
    ("name", "figure", "said"),
    [
        ("notices", 2, "closed notices in notifications: 2 of 3"),
        ("final", 0, "final invoices in orders: 0 of 3"),
        ("parked", 1, "parked in orders: still 1"),
    ],
)
async def test_a_figure_that_never_comes_is_named(
    books_of: Callable[[Database], Books], name: str, figure: int, said: str
) -> None:
    with pytest.raises(Wrong, match=said):
        await books_of(Database({**BALANCED, name: figure}, ROWS)).settle("MARK", "WH-MARK", CHAINS)


@pytest.mark.parametrize("notices", [0, 2, 4])
async def test_books_with_another_figure_are_wrong_and_none_at_all_is_another_figure(
    books_of: Callable[[Database], Books], notices: int
) -> None:
    rows = {**ROWS, "notices": {**ROWS["notices"], "notices": notices}}

    with pytest.raises(Wrong, match=f"'notices': {notices}"):
        await books_of(Database(BALANCED, rows)).check("MARK", "WH-MARK", CHAINS)
    assert "3 chains" in await books_of(Database(BALANCED, ROWS)).check("MARK", "WH-MARK", CHAINS)


def test_the_peers_figure_is_the_measured_one_and_else_the_stated_one(tmp_path: Path) -> None:
    peer.home(tmp_path).mkdir()
    stated = peer.figure(tmp_path, "waiting")

    peer.keep(
        tmp_path, "waiting", "receipt 0.49s\nassign all 2000 in one transaction: 34.50s (python CPU 28.3s)"
    )
    peer.keep(tmp_path, "singly", "lines=1 batch=1 chains=8 in 21.2s -> 0.377 chains/s; 2650.0 ms/chain")
    peer.keep(tmp_path, "bulk", "it ended with an error")

    found: dict[str, Any] = {what: peer.figure(tmp_path, what) for what in peer.STATED}
    assert (stated.value, stated.source) == (35.0, "stated, not measured here")
    assert {what: one.value for what, one in found.items()} == {"singly": 0.377, "bulk": 4.2, "waiting": 34.5}
    assert found["waiting"].source.startswith("measured 2")
    assert found["bulk"].source == stated.source


def test_the_tail_of_few_values_is_the_last_one() -> None:
    assert (quantile([3.0, 1.0, 2.0], 0.5), quantile([3.0, 1.0, 2.0], 0.99)) == (2.0, 3.0)
