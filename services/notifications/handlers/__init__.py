"""What can happen in notifications, from REST and from facts alike."""

from .arrivals import goods_pegged, goods_received, inspection_completed
from .exceptions import exception_told
from .orders import order_told
from .people import change_team, create_team, subscribe, unsubscribe
from .reading import read_notice

__all__ = [
    "change_team",
    "create_team",
    "exception_told",
    "goods_pegged",
    "goods_received",
    "inspection_completed",
    "order_told",
    "read_notice",
    "subscribe",
    "unsubscribe",
]
