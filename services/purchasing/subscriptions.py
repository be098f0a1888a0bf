"""Which fact goes to which handler."""

from services.purchasing import handlers
from shared.contracts.inventory import (
    GoodsPegged,
    GoodsReceived,
    InspectionCompleted,
    ItemSaved,
    ReplenishmentNeeded,
    StockAllotted,
    SupplyReduced,
    TieMissed,
    WarehouseSaved,
)
from shared.contracts.orders import SalesOrderCancelled, SalesOrderChanged, SalesOrderOpened
from shared.contracts.shipping import ShipmentShipped, ShipmentVoided
from shared.inbox import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    ItemSaved: handlers.item_saved,
    WarehouseSaved: handlers.warehouse_saved,
    SalesOrderOpened: handlers.order_told,
    SalesOrderChanged: handlers.order_told,
    SalesOrderCancelled: handlers.order_told,
    StockAllotted: handlers.stock_allotted,
    GoodsReceived: handlers.goods_received,
    GoodsPegged: handlers.goods_pegged,
    TieMissed: handlers.tie_missed,
    InspectionCompleted: handlers.inspection_completed,
    SupplyReduced: handlers.supply_reduced,
    ReplenishmentNeeded: handlers.replenishment_needed,
    ShipmentShipped: handlers.shipment_told,
    ShipmentVoided: handlers.shipment_told,
}
