"""What orders hears, and what it does about it."""

from shared.contracts.inventory import (
    GoodsPegged,
    GoodsReceived,
    GoodsReturned,
    InspectionCompleted,
    ItemSaved,
    StockAllotted,
    WarehouseSaved,
)
from shared.contracts.purchasing import (
    ExceptionCleared,
    ExceptionRaised,
    PurchaseOrderCancelled,
    PurchaseOrderChanged,
    PurchaseOrderClosed,
    PurchaseOrderOpened,
)
from shared.contracts.shipping import (
    ReleaseWithdrawn,
    ShipmentCreated,
    ShipmentShipped,
    ShipmentUnpicked,
    ShipmentVoided,
    UnitsWithdrawn,
)
from shared.inbox import Subscriptions

from . import handlers

SUBSCRIPTIONS: Subscriptions = {
    ItemSaved: handlers.item_saved,
    WarehouseSaved: handlers.warehouse_saved,
    StockAllotted: handlers.stock_allotted,
    GoodsReceived: handlers.goods_received,
    GoodsPegged: handlers.goods_pegged,
    InspectionCompleted: handlers.inspection_completed,
    GoodsReturned: handlers.goods_returned,
    PurchaseOrderOpened: handlers.purchase_order_told,
    PurchaseOrderChanged: handlers.purchase_order_told,
    PurchaseOrderCancelled: handlers.purchase_order_told,
    PurchaseOrderClosed: handlers.purchase_order_told,
    ExceptionRaised: handlers.exception_told,
    ExceptionCleared: handlers.exception_told,
    ShipmentCreated: handlers.shipment_created,
    ShipmentUnpicked: handlers.shipment_unpicked,
    ShipmentShipped: handlers.shipment_shipped,
    ShipmentVoided: handlers.shipment_voided,
    UnitsWithdrawn: handlers.units_withdrawn,
    ReleaseWithdrawn: handlers.release_withdrawn,
}
