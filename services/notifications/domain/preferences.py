"""Preferences of notifications: rules.md names none so far; channels (NOTE-3) will bring theirs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preferences:
    """How this organisation is notified."""
