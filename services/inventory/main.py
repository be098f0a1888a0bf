"""The inventory service."""

from services.inventory import api, handlers
from services.inventory.domain.preferences import Preferences
from services.inventory.subscriptions import SUBSCRIPTIONS
from shared.service import Service

service = Service(
    "inventory",
    title="What exists, what is there, and who gets it",
    routers=api.routers,
    subscriptions=SUBSCRIPTIONS,
    preferences=Preferences,
    tick=handlers.tick,
)
app = service.app

if __name__ == "__main__":
    service.serve()
