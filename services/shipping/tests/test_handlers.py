"""What shipping hears, on the real database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import permutations

import pytest

from services.shipping import handlers
from shared.contracts.base import Fact, ShipTo
from shared.contracts.orders import LinesReleased
from shared.contracts.shipping import (
    ReleaseWithdrawn,
    ShipmentCreated,
    ShipmentUnpicked,
    ShipmentVoided,
    UnitsWithdrawn,
)
from shared.testing import Bench
from shared.unit_of_work import Told, Tx

from .books import books_agree
from .counting import statements_counted
from .facts import asked, inspected, released, revoked, units
from .given import said, uid

HEARS: dict[str, Callable[..., Awaitable[None]]] = {
    "LinesReleased": handlers.lines_released,
    "ReleaseRevoked": handlers.release_revoked,
    "WithdrawalAsked": handlers.withdrawal_asked,
    "InspectionCompleted": handlers.inspection_completed,
}


async def hear(bench: Bench, *facts: Fact) -> None:
    """Each fact in a transaction of its own."""
    for fact in facts:
        await bench.hear(HEARS[type(fact).__name__], fact)


async def stands(bench: Bench) -> list[tuple[str, str, int, str]]:
    """What is on which shipment: (number, state, line, units), without those that nothing is on."""
    rows = await bench.sql(
        "SELECT h.number, h.state, l.line_no, sum(s.qty) AS qty FROM shipments h JOIN shipment_lines l"
        " ON l.shipment_id = h.id JOIN shipment_shares s ON s.shipment_line_id = l.id"
        " GROUP BY h.id, h.number, h.state, l.line_no ORDER BY h.id, l.line_no"
    )
    first = min((int(row.number[3:]) for row in rows), default=0)
    return [(f"SH-{int(row.number[3:]) - first + 1}", row.state, row.line_no, said(row.qty)) for row in rows]


async def figures(bench: Bench, number: int) -> str:
    """qty, withdrawn, failed, shipped, returned, standing of an allotment."""
    (row,) = await bench.sql("SELECT * FROM allotments WHERE allotment_id = :id", id=uid(number))
    return said(row.qty, row.withdrawn, row.failed, row.shipped, row.returned, row.standing)


async def only_shipment(bench: Bench) -> tuple[object, int]:
    """Id and version of the one shipment that has not been voided."""
    (row,) = await bench.sql("SELECT id, version FROM shipments WHERE state <> 'voided'")
    return row.id, row.version


@pytest.mark.rule("SO-6")
async def test_released_units_make_a_pending_shipment(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5), units(2, 3, line=20)))

    assert await stands(shipping) == [("SH-1", "pending", 10, "5"), ("SH-1", "pending", 20, "3")]
    (created,) = await shipping.told(ShipmentCreated)
    lines = created.shipment.lines
    assert [(line.sku, said(line.qty), [share.allotment_id for share in line.shares]) for line in lines] == [
        ("SKU-10", "5", [uid(1)]),
        ("SKU-20", "3", [uid(2)]),
    ]
    assert (created.shipment.version, created.shipment.state, created.shipment.ship_to_code) == (
        1,
        "pending",
        "MAIN",
    )


@pytest.mark.rule("SHIP-5")
async def test_several_increases_in_one_transaction_make_one_line_and_one_fact(shipping: Bench) -> None:
    await shipping.hear(
        handlers.lines_released, released(units(1, 5)), released(units(2, 7)), released(units(3, 8))
    )

    assert await stands(shipping) == [("SH-1", "pending", 10, "20")]
    assert [said(fact.shipment.lines[0].qty) for fact in await shipping.told(ShipmentCreated)] == ["20"]


@pytest.mark.rule("SHIP-5")
async def test_a_crash_before_the_commit_leaves_nothing_and_after_it_nothing_is_done_twice(
    shipping: Bench,
) -> None:
    async def dying(tx: Tx, told: Sequence[Told[LinesReleased]]) -> None:
        await handlers.lines_released(tx, told)
        raise ConnectionResetError("the process was killed")

    release = released(units(1, 5))
    with pytest.raises(ConnectionResetError):
        await shipping.hear(dying, release)
    assert (await stands(shipping), await shipping.told(ShipmentCreated)) == ([], [])

    # redelivered after the restart, and once more because the acknowledgement was lost
    await hear(shipping, release, release)

    assert await stands(shipping) == [("SH-1", "pending", 10, "5")]
    assert len(await shipping.told(ShipmentCreated)) == 1


@pytest.mark.rule("SHIP-2")
async def test_a_later_release_extends_the_pending_shipment(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)), released(units(2, 7)), released(units(3, 2, line=20)))

    assert await stands(shipping) == [("SH-1", "pending", 10, "12"), ("SH-1", "pending", 20, "2")]
    assert [fact.shipment.version for fact in await shipping.told(ShipmentCreated)] == [1, 2, 3]


@pytest.mark.rule("SHIP-2")
async def test_a_shipment_that_is_being_picked_is_not_extended(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)))
    await shipping.run(handlers.pick, *await only_shipment(shipping))

    await hear(shipping, released(units(2, 7)))

    assert await stands(shipping) == [("SH-1", "picking", 10, "5"), ("SH-2", "pending", 10, "7")]


@pytest.mark.rule("SHIP-2")
async def test_another_place_is_another_shipment(shipping: Bench) -> None:
    site = ShipTo(code="SITE", name="Aurora building site")

    await hear(
        shipping,
        released(units(1, 5)),
        released(units(2, 7), ship_to=site),
        released(units(3, 1), warehouse="EAST"),
    )

    assert await stands(shipping) == [
        ("SH-1", "pending", 10, "5"),
        ("SH-2", "pending", 10, "7"),
        ("SH-3", "pending", 10, "1"),
    ]


async def test_a_release_heard_twice_is_one(shipping: Bench) -> None:
    fact = released(units(1, 5))

    await shipping.hear(handlers.lines_released, fact, fact)
    await hear(shipping, fact)

    assert await stands(shipping) == [("SH-1", "pending", 10, "5")]
    assert len(await shipping.told(ShipmentCreated)) == 1


@pytest.mark.rule("ORD-2")
async def test_revoked_units_leave_the_pending_shipment_and_stay_live(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5), units(2, 3, line=20)), revoked(1))

    assert await stands(shipping) == [("SH-1", "pending", 20, "3")]
    assert await figures(shipping, 1) == "5 0 0 0 0 0"
    (told,) = await shipping.told(ReleaseWithdrawn)
    assert [(one.version, [line.line_no for line in one.lines]) for one in told.shipments] == [(2, [20])]


@pytest.mark.rule("SHIP-4")
async def test_a_shipment_that_is_emptied_is_voided_with_the_reason(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)), revoked(1, reason="credit hold"))

    ((state, reason),) = [
        (row.state, row.void_reason) for row in await shipping.sql("SELECT * FROM shipments")
    ]
    assert (state, reason) == ("voided", "credit hold")
    (voided,) = await shipping.told(ShipmentVoided)
    assert (voided.by_hand, voided.reason, voided.shipment.lines, voided.allotments) == (
        False,
        "credit hold",
        [],
        [],
    )


@pytest.mark.rule("ORD-2")
async def test_a_later_release_brings_revoked_units_back(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)), revoked(1), released(units(1, 5, release_no=2)))

    assert await stands(shipping) == [("SH-1", "pending", 10, "5")]
    assert await figures(shipping, 1) == "5 0 0 0 0 5"


@pytest.mark.rule("ORD-2")
async def test_what_is_being_picked_is_not_revoked_and_the_log_says_already_picked(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)))
    shipment_id, version = await only_shipment(shipping)
    await shipping.run(handlers.pick, shipment_id, version)

    await hear(shipping, revoked(1))

    assert await stands(shipping) == [("SH-1", "picking", 10, "5")]
    assert [(row.action, row.reason) for row in await shipping.log("shipment", shipment_id)][-1] == (
        "already picked",
        "credit hold",
    )


@pytest.mark.rule("ORD-2")
async def test_what_was_revoked_while_it_was_picked_leaves_when_it_is_unpicked(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5), units(2, 3, line=20)))
    shipment_id, version = await only_shipment(shipping)
    await shipping.run(handlers.pick, shipment_id, version)
    await hear(shipping, revoked(1))

    shown = await shipping.run(handlers.unpick, shipment_id, version + 1)

    assert await stands(shipping) == [("SH-1", "pending", 20, "3")]
    assert [line.line_no for line in shown.shipment.lines] == [20]
    (unpicked,) = await shipping.told(ShipmentUnpicked)
    (withdrawn,) = await shipping.told(ReleaseWithdrawn)
    assert unpicked.shipment.version < withdrawn.shipments[0].version


async def test_units_on_a_pending_shipment_are_given_back(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 10)), asked(50, {1: 4}))

    assert await stands(shipping) == [("SH-1", "pending", 10, "6")]
    (told,) = await shipping.told(UnitsWithdrawn)
    (answer,) = told.answers
    assert (told.question_id, said(answer.wanted, answer.given, answer.refused)) == (uid(50), "4 4 0")
    assert [(one.version, said(one.lines[0].qty)) for one in told.shipments] == [(2, "6")]


async def test_a_question_about_an_unknown_allotment_is_granted_and_its_release_is_netted(
    shipping: Bench,
) -> None:
    await hear(shipping, asked(50, {1: 4}), released(units(1, 10)))

    assert await stands(shipping) == [("SH-1", "pending", 10, "6")]
    (told,) = await shipping.told(UnitsWithdrawn)
    assert (said(told.answers[0].given), told.shipments) == ("4", [])


async def test_an_allotment_that_was_given_back_whole_makes_no_shipment_when_it_is_released(
    shipping: Bench,
) -> None:
    await hear(shipping, asked(50, {1: 10}), released(units(1, 10)))

    assert await shipping.sql("SELECT * FROM shipments") == []
    assert await shipping.told(ShipmentCreated) == []


@pytest.mark.rule("SHIP-1")
async def test_units_that_are_being_picked_are_refused_with_the_reason(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 10)))
    shipment_id, version = await only_shipment(shipping)
    await shipping.run(handlers.pick, shipment_id, version)

    await hear(shipping, asked(50, {1: 4}))

    (told,) = await shipping.told(UnitsWithdrawn)
    (answer,) = told.answers
    assert said(answer.given, answer.refused) == "0 4"
    assert (answer.refused_because or "").startswith("10 picking on SH-")
    assert await figures(shipping, 1) == "10 0 0 0 0 10"
    assert [row.action for row in await shipping.log("allotment", uid(1))] == ["withdrawal refused"]


async def test_after_unpicking_a_new_question_is_granted(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 10)))
    shipment_id, version = await only_shipment(shipping)
    await shipping.run(handlers.pick, shipment_id, version)
    await hear(shipping, asked(50, {1: 4}))
    await shipping.run(handlers.unpick, shipment_id, version + 1)

    await hear(shipping, asked(51, {1: 4}))

    assert [said(fact.answers[0].given) for fact in await shipping.told(UnitsWithdrawn)] == ["0", "4"]
    assert await figures(shipping, 1) == "10 4 0 0 0 6"


async def test_a_question_is_answered_once(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 10)))

    await shipping.hear(handlers.withdrawal_asked, asked(50, {1: 4}), asked(50, {1: 4}))
    await hear(shipping, asked(50, {1: 4}))

    assert len(await shipping.told(UnitsWithdrawn)) == 1
    (kept,) = await shipping.sql("SELECT * FROM questions")
    assert (kept.question_id, kept.reason, kept.answers[0]["given"]) == (uid(50), "order reduced", "4")


async def test_a_question_may_ask_for_nothing_and_is_answered(shipping: Bench) -> None:
    await hear(shipping, asked(50, {}))

    assert [(fact.question_id, fact.answers) for fact in await shipping.told(UnitsWithdrawn)] == [
        (uid(50), [])
    ]


async def test_two_questions_about_one_allotment_in_a_batch_add_up_to_the_greater_wish(
    shipping: Bench,
) -> None:
    await hear(shipping, released(units(1, 10)))

    await shipping.hear(handlers.withdrawal_asked, asked(50, {1: 6}), asked(51, {1: 4}))

    assert {
        fact.question_id: said(fact.answers[0].given) for fact in await shipping.told(UnitsWithdrawn)
    } == {
        uid(50): "6",
        uid(51): "6",
    }
    assert await figures(shipping, 1) == "10 6 0 0 0 4"


@pytest.mark.rule("SHIP-4")
async def test_a_cancelled_order_leaves_a_voided_shipment(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 10)), asked(50, {1: 10}))

    (told,) = await shipping.told(UnitsWithdrawn)
    (voided,) = await shipping.told(ShipmentVoided)
    assert (told.shipments, voided.reason, voided.by_hand) == ([], "order reduced", False)


@pytest.mark.rule("SO-9")
async def test_failed_units_leave_the_pending_shipment(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 10, gated=True)), inspected(1, 10, passed=6, failed=4))

    assert await stands(shipping) == [("SH-1", "pending", 10, "6")]
    (told,) = await shipping.told(ReleaseWithdrawn)
    assert [said(one.lines[0].qty) for one in told.shipments] == ["6"]


@pytest.mark.rule("SO-9")
async def test_an_inspection_heard_before_its_release_is_remembered(shipping: Bench) -> None:
    await hear(shipping, inspected(1, 10, passed=6, failed=4), released(units(1, 10, gated=True)))

    assert await stands(shipping) == [("SH-1", "pending", 10, "6")]
    shown = await shipping.run(handlers.pick, *await only_shipment(shipping))
    assert shown.shipment.state == "picking"


@pytest.mark.rule("SO-9")
async def test_an_older_round_of_an_inspection_takes_nothing_back(shipping: Bench) -> None:
    late, newest = inspected(1, 10, passed=3), inspected(1, 10, passed=8, failed=2, version=2)

    await shipping.hear(handlers.inspection_completed, newest, late)
    await hear(shipping, released(units(1, 10, gated=True)), late)

    (row,) = await shipping.sql("SELECT passed, failed FROM allotments")
    assert said(row.passed, row.failed) == "8 2"


async def test_any_order_of_facts_ends_in_the_same_books(shipping: Bench) -> None:
    facts = [
        released(units(1, 10, gated=True, release_no=1)),
        revoked(1, revoke_no=1),
        released(units(1, 10, gated=True, release_no=2)),
        asked(50, {1: 2}),
        inspected(1, 10, passed=7, failed=1),
    ]

    ends = set()
    for order in permutations(facts):
        await shipping.empty()
        await hear(shipping, *order, order[0], order[2])
        await books_agree(shipping)
        ends.add((await figures(shipping, 1), *[row[1:] for row in await stands(shipping)]))

    assert ends == {("10 2 1 0 0 7", ("pending", 10, "7"))}


async def test_units_released_anew_to_another_place_move_even_if_the_revocation_comes_last(
    shipping: Bench,
) -> None:
    site = ShipTo(code="SITE", name="Aurora building site")

    await hear(shipping, released(units(1, 5)), released(units(1, 5, release_no=2), ship_to=site), revoked(1))

    rows = await shipping.sql("SELECT state, ship_to->>'code' AS code FROM shipments ORDER BY id")
    assert [(row.state, row.code) for row in rows] == [("voided", "MAIN"), ("pending", "SITE")]


async def test_two_hundred_and_one_lines_make_two_shipments_that_each_fit_a_fact(shipping: Bench) -> None:
    many = [units(number, 1, line=number) for number in range(1, 202)]

    await shipping.hear(handlers.lines_released, released(*many[:150]), released(*many[150:]))

    assert [len(fact.shipment.lines) for fact in await shipping.told(ShipmentCreated)] == [200, 1]


async def test_a_batch_of_fifty_orders_takes_as_many_statements_as_one(shipping: Bench) -> None:
    await hear(shipping, released(units(1_000, 5), order=1_000))  # the preferences are kept from here on
    one = await statements(shipping, [released(units(1, 5))])
    fifty = await statements(
        shipping, [released(units(number, 5, line=number % 3), order=number) for number in range(100, 150)]
    )

    assert fifty == one
    assert len(await shipping.told(ShipmentCreated)) == 52


async def test_two_releases_of_one_order_at_the_same_time_make_one_shipment(shipping: Bench) -> None:
    workers = [
        shipping.hear(handlers.lines_released, released(units(number, 1, line=number)))
        for number in range(1, 13)
    ]

    await asyncio.gather(*workers)

    assert [row.rows for row in await shipping.sql("SELECT count(*) AS rows FROM shipments")] == [1]
    assert [row.rows for row in await shipping.sql("SELECT count(*) AS rows FROM shipment_lines")] == [12]


async def test_one_unknown_allotment_heard_of_twice_at_the_same_time_is_one_row(shipping: Bench) -> None:
    await asyncio.gather(
        *(hear(shipping, asked(50 + number, {1: number})) for number in range(1, 7)),
        hear(shipping, inspected(1, 10, passed=2)),
        hear(shipping, released(units(1, 10, gated=True))),
    )

    assert await figures(shipping, 1) == "10 6 0 0 0 4"


async def test_append_and_pick_race_and_no_unit_is_lost_or_doubled(shipping: Bench) -> None:
    await hear(shipping, released(units(1, 5)))
    shipment_id, version = await only_shipment(shipping)

    await asyncio.gather(
        shipping.run(handlers.pick, shipment_id, version),
        hear(shipping, released(units(2, 7))),
        return_exceptions=True,
    )

    assert sum(int(units) for _, _, _, units in await stands(shipping)) == 12


async def test_the_cause_of_a_shipment_is_the_release_that_made_it(shipping: Bench) -> None:
    first, second = shipping.tell(released(units(1, 5))), shipping.tell(released(units(2, 5), order=2))

    await shipping.hear_told(handlers.lines_released, [first, second])

    causes = {}
    for row in await shipping.sql("SELECT id, order_number FROM shipments"):
        (entry,) = await shipping.log("shipment", row.id)
        causes[row.order_number] = (entry.action, entry.cause, entry.after)
    assert causes == {
        "SO-000001": ("created", str(first.id), {"SO-000001/10": "5"}),
        "SO-000002": ("created", str(second.id), {"SO-000002/10": "5"}),
    }


async def statements(bench: Bench, facts: list[Fact]) -> int:
    """How many statements the batch takes."""
    with statements_counted() as seen:
        await bench.hear(handlers.lines_released, *facts)
    return len(seen)
