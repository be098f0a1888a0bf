"""Instants as an operator types them: `2026-11-21T10:00`, in UTC unless they say otherwise, or `90m`, `6h`, `3d` ago."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def instant(words: str) -> datetime:
    """The moment that the words name; raises typer's `BadParameter` with examples."""
    if ago := re.fullmatch(r"(\d{1,6})([mhd])", words):
        return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        read = datetime.fromisoformat(words)
    except ValueError:
        raise typer.BadParameter(
            f"{words!r} is no instant; say 2026-11-21T10:00Z, or 6h for six hours ago"
        ) from None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


Since = Annotated[
    datetime | None, typer.Option(parser=instant, metavar="INSTANT", help="Parked from then on; `6h`: ago.")
]
