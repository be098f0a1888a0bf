"""What the local runner says to the person at the terminal."""

import sys


class CannotRun(Exception):
    """Tieline cannot run like this on this machine; the words say what to do next."""


def say(words: str) -> None:
    """Announce a step that takes time or changes the machine; results go to standard output, this does not."""
    sys.stderr.write(f"tieline: {words}\n")
    sys.stderr.flush()
