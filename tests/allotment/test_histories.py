"""Random histories on the real inventory: at every quiet point it has done what the reference says.

A failure prints the history and its diary. `TIELINE_ALLOTMENT_EXAMPLES=…` plays more of them (0: none).
"""

import pytest
from hypothesis import given, note

from services.inventory.handlers import asking
from services.inventory.store import queue, taking
from shared.testing import Bench
from tests.allotment import books
from tests.allotment.histories import EXAMPLES, History, histories, profile
from tests.allotment.shop import Shop, empty_shop


async def _must_agree(shop: Shop, workers: int) -> None:
    await shop.is_quiet(workers)
    shop.diary.append("--- all is quiet")
    assert not (found := await books.differences(shop)), "\n".join([*found, "after:", *shop.diary])


async def _play(counter: Bench, history: History) -> None:
    shop = await empty_shop(counter, history.seed)
    try:
        await history.is_played(shop, lambda shop: _must_agree(shop, history.workers))
    finally:
        note("\n".join(shop.diary))


@pytest.mark.rule("BO-6")
@pytest.mark.rule("BO-9")
@pytest.mark.rule("BO-11")
@pytest.mark.rule("BO-13")
@pytest.mark.timeout(120 + EXAMPLES * 10)
@profile
@given(history=histories(workers=1, most=50))
async def test_whatever_happens_one_after_the_other_stock_goes_where_the_reference_says(
    counter: Bench, history: History
) -> None:
    await _play(counter, history)


@pytest.mark.rule("BO-10")
@pytest.mark.rule("BO-13")
@pytest.mark.timeout(120 + EXAMPLES * 10)
@profile
@given(history=histories(workers=4, most=50))
async def test_whatever_happens_at_once_with_four_workers_stock_goes_where_the_reference_says(
    counter: Bench, history: History
) -> None:
    await _play(counter, history)


@pytest.fixture
def short_sighted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue is read line by line, so that every question of what lies further on is asked."""
    for module, name, lines in (
        (queue, "FIRST_CHUNK", 1), (queue, "LEAST_CHUNK", 1), (queue, "GROWTH", 2), (taking, "FIRST_CHUNK", 1),
        (taking, "GROWTH", 2), (asking, "FIRST_CHUNK", 1), (asking, "GROWTH", 2),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, lines)


@pytest.mark.rule("BO-9")
@pytest.mark.timeout(120 + EXAMPLES * 10)
@profile
@given(history=histories(workers=1, most=50))
async def test_however_few_lines_of_the_queue_are_read_at_once_stock_goes_where_the_reference_says(
    counter: Bench, short_sighted: None, history: History
) -> None:
    await _play(counter, history)
