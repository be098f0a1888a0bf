"""Items: flags, sources, kits (ITEM-1 to ITEM-7)."""

from decimal import Decimal
from typing import Any

import pytest

from services.inventory.domain.adjustment import (
    ItemUnit,
    MoreThanIsFree,
    NothingToAdjust,
    NotInventoried,
    TooPrecise,
    Wish,
    adjust,
    must_be_stock,
)
from services.inventory.domain.items import (
    AssemblyNotSpecial,
    Component,
    ComponentTwice,
    Item,
    KitInItself,
    NotAKit,
    Source,
    SourceIsItself,
    SourceTwice,
    SpecialOrDropShip,
    TwoSources,
    flags,
    must_be_sound,
    must_not_contain_itself,
)
from services.inventory.domain.returning import OtherItem, ReturnedTooMuch, must_have_shipped
from shared.errors import TielineError


def item(**other: Any) -> Item:
    values: dict[str, Any] = {
        "sku": "TABLE", "version": 1, "description": "A table", "kind": "stocked", "unit": "EA", "precision": 0,
        "product_line": None, "special_order": False, "drop_ship": False, "special_reason": None, "price": None,
        "currency": None,
    }  # fmt: skip
    return Item(**{**values, **other})


@pytest.mark.rule("ITEM-1")
@pytest.mark.parametrize(
    ("before", "sent", "after"),
    [
        ((False, True), (True, None), (True, False)),
        ((True, False), (None, True), (False, True)),
        ((True, False), (True, False), (True, False)),
        ((True, False), (False, True), (False, True)),
        ((True, False), (None, None), (True, False)),
        ((True, False), (False, None), (False, False)),
        ((False, False), (None, False), (False, False)),
    ],
    ids=[
        "special clears drop ship",
        "drop ship clears special",
        "already so",
        "swapped",
        "untouched",
        "cleared",
        "stays",
    ],
)
def test_the_two_flags_exclude_each_other(
    before: tuple[bool, bool], sent: tuple[bool | None, bool | None], after: tuple[bool, bool]
) -> None:
    changed = flags(
        item(special_order=before[0], drop_ship=before[1]), special_order=sent[0], drop_ship=sent[1]
    )

    assert (changed.special_order, changed.drop_ship) == after


@pytest.mark.rule("ITEM-1")
def test_both_flags_in_one_request_are_refused() -> None:
    with pytest.raises(SpecialOrDropShip):
        flags(item(), special_order=True, drop_ship=True)


@pytest.mark.rule("ITEM-2")
def test_a_special_order_item_is_out_of_replenishment_and_comes_back_when_the_flag_is_cleared() -> None:
    special = flags(item(), special_order=True, drop_ship=None)

    assert not special.is_replenished
    assert flags(special, special_order=False, drop_ship=None).is_replenished


@pytest.mark.rule("ITEM-5")
def test_an_assembly_is_special_only_with_a_reason() -> None:
    with pytest.raises(AssemblyNotSpecial):
        must_be_sound(item(kind="assembly", special_order=True))

    must_be_sound(item(kind="assembly", special_order=True, special_reason="made to measure by the vendor"))


@pytest.mark.rule("ITEM-6")
@pytest.mark.parametrize(
    ("sources", "refusal"),
    [
        ((Source("MAIN", "OAKCO", "EAST"),), TwoSources),
        ((Source("MAIN", "OAKCO", None), Source("MAIN", "ELMCO", None)), SourceTwice),
        ((Source("MAIN", None, "MAIN"),), SourceIsItself),
    ],
)
def test_a_source_is_a_vendor_or_another_warehouse_once_per_warehouse(
    sources: tuple[Source, ...], refusal: type[Exception]
) -> None:
    with pytest.raises(refusal):
        must_be_sound(item(sources=sources))


@pytest.mark.rule("ITEM-7")
def test_only_a_kit_has_components_and_their_numbers_are_unique() -> None:
    leg = Component(10, "LEG", Decimal(4))

    with pytest.raises(NotAKit):
        must_be_sound(item(kit=(leg,)))
    with pytest.raises(ComponentTwice):
        must_be_sound(item(kind="kit", kit=(leg, Component(10, "TOP", Decimal(1)))))
    must_be_sound(item(kind="kit", kit=(leg, Component(20, "LEG", Decimal(1)))))


@pytest.mark.rule("ITEM-7")
def test_a_kit_cannot_contain_itself_at_any_depth() -> None:
    recipes = {"ROOM": ["SET"], "SET": ["TABLE", "PAIR"], "PAIR": ["CHAIR"]}

    must_not_contain_itself("ROOM", recipes)
    with pytest.raises(KitInItself) as refused:
        must_not_contain_itself("PAIR", {**recipes, "PAIR": ["CHAIR", "ROOM"]})

    assert refused.value.facts["path"] == ["PAIR", "ROOM", "SET", "PAIR"]


# --- adjustments and returns ------------------------------------------------------------------------------------------

KEY = ("TABLE", "MAIN")


def adjusted(free: int, *wishes: int) -> list[type[Exception] | None]:
    results = adjust([Wish(KEY, Decimal(qty)) for qty in wishes], {KEY: Decimal(free)}, {})
    return [type(result) if isinstance(result, TielineError) else None for result in results]


def test_losses_together_take_no_more_than_is_there() -> None:
    assert adjusted(5, -3, -3) == [None, MoreThanIsFree]


@pytest.mark.rule("BO-12")
def test_a_loss_takes_free_units_first_and_asks_for_the_rest() -> None:
    available, askable = {KEY: Decimal(5)}, {KEY: Decimal(4)}

    outcome = adjust([Wish(KEY, Decimal(qty)) for qty in (-3, -4, -3)], available, askable)

    assert outcome[:2] == [0, 2]
    assert isinstance(outcome[2], MoreThanIsFree)
    assert outcome[2].facts["most"] == "2"
    assert (int(available[KEY]), int(askable[KEY])) == (0, 2)


def test_a_gain_may_cover_a_loss_later_in_the_list() -> None:
    assert adjusted(0, 4, -4, 0) == [None, None, NothingToAdjust]


@pytest.mark.rule("BO-12")
def test_a_refused_loss_says_the_most_it_can_be() -> None:
    refused = adjust([Wish(KEY, Decimal(-8))], {KEY: Decimal(5)}, {})[0]

    assert isinstance(refused, MoreThanIsFree)
    assert (refused.facts["most"], refused.facts["wanted"]) == ("5", "8")


@pytest.mark.rule("ITEM-4")
@pytest.mark.parametrize("kind", ["service", "kit"])
def test_services_and_kits_have_no_stock(kind: str) -> None:
    with pytest.raises(NotInventoried):
        must_be_stock(ItemUnit("X", kind, "EA", 0), Decimal(1))


def test_a_quantity_has_no_more_decimals_than_its_unit() -> None:
    with pytest.raises(TooPrecise):
        must_be_stock(ItemUnit("ROPE", "stocked", "M", 1), Decimal("1.25"))


@pytest.mark.rule("SO-12")
def test_a_line_gives_back_at_most_what_it_has_shipped() -> None:
    with pytest.raises(ReturnedTooMuch) as refused:
        must_have_shipped("SO-1", 10, "TABLE", "TABLE", Decimal(5), Decimal(2), Decimal(4))

    assert refused.value.facts["most"] == "3"


@pytest.mark.rule("SO-12")
def test_a_line_gives_back_only_its_own_item() -> None:
    with pytest.raises(OtherItem):
        must_have_shipped("SO-1", 10, "TABLE", "CHAIR", Decimal(5), Decimal(0), Decimal(1))
