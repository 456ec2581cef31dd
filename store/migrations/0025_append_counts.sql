-- The append of 0002, which the one of 0016 calls with the owner's rights and the path: as it was, but that it counts rows that were really
-- made. Where tables are distributed (Citus), ROW_COUNT of an INSERT … SELECT … ON CONFLICT counts those that were selected: three bookings of one
-- slot were acknowledged, with one reservation.
CREATE OR REPLACE FUNCTION {schema}.append_confirmed(
    p_events jsonb, p_reads jsonb, p_hosts jsonb, p_claims jsonb, p_reservations jsonb, p_details jsonb
) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    stale uuid;
    made int;
    positions bigint[];
BEGIN
    -- each statement below must see what committed before it
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'append needs READ COMMITTED';
    END IF;

    -- 1. The fence first, shared: writers do not wait for each other, a reader that settles waits for those who hold it just then.
    -- 2. Locks: in one order for everybody, each at its strongest first, so that nobody waits in a circle.
    PERFORM CASE WHEN exclusive THEN pg_advisory_xact_lock(key) ELSE pg_advisory_xact_lock_shared(key) END
    FROM (
        SELECT hashtextextended({cell} || name, 0) AS key, exclusive
        FROM (
            SELECT '.fence' AS name, false AS exclusive
            UNION ALL SELECT '.stream.' || (e ->> 'stream'), true FROM jsonb_array_elements(p_events) e
            UNION ALL SELECT '.stream.' || (r ->> 0), false FROM jsonb_array_elements(p_reads) r
            UNION ALL SELECT '.host.' || (h ->> 0), (h ->> 1)::boolean FROM jsonb_array_elements(p_hosts) h
            UNION ALL SELECT '.claims', true WHERE jsonb_array_length(p_claims) > 0
            UNION ALL SELECT '.address.' || coalesce(lower(d ->> 'erase'), {schema}.address_of(d -> 'data')), d ? 'erase'
                FROM jsonb_array_elements(p_details) d
        ) locks
        WHERE name IS NOT NULL
        ORDER BY name <> '.fence', key, exclusive DESC
    ) AS wanted;

    -- 3. Check: a new statement, so a new snapshot: every stream, read or written, is where the decision saw it.
    SELECT id INTO stale
    FROM (
        SELECT (r ->> 0)::uuid AS id, (r ->> 1)::int AS version FROM jsonb_array_elements(p_reads) r
        UNION ALL
        SELECT stream, CASE count(*) WHEN max(version) - min(version) + 1 THEN min(version) END - 1  -- null where one is left out
        FROM jsonb_to_recordset(p_events) AS e(stream uuid, version int)
        GROUP BY stream
    ) seen
    WHERE version IS DISTINCT FROM coalesce((SELECT max(events.version) FROM {schema}.events WHERE stream_id = seen.id), 0)
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'OL001', MESSAGE = 'stale_read', DETAIL = stale::text;
    END IF;

    -- 4. Claims: a stream's old values are free again, its new ones are its own.
    IF jsonb_array_length(p_claims) > 0 THEN
        DELETE FROM {schema}.claims
        USING jsonb_array_elements(p_claims) c
        WHERE claims.kind = c ->> 'kind' AND claims.stream_id = (c ->> 'stream')::uuid;
        WITH claimed AS (
            INSERT INTO {schema}.claims (kind, value, stream_id)
            SELECT c ->> 'kind', c ->> 'value', (c ->> 'stream')::uuid
            FROM jsonb_array_elements(p_claims) c
            ORDER BY 1, 2
            ON CONFLICT DO NOTHING
            RETURNING value
        )
        SELECT count(*) INTO made FROM claimed;
        IF made < jsonb_array_length(p_claims) THEN
            RAISE EXCEPTION USING ERRCODE = 'OL002', MESSAGE = p_claims -> 0 ->> 'kind' || '_taken';
        END IF;
    END IF;

    -- 5. Reservations: a plain INSERT would deadlock with its rivals inside EXCLUDE; this one steps back.
    IF jsonb_array_length(p_reservations -> 'release') > 0 THEN
        DELETE FROM {schema}.reservations
        WHERE booking_id IN (SELECT b::uuid FROM jsonb_array_elements_text(p_reservations -> 'release') b);
    END IF;
    IF jsonb_array_length(p_reservations -> 'reserve') > 0 THEN
        WITH reserved AS (
            INSERT INTO {schema}.reservations (booking_id, host_id, during)
            SELECT booking, host, tstzrange("start", "end")
            FROM jsonb_to_recordset(p_reservations -> 'reserve') AS r(booking uuid, host uuid, "start" timestamptz, "end" timestamptz)
            ORDER BY host
            ON CONFLICT ON CONSTRAINT reservations_host_id_during_excl DO NOTHING
            RETURNING host_id
        )
        SELECT count(*) INTO made FROM reserved;
        IF made < jsonb_array_length(p_reservations -> 'reserve') THEN
            RAISE EXCEPTION USING ERRCODE = 'OL003', MESSAGE = 'slot_taken';
        END IF;
    END IF;

    -- 6. Personal details: beside the log, never in it. What an event says is erased is erased with it, and nothing else.
    IF p_events @? '$[*] ? (@.type starts with "PersonalDetailsErased.")' THEN
        WITH gone AS (
            SELECT (e ->> 'stream')::uuid AS stream_id, id::uuid
            FROM jsonb_array_elements(p_events) e, jsonb_array_elements_text(e -> 'data' -> 'details_ids') id
            WHERE e ->> 'type' LIKE 'PersonalDetailsErased.%'
        ), deleted AS (
            DELETE FROM {schema}.personal_details d USING gone WHERE d.id = gone.id AND d.stream_id = gone.stream_id
            RETURNING d.id
        )
        SELECT (SELECT count(*) FROM gone) - (SELECT count(*) FROM deleted) INTO made;
        IF made > 0 THEN
            RAISE EXCEPTION USING ERRCODE = 'OL001', MESSAGE = 'stale_read', DETAIL = made || ' details to erase are not there';
        END IF;
    END IF;
    IF jsonb_array_length(p_details) > 0 THEN
        INSERT INTO {schema}.personal_details (id, stream_id, salt, data, words)
        SELECT (d ->> 'id')::uuid, (d ->> 'stream')::uuid, decode(d ->> 'salt', 'hex'), d -> 'data', {schema}.words(d ->> 'words')
        FROM jsonb_array_elements(p_details) d
        WHERE NOT d ? 'erase';
        IF p_details @? '$[*].erase' THEN
            IF EXISTS (
                SELECT FROM jsonb_array_elements(p_details) d
                JOIN {schema}.personal_details kept ON {schema}.address_of(kept.data) = lower(d ->> 'erase')
                WHERE d ? 'erase'
            ) THEN
                RAISE EXCEPTION USING ERRCODE = 'OL001', MESSAGE = 'stale_read', DETAIL = 'more of this address has come';
            END IF;
        END IF;
    END IF;

    -- 7. Events: positions are drawn only now, after every lock.
    WITH appended AS (
        INSERT INTO {schema}.events (stream_id, version, type, data)
        SELECT stream, version, type, data
        FROM jsonb_to_recordset(p_events) AS e(stream uuid, version int, type text, data jsonb)  -- in their order
        RETURNING position
    )
    SELECT array_agg(position ORDER BY position) INTO positions FROM appended;
    RETURN positions;
END $$;
