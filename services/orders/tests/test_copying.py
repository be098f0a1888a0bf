"""A changed copy, or the part itself."""

import pickle
from copy import copy, deepcopy
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any

import pytest

from ..domain.allotment import Allotment
from ..domain.copying import built, changed, differences, named
from ..domain.order import Address, Line, Order
from ..domain.settlement import Picture, Settled
from ..domain.special import SpecialOrder, Tie
from ..store.invoices import Invoice
from .given import D, line, order, picture, settled


def test_a_part_that_has_the_values_already_is_the_same_object() -> None:
    known = line(10, granted=4)

    same = changed(known, granted=D(4), is_backordered=False)

    assert same is known


def test_a_copy_differs_in_what_was_given_and_in_nothing_else() -> None:
    known = line(10, granted=4)

    copy = changed(known, granted=D(5), is_backordered=True)

    assert copy == replace(known, granted=D(5), is_backordered=True)
    assert known.granted == D(4)


def test_settling_an_order_to_which_nothing_has_happened_copies_nothing() -> None:
    before = settled(picture(line(10), of=order())).picture

    again = settled(before).picture

    assert again is before


def test_a_part_built_from_its_values_is_the_one_that_its_class_makes() -> None:
    known = line(10, granted=4)
    values = stored(known)

    from_values, from_names = built(Line, values.values()), named(Line, values)

    assert from_values == from_names == known
    assert hash(from_values) == hash(known)
    assert type(from_values) is Line


def test_a_part_is_frozen_however_it_came_to_be() -> None:
    for part in (changed(line(10), granted=D(1)), named(Line, stored(line(10)))):
        with pytest.raises(FrozenInstanceError):
            part.granted = D(2)  # type: ignore[misc]  # what is tried here


def test_a_part_without_a_value_for_each_field_is_refused() -> None:
    values = stored(line(10))

    with pytest.raises(TypeError):
        built(Line, list(values.values())[:-1])
    with pytest.raises(KeyError):
        named(Line, {name: value for name, value in values.items() if name != "sku"})
    with pytest.raises(AttributeError):
        changed(line(10), colour="red")


def test_differences_are_the_fields_that_differ_with_what_they_were() -> None:
    was = line(10, granted=4)

    assert differences(was, changed(was, granted=D(5), is_backordered=True)) == [
        ("granted", D(4), D(5)),
        ("is_backordered", False, True),
    ]
    assert differences(was, replace(was, granted=D("4.000000"))) == []


def stored(part: Line) -> dict[str, Any]:
    return {field.name: getattr(part, field.name) for field in fields(part)}


PARTS = (Address, Allotment, Invoice, Line, Order, Picture, Settled, SpecialOrder, Tie)
"""All that is made without its own `__init__`."""


@pytest.mark.parametrize("kind", PARTS)
def test_every_part_that_is_built_so_is_made_of_its_values_alone(kind: type[Any]) -> None:
    part = built(kind, range(len(fields(kind))))

    assert type(part) is kind
    assert [getattr(part, field.name) for field in fields(kind)] == list(range(len(fields(kind))))
    usual = kind(*range(len(fields(kind))))
    assert part == usual
    assert repr(part) == repr(usual)
    assert hash(part) == hash(replace(part))


def test_a_part_is_copied_pickled_and_compared_like_any_other() -> None:
    part = changed(line(10), granted=D(4))

    for other in (copy(part), deepcopy(part), pickle.loads(pickle.dumps(part))):
        assert (other, hash(other), type(other)) == (part, hash(part), Line)
    assert part in {replace(part)}
    assert part != replace(part, granted=D(5))


@dataclass(frozen=True, slots=True)
class _Checked:
    qty: int

    def __post_init__(self) -> None:
        if self.qty < 0:
            raise ValueError("less than nothing")


@dataclass(frozen=True, slots=True)
class _Counting:
    qty: int
    double: int = field(init=False, default=0)


@dataclass(frozen=True)
class _Open:
    qty: int


@dataclass(frozen=True, slots=True, weakref_slot=True)
class _Referred:
    qty: int


@dataclass(frozen=True, slots=True)
class _Derived(Tie):
    more: int = 0


@dataclass(frozen=True, slots=True)
class _WithDefault:
    qty: int
    comments: list[str] = field(default_factory=list)


@pytest.mark.parametrize("part", [_Checked(1), _Counting(1), _Open(1), _Referred(1)])
def test_what_is_more_than_its_values_is_refused(part: Any) -> None:
    """Not quietly made without its check: whoever gives a part one is told so by the first test that copies it."""
    with pytest.raises(TypeError):
        changed(part, qty=-1)
    with pytest.raises(TypeError):
        built(type(part), [-1] * len(fields(part)))


def test_a_part_that_inherits_fields_is_refused() -> None:
    with pytest.raises((TypeError, KeyError)):
        built(_Derived, range(len(fields(_Derived))))


def test_a_default_is_not_made_up_for_a_value_that_is_not_there() -> None:
    with pytest.raises(TypeError):
        built(_WithDefault, [1])
    with pytest.raises(KeyError):
        named(_WithDefault, {"qty": 1})
