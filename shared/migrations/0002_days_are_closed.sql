-- Days of the event log are written and read through `event_log` alone. A day of its own got the rights that every new
-- table gets, so the application role could have rewritten it there, although not through `event_log`.
CREATE OR REPLACE FUNCTION keep_event_log(days_ahead integer, days_kept integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    day date;
    name text;
    dropped integer := 0;
    holder text;
BEGIN
    FOR day IN SELECT generate_series(current_date, current_date + days_ahead, interval '1 day')::date LOOP
        name := 'event_log_' || to_char(day, 'YYYYMMDD');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF event_log FOR VALUES FROM (%L) TO (%L)',
                           name, day::timestamptz, (day + 1)::timestamptz);
        END IF;
    END LOOP;
    FOR name, holder IN SELECT DISTINCT c.relname, pg_get_userbyid(a.grantee)
                        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid, aclexplode(c.relacl) a
                        WHERE i.inhparent = 'event_log'::regclass AND a.grantee <> c.relowner LOOP
        EXECUTE format('REVOKE ALL ON %I FROM %I', name, holder);
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
SELECT keep_event_log(60, 14);
