"""What no consumer can take: it parks alone, its neighbours go on, and the process lives."""

import gzip
from typing import Any

import orjson
import pytest

from shared import metrics
from shared.testing import Bench
from tests.kernel.hearing import Ear, event, heard, inbox_of, states, take, take_raw

NEXT_MAJOR = "inventory.warehouse.saved.v2"


def deep(levels: int) -> Any:
    """A list in a list in a list …"""
    found: Any = []
    for _ in range(levels):
        found = [found]
    return found


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    "body",
    [b"", b"not json", b"\xff\xfe", b"null", b"7", b"[]", b"{}", b"[" * 2_000_000, b'[{"id": ', gzip.compress(b"[]" * 1000),
     b"<event/>"],
    ids=["empty", "words", "no-utf8", "null", "number", "empty-array", "object", "2-MB-of-nesting", "cut-off", "gzip",
         "xml"],
)  # fmt: skip
async def test_a_message_that_is_none_parks_and_its_neighbours_are_taken(kernel: Bench, body: bytes) -> None:
    inbox = inbox_of(kernel, Ear())

    await take_raw(inbox, orjson.dumps([event("A")]), body, orjson.dumps([event("B")]))
    await take_raw(inbox, body)

    assert await heard(kernel) == {"A": 1, "B": 1}
    (parked,) = await kernel.sql("SELECT state, body, raw FROM parked")
    assert (parked.state, parked.body) == ("dead", None)
    assert bytes(parked.raw) == body[:1_000_000]


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    "poison",
    [
        None, 7, "word", [], {}, {"id": 7}, {"id": "no-uuid", "type": "x"},
        {**event("P"), "data": None}, {**event("P"), "data": deep(300)}, {**event("P"), "time": "soon"},
        {**event("P"), "time": "2026-11-21T10:00:00"}, {**event("P"), "time": None}, event("P", version="seven"),
        event("P", version=None), {**event("P"), "subject": "a\x00b", "data": {}}, event("P", name="nul \x00 inside"),
        event("nul \x00"),
    ],
    ids=["null", "number", "word", "list", "empty", "number-as-id", "word-as-id", "no-data", "deep", "word-as-time",
         "time-without-zone", "no-time", "word-as-version", "no-version", "nul-in-subject", "nul-in-name", "nul-in-code"],
)  # fmt: skip
async def test_an_event_that_is_none_parks_alone(kernel: Bench, poison: Any) -> None:
    inbox = inbox_of(kernel, Ear())

    await take(inbox, event("A"), poison, event("B"))

    assert {code: times for code, times in (await heard(kernel)).items() if code in "AB"} == {"A": 1, "B": 1}
    assert await states(kernel) in ([], ["dead"])
    if await states(kernel) == []:
        assert (await heard(kernel))[
            "P"
        ] == 1  # NUL in a field that this consumer does not store hurts nobody


@pytest.mark.fault(28)
async def test_an_event_of_a_newer_major_waits_and_is_taken_after_the_upgrade(kernel: Bench) -> None:
    old, ear = inbox_of(kernel, Ear()), Ear()
    await take(old, event("A", kind=NEXT_MAJOR), event("B"))
    assert await states(kernel) == ["retry"]
    await old.wake_newer()
    assert await old.retry_due() is False

    await kernel.write("UPDATE parked SET type = 'inventory.warehouse.saved.v1', "
                       "body = jsonb_set(body, '{type}', '\"inventory.warehouse.saved.v1\"')")  # fmt: skip
    upgraded = inbox_of(kernel, ear)
    await upgraded.wake_newer()

    assert await upgraded.retry_due() is True
    assert await heard(kernel) == {"A": 1, "B": 1}
    assert await states(kernel) == ["done"]


@pytest.mark.fault(28)
async def test_both_majors_of_a_change_take_effect_once_in_either_order(kernel: Bench) -> None:
    inbox = inbox_of(kernel, Ear())
    first, second = event("A"), event("B")

    await take(inbox, {**first, "type": NEXT_MAJOR})
    await take(inbox, first)
    await take(inbox, second)
    await take(inbox, {**second, "type": NEXT_MAJOR})

    assert await heard(kernel) == {"A": 1, "B": 1}
    assert await states(kernel) == ["retry"]


@pytest.mark.fault(28)
async def test_a_failure_of_the_major_we_know_is_retried_though_the_other_waits(kernel: Bench) -> None:
    ear = Ear()
    ear.fails_on = {"A"}
    inbox = inbox_of(kernel, ear)
    first = event("A")
    await take(inbox, {**first, "type": NEXT_MAJOR})

    await take(inbox, first)

    (row,) = await kernel.sql("SELECT state, type, error_code FROM parked")
    assert tuple(row) == ("retry", "inventory.warehouse.saved.v1", "RuntimeError")


@pytest.mark.fault(28)
async def test_a_type_that_nobody_hears_is_counted_and_dropped(kernel: Bench) -> None:
    inbox = inbox_of(kernel, Ear())
    before = metrics.unknown_events.labels("inventory.warehouse.painted.v1")._value.get()

    await take(inbox, event("A", kind="inventory.warehouse.painted.v1"), event("B"))

    assert await heard(kernel) == {"B": 1}
    assert await states(kernel) == []
    assert metrics.unknown_events.labels("inventory.warehouse.painted.v1")._value.get() == before + 1


@pytest.mark.fault(29)
async def test_a_forged_event_is_parked_and_does_not_take_the_true_ones_place(kernel: Bench) -> None:
    inbox = inbox_of(kernel, Ear())
    true = event("A")

    await take(inbox, {**true, "data": {**true["data"], "code": "FORGED"}}, user="shipping")
    await take(inbox, true)

    assert await heard(kernel) == {"A": 1}
    (row,) = await kernel.sql("SELECT state, last_error FROM parked")
    assert row.state == "dead"
    assert "published by 'shipping'" in row.last_error
