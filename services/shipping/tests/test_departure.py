"""SHIP-3, SHIP-4: shipping with actual quantities, and voiding."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

import pytest

from services.shipping.domain.allotment import Allotment
from services.shipping.domain.departure import (
    CompleteWouldShipShort,
    Count,
    Departure,
    NothingShipped,
    QuantityTooFine,
    ShippedTooMuch,
    ShortAnswer,
    ShortShipDecisionRequired,
    ShortUnits,
    UnknownShipmentLine,
    depart,
)
from services.shipping.domain.shipment import IllegalShipmentMove, Shipment, State
from services.shipping.domain.voiding import void

from .given import NOW, allotment, by_id, said, shipment, terms, uid


def ship(
    parcel: Shipment,
    allotments: Sequence[Allotment],
    *counts: Count,
    preference: Literal["ask", "backorder", "close"] = "ask",
    override: bool = False,
) -> Departure:
    return depart(parcel, by_id(*allotments), counts, preference, NOW, "sam", override_complete=override)


def gadgets(qty: int = 533) -> tuple[Allotment, Shipment]:
    one = allotment(1, qty, standing=qty)
    return one, shipment(21, (one, qty), state=State.PACKED)


@pytest.mark.rule("SHIP-3")
def test_533_expected_500_shipped_leaves_33_on_backorder() -> None:
    one, parcel = gadgets()
    (line,) = parcel.lines

    gone = ship(parcel, [one], Count(line.shipment_line_id, Decimal(500), ShortAnswer.BACKORDER))

    after = gone.allotments[uid(1)]
    assert said(after.shipped, after.returned, after.missing, after.standing, after.live) == "500 33 33 0 0"
    assert [(said(short.qty), short.answer, short.missing) for short in gone.short] == [
        ("33", ShortAnswer.BACKORDER, True)
    ]
    assert gone.shipment.state is State.SHIPPED
    assert said(gone.shipment.lines[0].qty, gone.shipment.lines[0].shipped) == "533 500"


@pytest.mark.rule("SHIP-3")
def test_without_an_answer_the_shortage_is_asked_about_with_its_figures_and_options() -> None:
    one, parcel = gadgets()
    (line,) = parcel.lines

    with pytest.raises(ShortShipDecisionRequired) as asked:
        ship(parcel, [one], Count(line.shipment_line_id, Decimal(500)))

    (shortage,) = asked.value.facts["lines"]
    assert (shortage["expected"], shortage["shipped"], shortage["short"]) == ("533", "500", "33")
    assert asked.value.facts["options"] == {"short": ["backorder", "close"], "units": ["missing", "left"]}
    assert asked.value.code == "short-ship-decision-required"


@pytest.mark.rule("SHIP-3")
@pytest.mark.parametrize("preference", ["backorder", "close"])
def test_the_preference_answers_when_nobody_else_does(preference: Literal["backorder", "close"]) -> None:
    one, parcel = gadgets()

    gone = ship(parcel, [one], Count(parcel.lines[0].shipment_line_id, Decimal(500)), preference=preference)

    assert [short.answer for short in gone.short] == [preference]


@pytest.mark.rule("SHIP-3")
def test_an_answer_on_the_line_beats_the_preference() -> None:
    one, parcel = gadgets()
    count = Count(parcel.lines[0].shipment_line_id, Decimal(500), ShortAnswer.CLOSE)

    gone = ship(parcel, [one], count, preference="backorder")

    assert [short.answer for short in gone.short] == ["close"]


@pytest.mark.rule("SHIP-3")
def test_units_that_were_left_are_not_missing() -> None:
    one, parcel = gadgets()
    line = parcel.lines[0].shipment_line_id

    gone = ship(parcel, [one], Count(line, Decimal(500), ShortAnswer.BACKORDER, ShortUnits.LEFT))

    assert said(gone.allotments[uid(1)].returned, gone.allotments[uid(1)].missing) == "33 0"
    assert not gone.short[0].missing


def test_lines_without_a_count_ship_as_expected() -> None:
    first, second = allotment(1, 5, standing=5), allotment(2, 7, line=20, standing=7)
    parcel = shipment(21, (first, 5), (second, 7), state=State.PACKED)

    gone = ship(parcel, [first, second])

    assert said(*(line.shipped for line in gone.shipment.lines)) == "5 7"
    assert gone.short == ()


def test_what_ships_goes_to_the_oldest_allotments_of_the_line_first() -> None:
    young, old = allotment(2, 5, standing=5), allotment(1, 5, standing=5)
    parcel = shipment(21, (young, 5), (old, 5), state=State.PACKED)

    gone = ship(parcel, [young, old], Count(parcel.lines[0].shipment_line_id, Decimal(7), ShortAnswer.CLOSE))

    assert said(gone.allotments[uid(1)].shipped, gone.allotments[uid(1)].returned) == "5 0"
    assert said(gone.allotments[uid(2)].shipped, gone.allotments[uid(2)].returned) == "2 3"


@pytest.mark.rule("SHIP-4")
def test_more_than_expected_is_refused() -> None:
    one, parcel = gadgets(5)

    with pytest.raises(ShippedTooMuch) as refused:
        ship(parcel, [one], Count(parcel.lines[0].shipment_line_id, Decimal(6)))

    assert (refused.value.facts["expected"], refused.value.facts["shipped"]) == ("5", "6")


def test_a_shipment_from_which_nothing_leaves_is_refused() -> None:
    one, parcel = gadgets(5)

    with pytest.raises(NothingShipped):
        ship(parcel, [one], Count(parcel.lines[0].shipment_line_id, Decimal(0), ShortAnswer.CLOSE))


def test_a_line_may_ship_nothing_when_another_one_leaves() -> None:
    first, second = allotment(1, 5, standing=5), allotment(2, 7, line=20, standing=7)
    parcel = shipment(21, (first, 5), (second, 7), state=State.PACKED)

    gone = ship(
        parcel, [first, second], Count(parcel.lines[1].shipment_line_id, Decimal(0), ShortAnswer.BACKORDER)
    )

    assert said(gone.allotments[uid(2)].shipped, gone.allotments[uid(2)].returned) == "0 7"


def test_units_that_failed_after_they_were_picked_do_not_leave_and_are_nobodys_shortage() -> None:
    one = allotment(1, 10, failed=2, standing=10)
    parcel = shipment(21, (one, 10), state=State.PACKED)

    gone = ship(parcel, [one])

    assert said(gone.allotments[uid(1)].shipped, gone.allotments[uid(1)].returned) == "8 0"
    assert gone.short == ()


@pytest.mark.parametrize(
    "lines", [[uid(5)], [uid(21_000), uid(21_000)]], ids=["a foreign line", "a line twice"]
)
def test_a_count_for_no_line_is_invalid(lines: list[object]) -> None:
    one, parcel = gadgets(5)

    with pytest.raises(UnknownShipmentLine) as invalid:
        ship(parcel, [one], *(Count(line, Decimal(5)) for line in lines))  # type: ignore[arg-type]  # parametrized

    assert invalid.value.errors[0]["pointer"] == f"/lines/{len(lines) - 1}/shipment_line_id"


def test_half_a_piece_is_not_counted() -> None:
    one, parcel = gadgets(5)

    with pytest.raises(QuantityTooFine):
        ship(parcel, [one], Count(parcel.lines[0].shipment_line_id, Decimal("4.5"), ShortAnswer.CLOSE))


@pytest.mark.rule("SHIP-1")
def test_only_a_packed_shipment_leaves() -> None:
    one, parcel = gadgets(5)

    with pytest.raises(IllegalShipmentMove):
        ship(parcel.moved_to(State.PENDING), [one])


@pytest.mark.rule("SHIP-4")
@pytest.mark.parametrize("state", [State.PENDING, State.PICKING, State.PACKED])
def test_a_void_gives_every_live_unit_back_to_its_line(state: State) -> None:
    one = allotment(1, 10, withdrawn=1, standing=9)

    voided = void(shipment(21, (one, 9), state=state), by_id(one), "wrong address")

    after = voided.allotments[uid(1)]
    assert said(after.returned, after.missing, after.standing, after.live) == "9 0 0 0"
    assert (voided.shipment.state, voided.shipment.void_reason) == ("voided", "wrong address")


@pytest.mark.rule("SHIP-3")
@pytest.mark.parametrize(
    "whole", [{"ship_type": "complete"}, {"all_or_nothing": True}], ids=lambda one: next(iter(one))
)
def test_what_leaves_together_leaves_short_only_by_somebodys_word(whole: dict[str, Any]) -> None:
    one = allotment(1, 533, standing=533, terms=terms(**whole))
    parcel = shipment(21, (one, 533), state=State.PACKED)
    count = Count(parcel.lines[0].shipment_line_id, Decimal(500), ShortAnswer.BACKORDER)

    with pytest.raises(CompleteWouldShipShort) as refused:
        ship(parcel, [one], count)
    gone = ship(parcel, [one], count, override=True)

    (line,) = refused.value.facts["lines"]
    assert (line["expected"], line["shipped"], line["short"]) == ("533", "500", "33")
    assert "override_complete" in str(refused.value)
    assert (gone.overridden, said(gone.allotments[uid(1)].shipped)) == (True, "500")


@pytest.mark.rule("SHIP-3")
def test_an_override_that_nothing_needs_overrides_nothing() -> None:
    one, parcel = gadgets()

    gone = ship(parcel, [one], override=True)

    assert (gone.overridden, gone.short) == (False, ())


@pytest.mark.rule("SHIP-3")
def test_each_line_has_an_answer_of_its_own() -> None:
    first, second = allotment(1, 10, standing=10), allotment(2, 8, line=20, standing=8)
    parcel = shipment(21, (first, 10), (second, 8), state=State.PACKED)
    ten, twenty = (line.shipment_line_id for line in parcel.lines)

    gone = ship(
        parcel, [first, second],
        Count(ten, Decimal(7), ShortAnswer.CLOSE, ShortUnits.LEFT), Count(twenty, Decimal(6), ShortAnswer.BACKORDER),
    )  # fmt: skip

    assert [(said(short.qty), short.answer, short.missing) for short in gone.short] == [
        ("3", ShortAnswer.CLOSE, False),
        ("2", ShortAnswer.BACKORDER, True),
    ]
