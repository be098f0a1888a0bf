"""A changed copy, or the part itself."""

from dataclasses import FrozenInstanceError, fields, replace
from typing import Any

import pytest

from ..domain.copying import built, changed, differences, named
from ..domain.order import Line
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
