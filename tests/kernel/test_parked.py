"""What operators do with parked events, over REST and from the command line."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.inventory import WarehouseSaved
from shared.ids import new_id
from shared.inbox import WAITS
from shared.service import Service
from shared.testing import Api, Bench, make_api
from shared.unit_of_work import Tx
from tests.kernel.hearing import Ear, Killed, event, heard, inbox_of, states, take, take_raw
from tests.kernel.test_web import told_problem

PARKED = "/v1/ops/inventory/parked"


@dataclass(frozen=True)
class Chosen:
    limit: int = 5


@pytest.fixture
async def api(kernel: Bench, development_keys: Path) -> AsyncIterator[Api]:
    service = Service(
        "inventory", title="Toys", routers=[], subscriptions={WarehouseSaved: Ear().warehouses}, preferences=Chosen
    )  # fmt: skip
    made = make_api(service, kernel, development_keys)
    yield made.as_(scopes=["ops:read", "ops:parked"], subject="olga")
    await made.client.aclose()


async def dead(kernel: Bench, ear: Ear, *codes: str) -> list[str]:
    """Events that failed until they were given up."""
    ear.fails_on |= set(codes)
    events = [event(code) for code in codes]
    await take(inbox_of(kernel, ear), *events)
    await kernel.write("UPDATE parked SET state = 'dead', attempts = 7")
    return [str(one["id"]) for one in events]


async def show(api: Api, event_id: str) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get(f"{PARKED}/{event_id}")).json()
    return found


@pytest.mark.fault(30)
async def test_an_event_that_always_fails_is_tried_on_schedule_then_dead_and_done_after_the_fix(
    kernel: Bench, api: Api
) -> None:
    ear = Ear()
    ear.fails_on = {"A"}
    inbox = inbox_of(kernel, ear)
    always = event("A")
    await take(inbox, always)
    waits = [await wait_of(kernel)]

    for _ in WAITS:
        assert await inbox.retry_due() is False
        await kernel.write("UPDATE parked SET next_at = clock_timestamp()")
        assert await inbox.retry_due() is True
        waits.append(await wait_of(kernel))

    assert all(0.75 * due <= found <= 1.2 * due for due, found in zip(WAITS, waits, strict=False))
    assert await states(kernel) == ["dead"]
    assert await inbox.retry_due() is False
    ear.fails_on = set()
    assert (await api.post(f"{PARKED}/{always['id']}/replay")).status_code == 200
    assert await inbox.retry_due() is True
    assert await heard(kernel) == {"A": 1}
    shown = await show(api, always["id"])
    assert (shown["state"], shown["attempts"]) == ("done", 8)
    assert [(row["action"], row["actor"]) for row in shown["history"]] == [("replayed", "olga")]


async def wait_of(kernel: Bench) -> float:
    """Seconds until the parked event is due, by the database's clock."""
    return float(
        (await kernel.sql("SELECT extract(epoch FROM next_at - clock_timestamp()) FROM parked"))[0][0]
    )


@pytest.mark.fault(31)
async def test_two_operators_replay_one_dead_event_at_once_and_it_takes_effect_once(
    kernel: Bench, api: Api
) -> None:
    ear = Ear()
    (event_id,) = await dead(kernel, ear, "A")
    ear.fails_on = set()
    first, second = inbox_of(kernel, ear), inbox_of(kernel, ear)

    answers = await asyncio.gather(*(api.post(f"{PARKED}/{event_id}/replay") for _ in range(2)))
    await asyncio.gather(first.retry_due(), second.retry_due())
    await asyncio.gather(first.retry_due(), second.retry_due())

    assert [a.status_code for a in answers] == [200, 200]
    assert await heard(kernel) == {"A": 1}
    told_problem(await api.post(f"{PARKED}/{event_id}/replay"), 409, "event-already-done")


async def test_a_parked_event_is_shown_with_its_body_its_error_and_its_history(
    kernel: Bench, api: Api
) -> None:
    (event_id,) = await dead(kernel, Ear(), "A")
    await take_raw(inbox_of(kernel, Ear()), b"no \xff json")

    shown = await show(api, event_id)
    (raw,) = [row for row in (await api.get(PARKED)).json()["data"] if row["event_id"] != event_id]

    assert (shown["event"]["data"]["code"], shown["last_error"], shown["raw"]) == ("A", "cannot take A", None)
    assert shown["history"] == []
    unreadable = await show(api, raw["event_id"])
    assert (unreadable["event"], unreadable["raw"]) == (None, "no \\xff json")
    told_problem(await api.get(f"{PARKED}/{new_id()}"), 404, "no-such-document")


async def test_the_list_is_chosen_by_state_type_error_and_time(kernel: Bench, api: Api) -> None:
    await dead(kernel, Ear(), "A", "B")
    await take_raw(inbox_of(kernel, Ear()), b"x")
    await kernel.write("UPDATE parked SET created_at = now() - interval '1 day' WHERE subject = 'A'")

    async def found(**chosen: str) -> list[str | None]:
        answer = await api.get(PARKED, params={"sort": "created_at", **chosen})
        return [row["subject"] for row in answer.json()["data"]]

    assert await found(state="dead", type=WarehouseSaved.TYPE) == ["A", "B"]
    assert await found(error="Unreadable") == [None]
    assert await found(since="2020-01-01T00:00:00Z", error="RuntimeError") == ["A", "B"]
    (yesterday,) = (await kernel.sql("SELECT (now() - interval '1 hour')::text"))[0]
    assert await found(since=yesterday.replace(" ", "T").replace("+00", "Z")) == ["B", None]
    assert await found(state="retry") == []


async def test_an_edit_is_checked_against_the_contract_and_keeps_the_original(
    kernel: Bench, api: Api
) -> None:
    broken = event("A", version="seven")
    await take(inbox_of(kernel, Ear()), broken)
    path, inbox = f"{PARKED}/{broken['id']}", inbox_of(kernel, Ear())
    told_problem(await api.post(f"{path}/replay"), 409, "event-unreadable")
    version = {"If-Match": f'"{(await show(api, broken["id"]))["version"]}"'}

    told_problem(
        await api.patch(path, json={"event": broken, "reason": "typo"}, headers=version), 422, "still-unreadable"
    )  # fmt: skip
    strange = {**event("A"), "type": "orders.sales-order.opened.v1"}
    told_problem(
        await api.patch(path, json={"event": strange, "reason": "typo"}, headers=version), 422, "still-unreadable"
    )  # fmt: skip
    mended = await api.patch(path, json={"event": event("A"), "reason": "typo"}, headers=version)
    assert mended.status_code == 200, mended.text
    told_problem(
        await api.patch(path, json={"event": event("B"), "reason": "mine"}, headers=version), 412, "parked-event-moved"
    )  # fmt: skip
    assert await states(kernel) == ["dead"]

    assert (await api.post(f"{path}/replay")).json()["state"] == "retry"
    assert await inbox.retry_due() is True
    assert await heard(kernel) == {"A": 1}
    shown = await show(api, broken["id"])
    assert (shown["edited_by"], shown["event"]["id"]) == ("olga", broken["id"])
    assert "seven" in shown["raw"]
    assert [(row["action"], row["reason"]) for row in shown["history"]] == [
        ("edited", "typo"),
        ("replayed", None),
    ]


async def test_the_first_form_of_a_readable_event_survives_a_second_edit(kernel: Bench, api: Api) -> None:
    (event_id,) = await dead(kernel, Ear(), "A")

    for code in ("B", "C"):
        headers = {"If-Match": f'"{(await show(api, event_id))["version"]}"'}
        answer = await api.patch(
            f"{PARKED}/{event_id}", json={"event": event(code), "reason": "was another"}, headers=headers
        )
        assert answer.status_code == 200

    shown = await show(api, event_id)
    assert (shown["original"]["data"]["code"], shown["event"]["data"]["code"]) == ("A", "C")


async def test_a_discarded_event_is_never_carried_out_though_it_comes_again(kernel: Bench, api: Api) -> None:
    ear = Ear()
    (event_id,) = await dead(kernel, ear, "A")
    ear.fails_on = set()
    told_problem(await api.post(f"{PARKED}/{event_id}/discard", json={}), 422, "invalid-input")

    answer = await api.post(f"{PARKED}/{event_id}/discard", json={"reason": "the warehouse burnt down"})

    assert answer.json()["state"] == "discarded"
    await take(inbox_of(kernel, ear), event("A", event_id=event_id), event("B"))
    assert await inbox_of(kernel, ear).retry_due() is False
    assert await heard(kernel) == {"B": 1}
    told_problem(
        await api.post(f"{PARKED}/{event_id}/discard", json={"reason": "again"}), 409, "event-already-discarded"
    )  # fmt: skip
    assert (await api.post(f"{PARKED}/{event_id}/replay")).json()["state"] == "retry"


async def test_many_are_replayed_or_discarded_by_what_they_have_in_common(kernel: Bench, api: Api) -> None:
    ear = Ear()
    ids = await dead(kernel, ear, "A", "B", "C")
    await take_raw(inbox_of(kernel, ear), b"unreadable")
    ear.fails_on = set()

    dry = (await api.post(f"{PARKED}/replay", json={"error": "RuntimeError", "dry_run": True})).json()
    assert (dry["matched"], dry["changed"], sorted(dry["event_ids"])) == (3, 0, sorted(ids))
    assert set(await states(kernel)) == {"dead"}
    done = (await api.post(f"{PARKED}/replay", json={})).json()
    assert (done["matched"], done["changed"]) == (3, 3)
    inbox = inbox_of(kernel, ear)
    while await inbox.retry_due():
        pass
    gone = (await api.post(f"{PARKED}/discard", json={"error": "Unreadable", "reason": "noise"})).json()

    assert gone["changed"] == 1
    assert await heard(kernel) == {"A": 1, "B": 1, "C": 1}
    assert sorted(await states(kernel)) == ["discarded", "done", "done", "done"]


async def test_looking_needs_one_scope_and_acting_another(kernel: Bench, api: Api) -> None:
    (event_id,) = await dead(kernel, Ear(), "A")
    looker = api.as_(scopes=["ops:read"])

    assert (await looker.get(f"{PARKED}/{event_id}")).status_code == 200
    for path in (
        f"{PARKED}/{event_id}/replay",
        f"{PARKED}/{event_id}/discard",
        f"{PARKED}/replay",
        f"{PARKED}/discard",
    ):
        told_problem(await looker.post(path, json={"reason": "x"}), 403, "scope-missing")
    edit = await looker.patch(
        f"{PARKED}/{event_id}", json={"event": {}, "reason": "x"}, headers={"If-Match": '"1"'}
    )
    told_problem(edit, 403, "scope-missing")


async def test_an_operators_decision_is_not_overruled_by_a_try_that_was_under_way(
    kernel: Bench, api: Api
) -> None:
    ear = Ear()
    (event_id,) = await dead(kernel, ear, "A")
    await api.post(f"{PARKED}/{event_id}/replay")
    inbox = inbox_of(kernel, ear)
    original = inbox._put_off

    async def discarded_meanwhile(failed: Any) -> None:
        await api.post(f"{PARKED}/{event_id}/discard", json={"reason": "enough"})
        await original(failed)

    inbox._put_off = discarded_meanwhile  # type: ignore[method-assign]  # the moment between failure and its record
    await inbox.retry_due()

    assert await states(kernel) == ["discarded"]


@pytest.mark.fault(10)
async def test_a_retry_that_kills_the_process_backs_off_and_ends_dead(kernel: Bench) -> None:
    ear = Ear()
    ear.fails_on = {"A"}
    inbox = inbox_of(kernel, ear)
    await take(inbox, event("A"), event("B"))
    ear.dies_on = {"A"}
    waits = []

    for _ in WAITS:
        await kernel.write("UPDATE parked SET next_at = clock_timestamp()")
        with pytest.raises(Killed):
            await inbox_of(kernel, ear).retry_due()  # each time another process
        assert await inbox_of(kernel, ear).retry_due() is False  # and the next start leaves it alone
        waits.append(await wait_of(kernel))

    assert all(0.75 * due <= found <= 1.2 * due for due, found in zip(WAITS[1:], waits, strict=False))
    (row,) = await kernel.sql("SELECT state, attempts, error_code, last_error FROM parked")
    assert tuple(row) == ("dead", 7, "Unfinished", "try 7 began and never ended; before it: cannot take A")
    assert await heard(kernel) == {"B": 1}


@pytest.mark.fault(10)
async def test_a_replay_that_kills_the_process_is_tried_once(kernel: Bench, api: Api) -> None:
    ear = Ear()
    (event_id,) = await dead(kernel, ear, "A")
    ear.dies_on = {"A"}

    await api.post(f"{PARKED}/{event_id}/replay")
    with pytest.raises(Killed):
        await inbox_of(kernel, ear).retry_due()

    assert await inbox_of(kernel, ear).retry_due() is False
    assert await states(kernel) == ["dead"]


async def test_an_event_that_was_edited_or_discarded_before_its_try_began_is_left_alone(
    kernel: Bench, api: Api
) -> None:
    ear = Ear()
    (event_id,) = await dead(kernel, ear, "A")
    ear.fails_on = set()
    await api.post(f"{PARKED}/{event_id}/replay")
    inbox = inbox_of(kernel, ear)
    original = inbox._retry

    async def discarded_meanwhile(tx: Tx, due: Any) -> None:
        await api.post(f"{PARKED}/{event_id}/discard", json={"reason": "enough"})
        await original(tx, due)

    inbox._retry = discarded_meanwhile  # type: ignore[method-assign]  # the moment between the lease and the try
    await inbox.retry_due()

    assert (await states(kernel), await heard(kernel)) == (["discarded"], {})
