"""What can happen in inventory: one function each, from REST or fact alike."""

from services.inventory.handlers.allotment import sweep
from services.inventory.handlers.inspections import complete_inspection
from services.inventory.handlers.items import (
    change_item,
    change_warehouse,
    create_item,
    create_warehouse,
    set_levels,
)
from services.inventory.handlers.movements import adjust_many, adjust_stock, return_goods
from services.inventory.handlers.orders import order_told
from services.inventory.handlers.purchase_orders import purchase_order_told, supply_reduction_asked
from services.inventory.handlers.receiving import receive
from services.inventory.handlers.shipments import shipment_shipped, shipment_voided
from services.inventory.handlers.withdrawals import shipment_unpicked, units_withdrawn

__all__ = [
    "adjust_many",
    "adjust_stock",
    "change_item",
    "change_warehouse",
    "complete_inspection",
    "create_item",
    "create_warehouse",
    "order_told",
    "purchase_order_told",
    "receive",
    "return_goods",
    "set_levels",
    "shipment_shipped",
    "shipment_unpicked",
    "shipment_voided",
    "supply_reduction_asked",
    "sweep",
    "units_withdrawn",
]
