-- Writes a team's tally as the log was recounted, in place of what stands there: refused when the tally has changed since the recount began.
-- p_members  array of objects: person, month, count, levelled_at, chosen_at
CREATE FUNCTION {schema}.restore_tally(p_team uuid, p_version bigint, p_members jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended({cell} || '.tally.' || p_team, 0));
    IF coalesce((SELECT version FROM {schema}.tallies WHERE team_id = p_team), 0) <> p_version THEN
        RAISE EXCEPTION USING ERRCODE = 'OL001', MESSAGE = 'stale_tally', DETAIL = p_team::text;
    END IF;
    INSERT INTO {schema}.tallies AS t (team_id, version) VALUES (p_team, 1)
    ON CONFLICT (team_id) DO UPDATE SET version = t.version + 1;
    DELETE FROM {schema}.member_tallies WHERE team_id = p_team;
    INSERT INTO {schema}.member_tallies (team_id, person_id, month, count, levelled_at, chosen_at)
    SELECT p_team, person, month, count, levelled_at, chosen_at
    FROM jsonb_to_recordset(p_members) AS m(person uuid, month date, count int, levelled_at timestamptz, chosen_at timestamptz);
END $$;
