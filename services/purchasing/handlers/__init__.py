"""One function per thing that can happen, from REST or event alike; `settle` is where demands are decided."""

from services.purchasing.handlers.catalogue import (
    PriceResult,
    change_price,
    change_product_line,
    change_vendor,
    create_price,
    create_product_line,
    create_vendor,
    keep_prices,
)
from services.purchasing.handlers.exceptions import close_exception
from services.purchasing.handlers.facts import (
    goods_pegged,
    inspection_completed,
    item_saved,
    order_told,
    shipment_told,
    stock_allotted,
    warehouse_saved,
)
from services.purchasing.handlers.purchase_orders import (
    cancel_purchase_order,
    cancel_purchase_order_line,
    change_purchase_order_line,
    close_purchase_order,
    create_purchase_order,
    open_purchase_order,
)
from services.purchasing.handlers.receiving import goods_received, supply_reduced, tie_missed
from services.purchasing.handlers.replenishment import replenishment_needed
from services.purchasing.handlers.requests import order_request
from services.purchasing.handlers.settling import settle
from services.purchasing.handlers.tasks import finish_task

__all__ = [
    "PriceResult",
    "cancel_purchase_order",
    "cancel_purchase_order_line",
    "change_price",
    "change_product_line",
    "change_purchase_order_line",
    "change_vendor",
    "close_exception",
    "close_purchase_order",
    "create_price",
    "create_product_line",
    "create_purchase_order",
    "create_vendor",
    "finish_task",
    "goods_pegged",
    "goods_received",
    "inspection_completed",
    "item_saved",
    "keep_prices",
    "open_purchase_order",
    "order_request",
    "order_told",
    "replenishment_needed",
    "settle",
    "shipment_told",
    "stock_allotted",
    "supply_reduced",
    "tie_missed",
    "warehouse_saved",
]
