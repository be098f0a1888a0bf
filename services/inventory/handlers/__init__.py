"""What can happen in inventory: one function each, from REST or fact alike."""

from services.inventory.handlers.allotment import sweep
from services.inventory.handlers.automation import change_schedule, run_schedule
from services.inventory.handlers.by_hand import allot_line
from services.inventory.handlers.clock import tick
from services.inventory.handlers.counts import count_stock
from services.inventory.handlers.inspections import complete_inspection, complete_inspections
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
from services.inventory.handlers.receiving import receive, receive_many
from services.inventory.handlers.shipments import shipment_shipped, shipment_voided
from services.inventory.handlers.withdrawals import shipment_unpicked, units_withdrawn

__all__ = [
    "adjust_many",
    "adjust_stock",
    "allot_line",
    "change_item",
    "change_schedule",
    "change_warehouse",
    "complete_inspection",
    "complete_inspections",
    "count_stock",
    "create_item",
    "create_warehouse",
    "order_told",
    "purchase_order_told",
    "receive",
    "receive_many",
    "return_goods",
    "run_schedule",
    "set_levels",
    "shipment_shipped",
    "shipment_unpicked",
    "shipment_voided",
    "supply_reduction_asked",
    "sweep",
    "tick",
    "units_withdrawn",
]
