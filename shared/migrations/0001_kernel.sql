-- The kernel's tables of one service: what was told, what waits to be published, what was heard, what failed,
-- which requests were answered, who changed what, and the preferences.

CREATE TABLE event_log (
    event_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    routing_key text NOT NULL,
    subject text NOT NULL,
    body text NOT NULL CHECK (octet_length(body) <= 262144),
    PRIMARY KEY (event_id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE event_log_default PARTITION OF event_log DEFAULT;

-- Thin rows, deleted once the broker has confirmed; vacuumed eagerly because every poll walks the head.
CREATE TABLE outbox (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    event_at timestamptz NOT NULL,
    quarantined_at timestamptz,
    last_error text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

CREATE TABLE inbox (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    processed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id)
);
CREATE INDEX inbox_processed_at_brin ON inbox USING brin (processed_at);

CREATE TABLE parked (
    consumer text NOT NULL,
    event_id uuid NOT NULL,
    type text,
    subject text,
    body jsonb,
    raw bytea,
    state text NOT NULL CHECK (state IN ('retry', 'dead', 'done', 'discarded')),
    attempts integer NOT NULL DEFAULT 1,
    next_at timestamptz,
    error_code text,
    last_error text,
    edited_by text,
    original_body jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, event_id),
    CHECK (state <> 'retry' OR next_at IS NOT NULL)
);
CREATE INDEX parked_due_ix ON parked (next_at) WHERE state = 'retry';

CREATE TABLE idempotency (
    principal text NOT NULL,
    key text NOT NULL CHECK (length(key) <= 255),
    fingerprint text NOT NULL,
    status integer,
    etag text,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);
CREATE INDEX idempotency_created_at_brin ON idempotency USING brin (created_at);

CREATE TABLE record_log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    document text NOT NULL,
    document_id text NOT NULL,
    part text NOT NULL DEFAULT '',
    action text NOT NULL,
    before jsonb,
    after jsonb,
    reason text,
    actor text NOT NULL,
    cause text NOT NULL,
    at timestamptz NOT NULL
);
CREATE INDEX record_log_document_ix ON record_log (document, document_id, id);

CREATE TABLE preferences (
    single integer PRIMARY KEY DEFAULT 1 CHECK (single = 1),
    version bigint NOT NULL DEFAULT 1,
    chosen jsonb NOT NULL DEFAULT '{}'
);

-- Days of the event log, made ahead; the application role has no DDL and calls this through its owner's rights.
CREATE FUNCTION keep_event_log(days_ahead integer, days_kept integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    day date;
    name text;
    dropped integer := 0;
BEGIN
    FOR day IN SELECT generate_series(current_date, current_date + days_ahead, interval '1 day')::date LOOP
        name := 'event_log_' || to_char(day, 'YYYYMMDD');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF event_log FOR VALUES FROM (%L) TO (%L)',
                           name, day::timestamptz, (day + 1)::timestamptz);
        END IF;
    END LOOP;
    FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'event_log'::regclass AND c.relname ~ '^event_log_[0-9]{8}$'
                  AND to_date(right(c.relname, 8), 'YYYYMMDD') < current_date - days_kept LOOP
        -- a day is dropped only when nothing of it still waits to be published
        IF NOT EXISTS (SELECT 1 FROM outbox WHERE event_at < (to_date(right(name, 8), 'YYYYMMDD') + 1)::timestamptz) THEN
            EXECUTE format('DROP TABLE %I', name);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END $$;
REVOKE ALL ON FUNCTION keep_event_log(integer, integer) FROM PUBLIC;
SELECT keep_event_log(60, 14);
