-- After a restore: no single-use link that was issued before it books until an operator has said what became of it.

-- Which server this log lives on: the cluster's own number and its timeline. A recovery from a backup ends in a new timeline, and
-- a dump is loaded into another cluster; neither carries this forward, while the row below is restored with everything else.
CREATE FUNCTION {schema}.server() RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT system_identifier || '/' || ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int
    FROM pg_control_system()
$$;

-- When the files of this cluster were put where they are: another time once they were copied back. Null unless a superuser
-- lets the owner's role see it: GRANT EXECUTE ON FUNCTION pg_stat_file(text) TO the owner.
CREATE FUNCTION {schema}.files() RETURNS timestamptz
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF has_function_privilege('pg_catalog.pg_stat_file(text)', 'EXECUTE') THEN
        RETURN (pg_stat_file('PG_VERSION')).change;
    END IF;
    RETURN NULL;
END $$;

CREATE TABLE {schema}.lineage (
    id                boolean PRIMARY KEY DEFAULT true CHECK (id),
    server            text NOT NULL,       -- where the log lived when this was last looked at
    files             timestamptz,
    unconfirmed_until bigint,              -- single-use links issued up to this position may have been booked in what is lost
    noticed_at        timestamptz,
    started           timestamptz              -- the start of the server that last looked, null before the first append on it
);
INSERT INTO {schema}.lineage (server, files) VALUES ({schema}.server(), {schema}.files());

-- Whether the log lives where it did, as far as that is known.
CREATE FUNCTION {schema}.is_home({schema}.lineage) RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    SELECT $1.server = {schema}.server() AND coalesce($1.files = {schema}.files(), true)
$$;

-- The position up to which single-use links are not confirmed; null when all of them are.
CREATE FUNCTION {schema}.unconfirmed_until() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN {schema}.is_home(lineage) THEN unconfirmed_until
                ELSE (SELECT coalesce(max(position), 0) FROM {schema}.events) END
    FROM {schema}.lineage
$$;

-- Says that the log was restored, also where nothing shows it: a snapshot of disks, say.
CREATE FUNCTION {schema}.note_restore() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE {schema}.lineage
    SET server = {schema}.server(), files = {schema}.files(), noticed_at = clock_timestamp(),
        unconfirmed_until = (SELECT coalesce(max(position), 0) FROM {schema}.events)
    RETURNING unconfirmed_until
$$;

-- Says that every single-use link issued so far is what the log says it is.
CREATE FUNCTION {schema}.confirm() RETURNS boolean
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    UPDATE {schema}.lineage
    SET server = {schema}.server(), files = {schema}.files(), unconfirmed_until = NULL, noticed_at = NULL
    RETURNING true
$$;

-- The first append after a start of the server, and the first on another server, which then notes where the log ended. Whoever
-- else comes first waits here for it, and then finds it noted.
CREATE FUNCTION {schema}.look_around() RETURNS {schema}.lineage
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    home {schema}.lineage;
BEGIN
    UPDATE {schema}.lineage
    SET server = {schema}.server(), files = {schema}.files(), noticed_at = clock_timestamp(),
        unconfirmed_until = (SELECT coalesce(max(position), 0) FROM {schema}.events)
    WHERE NOT {schema}.is_home(lineage);
    UPDATE {schema}.lineage SET started = pg_postmaster_start_time() WHERE started IS DISTINCT FROM pg_postmaster_start_time();
    SELECT * INTO home FROM {schema}.lineage;
    RETURN home;
END $$;

-- The append as it was, which only the new one may call, and from which it has the owner's rights and the path.
ALTER FUNCTION {schema}.append(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) RENAME TO append_confirmed;
ALTER FUNCTION {schema}.append_confirmed(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) SECURITY INVOKER RESET ALL;
REVOKE ALL ON FUNCTION {schema}.append_confirmed(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) FROM PUBLIC, {service};

CREATE FUNCTION {schema}.append(
    p_events jsonb, p_reads jsonb, p_hosts jsonb, p_claims jsonb, p_reservations jsonb, p_details jsonb
) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    home {schema}.lineage;
BEGIN
    SELECT * INTO home FROM {schema}.lineage;
    -- Looking where the log lives means reading files, and it cannot move under a running server: once for each start is enough.
    IF home.started IS DISTINCT FROM pg_postmaster_start_time() THEN
        home := {schema}.look_around();
    END IF;
    IF home.unconfirmed_until IS NOT NULL THEN
        IF EXISTS (
            SELECT FROM jsonb_array_elements(p_events) e
            JOIN {schema}.events issued ON issued.stream_id = (e ->> 'stream')::uuid AND issued.version = 1
            WHERE e ->> 'type' LIKE 'MeetingBooked.%' AND issued.type LIKE 'SingleUseIssued.%'
            AND issued.position <= home.unconfirmed_until
        ) THEN
            RAISE EXCEPTION USING ERRCODE = 'OL004', MESSAGE = 'link_unconfirmed';
        END IF;
    END IF;
    RETURN {schema}.append_confirmed(p_events, p_reads, p_hosts, p_claims, p_reservations, p_details);
END $$;
