"""The peer's figures: as `bench.anchors --peer` measured them on this machine, else as they are stated."""

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

STATED = {"singly": 0.40, "bulk": 4.2, "waiting": 35.0}
"""Chains a second singly and in fifties, and the seconds that 2 000 waiting shipments take (`anchors/README.md`)."""
_SAID = {
    "singly": re.compile(r"-> ([\d.]+) chains/s"),
    "bulk": re.compile(r"-> ([\d.]+) chains/s"),
    "waiting": re.compile(r"assign all \d+ in one transaction: ([\d.]+)s"),
}
"""Where the peer's own script says its figure."""


@dataclass(frozen=True)
class Figure:
    """A figure of the peer and where it comes from."""

    value: float
    source: str


def home(folder: Path) -> Path:
    """The peer's own place below an instance's folder."""
    return folder / "peer"


def keep(folder: Path, what: str, printed: str) -> None:
    """Keep what the peer's script has just printed, with time and load: the same machine is half as fast an hour later."""
    if found := _SAID[what].search(printed):
        at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC at load {os.getloadavg()[0]:.1f}"
        kept = _kept(folder) | {what: {"value": float(found[1]), "at": at}}
        _file(folder).write_text(json.dumps(kept, indent=1) + "\n")


def figure(folder: Path, what: str) -> Figure:
    """The measured figure with its time, or the stated one."""
    if measured := _kept(folder).get(what):
        return Figure(float(measured["value"]), f"measured {measured['at']}")
    return Figure(STATED[what], "stated, not measured here")


def _file(folder: Path) -> Path:
    return home(folder) / "figures.json"


def _kept(folder: Path) -> dict[str, dict[str, float | str]]:
    file = _file(folder)
    return dict(json.loads(file.read_text())) if file.exists() else {}
