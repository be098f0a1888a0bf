"""The notifications service."""

from services.notifications import api
from services.notifications.domain.preferences import Preferences
from services.notifications.subscriptions import SUBSCRIPTIONS
from shared.service import Service

service = Service(
    "notifications",
    title="Notices to teams: an inbox and a live stream",
    routers=[api.router],
    subscriptions=SUBSCRIPTIONS,
    preferences=Preferences,
    # where processors are short, goods go before notices of them
    nice=10,
)
app = service.app

if __name__ == "__main__":
    service.serve()
