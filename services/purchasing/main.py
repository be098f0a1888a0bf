"""The purchasing service: what is bought where, at what cost, for whom."""

from services.purchasing import api
from services.purchasing.domain.preferences import Preferences
from services.purchasing.subscriptions import SUBSCRIPTIONS
from shared.service import Service

service = Service(
    "purchasing",
    title="What is bought where, at what cost, and for whom",
    routers=[api.router],
    subscriptions=SUBSCRIPTIONS,
    preferences=Preferences,
)
app = service.app

if __name__ == "__main__":
    service.serve()
