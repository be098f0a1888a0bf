"""Running the invariants and telling what they found."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from deploy.checking.books import Books, Logins, read_books
from deploy.checking.invariants import INVARIANTS, Invariant
from deploy.checking.journal import Journal
from deploy.checking.quiet import wait_for_quiet

MOST_SHOWN = 20
"""Violations of one invariant that a report writes out; the rest is counted."""


@dataclass(frozen=True)
class Finding:
    """What one invariant came to; `violations` is None when it could not be looked at."""

    invariant: Invariant
    violations: list[str] | None

    @property
    def is_violated(self) -> bool:
        return bool(self.violations)


@dataclass(frozen=True)
class Report:
    """All findings, and what never came to rest before they were made."""

    findings: list[Finding]
    unquiet: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_clean(self) -> bool:
        """Everything came to rest and every invariant holds."""
        return not self.unquiet and not self.violated

    @property
    def violated(self) -> dict[str, list[str]]:
        """What the violated invariants say, by id."""
        return {f.invariant.id: f.violations or [] for f in self.findings if f.is_violated}

    def __str__(self) -> str:
        lines = [f"never quiet: {what}: {why}" for what, why in self.unquiet.items()]
        for finding in self.findings:
            said = finding.violations or []
            lines += [f"{finding.invariant.id} {words}" for words in said[:MOST_SHOWN]]
            if len(said) > MOST_SHOWN:
                lines.append(f"{finding.invariant.id} … and {len(said) - MOST_SHOWN} more")
        return "\n".join(lines) or "clean"


async def check(
    logins: Logins,
    *,
    patience: float = 120,
    steady: float = 3,
    journal: Journal | None = None,
    injected: Collection[UUID] = (),
    only: Collection[str] = (),
    are_running: bool = True,
) -> Report:
    """Wait for the quiet point, read the books, try every invariant (or `only` some)."""
    unquiet = await wait_for_quiet(logins, patience=patience, steady=steady) if patience else {}
    books = await read_books(logins)
    books.journal = journal
    books.injected = frozenset(injected)
    books.are_running = are_running
    return Report(judge(books, only), unquiet)


def judge(books: Books, only: Collection[str] = ()) -> list[Finding]:
    """Every invariant over the books that were read."""
    return [
        Finding(invariant, invariant.look(books))
        for invariant in INVARIANTS
        if not only or invariant.id in only
    ]
