"""Whose name the servers run under: PostgreSQL refuses root, and RabbitMQ should not have it either."""

import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from deploy.local.announcing import CannotRun, say


class Identity(TypedDict, total=False):
    """The arguments by which `subprocess` takes on an account; none of them: stay who we are."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True)
class Account:
    """A user of this machine that a server runs as."""

    name: str
    uid: int
    gid: int

    @property
    def identity(self) -> Identity:
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> Path:
        """Make the folder this account's, for nobody else to read."""
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)
        return folder

    def give(self, file: Path, text: str) -> Path:
        """Write a file that only this account reads."""
        file.unlink(missing_ok=True)
        with open(file, "x", opener=_private) as content:
            os.fchown(content.fileno(), self.uid, self.gid)
            content.write(text)
        return file

    def can_enter(self, folder: Path) -> bool:
        """Whether this account reaches the folder: every ancestor must let it pass."""
        asked = subprocess.run(
            ("/bin/sh", "-c", 'cd "$0"', str(folder)),
            cwd="/",
            capture_output=True,
            check=False,
            **self.identity,
        )
        return asked.returncode == 0


def ourselves() -> Account:
    """The account that this program runs as."""
    return _account(pwd.getpwuid(os.geteuid()))


def unprivileged(*preferred: str) -> Account:
    """Ourselves, or when we are root the first of these users that exists.

    `nobody` comes before a new user: Tieline leaves the machine's list of users alone if it can.
    """
    if os.geteuid() != 0:
        return ourselves()
    for name in (*preferred, "tieline", "nobody"):
        try:
            return named(name)
        except KeyError:
            continue
    return _create("tieline")


def named(name: str) -> Account:
    """The account of this name."""
    return _account(pwd.getpwnam(name))


def _create(name: str) -> Account:
    if not shutil.which("useradd"):
        raise CannotRun(
            "PostgreSQL does not run as root; run as another user, or add a system user named tieline."
        )
    say(f"creating the system user {name}, because PostgreSQL does not run as root")
    command = ("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name)
    subprocess.run(command, check=True)
    return named(name)


def _account(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
