"""Measured times in words."""

from collections.abc import Sequence


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which so large a share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def spread(seconds: Sequence[float], decimals: int = 1) -> str:
    """Middle and tail in milliseconds, and of how many."""
    p50, p99 = (1e3 * quantile(seconds, share) for share in (0.5, 0.99))
    return f"p50 {p50:7.{decimals}f} ms   p99 {p99:7.{decimals}f} ms   n={len(seconds)}"
