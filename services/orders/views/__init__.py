"""Read-only queries; every one keeps to the caller's warehouses."""

from .customers import CUSTOMER_SORTS, ITEM_SORTS, catalogue_item, catalogue_items, customer, customers
from .explaining import situation
from .invoices import INVOICE_SORTS, invoice, invoices
from .orders import (
    BACKORDER_SORTS,
    LOG_SORTS,
    ORDER_SORTS,
    backorders,
    is_settled,
    order_log,
    orders,
    sales_order,
)
from .special_orders import SPECIAL_SORTS, is_on_its_way, special_order, special_orders
from .trace import trace

__all__ = [
    "BACKORDER_SORTS",
    "CUSTOMER_SORTS",
    "INVOICE_SORTS",
    "ITEM_SORTS",
    "LOG_SORTS",
    "ORDER_SORTS",
    "SPECIAL_SORTS",
    "backorders",
    "catalogue_item",
    "catalogue_items",
    "customer",
    "customers",
    "invoice",
    "invoices",
    "is_on_its_way",
    "is_settled",
    "order_log",
    "orders",
    "sales_order",
    "situation",
    "special_order",
    "special_orders",
    "trace",
]
