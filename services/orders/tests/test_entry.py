"""ITEM-1, ITEM-3, ITEM-4, ITEM-6, ORD-6: what a line becomes when it is entered."""

import pytest

from shared.ids import new_id

from ..domain.cancelling import BelowShipped
from ..domain.catalogue import (
    BothFlags,
    BothSources,
    DropShipNotSold,
    Flags,
    KitsNotSold,
    OwnWarehouseAsSource,
    PriceInOtherCurrency,
    PriceMissing,
    QuantityTooFine,
    Source,
    changed_flags,
    line_flags,
)
from ..domain.editing import (
    FixedSinceOpening,
    decreased,
    edited_draft,
    increased,
    must_be_open_change,
    with_terms,
)
from ..domain.entry import CommentsTooLong, LineWorthTooMuch, WantedLine, comments_must_fit, new_line
from ..domain.order import ItemKind, Line, ShortageAnswer
from .given import NOW, D, figures, item, line, order


def entered(
    wanted: WantedLine | None = None, of: object = None, *, auto_flag: bool = True, **head: object
) -> Line:
    """A line as order entry makes it."""
    return new_line(
        wanted or WantedLine("TABLE", D(5)),
        of or item(),  # type: ignore[arg-type]  # builder's shortcut
        "MAIN",
        order(**head),
        line_id=new_id(),
        line_no=1,
        auto_flag_special=auto_flag,
    )


@pytest.mark.rule("ITEM-1")
def test_a_line_that_is_both_special_and_drop_ship_is_refused() -> None:
    with pytest.raises(BothFlags):
        line_flags(item(), True, True, auto_flag_special=True)


@pytest.mark.rule("ITEM-1")
@pytest.mark.parametrize(
    ("item_special", "item_drop", "special", "drop", "expected"),
    [
        # the line says nothing: the item's flags
        (True, False, None, None, Flags(True, False)),
        (False, True, None, None, Flags(False, True)),
        (False, False, None, None, Flags(False, False)),
        # the line overrides either way, and setting one clears the other
        (True, False, False, None, Flags(False, False)),
        (False, True, True, None, Flags(True, False)),
        (True, False, None, True, Flags(False, True)),
        (False, True, None, False, Flags(False, False)),
    ],
)
def test_the_flags_of_a_line_override_the_items_either_way(
    item_special: bool, item_drop: bool, special: bool | None, drop: bool | None, expected: Flags
) -> None:
    found = item(special_order=item_special, drop_ship=item_drop)

    assert line_flags(found, special, drop, auto_flag_special=True) == expected


@pytest.mark.rule("ITEM-1")
def test_setting_one_flag_on_a_draft_line_clears_the_other() -> None:
    assert changed_flags(Flags(False, True), True, None) == Flags(True, False)
    assert changed_flags(Flags(True, False), None, True) == Flags(False, True)
    with pytest.raises(BothFlags):
        changed_flags(Flags(False, False), True, True)


@pytest.mark.rule("ITEM-3")
def test_the_items_special_flag_flags_the_line_only_while_the_preference_is_on() -> None:
    special = item(special_order=True)

    assert entered(of=special).is_special
    assert not entered(of=special, auto_flag=False).is_special
    assert entered(WantedLine("TABLE", D(5), special_order=True), special, auto_flag=False).is_special


@pytest.mark.rule("ITEM-3")
def test_a_regular_item_can_be_flagged_on_one_line_only() -> None:
    assert entered(WantedLine("TABLE", D(5), special_order=True)).is_special
    assert not entered(WantedLine("TABLE", D(5))).is_special


@pytest.mark.rule("ITEM-4")
def test_a_nonstock_line_follows_the_special_order_rules_without_any_flag() -> None:
    found = entered(of=item(kind=ItemKind.NONSTOCK), auto_flag=False)

    assert not found.special_order
    assert found.is_special


@pytest.mark.rule("SO-13")
@pytest.mark.rule("ITEM-4")
def test_kits_and_drop_shipments_are_refused_with_what_to_do() -> None:
    with pytest.raises(KitsNotSold) as kit:
        entered(of=item(kind=ItemKind.KIT))
    assert "components" in kit.value.message
    with pytest.raises(DropShipNotSold) as drop:
        entered(of=item(drop_ship=True))
    assert '"drop_ship": false' in drop.value.message


@pytest.mark.rule("ITEM-6")
def test_the_source_is_the_items_for_that_warehouse_else_its_default() -> None:
    sources = {"*": Source("OAKCO"), "SHOP": Source(warehouse="MAIN")}

    assert entered(of=item(sources=sources)).source_vendor == "OAKCO"
    assert item(sources=sources).source("SHOP") == Source(warehouse="MAIN")
    assert item().source("MAIN") == Source()


@pytest.mark.rule("ITEM-6")
def test_a_line_may_bring_its_own_source_but_not_two_and_not_its_own_warehouse() -> None:
    own = entered(WantedLine("TABLE", D(5), source=Source("PINECO")), item(sources={"*": Source("OAKCO")}))
    assert (own.source_vendor, own.source_overridden) == ("PINECO", True)

    with pytest.raises(BothSources):
        entered(WantedLine("TABLE", D(5), source=Source("PINECO", "SHOP")))
    with pytest.raises(OwnWarehouseAsSource):
        entered(WantedLine("TABLE", D(5), source=Source(warehouse="MAIN")))


def test_the_price_is_the_lines_else_the_items_in_the_orders_currency() -> None:
    assert entered(WantedLine("TABLE", D(5), price=D("9.50"))).price == D("9.50")
    assert entered().price == 10
    with pytest.raises(PriceMissing):
        entered(of=item(price=None))
    with pytest.raises(PriceInOtherCurrency):
        entered(of=item(currency="EUR"))


def test_a_quantity_finer_than_the_unit_is_refused() -> None:
    with pytest.raises(QuantityTooFine):
        entered(WantedLine("TABLE", D("1.5")))
    assert entered(WantedLine("TABLE", D("1.5")), item(precision=1)).ordered == D("1.5")


def test_a_line_that_no_invoice_could_hold_is_refused() -> None:
    with pytest.raises(LineWorthTooMuch):
        entered(WantedLine("TABLE", D(999_999_999_999), price=D(999_999_999_999)))


@pytest.mark.rule("ORD-6")
@pytest.mark.rule("BO-5")
def test_a_customer_who_answers_backorder_line_gets_all_or_nothing_lines_unless_the_line_says_otherwise() -> (
    None
):
    answer = ShortageAnswer.BACKORDER_LINE

    assert entered(shortage_answer=answer).all_or_nothing
    assert not entered(WantedLine("TABLE", D(5), all_or_nothing=False), shortage_answer=answer).all_or_nothing
    assert not entered().all_or_nothing


def test_an_overridden_cost_is_for_the_items_unit_unless_another_is_named() -> None:
    plain = entered(WantedLine("TABLE", D(5), cost=D(4)))
    boxed = entered(WantedLine("TABLE", D(5), cost=D(40), cost_unit="BOX"))

    assert (plain.cost_overridden, plain.cost_unit) == (True, "EA")
    assert boxed.cost_unit == "BOX"


@pytest.mark.rule("BO-4")
def test_a_larger_quantity_on_an_open_line_is_a_linked_line_with_a_rank_and_a_shortage_of_its_own() -> None:
    def to(qty: int, of: Line) -> Line | None:
        answer = ShortageAnswer.SPLIT
        return increased(of, D(qty), answer, next_version=2, line_no=5, line_id=new_id(), now=NOW)

    first = line(10, discount=D("0.1"), comments=("by the door",), all_or_nothing=True)
    assert to(10, first) is None
    assert to(7, first) is None
    twin = to(12, first)

    assert twin is not None
    assert figures(twin, "ordered", "parent_line_id", "discount", "comments") == (
        2,
        first.id,
        D("0.1"),
        ("by the door",),
    )
    assert (twin.ranked_at, twin.opening_decided) == (NOW, False)
    assert (twin.all_or_nothing, twin.shortage_answer) == (False, ShortageAnswer.SPLIT)


@pytest.mark.rule("BO-4")
def test_a_smaller_quantity_takes_what_was_split_off_and_still_waits_first() -> None:
    first = line(20, granted=20)
    twin = line(5, line_no=2, parent_line_id=first.id, granted=1)
    other = line(9, line_no=3)

    def wanted(by: int) -> list[int]:
        return [int(found.cancel_wanted) for found in decreased([first, twin, other], first, D(by), 2)]

    # 4 of the twin's 5 wait; only what is more comes off the line itself
    assert wanted(3) == [0, 3, 0]
    assert wanted(6) == [2, 4, 0]
    assert wanted(0) == [0, 0, 0]


@pytest.mark.rule("BO-4")
def test_a_smaller_quantity_takes_what_was_split_off_its_increase_first() -> None:
    first = line(20, granted=20)
    more = line(2, line_no=2, parent_line_id=first.id, granted=2)
    waiting = line(3, line_no=3, parent_line_id=more.id)

    lines = decreased([first, more, waiting], first, D(4), 2)

    assert [int(found.cancel_wanted) for found in lines] == [1, 0, 3]


@pytest.mark.rule("BO-4")
def test_a_smaller_quantity_is_a_wish_to_cancel_and_never_goes_below_what_was_shipped() -> None:
    (smaller,) = decreased([found := line(10)], found, D(3), 2)
    assert figures(smaller, "cancel_wanted", "wish_version") == (3, 2)

    shipped = line(10, granted=10, shipped=4)
    with pytest.raises(BelowShipped):
        decreased([shipped], shipped, D(7), 2)


@pytest.mark.rule("BO-4")
def test_an_increase_of_a_special_line_is_not_its_backordered_part() -> None:
    first = line(10, special_order=True)
    more = line(2, line_no=2, parent_line_id=first.id, special_order=True)

    kept, same = decreased([first, more], first, D(3), 2)

    assert [found.cancel_wanted for found in (kept, same)] == [3, 0]


@pytest.mark.rule("BUY-2")
def test_an_open_line_takes_a_source_but_no_new_price() -> None:
    must_be_open_change(line(10), {"source": Source("OAKCO")})
    changed = with_terms(line(10), {"source": Source("OAKCO"), "cost": D(4)}, None)
    assert figures(changed, "source_vendor", "cost", "cost_overridden") == ("OAKCO", 4, True)

    with pytest.raises(FixedSinceOpening) as refused:
        must_be_open_change(line(10), {"price": D(1), "source": Source()})
    assert refused.value.facts["fixed"] == ["price"]


@pytest.mark.rule("ITEM-1")
def test_a_draft_line_is_edited_freely_but_keeps_what_the_item_was() -> None:
    draft = line(10, ranked_at=None, opening_version=0)

    edited = edited_draft(
        draft, {"qty": D(3), "special_order": True, "price": D(8)}, item(description="New words")
    )

    assert figures(edited, "ordered", "special_order", "price") == (3, True, 8)
    assert edited.description == "Table"


def test_comments_that_no_snapshot_could_hold_are_refused() -> None:
    long = line(5, comments=("x" * 500,) * 20)

    comments_must_fit([long] * 3)
    with pytest.raises(CommentsTooLong):
        comments_must_fit([long] * 4)
