"""One function per thing that can happen, from REST or event alike."""

from .catalogue import item_saved, warehouse_saved
from .changing import (
    add_line,
    cancel_line,
    cancel_order,
    change_line,
    change_order,
    close_order,
    open_order,
    release_order,
    remove_line,
    use_stock_instead,
)
from .customers import change_customer, create_customer, put_ship_to
from .entry import Answer, create_order, create_orders, enter_orders
from .shipments import (
    release_withdrawn,
    shipment_created,
    shipment_shipped,
    shipment_unpicked,
    shipment_voided,
    units_withdrawn,
)
from .special_orders import MadeSpecial, make_special_order
from .supply import (
    exception_told,
    goods_pegged,
    goods_received,
    goods_returned,
    inspection_completed,
    purchase_order_told,
    stock_allotted,
)

__all__ = [
    "Answer",
    "MadeSpecial",
    "add_line",
    "cancel_line",
    "cancel_order",
    "change_customer",
    "change_line",
    "change_order",
    "close_order",
    "create_customer",
    "create_order",
    "create_orders",
    "enter_orders",
    "exception_told",
    "goods_pegged",
    "goods_received",
    "goods_returned",
    "inspection_completed",
    "item_saved",
    "make_special_order",
    "open_order",
    "purchase_order_told",
    "put_ship_to",
    "release_order",
    "release_withdrawn",
    "remove_line",
    "shipment_created",
    "shipment_shipped",
    "shipment_unpicked",
    "shipment_voided",
    "stock_allotted",
    "units_withdrawn",
    "use_stock_instead",
    "warehouse_saved",
]
