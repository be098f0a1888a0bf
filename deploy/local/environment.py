"""Makes `.venv` of this checkout hold exactly what the lock names.

Runs before anything is installed, so the standard library must do. Python's own pip installs,
because it follows whatever package mirror this machine is set up with.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
VENV = CHECKOUT / ".venv"
OURS = CHECKOUT / ".local"
STAMP = VENV / "made-from"
LOCK = CHECKOUT / "requirements-dev.lock"
OLDEST = (3, 11)


def make_environment() -> None:
    """Build or correct the environment, but only when the lock, the project or Python changed."""
    if sys.version_info < OLDEST:
        sys.exit(
            f"Tieline needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}."
            " Name another one: make env PYTHON=/path/to/python3"
        )
    OURS.mkdir(exist_ok=True)
    with (OURS / "environment.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if STAMP.exists() and STAMP.read_text() == _made_from():
            return
        if not _is_usable():
            _create()
        _install()
        STAMP.write_text(_made_from())


def _made_from() -> str:
    content = hashlib.sha256()
    for source in (LOCK, CHECKOUT / "pyproject.toml", Path(__file__)):
        content.update(source.read_bytes())
    return f"{content.hexdigest()} {sys.version_info[:3]}\n"


def _is_usable() -> bool:
    asked = (str(VENV / "bin" / "python"), "-c", "import pip, sys; print(sys.version_info[:3])")
    try:
        answer = subprocess.run(asked, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return False
    return answer.stdout.strip() == str(sys.version_info[:3])


def _create() -> None:
    _say(f"creating .venv with Python {sys.version.split()[0]}")
    if importlib.util.find_spec("ensurepip") is None:
        _install_venv_package()
    _call(sys.executable, "-m", "venv", "--clear", str(VENV))


def _install_venv_package() -> None:
    package = f"python{sys.version_info[0]}.{sys.version_info[1]}-venv"
    if os.geteuid() != 0:
        sys.exit(
            f"This Python cannot make environments. Install its package first: apt-get install {package}"
        )
    _say(f"this Python has no ensurepip: installing Debian's {package}")
    _apt_get("update", "-qq")
    _apt_get("install", "-y", "-qq", "-o", "DPkg::Lock::Timeout=300", "--no-install-recommends", package)


def _apt_get(*words: str) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(("apt-get", *words), env=quiet, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"apt-get {' '.join(words)} failed:\n{done.stdout}{done.stderr}")


def _install() -> None:
    _say(f"installing what {LOCK.name} names")
    _pip("install", "--require-hashes", "--no-deps", "-r", str(LOCK))
    if strangers := _installed() - _locked():
        _pip("uninstall", "--yes", *sorted(strangers))
    _pip("install", "--no-deps", "--no-build-isolation", "--editable", str(CHECKOUT))


def _installed() -> set[str]:
    command = (str(VENV / "bin" / "python"), "-m", "pip", "list", "--format=freeze", *QUIET)
    listing = subprocess.run(command, capture_output=True, text=True, check=True)
    return {_normal(line.split("==")[0]) for line in listing.stdout.splitlines()}


def _locked() -> set[str]:
    """What may stay: the lock, pip itself, and servers in wheels that were added on demand."""
    locks = "".join(path.read_text() for path in CHECKOUT.glob("requirements*.lock"))
    return {_normal(name) for name in re.findall(r"^([\w.-]+)==", locks, re.MULTILINE)} | {"pip", "tieline"}


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


# twice quiet: errors only, as pip warns once per package of every mirror folder that lacks it
QUIET = ("--quiet", "--quiet", "--disable-pip-version-check")


def _pip(command: str, *arguments: str) -> None:
    _call(str(VENV / "bin" / "python"), "-m", "pip", command, *QUIET, *arguments)


def _call(*command: str) -> None:
    done = subprocess.run(command, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with exit code {done.returncode}; its own words are above.")


def _say(words: str) -> None:
    sys.stderr.write(f"tieline: {words}\n")


if __name__ == "__main__":
    make_environment()
