"""Prometheus metrics of one service process; names as in docs/operations.md."""

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

http_seconds = Histogram(
    "tieline_http_seconds", "Time to answer a request", ["method", "route", "status"], buckets=_FAST
)
transaction_retries = Counter("tieline_transaction_retries_total", "Transactions tried again", ["sqlstate"])
outbox_rows = Gauge("tieline_outbox_rows", "Events that wait to be published")
outbox_oldest_seconds = Gauge(
    "tieline_outbox_oldest_seconds", "Age of the oldest event that waits to be published"
)
outbox_quarantined = Gauge("tieline_outbox_quarantined", "Events that the broker would not take")
relay_publish_seconds = Histogram(
    "tieline_relay_publish_seconds", "Time to publish and confirm a page", buckets=_FAST
)
relay_events = Counter("tieline_relay_events_total", "Events confirmed by the broker")
relay_active = Gauge("tieline_relay_active", "1 in the process that holds the relay's lock")
events_per_message = Histogram(
    "tieline_events_per_message", "Events in one published message", buckets=(1, 2, 5, 10, 20, 50)
)
batch_events = Histogram(
    "tieline_batch_events", "Events taken in one transaction", buckets=(1, 2, 5, 10, 20, 50, 100, 500)
)
consumer_lag_seconds = Histogram(
    "tieline_consumer_lag_seconds", "From an event's birth to its effect", buckets=(*_FAST, 30, 60, 300)
)
handler_seconds = Histogram("tieline_handler_seconds", "Time in a fact's handler", ["type"], buckets=_FAST)
inbox_duplicates = Counter("tieline_inbox_duplicates_total", "Events dropped because they were heard before")
unknown_events = Counter("tieline_unknown_events_total", "Events of a type that nobody here hears", ["type"])
foreign_events = Counter("tieline_foreign_events_total", "Events published by another user than their owner")
parked_events = Counter("tieline_parked_total", "Events that were parked", ["state"])
breaker_open = Gauge("tieline_breaker_open", "1 while many different events fail one after another")
reconnects = Counter(
    "tieline_reconnects_total", "Connections to the broker that had to be made again", ["part"]
)
