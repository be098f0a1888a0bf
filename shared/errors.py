"""What can be wrong, in the trade's words.

TielineError
├── Invalid              422  the request cannot mean anything
├── Refused              409  it means something, and the business says no
├── NotFound             404  there is no such thing in the caller's scope
├── Forbidden            403  the caller may not
├── Unauthorised         401  the caller is not known
├── Stale                412  the document has moved on since it was read
├── PreconditionMissing  428  say which version you mean
├── BadRequest           400  the request's form is wrong (headers, cursors)
├── TooLarge             413  the request is larger than is accepted
├── TooMany              429  more requests than the caller may send
└── Unavailable          503  not now; try again

One class per sentence the business would say; the class name is the stable `code`, keyword arguments are the numbers.
HTTP status lives in `web.py` only.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from shared.decimals import plain


class TielineError(Exception):
    """A sentence with its numbers: `raise NotEnough("Only 20 of 25 are available", wanted=25, available=20)`."""

    def __init__(self, message: str, *, errors: Sequence[dict[str, Any]] = (), **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.errors = list(errors)
        self.facts = {name: _wire(value) for name, value in facts.items()}

    @property
    def code(self) -> str:
        """The class name in kebab case: `ReceivedTooMuch` -> `received-too-much`."""
        return re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()


def _wire(value: Any) -> Any:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, dict):
        return {str(key): _wire(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_wire(inner) for inner in value]
    if isinstance(value, str | int | bool) or value is None:
        return value
    return str(value)


class Invalid(TielineError):
    """The request cannot mean anything as it stands."""


class Refused(TielineError):
    """The request is understood, and the business says no; the message says what would be possible."""


class NotFound(TielineError):
    """There is no such thing in the caller's scope."""


class Forbidden(TielineError):
    """The caller is known and may not do this."""


class Unauthorised(TielineError):
    """The caller is not known: the token is missing, expired or not ours."""


class Stale(TielineError):
    """The document has moved on since it was read: read it again and decide again."""


class PreconditionMissing(TielineError):
    """An update must say with `If-Match` which version it means."""


class BadRequest(TielineError):
    """The request's form is wrong: a header or a cursor."""


class TooLarge(TielineError):
    """The request is larger than is accepted."""


class TooMany(TielineError):
    """The caller sends more requests than it may; later ones will be taken again."""


class Unavailable(TielineError):
    """Not now: the service or its database is busy; the same request may be sent again."""
