"""The usual vendors and places, on the real database."""

from decimal import Decimal
from typing import Any

import pytest

from services.purchasing import handlers
from services.purchasing.domain.preferences import Preferences
from services.purchasing.domain.vendor import PriceRecord, Vendor
from services.purchasing.tests import facts
from services.purchasing.tests.builders import NOW, uid
from shared.preferences import choose
from shared.testing import Bench


def vendor(code: str = "ACME", **given: Any) -> Vendor:
    """A vendor paid in EUR."""
    usual: dict[str, Any] = {
        "code": code, "name": code.title(), "currency": "EUR", "active": True, "is_foreign": False,
        "lead_time_days": 7, "buyer": "bob", "email": None, "version": 1, "created_at": NOW,
    }  # fmt: skip
    return Vendor(**(usual | given))


def price(sku: str = "LAMP", amount: object = "9.25", per: object = 1, **given: Any) -> PriceRecord:
    """What ACME asks for an item."""
    usual: dict[str, Any] = {
        "id": uid(f"price {sku} {amount} {per}"), "vendor": "ACME", "sku": sku, "price": Decimal(str(amount)),
        "purchase_unit": "EA" if str(per) == "1" else "BX", "units_per": Decimal(str(per)), "active": True,
        "version": 1, "created_at": NOW,
    }  # fmt: skip
    return PriceRecord(**(usual | given))


async def prefer(bench: Bench, version: int = 0, **chosen: str) -> None:
    """Choose preferences."""
    await bench.run(choose, "purchasing", Preferences, version, chosen)


@pytest.fixture
async def shop(db_purchasing: Bench) -> Bench:
    """Warehouse MAIN, item LAMP, vendor ACME."""
    db_purchasing.now = NOW
    await db_purchasing.hear(handlers.warehouse_saved, facts.warehouse())
    await db_purchasing.hear(handlers.item_saved, facts.item())
    await db_purchasing.run(handlers.create_vendor, vendor())
    return db_purchasing
