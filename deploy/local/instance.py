"""One set of servers of this checkout: where it keeps its things, its passwords, and whose turn it is.

`demo` (make demo, make up) and `test` (make test) are instances of their own and may run at the same time.
"""

import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.accounts import Account
from deploy.local.announcing import CannotRun, say

CHECKOUT = Path(__file__).resolve().parents[2]
COMMON = Path("/var/lib/tieline")
# below the ports that the kernel gives to outgoing connections, so that a remembered port stays ours
PORTS = range(20_000, 30_000)


@dataclass(frozen=True)
class Instance:
    """Its folder holds passwords, state and logs; its `data` holds what the servers write."""

    name: str
    checkout: Path = CHECKOUT

    @property
    def folder(self) -> Path:
        return self.checkout / ".local" / self.name

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def state_file(self) -> Path:
        return self.folder / "state.json"

    @property
    def fingerprint(self) -> str:
        """Tells this checkout from others on the machine."""
        return hashlib.sha256(str(self.checkout).encode()).hexdigest()[:10]

    @property
    def is_disposable(self) -> bool:
        """Whether it starts empty each time; only the demo keeps what was entered."""
        return self.name != "demo"

    def data(self, account: Account) -> Path:
        """Where servers of this account write: here, unless the account cannot come here (a home of root)."""
        return self.programs(account) / self.name

    def programs(self, account: Account) -> Path:
        """Where programs that this account starts may lie, for all instances of the checkout."""
        ours = self.checkout / ".local"
        ours.mkdir(parents=True, exist_ok=True)
        if account.can_enter(ours):
            return ours
        common = COMMON / self.fingerprint
        common.mkdir(parents=True, exist_ok=True)
        return common

    def password(self, whose: str) -> str:
        """The password of a role or broker user: random, made once, readable by nobody else."""
        known = self._passwords()
        if whose not in known:
            known[whose] = secrets.token_urlsafe(24)
            write_privately(self._password_file, known)
        return known[whose]

    def choose_ports(self, server: str, before: Mapping[str, int], uses: Sequence[str]) -> dict[str, int]:
        """A free port for each use of a server, the one of last time if it can be.

        Ports that the checkout's other servers have chosen are left to them: they may be about to listen there.
        """
        chosen: dict[str, int] = {}
        taken = self._ports_of_others(server)
        for use in uses:
            chosen[use] = free_port(before.get(use), avoid={*taken, *chosen.values()})
        return chosen

    def _ports_of_others(self, server: str) -> set[int]:
        taken: set[int] = set()
        for file in self.folder.parent.glob("*/state.json"):
            place = Instance(file.parent.name, self.checkout)
            others = {"postgres", "rabbitmq"} - ({server} if place == self else set())
            taken.update(port for other in others for port in place.known(other).get("ports", {}).values())
        return taken

    def state(self) -> dict[str, Any]:
        """What is known of the last start; empty when there was none, or its file is broken."""
        try:
            known: dict[str, Any] = json.loads(self.state_file.read_text())
        except (OSError, json.JSONDecodeError):
            return {}
        return known

    def known(self, server: str) -> dict[str, Any]:
        """The part of the state that is about one server."""
        part: dict[str, Any] = self.state().get(server, {})
        return part

    def remember(self, **facts: object) -> None:
        write_privately(self.state_file, self.state() | facts)

    def remove(self) -> None:
        """Everything that the instance has stored, wherever it lies."""
        shutil.rmtree(COMMON / self.fingerprint / self.name, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Only one run at a time works on an instance; the next one waits. Within a run it may be taken again."""
        if self.folder in _held:
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "turn").open("a+") as lock:
            self._take(lock.fileno())
            _held.add(self.folder)
            try:
                yield
            finally:
                _held.remove(self.folder)

    def _take(self, lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(lock, 20, 0).decode() or "unknown"
            say(f"another run (pid {holder}) works on the instance {self.name}; waiting for it to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)

    @property
    def _password_file(self) -> Path:
        return self.folder / "passwords.json"

    def _passwords(self) -> dict[str, str]:
        if not self._password_file.exists():
            return {}
        known: dict[str, str] = json.loads(self._password_file.read_text())
        return known


_held: set[Path] = set()


def forget_programs() -> None:
    """Remove what this checkout keeps outside of itself, for accounts that cannot come to it."""
    shutil.rmtree(COMMON / Instance("any").fingerprint, ignore_errors=True)


def write_privately(file: Path, content: object) -> None:
    """Replace a JSON file as a whole, so that a run killed in the middle leaves the old or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_suffix(".draft")
    with open(draft, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as text:
        json.dump(content, text, indent=2)
    draft.replace(file)


def free_port(preferred: int | None = None, avoid: Collection[int] = ()) -> int:
    """The preferred port if nobody listens there, else another one that is free on loopback."""
    if preferred and preferred not in avoid and is_free(preferred):
        return preferred
    for _ in range(200):
        port = PORTS[secrets.randbelow(len(PORTS))]
        if port not in avoid and is_free(port):
            return port
    raise CannotRun(f"No free port between {PORTS[0]} and {PORTS[-1]} on 127.0.0.1; stop what occupies them.")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # a server that has just ended leaves connections in TIME_WAIT, which do not hinder a new one
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
