-- The sealed log: an RFC 6962 Merkle tree over settled events, which only `seal` adds to, and the checks asked for by the API.
-- docs/proofs.md states the encoding; replay/leaves.py has the same in Python, for checks without a database.

-- the hash of an event's leaf: SHA-256 of 0x00 and six lines (no newline after the last)
CREATE FUNCTION {schema}.leaf_hash(
    e_position bigint, e_recorded_at timestamptz, e_stream_id uuid, e_version int, e_type text, e_data jsonb
) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE RETURN sha256('\x00'::bytea || convert_to(
    e_position::text || E'\n' || to_char(e_recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || E'\n'
    || e_stream_id::text || E'\n' || e_version::text || E'\n' || e_type || E'\n' || e_data::text, 'UTF8'));

-- leaf `number` (from 0) of the tree is the event at `position`; positions may have gaps, numbers have none
CREATE TABLE {schema}.sealed_events (
    number    bigint PRIMARY KEY,
    position  bigint NOT NULL UNIQUE,
    stream_id uuid NOT NULL,
    version   int NOT NULL,
    hash      bytea NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT statement_timestamp()
);

-- complete subtrees of 64, 64 * 64, … leaves: `height` 1 is over 64 leaves, 2 over 64 nodes of height 1, and so on
CREATE TABLE {schema}.sealed_nodes (
    height int NOT NULL,
    number bigint NOT NULL,
    hash   bytea NOT NULL,
    PRIMARY KEY (height, number)
);

-- the root of a complete subtree, from its 2, 4, 8, … leaves or nodes in order
CREATE FUNCTION {schema}.subtree_hash(p_hashes bytea[]) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    pairs int := cardinality(p_hashes) / 2;
BEGIN
    WHILE pairs > 0 LOOP
        FOR i IN 1..pairs LOOP
            p_hashes[i] := sha256('\x01'::bytea || p_hashes[2 * i - 1] || p_hashes[2 * i]);
        END LOOP;
        pairs := pairs / 2;
    END LOOP;
    RETURN p_hashes[1];
END $$;

-- Seals the next events up to where the follower is, which is settled; how many they were, -1 while another one seals.
-- It takes no hashes from whoever calls it: the service's role can ask for seals, not write them.
CREATE FUNCTION {schema}.seal(p_most int) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    before bigint;
    reached bigint;
    added bigint;
    level int := 0;
    blocks bigint;
    blocks_before bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'seal needs READ COMMITTED';
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtextextended({cell} || '.seal', 0)) THEN
        RETURN -1;
    END IF;
    -- a new statement, so a new snapshot: it sees what the sealer before us committed
    SELECT number + 1, position INTO before, reached FROM {schema}.sealed_events ORDER BY number DESC LIMIT 1;
    before := coalesce(before, 0);
    INSERT INTO {schema}.sealed_events (number, position, stream_id, version, hash)
    SELECT before - 1 + row_number() OVER (ORDER BY position), position, stream_id, version,
           {schema}.leaf_hash(position, recorded_at, stream_id, version, type, data)
    FROM (
        SELECT * FROM {schema}.events
        WHERE (reached IS NULL OR position > reached) AND position <= (SELECT f.position FROM {schema}.follower f)
        ORDER BY position LIMIT p_most
    ) AS next;
    GET DIAGNOSTICS added = ROW_COUNT;
    blocks_before := before / 64;
    blocks := (before + added) / 64;
    WHILE blocks > blocks_before LOOP
        INSERT INTO {schema}.sealed_nodes (height, number, hash)
        SELECT level + 1, number / 64, {schema}.subtree_hash(array_agg(hash ORDER BY number))
        FROM (
            SELECT number, hash FROM {schema}.sealed_events
            WHERE level = 0 AND number >= blocks_before * 64 AND number < blocks * 64
            UNION ALL
            SELECT number, hash FROM {schema}.sealed_nodes
            WHERE height = level AND number >= blocks_before * 64 AND number < blocks * 64
        ) AS children
        GROUP BY number / 64;
        level := level + 1;
        blocks_before := blocks_before / 64;
        blocks := blocks / 64;
    END LOOP;
    RETURN added;
END $$;

-- Checks of the whole log that somebody asked the API for. Whoever works on one holds a lock of its session meanwhile.
CREATE TABLE {schema}.verifications (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    state        text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    requested_by uuid NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts     int NOT NULL DEFAULT 0,
    started_at   timestamptz,
    finished_at  timestamptz,
    report       jsonb,
    error        text
);
CREATE UNIQUE INDEX one_verification_at_a_time ON {schema}.verifications ((true)) WHERE state IN ('queued', 'running');
