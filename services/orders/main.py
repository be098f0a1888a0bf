"""The process of orders."""

from shared.service import Service

from . import api
from .domain.preferences import Preferences
from .subscriptions import SUBSCRIPTIONS

service = Service(
    "orders",
    title="Customers, sales orders, special orders, releases and invoices",
    routers=[api.router],
    subscriptions=SUBSCRIPTIONS,
    preferences=Preferences,
)
app = service.app

if __name__ == "__main__":
    service.serve()
