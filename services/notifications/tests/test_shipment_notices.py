"""Notices about outgoing shipments and inspections (NOTE-2), on the real database."""

from itertools import permutations
from typing import Any

import pytest

from services.notifications import handlers
from services.notifications.domain.notice import ClosesByItself
from shared.contracts.base import Fact
from shared.contracts.inventory import Origin
from shared.contracts.notifications import NoticeRaised
from shared.testing import Api, Bench

from .facts import line, peg, received
from .order_facts import created, looked_at, refused, shipped, units, unpicked, voided
from .test_order_notices import hear, open_ones, raised

SPECIAL: dict[str, Any] = {"origin": Origin.RECEIPT, "gated": True}


@pytest.mark.rule("NOTE-2")
async def test_a_pending_shipment_with_nothing_to_inspect_is_ready_until_it_leaves(
    db_notifications: Bench,
) -> None:
    held = units(1, 5)

    await hear(db_notifications, created(held))
    assert await open_ones(db_notifications) == [
        ("shipment_ready", "SH-006001 is ready to be picked: 5 EA of GADGET for SO-000001 line 10")
    ]
    await hear(db_notifications, shipped(held))

    assert await open_ones(db_notifications) == []
    assert await raised(db_notifications) == ["shipment_ready"]


@pytest.mark.rule("NOTE-2")
async def test_a_shipment_that_waits_for_inspection_is_ready_when_all_of_it_is_passed(
    db_notifications: Bench,
) -> None:
    held = peg(1, 10)
    await hear(db_notifications, received(line(held)), created(held))
    assert dict(await open_ones(db_notifications)).keys() == {"inspection"}

    await hear(db_notifications, looked_at(held, passed=6))
    assert "shipment_ready" not in dict(await open_ones(db_notifications))
    await hear(db_notifications, looked_at(held, passed=10, version=3))

    assert dict(await open_ones(db_notifications)).keys() == {"shipment_ready"}


@pytest.mark.rule("NOTE-2")
async def test_whatever_is_heard_first_the_shipment_is_ready_in_the_end(db_notifications: Bench) -> None:
    held = peg(1, 10)
    facts: list[Fact] = [
        received(line(held)),
        created(held, version=1),
        looked_at(held, passed=6),
        looked_at(held, passed=10, version=3),
    ]

    ends = set()
    for some in permutations(facts):
        await db_notifications.empty()
        await hear(db_notifications, *some, some[0])
        ends.add(tuple(await open_ones(db_notifications)))

    assert {tuple(kind for kind, _ in end) for end in ends} == {("shipment_ready",)}


@pytest.mark.rule("NOTE-2")
async def test_failed_units_are_told_once_and_again_when_more_fail_and_people_close_it(
    db_notifications: Bench,
) -> None:
    held = peg(1, 10)
    await hear(db_notifications, received(line(held)), looked_at(held, passed=3, failed=1))
    (notice,) = await db_notifications.sql("SELECT * FROM notices WHERE kind = 'failed_inspection'")
    await db_notifications.run(handlers.close_notice, notice.id, "sent back")

    await hear(db_notifications, looked_at(held, passed=3, failed=1))
    closed = await open_ones(db_notifications)
    await hear(db_notifications, looked_at(held, passed=7, failed=3, version=3))

    assert notice.title == "Failed inspection: 1 of VALVE from PO-000012"
    assert "failed_inspection" not in dict(closed)
    assert await open_ones(db_notifications) == [
        ("failed_inspection", "Failed inspection: 3 of VALVE from PO-000012")
    ]
    log = await db_notifications.log("notice", notice.id)
    assert [(row.action, row.reason) for row in log] == [
        ("raised", None),
        ("closed", "sent back"),
        ("opened again", None),
    ]


@pytest.mark.rule("SHIP-3")
async def test_a_short_ship_is_told_with_its_answer_until_its_rest_is_on_a_later_shipment(
    db_notifications: Bench,
) -> None:
    held, rest = units(1, 533), units(2, 33)

    await hear(db_notifications, created(held), shipped(held, short=33))
    (notice,) = await db_notifications.sql("SELECT * FROM notices WHERE kind = 'short_ship'")
    await hear(db_notifications, created(rest, number=6002))

    assert notice.reason == "SO-000001 line 10: 33 of GADGET backorder (missing)"
    assert dict(await open_ones(db_notifications)).keys() == {"shipment_ready"}


@pytest.mark.rule("SHIP-4")
async def test_a_void_by_hand_is_told_until_its_lines_are_on_a_later_shipment(
    db_notifications: Bench,
) -> None:
    held, again = units(1, 5), units(2, 5)

    await hear(db_notifications, created(held), voided(held))
    assert await open_ones(db_notifications) == [
        ("shipment_voided", "SH-006001 was voided: 5 of GADGET for SO-000001 line 10")
    ]
    await hear(db_notifications, created(again, number=6002))

    assert dict(await open_ones(db_notifications)).keys() == {"shipment_ready"}


@pytest.mark.rule("NOTE-2")
async def test_an_emptied_shipment_needs_nobody(db_notifications: Bench) -> None:
    await hear(db_notifications, created(units(1, 5)), voided(by_hand=False))

    assert await open_ones(db_notifications) == []


@pytest.mark.rule("BO-10")
@pytest.mark.parametrize("over", ["unpicked", "shipped"])
async def test_units_that_a_pick_keeps_are_told_until_it_is_over_whichever_is_heard_first(
    db_notifications: Bench, over: str
) -> None:
    held = units(1, 10)
    end: Fact = unpicked(held, version=2) if over == "unpicked" else shipped(held)
    facts = [created(held), refused(held, 4), end]

    await hear(db_notifications, *facts[:2])
    assert (
        "blocked_by_pick_lock",
        "Blocked by pick lock: 4 of GADGET for SO-000001 line 10 stay on SH-006001",
    ) in (await open_ones(db_notifications))

    for some in permutations(facts):
        await db_notifications.empty()
        await hear(db_notifications, *some)
        assert "blocked_by_pick_lock" not in dict(await open_ones(db_notifications))


@pytest.mark.rule("NOTE-2")
async def test_the_teams_of_the_order_and_the_warehouse_hear_of_a_shipment_once(
    db_notifications: Bench,
) -> None:
    held = units(1, 5)

    await hear(db_notifications, created(held), created(held), created(held, version=2))

    (told,) = await db_notifications.told(NoticeRaised)
    assert (told.kind, told.warehouse) == ("shipment_ready", "MAIN")


@pytest.mark.rule("NOTE-2")
async def test_only_what_no_fact_will_close_is_closed_by_people(
    api_notifications: Api, db_notifications: Bench
) -> None:
    held = units(1, 533)
    await hear(
        db_notifications, created(held), shipped(held, short=33), created(units(2, 5, order=2), number=6003)
    )
    rows = {
        row.kind: row.id
        for row in await db_notifications.sql("SELECT kind, id FROM notices WHERE state = 'open'")
    }

    with pytest.raises(ClosesByItself):
        await db_notifications.run(handlers.close_notice, rows["shipment_ready"], "done")
    path = f"/v1/notices/{rows['short_ship']}"
    without = await api_notifications.post(f"{path}/close", json={})
    stranger = await api_notifications.as_(warehouses=["EAST"]).post(f"{path}/close", json={"reason": "x"})
    closed = await api_notifications.post(f"{path}/close", json={"reason": "customer told"})
    again = await api_notifications.post(f"{path}/close", json={"reason": "customer told"})

    assert (without.status_code, stranger.status_code) == (422, 404)
    assert (closed.status_code, closed.json()["state"], closed.json()["shipment_number"]) == (
        200,
        "closed",
        "SH-006001",
    )
    assert again.json()["version"] == closed.json()["version"]


@pytest.mark.rule("NOTE-2")
async def test_notices_are_found_by_their_shipment(api_notifications: Api, db_notifications: Bench) -> None:
    held = units(1, 5)
    await hear(db_notifications, created(held), created(units(2, 5, order=2), number=6002))

    found = (
        await api_notifications.get("/v1/notices", params={"shipment_id": str(held.allotment_id)})
    ).json()
    own = (await api_notifications.get("/v1/notices", params={"kind": "shipment_ready"})).json()

    assert found["data"] == []
    assert [row["shipment_number"] for row in own["data"]] == ["SH-006002", "SH-006001"]
    by = {"shipment_id": own["data"][0]["shipment_id"]}
    assert len((await api_notifications.get("/v1/notices", params=by)).json()["data"]) == 1
