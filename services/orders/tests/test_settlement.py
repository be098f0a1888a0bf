"""An order's state is a function of the facts (model.md): services, marks, holds, and any order of facts."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ..domain.allotment import Allotment
from ..domain.order import ItemKind, Line, OrderState, ShipType, ShortageAnswer
from ..domain.settlement import Picture, Tell
from ..domain.tracing import sums
from .given import NOW, D, figures, line, order, picture, settled, ticket, tie


@pytest.mark.rule("BO-8")
def test_533_ordered_500_shipped_leaves_33_backordered_until_they_have_shipped() -> None:
    gadget = line(533, opening_decided=True)
    # shipped 500 of an allotment of 533, the rest given back
    first = ticket(gadget, 533, release_no=1, shipped=500, returned=33)
    short = settled(picture(gadget, allotments=(first,)))
    assert short.picture.lines[0].is_backordered
    assert short.picture.lines[0].backordered == 33

    fill = ticket(gadget, 33)
    filled = settled(
        replace(short.picture, allotments=(first, replace(fill, order_id=short.picture.order.id)))
    )
    assert not filled.picture.lines[0].is_backordered
    assert filled.picture.order.is_backordered
    assert [found.qty for found in filled.releases.released] == [33]

    gone = replace(filled.picture.allotments[1], shipped=D(33))
    done = settled(replace(filled.picture, allotments=(first, gone)))
    assert done.filled
    assert not done.picture.order.is_backordered


@pytest.mark.rule("BO-8")
def test_the_orders_mark_goes_at_once_when_what_was_backordered_is_cancelled() -> None:
    short = line(25, opening_decided=True)
    waiting = settled(picture(short, allotments=(ticket(short, 20),)))
    assert waiting.picture.order.is_backordered

    less = replace(waiting.picture.lines[0], cancel_wanted=D(5), wish_version=2, settled_version=2)
    cancelled = settled(waiting.picture.with_line(less))

    (kept,) = cancelled.picture.lines
    assert figures(kept, "granted", "cancelled", "shipped", "is_backordered") == (20, 5, 0, False)
    assert not cancelled.picture.order.is_backordered


@pytest.mark.rule("BO-8")
def test_the_flag_that_the_question_set_stands_before_inventory_has_answered_and_goes_when_all_is_granted() -> (
    None
):
    twin = line(5, settled_version=0, opening_decided=True, is_backordered=True, backordered_at=NOW)
    waiting = settled(picture(twin))
    assert waiting.picture.lines[0].is_backordered

    granted = replace(waiting.picture, allotments=(ticket(twin, 5),))
    after = settled(replace(granted, lines=(replace(waiting.picture.lines[0], settled_version=1),)))

    assert not after.picture.lines[0].is_backordered
    # the mark goes when its last backordered unit has shipped
    assert after.picture.order.is_backordered


def test_a_service_is_granted_at_once_and_ships_with_the_first_goods() -> None:
    goods, work = line(10), line(2, kind=ItemKind.SERVICE, settled_version=0)
    before = settled(picture(goods, work, allotments=(ticket(goods, 10, release_no=1),)))
    assert [figures(found, "granted", "shipped") for found in before.picture.lines] == [(10, 0), (2, 0)]

    part = settled(replace(before.picture, allotments=(replace(before.picture.allotments[0], shipped=D(4)),)))

    assert part.picture.lines[1].shipped == 2
    assert part.picture.order.state is OrderState.OPEN


def test_an_order_of_services_alone_is_filled_when_it_opens() -> None:
    work = line(2, kind=ItemKind.SERVICE, settled_version=0)

    result = settled(picture(work, of=order(told=0)), tell=Tell.OPENED)

    assert result.filled
    assert result.picture.order.told == 1
    assert result.tell is Tell.OPENED


def test_when_all_goods_are_cancelled_the_services_are_done_by_themselves() -> None:
    goods = line(10, cancel_wanted=10, wish_version=2, settled_version=2)

    result = settled(picture(goods, line(2, kind=ItemKind.SERVICE), of=order(told=2)))

    assert result.filled
    assert result.picture.lines[1].shipped == 2


@pytest.mark.rule("ORD-6")
def test_a_credit_hold_of_the_customer_reaches_the_order_is_told_and_revokes() -> None:
    there = line(10)
    before = picture(there, allotments=(ticket(there, 10, release_no=1),), customer_on_hold=True)

    held = settled(before)
    assert held.picture.order.credit_hold
    assert held.tell is Tell.CHANGED
    assert len(held.releases.revoked) == 1

    lifted = settled(replace(held.picture, customer_on_hold=False))
    assert lifted.tell is Tell.CHANGED
    assert [found.release_no for found in lifted.releases.released] == [2]


def test_supply_is_pending_until_every_waiting_line_has_settled_what_was_told() -> None:
    answered, silent = line(5), line(5, settled_version=0)

    pending = settled(picture(answered, silent, allotments=(ticket(answered, 5),)))
    assert not pending.picture.order.is_settled

    answered_all = tuple(replace(found, settled_version=1) for found in pending.picture.lines)
    done = settled(replace(pending.picture, lines=answered_all))
    assert done.picture.order.is_settled


def test_a_draft_is_left_alone() -> None:
    draft = picture(line(5), of=order(state=OrderState.DRAFT, told=0, opened_at=None))

    assert settled(draft).picture is draft


def test_a_draft_of_services_that_was_cancelled_has_no_figures() -> None:
    never = order(state=OrderState.CANCELLED, told=0, opened_at=None)
    before = picture(line(2, kind=ItemKind.SERVICE, opening_version=0, ranked_at=None), of=never)

    assert settled(before).picture is before


@st.composite
def scenes(draw: st.DrawFn) -> Picture:
    """An open order with lines in any situation that facts can bring about."""
    lines: list[Line] = []
    tickets: list[Allotment] = []
    for _ in range(draw(st.integers(1, 3))):
        ordered = draw(st.integers(1, 12))
        wanted = draw(st.integers(0, ordered))
        was_split_off: bool = draw(st.booleans())
        made = line(
            ordered,
            special_order=draw(st.booleans()),
            all_or_nothing=draw(st.booleans()),
            settled_version=draw(st.integers(0, 3)),
            cancel_wanted=wanted,
            wish_version=draw(st.integers(1, 3)) if wanted else 0,
            shortage_answer=draw(st.sampled_from([None, *ShortageAnswer])),
            # what was split off at entry: the line before it may have a twin
            parent_line_id=lines[-1].id if lines and was_split_off else None,
            opening_decided=draw(st.booleans()),
        )
        lines.append(made)
        left = ordered
        while left > 0 and draw(st.booleans()):
            qty = draw(st.integers(1, left))
            left -= qty
            rest = qty
            figures: dict[str, int] = {}
            for name in ("withdrawn", "failed", "returned", "shipped"):
                figures[name] = draw(st.integers(0, rest))
                rest -= figures[name]
            release_no = max(draw(st.integers(0, 2)), 1 if figures["shipped"] else 0)
            tickets.append(
                ticket(
                    made, qty, release_no=release_no, revoke_no=draw(st.integers(0, release_no)), **figures
                )
            )
    head = order(
        told=3,
        ship_type=draw(st.sampled_from(ShipType)),
        customer_hold=draw(st.booleans()),
        no_backorders=draw(st.booleans()),
        shortage_answer=draw(st.sampled_from([None, *ShortageAnswer])),
    )
    return picture(*lines, of=head, allotments=tuple(tickets))


@given(scenes())
@settings(max_examples=300, deadline=None)
def test_settling_again_changes_nothing_and_every_line_adds_up(scene: Picture) -> None:
    once = settled(scene)
    twice = settled(once.picture)

    # a wish of this round waits for inventory; nothing else is left to decide
    assert twice.picture == once.picture
    assert twice.tell is Tell.NOTHING
    assert not twice.releases.released
    assert not twice.releases.revoked
    asked_for = sum((found.ordered for found in scene.lines), Decimal(0))
    assert sum((found.ordered for found in once.picture.lines), Decimal(0)) == asked_for
    for found in once.picture.lines:
        assert found.ordered == found.cancelled + found.backordered + found.granted
        assert found.cancelled <= found.cancel_wanted <= found.ordered
        assert found.shipped + found.cancelled <= found.ordered
        assert found.is_backordered == (found.backordered > 0 and found.has_settled)


@given(scenes())
@settings(max_examples=200, deadline=None)
def test_nothing_stands_released_that_may_not_ship(scene: Picture) -> None:
    after = settled(scene).picture
    by_id = {found.id: found for found in after.lines}

    for found in after.allotments:
        owner = by_id[found.line_id]
        if found.live > 0 and found.is_released:
            assert after.order.is_open
            assert not after.order.is_held
            assert not owner.all_or_nothing or owner.granted >= owner.need
            if after.order.ship_type is ShipType.COMPLETE:
                assert all(line.is_gone or line.granted >= line.need for line in after.lines)


@given(scenes())
@settings(max_examples=200, deadline=None)
def test_every_hop_of_the_trace_adds_up(scene: Picture) -> None:
    after = settled(scene).picture

    for found in after.lines:
        own = [each for each in after.allotments if each.line_id == found.id]
        tied = tie(found, 8, closed=2)
        pegs = [*own, ticket(found, 3, origin="receipt", tie_id=tied.id, passed=1, failed=1)]
        standing = {each.id: each.live for each in own if each.is_released}
        hops = {hop.hop: hop for hop in sums(found, own, [], standing, Decimal(0))}
        assert all(hop.adds_up for hop in hops.values()), hops
        tied_hops = {hop.hop: hop for hop in sums(found, pegs, [tied], standing, Decimal(0))}
        assert tied_hops["ties"].parts == {"pegged": 3, "open": 3, "closed": 2}
        assert tied_hops["inspections"].parts == {"passed": 1, "failed": 1, "uninspected": 1}


def test_moments_are_taken_from_the_caller() -> None:
    assert settled(picture(line(5))).picture.lines[0].backordered_at == NOW
