"""The claim ticket as shipping knows it: figures that only grow, each with one writer (docs/model.md)."""

from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from shared.decimals import ZERO


@dataclass(frozen=True, slots=True)
class ShipTo:
    """Where the goods go."""

    code: str
    name: str
    street: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What orders said with the newest release: whose units these are, and how they travel."""

    order_id: UUID
    order_number: str
    line_id: UUID
    line_no: int
    component: int
    sku: str
    description: str
    unit: str
    precision: int
    customer: str
    ship_type: str
    warehouse: str
    currency: str
    carrier: str | None
    ship_to: ShipTo
    all_or_nothing: bool = False
    """BO-5: nothing of the line leaves unless all of it does."""

    @property
    def place(self) -> tuple[str, str, ShipTo]:
        """What a shipment cannot change after it was made; another place needs another shipment."""
        return self.warehouse, self.currency, self.ship_to


@dataclass(frozen=True, slots=True)
class Allotment:
    """A fixed quantity that belongs to one order line. Unknown parts are None until orders has released it.

    `standing` is how many of its units are on shipments that have not left; the books hold
    `withdrawn + shipped + returned + standing <= qty`, so that no unit is on two shipments or ships twice.
    """

    allotment_id: UUID
    order_id: UUID
    terms: Terms | None = None
    qty: Decimal | None = None
    gated: bool = False
    withdrawn: Decimal = ZERO
    failed: Decimal = ZERO
    passed: Decimal = ZERO
    release_no: int = 0
    revoke_no: int = 0
    shipped: Decimal = ZERO
    returned: Decimal = ZERO
    missing: Decimal = ZERO
    unproven: Decimal = ZERO
    """How much of `returned` nobody had passed."""
    standing: Decimal = ZERO

    @property
    def its_terms(self) -> Terms:
        """The terms of an allotment that is placed on a shipment: only released ones are."""
        if self.terms is None:
            raise ValueError(f"allotment {self.allotment_id} was never released")
        return self.terms

    @property
    def is_released(self) -> bool:
        """Released, and not revoked since."""
        return self.release_no > self.revoke_no

    @property
    def live(self) -> Decimal:
        """The units that still belong to the line and have not left."""
        if self.qty is None:
            return ZERO
        return self.qty - self.withdrawn - self.failed - self.shipped - self.returned

    @property
    def due(self) -> Decimal:
        """How many units should be on shipments: all live ones of a released allotment, else none."""
        return self.live if self.is_released else ZERO

    @property
    def uninspected(self) -> Decimal:
        """Under the gate: the live units that nobody has passed yet (SO-9).

        Units that were withdrawn count as uninspected ones, for whoever takes back takes what is not ready first.
        """
        if not self.gated or self.qty is None:
            return ZERO
        return max(ZERO, self.qty - self.withdrawn - self.failed - self.passed - self.unproven)

    def released(self, terms: Terms, qty: Decimal, gated: bool, release_no: int) -> "Allotment":
        """Orders lets it ship; only a higher number than before changes anything."""
        if release_no <= self.release_no:
            return self
        known = replace(self, terms=terms, qty=qty, gated=self.gated or gated, release_no=release_no)
        return known._bounded()

    def revoked(self, revoke_no: int) -> "Allotment":
        """Orders takes the release back; a later release has a higher number."""
        return replace(self, revoke_no=max(self.revoke_no, revoke_no))

    def inspected(self, qty: Decimal, passed: Decimal, failed: Decimal, gated: bool) -> "Allotment":
        """Inventory's figures of an inspection (SO-9): sums over its rounds, so the greatest is the newest."""
        return replace(
            self,
            qty=qty,
            gated=self.gated or gated,
            passed=max(self.passed, passed),
            failed=max(self.failed, failed),
        )._bounded()

    def given_back(self, withdrawn: Decimal) -> "Allotment":
        """Shipping's answer to inventory's question."""
        return replace(self, withdrawn=max(self.withdrawn, withdrawn))

    def departed(
        self, share: Decimal, shipped: Decimal, missing: bool, unproven: Decimal = ZERO
    ) -> "Allotment":
        """`shipped` of the `share` units left; the live rest goes back to the line, `missing` if nobody found it.

        `unproven` are the units of the rest that nobody had passed.
        """
        rest = min(share, self.live) - shipped
        return replace(
            self,
            shipped=self.shipped + shipped,
            returned=self.returned + rest,
            missing=self.missing + (rest if missing else ZERO),
            unproven=self.unproven + min(rest, unproven),
            standing=self.standing - share,
        )

    def _bounded(self) -> "Allotment":
        # Units that inventory fails while shipping gives the same ones back are counted once: as given back.
        if self.qty is None:
            return self
        room = self.qty - self.withdrawn - self.shipped - self.returned
        return self if self.failed <= room else replace(self, failed=min(self.failed, max(ZERO, room)))
