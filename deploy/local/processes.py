"""Processes of our own: started apart from the terminal, known by pid and birth, ended for certain."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.accounts import Account
from deploy.local.announcing import CannotRun

PROC = Path("/proc")
LONG_LOG = 10_000_000
"""Bytes after which a new start begins a new log."""
MARK = "TIELINE_SERVER_OF"
"""The variable in the environment of our servers that tells whose they are."""
GENTLY = ((signal.SIGTERM, 25.0), (signal.SIGKILL, 5.0))


@dataclass(frozen=True)
class Process:
    """A process that we started, told apart by its birth from a later one that got the same number."""

    pid: int
    born: str

    @property
    def is_alive(self) -> bool:
        if birth(self.pid) == self.born:
            return True
        _bury(self.pid)
        return False

    def end(self, steps: Sequence[tuple[signal.Signals, float]] = GENTLY) -> None:
        """Ask with growing force until it has gone; each step may take so many seconds."""
        for demand, patience in steps:
            if not self.tell(demand) or becomes(lambda: not self.is_alive, patience):
                return
        raise CannotRun(
            f"Process {self.pid} does not end, not even by SIGKILL; look at it with: ps {self.pid}"
        )

    def tell(self, demand: signal.Signals) -> bool:
        """Send a signal; false if there is nobody left to hear it."""
        if not self.is_alive:
            return False
        try:
            os.kill(self.pid, demand)
        except ProcessLookupError:
            return False
        return True


def end_all(living: Sequence[Process]) -> None:
    """Ask all at once, then see each of them gone: together they take as long as the slowest."""
    for process in living:
        process.tell(signal.SIGTERM)
    becomes(lambda: not any(process.is_alive for process in living), patience=25)
    for process in living:
        process.end(steps=((signal.SIGKILL, 5.0),))


def recorded(state: Mapping[str, Any]) -> list[Process]:
    """The processes that a state file names, dead ones too."""
    return [Process(**one) for one in state.get("processes", [])]


def start(
    command: Sequence[str | Path],
    *,
    account: Account,
    folder: Path,
    env: Mapping[str, str],
    log: Path,
    mark: Path | None = None,
) -> Process:
    """Start a process in a session of its own, so that Ctrl-C reaches us and we end it in order.

    Its environment is marked with its folder or the one named, by which `left_behind` finds it again.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LONG_LOG:
        log.replace(log.with_suffix(".previous.log"))
    with log.open("ab") as output:
        child = subprocess.Popen(
            [str(word) for word in command],
            cwd=folder,
            env={**env, MARK: str(mark or folder)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **account.identity,
        )
    _children[child.pid] = child
    return Process(child.pid, birth(child.pid) or "gone")


# Kept until they have ended: Popen complains of a child that outlives its object, and of one never waited for.
_children: dict[int, "subprocess.Popen[bytes]"] = {}


def birth(pid: int) -> str | None:
    """When a living process was born, in words that only serve comparison; none when there is no such process."""
    if not PROC.joinpath("self").exists():
        return _birth_by_ps(pid)
    try:
        # the name in brackets may hold spaces and brackets itself, so read from behind it
        fields = PROC.joinpath(str(pid), "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    state, started = fields[0], fields[19]
    return None if state in "ZX" else f"{_boot()}+{started}"


def left_behind(home: Path) -> list[Process]:
    """Living processes that some run started for this folder, even if no state file tells of them any more."""
    mark = f"{MARK}={home}".encode()
    found = []
    for entry in PROC.glob("[0-9]*"):
        try:
            is_marked = mark in entry.joinpath("environ").read_bytes().split(b"\0")
        except OSError:
            continue  # it has gone, or is not ours to look into
        if is_marked and (born := birth(pid := int(entry.name))):
            found.append(Process(pid, born))
    return found


def named_in(pid_file: Path, words: str) -> list[Process]:
    """The living process of a pid file, if its command line has these words and it is not a later one."""
    try:
        pid = int(pid_file.read_text().split()[0])
        command = PROC.joinpath(str(pid), "cmdline").read_bytes()
    except (OSError, ValueError, IndexError):
        return []
    born = birth(pid)
    return [Process(pid, born)] if born and words.encode() in command else []


def wait_until(is_ready: Callable[[], bool], process: Process, log: Path, what: str, patience: float) -> None:
    """Wait for a condition, not for a time; give up when the process has died or patience ends."""
    if becomes(lambda: is_ready() or not process.is_alive, patience) and process.is_alive:
        return
    fate = f"was not ready after {patience:.0f} s" if process.is_alive else "ended while starting"
    raise CannotRun(f"{what} {fate}. The end of its log, {log}:\n{tail(log)}")


def tail(log: Path, lines: int = 15) -> str:
    """The last lines of a log, for a message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else "(no log)"


def becomes(is_so: Callable[[], bool], patience: float) -> bool:
    """Whether a condition comes true within so many seconds; looks again and again."""
    deadline = time.monotonic() + patience
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True


def _bury(pid: int) -> None:
    if child := _children.pop(pid, None):
        child.wait()


def _boot() -> str:
    return PROC.joinpath("sys/kernel/random/boot_id").read_text()[:8]


def _birth_by_ps(pid: int) -> str | None:
    answer = subprocess.run(
        ("ps", "-o", "stat=,lstart=", "-p", str(pid)), capture_output=True, text=True, check=False
    )
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not started or state.startswith("Z") else started.strip()
