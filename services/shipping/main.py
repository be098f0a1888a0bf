"""The shipping service."""

from services.shipping import api
from services.shipping.domain.preferences import Preferences
from services.shipping.subscriptions import SUBSCRIPTIONS
from shared.service import Service

service = Service(
    "shipping",
    title="Outgoing shipments, and whether a shipment can still change",
    routers=[api.router],
    subscriptions=SUBSCRIPTIONS,
    preferences=Preferences,
)
app = service.app

if __name__ == "__main__":
    service.serve()
