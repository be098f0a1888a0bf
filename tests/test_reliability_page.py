"""docs/reliability.md: a row for every fault, with a test that exists or the reason why there is none."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FAULTS = range(1, 63)
PROOF = re.compile(r"`((?:services/\w+/)?tests/[\w/]+\.py)::(\w+)`")


def rows() -> dict[int, str]:
    """Fault number: its row."""
    page = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    return {int(found[1]): line for line in page.splitlines() if (found := re.match(r"\| (\d+) \|", line))}


def missing(row: str) -> list[str]:
    """The tests that a row names and that are not there; a name may be the beginning of one."""
    return [
        f"{path}::{name}"
        for path, name in PROOF.findall(row)
        if not (ROOT / path).exists() or f"def {name}" not in (ROOT / path).read_text(encoding="utf-8")
    ]


def test_every_fault_has_a_row() -> None:
    assert sorted(rows()) == list(FAULTS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_has_a_test_that_exists_or_a_reason(fault: int) -> None:
    row = rows()[fault]

    assert missing(row) == []
    assert PROOF.search(row) or "not covered" in row


def test_a_test_that_is_not_there_is_seen() -> None:
    assert missing("| 1 | `tests/test_house.py::test_that_nobody_wrote` |") != []
