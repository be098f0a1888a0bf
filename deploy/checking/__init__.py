"""The whole-system checker: what must hold over all five services whenever nothing is on its way.

It reads the live databases as `checker_ro` (one read-only snapshot each, no locks) and looks at the broker's queues;
it writes nothing. `invariants.py` lists what it checks; docs/operations.md says how an operator uses it.
"""

from deploy.checking.books import Books, Logins
from deploy.checking.journal import Journal, read_journal
from deploy.checking.report import Finding, Report, check

__all__ = ["Books", "Finding", "Journal", "Logins", "Report", "check", "read_journal"]
