"""What shipping hears."""

from services.shipping import handlers
from shared.contracts.inventory import InspectionCompleted, WithdrawalAsked
from shared.contracts.orders import LinesReleased, ReleaseRevoked
from shared.inbox import Subscriptions

SUBSCRIPTIONS: Subscriptions = {
    LinesReleased: handlers.lines_released,
    ReleaseRevoked: handlers.release_revoked,
    WithdrawalAsked: handlers.withdrawal_asked,
    InspectionCompleted: handlers.inspection_completed,
}
