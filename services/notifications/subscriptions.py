"""What notifications hears."""

from services.notifications import handlers
from shared.contracts.inventory import GoodsPegged, GoodsReceived, InspectionCompleted, StockAllotted
from shared.contracts.orders import SalesOrderCancelled, SalesOrderChanged, SalesOrderOpened
from shared.contracts.purchasing import ExceptionCleared, ExceptionRaised, TaskDone, TaskRaised
from shared.contracts.shipping import (
    ReleaseWithdrawn,
    ShipmentCreated,
    ShipmentShipped,
    ShipmentUnpicked,
    ShipmentVoided,
    UnitsWithdrawn,
)
from shared.inbox import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    GoodsReceived: handlers.goods_received,
    GoodsPegged: handlers.goods_pegged,
    InspectionCompleted: handlers.inspection_completed,
    StockAllotted: handlers.stock_allotted,
    SalesOrderOpened: handlers.order_told,
    SalesOrderChanged: handlers.order_told,
    SalesOrderCancelled: handlers.order_told,
    ExceptionRaised: handlers.exception_told,
    ExceptionCleared: handlers.exception_told,
    TaskRaised: handlers.task_told,
    TaskDone: handlers.task_told,
    ShipmentCreated: handlers.shipment_created,
    ShipmentUnpicked: handlers.shipment_unpicked,
    ShipmentShipped: handlers.shipment_shipped,
    ShipmentVoided: handlers.shipment_voided,
    ReleaseWithdrawn: handlers.release_withdrawn,
    UnitsWithdrawn: handlers.units_withdrawn,
}
