"""What notifications hears."""

from services.notifications import handlers
from shared.contracts.inventory import GoodsPegged, GoodsReceived, InspectionCompleted
from shared.contracts.orders import SalesOrderCancelled, SalesOrderChanged, SalesOrderOpened
from shared.contracts.purchasing import ExceptionCleared, ExceptionRaised
from shared.inbox import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    GoodsReceived: handlers.goods_received,
    GoodsPegged: handlers.goods_pegged,
    InspectionCompleted: handlers.inspection_completed,
    SalesOrderOpened: handlers.order_told,
    SalesOrderChanged: handlers.order_told,
    SalesOrderCancelled: handlers.order_told,
    ExceptionRaised: handlers.exception_told,
    ExceptionCleared: handlers.exception_told,
}
