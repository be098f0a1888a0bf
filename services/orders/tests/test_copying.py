"""A changed copy, or the part itself."""

from dataclasses import replace

from ..domain.copying import changed
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
