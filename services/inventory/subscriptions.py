"""What inventory hears, and what it does about it."""

from services.inventory import handlers
from shared.contracts.orders import SalesOrderCancelled, SalesOrderChanged, SalesOrderOpened
from shared.contracts.purchasing import (
    PurchaseOrderCancelled,
    PurchaseOrderChanged,
    PurchaseOrderClosed,
    PurchaseOrderOpened,
    SupplyReductionAsked,
)
from shared.contracts.shipping import ShipmentShipped, ShipmentUnpicked, ShipmentVoided, UnitsWithdrawn
from shared.inbox import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    SalesOrderOpened: handlers.order_told,
    SalesOrderChanged: handlers.order_told,
    SalesOrderCancelled: handlers.order_told,
    PurchaseOrderOpened: handlers.purchase_order_told,
    PurchaseOrderChanged: handlers.purchase_order_told,
    PurchaseOrderCancelled: handlers.purchase_order_told,
    PurchaseOrderClosed: handlers.purchase_order_told,
    SupplyReductionAsked: handlers.supply_reduction_asked,
    UnitsWithdrawn: handlers.units_withdrawn,
    ShipmentShipped: handlers.shipment_shipped,
    ShipmentVoided: handlers.shipment_voided,
    ShipmentUnpicked: handlers.shipment_unpicked,
}
