"""What the soak calls a leak: its judgement over samples, without a run."""

import pytest

from tests.chaos.soak import MOST_MORE, Sample, judged


def hour(megabytes: list[float], descriptors: list[float]) -> list[Sample]:
    return [
        {"orders megabytes": size, "orders descriptors": open_}
        for size, open_ in zip(megabytes, descriptors, strict=True)
    ]


@pytest.mark.fault(62)
def test_what_stays_or_jumps_for_a_moment_is_flat() -> None:
    sawtooth = [100.0, 108.0] * 10
    assert judged(hour(sawtooth, [40.0] * 19 + [90.0]), 12) == []


@pytest.mark.fault(62)
def test_what_grows_with_every_reconnect_is_a_leak() -> None:
    steadily = [40.0 + n for n in range(20)]

    assert judged(hour([100.0] * 20, steadily), 12) == ["orders descriptors grew from 47 to 57"]
    assert steadily[-1] - steadily[7] > MOST_MORE
    assert judged(hour([100.0 + 4 * n for n in range(20)], [40.0] * 20), 12) == [
        "orders megabytes grew from 128 to 168"
    ]


@pytest.mark.fault(62)
def test_a_run_that_is_too_short_says_so_instead_of_flat() -> None:
    assert judged(hour([100.0] * 3, [40.0] * 3), 12) == ["only 3 samples: too short to say anything"]
