"""What can happen in notifications, from REST and from facts alike."""

from .arrivals import goods_pegged, goods_received, inspection_completed
from .backorders import stock_allotted
from .exceptions import exception_told, task_told
from .orders import order_told
from .people import change_team, create_team, subscribe, unsubscribe
from .reading import close_notice, read_notice
from .shipments import (
    release_withdrawn,
    shipment_created,
    shipment_shipped,
    shipment_unpicked,
    shipment_voided,
    units_withdrawn,
)

__all__ = [
    "change_team",
    "close_notice",
    "create_team",
    "exception_told",
    "goods_pegged",
    "goods_received",
    "inspection_completed",
    "order_told",
    "read_notice",
    "release_withdrawn",
    "shipment_created",
    "shipment_shipped",
    "shipment_unpicked",
    "shipment_voided",
    "stock_allotted",
    "subscribe",
    "task_told",
    "units_withdrawn",
    "unsubscribe",
]
