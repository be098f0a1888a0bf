"""The worked example of the rules: stock 100, entry order O1 60, O2 50, O3 30, and every variant of it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """What there is, what the three want, and who gets what."""

    name: str
    granted: tuple[int, int, int]
    raised: tuple[int, ...] = ()
    """Orders with a raised priority."""
    receipt: int = 0
    is_first_cancelled: bool = False
    pegged: int = 0
    """Units of the 100 that are pegged to a special order."""
    free: int = 0

    @property
    def stock(self) -> int:
        """What lies on the shelf in the end."""
        return 100 + self.receipt

    @property
    def wanted(self) -> tuple[int, int, int]:
        """What the three orders want in the end."""
        return (0 if self.is_first_cancelled else 60), 50, 30

    @property
    def priorities(self) -> tuple[int, int, int]:
        """Their priorities in the end."""
        first, second, third = (int(n in self.raised) for n in (1, 2, 3))
        return first, second, third


CASES = (
    Case("as entered", (60, 40, 0)),
    Case("O2 raised", (50, 50, 0), raised=(2,)),
    Case("O3 raised", (60, 10, 30), raised=(3,)),
    Case("both raised", (20, 50, 30), raised=(2, 3)),
    Case("a receipt of 25", (60, 50, 15), receipt=25),
    Case("O1 cancelled", (0, 50, 30), is_first_cancelled=True, free=20),
    Case("20 pegged", (60, 20, 0), pegged=20),
    Case("20 pegged, O2 raised", (30, 50, 0), pegged=20, raised=(2,)),
    Case("20 pegged, O3 raised", (50, 0, 30), pegged=20, raised=(3,)),
    Case("20 pegged, both raised", (0, 50, 30), pegged=20, raised=(2, 3)),
    Case("20 pegged, a receipt of 25", (60, 45, 0), pegged=20, receipt=25),
    Case("20 pegged, O1 cancelled", (0, 50, 30), pegged=20, is_first_cancelled=True),
)
