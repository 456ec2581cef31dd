-- How far the log is settled: every position up to the answer is visible now or never will be. It stands in nobody's way.
--
-- Who draws a position holds the fence (see append) until it is visible. So whoever may still bring one below what we have
-- seen is among those who hold the fence after we saw it; once each of these transactions has ended, nobody can. Those who
-- come meanwhile draw higher ones. It waits as long as lock_timeout says, as for a lock. Raises lock_not_available.
CREATE OR REPLACE FUNCTION {schema}.settle() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    patience interval := current_setting('lock_timeout')::interval;
    began timestamptz := clock_timestamp();
    pause float := 0.0005;  -- seconds
    seen bigint;
    writing text[];
BEGIN
    -- each statement below must see what committed before it
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'settle needs READ COMMITTED';
    END IF;
    SELECT coalesce(max(position), 0) INTO seen FROM {schema}.events;
    LOOP
        writing := ARRAY(
            SELECT virtualtransaction FROM pg_locks
            WHERE locktype = 'advisory' AND granted AND objsubid = 1
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (classid::bigint << 32) | objid::bigint = hashtextextended({cell} || '.fence', 0)
            AND (writing IS NULL OR virtualtransaction = ANY(writing))
        );
        EXIT WHEN writing = '{{}}';
        IF patience > interval '0' AND clock_timestamp() > began + patience THEN
            RAISE lock_not_available USING MESSAGE = 'a writer takes too long to append';
        END IF;
        PERFORM pg_sleep(pause);
        pause := least(2 * pause, 0.01);
    END LOOP;
    RETURN seen;
END $$;
