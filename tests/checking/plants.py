"""Violations to plant: one change of rows per invariant (or several), and who must speak."""

from typing import NamedTuple


class Plant(NamedTuple):
    """What is changed behind a service's back; a row that two invariants read makes both speak."""

    invariant: str
    service: str
    change: str
    speak: str


PLANTS = (
    Plant(
        "I-1",
        "inventory",
        "UPDATE stock SET arrived = on_hand + 1 WHERE sku LIKE 'GADGET%'",
        "I-1 I-2",
    ),
    Plant(
        "I-2",
        "inventory",
        "UPDATE stock SET on_hand = on_hand, allotted = allotted - 1 WHERE allotted > 0",
        "I-2 I-12",
    ),
    Plant(
        "I-2",
        "inventory",
        "UPDATE stock SET quarantined = quarantined + 1, on_hand = on_hand + 1 WHERE quarantined > 0",
        "I-2 I-3",
    ),
    Plant(
        "I-3",
        "inventory",
        "UPDATE stock_ledger SET qty = qty + 1 WHERE kind = 'adjustment'",
        "I-3",
    ),
    Plant(
        "I-3",
        "inventory",
        "INSERT INTO stock_ledger SELECT gen_random_uuid(), sku, warehouse, 0, kind, source_key, "
        "document, reason, actor, at FROM stock_ledger WHERE kind = 'receipt' LIMIT 1",
        "I-3",
    ),
    Plant(
        "I-4",
        "purchasing",
        "UPDATE purchase_order_lines SET received = received + 1 WHERE received > 0",
        "I-4",
    ),
    Plant(
        "I-4",
        "purchasing",
        "DELETE FROM purchase_order_receipts",
        "I-4",
    ),
    Plant(
        "I-5",
        "inventory",
        "UPDATE stock_ledger SET source_key = 'x' || source_key WHERE kind = 'issue'",
        "I-5",
    ),
    Plant(
        "I-6",
        "orders",
        "UPDATE order_lines SET is_backordered = NOT is_backordered WHERE sku LIKE 'GADGET%'",
        "I-6",
    ),
    Plant(
        "I-6",
        "orders",
        "UPDATE sales_orders SET is_backordered = NOT is_backordered WHERE state = 'filled'",
        "I-6",
    ),
    Plant(
        "I-6",
        "orders",
        "UPDATE order_lines SET cancelled = 1 WHERE sku LIKE 'SPECIAL%'",
        "I-6 I-7 I-18",
    ),
    Plant(
        "I-7",
        "orders",
        "UPDATE allotments SET passed = passed + 1 WHERE receipt_line_id IS NOT NULL",
        "I-7",
    ),
    Plant(
        "I-7",
        "purchasing",
        "DELETE FROM allotments WHERE tie_id IS NULL",
        "I-7",
    ),
    Plant(
        "I-7",
        "shipping",
        "UPDATE allotments SET failed = qty WHERE shipped > 0",
        "I-7",
    ),
    Plant(
        "I-8",
        "orders",
        "UPDATE order_lines SET granted = granted - 1 WHERE sku LIKE 'PART%' AND granted > 0",
        "I-8 I-11 I-18",
    ),
    Plant(
        "I-9",
        "notifications",
        "UPDATE notices SET state = 'open', closed_at = NULL WHERE kind = 'inspection'",
        "I-9 I-18",
    ),
    Plant(
        "I-9",
        "notifications",
        "DELETE FROM notices WHERE kind = 'inspection' AND state = 'open'",
        "I-9",
    ),
    Plant(
        "I-9",
        "inventory",
        "UPDATE receipt_lines SET pegged = pegged - 1",
        "I-9",
    ),
    Plant(
        "I-9",
        "orders",
        "UPDATE allotments SET release_no = 0, revoke_no = 0 WHERE shipped = 0 AND receipt_line_id IS "
        "NOT NULL",
        "I-9 I-20",
    ),
    Plant(
        "I-10",
        "inventory",
        "UPDATE allotments SET receipt_line_id = NULL WHERE receipt_line_id IS NOT NULL AND shipped > 0",
        "I-9 I-10",
    ),
    Plant(
        "I-10",
        "orders",
        "UPDATE order_lines SET drop_ship = true WHERE special_order AND shipped > 0",
        "I-10 I-15",
    ),
    Plant(
        "I-11",
        "purchasing",
        "UPDATE demands SET request_state = 'none', need = 0 WHERE request_state = 'exception'",
        "I-11",
    ),
    Plant(
        "I-11",
        "purchasing",
        "UPDATE purchase_order_lines SET tied = tied + 1",
        "I-11",
    ),
    Plant(
        "I-11",
        "purchasing",
        "UPDATE purchase_orders SET state = 'cancelled' WHERE state = 'partially_received'",
        "I-11 I-15",
    ),
    Plant(
        "I-12",
        "inventory",
        "WITH more AS (INSERT INTO stock_ledger SELECT gen_random_uuid(), sku, warehouse, 2, kind, "
        "'planted ' || source_key, document, reason, actor, at FROM stock_ledger WHERE kind = 'adjustment') UPDATE "
        "stock SET on_hand = on_hand + 2 WHERE sku LIKE 'GADGET%'",
        "I-12",
    ),
    Plant(
        "I-12",
        "inventory",
        "UPDATE demand SET priority = -1 WHERE sku LIKE 'GADGET%' AND granted > 0",
        "I-12 I-15",
    ),
    Plant(
        "I-13",
        "shipping",
        "INSERT INTO outbox (event_id, event_at, quarantined_at, last_error) VALUES "
        "(gen_random_uuid(), now(), now(), 'unroutable')",
        "I-13",
    ),
    Plant(
        "I-13",
        "purchasing",
        "UPDATE event_log SET body = replace(body, '\"version\":2', '\"version\":3') WHERE routing_key "
        "LIKE 'purchasing.purchase-order.%'",
        "I-13",
    ),
    Plant(
        "I-14",
        "orders",
        "DELETE FROM inbox WHERE ctid = (SELECT min(ctid) FROM inbox)",
        "I-14",
    ),
    Plant(
        "I-14",
        "orders",
        "INSERT INTO inbox (consumer, event_id) VALUES ('orders', :new_id)",
        "I-14",
    ),
    Plant(
        "I-14",
        "orders",
        "INSERT INTO parked (consumer, event_id, state) SELECT 'orders', event_id, 'discarded' FROM "
        "inbox LIMIT 1",
        "I-14",
    ),
    Plant(
        "I-15",
        "orders",
        "UPDATE catalogue_items SET description = 'another'",
        "I-15",
    ),
    Plant(
        "I-15",
        "inventory",
        "UPDATE demand SET priority = 9 WHERE special",
        "I-15",
    ),
    Plant(
        "I-15",
        "inventory",
        "UPDATE ties SET qty = qty + 1",
        "I-15",
    ),
    Plant(
        "I-15",
        "orders",
        "UPDATE shipments SET version = version - 1",
        "I-15",
    ),
    Plant(
        "I-15",
        "inventory",
        "UPDATE demand SET all_or_nothing = NOT all_or_nothing WHERE sku LIKE 'GADGET%'",
        "I-15",
    ),
    Plant(
        "I-15",
        "purchasing",
        "INSERT INTO replenishment_proposals (sku, warehouse, version, qty, lead_time_days, told_at) "
        "VALUES ('GADGET', 'MAIN', 1, 5, 3, now())",
        "I-15",
    ),
    Plant(
        "I-16",
        "shipping",
        "INSERT INTO parked (consumer, event_id, state, last_error) VALUES ('shipping', "
        "gen_random_uuid(), 'dead', 'x')",
        "I-16",
    ),
    Plant(
        "I-18",
        "orders",
        "DELETE FROM record_log WHERE document = 'invoice'",
        "I-18",
    ),
    Plant(
        "I-18",
        "inventory",
        "UPDATE record_log SET after = jsonb_set(after, '{granted}', '\"99\"') WHERE document = 'demand'",
        "I-18",
    ),
    Plant(
        "I-18",
        "shipping",
        "UPDATE record_log SET actor = ''",
        "I-18",
    ),
    Plant(
        "I-20",
        "shipping",
        "UPDATE shipment_shares SET qty = qty + 1 WHERE shipped = 0",
        "I-15 I-20",
    ),
    Plant(
        "I-20",
        "inventory",
        "UPDATE adjustments SET asking = 1",
        "I-20",
    ),
    Plant(
        "I-20",
        "inventory",
        "INSERT INTO questions (id, order_id, reason, asked_at) VALUES (gen_random_uuid(), "
        "gen_random_uuid(), 'planted', now())",
        "I-20",
    ),
)
