-- The tally of each team, by which a member is chosen. Written by append_with_tally alone; the log says the same, and is what it is checked against.

CREATE TABLE {schema}.tallies (
    team_id uuid PRIMARY KEY,
    version bigint NOT NULL  -- rises with each change
);
CREATE TABLE {schema}.member_tallies (
    team_id     uuid NOT NULL,
    person_id   uuid NOT NULL,
    month       date NOT NULL,
    count       int NOT NULL CHECK (count >= 0),
    levelled_at timestamptz NOT NULL,
    chosen_at   timestamptz,
    PRIMARY KEY (team_id, person_id)
);

-- The append of 0025, with the change of a tally in the same transaction: refused when the tally is not as the decision read it.
-- p_tally  object: team, version, members (array of objects: person, month, count, levelled_at, chosen_at)
-- p_proof, p_quota  as in 0032 and 0028; null where there is none
CREATE FUNCTION {schema}.append_with_tally(
    p_tally jsonb, p_proof jsonb, p_quota jsonb,
    p_events jsonb, p_reads jsonb, p_hosts jsonb, p_claims jsonb, p_reservations jsonb, p_details jsonb
) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    team uuid := (p_tally ->> 'team')::uuid;
BEGIN
    -- before every other lock: who waits for this one holds none
    PERFORM pg_advisory_xact_lock(hashtextextended({cell} || '.tally.' || team, 0));
    IF coalesce((SELECT version FROM {schema}.tallies WHERE team_id = team), 0) <> (p_tally ->> 'version')::bigint THEN
        RAISE EXCEPTION USING ERRCODE = 'OL001', MESSAGE = 'stale_tally', DETAIL = team::text;
    END IF;
    INSERT INTO {schema}.tallies AS t (team_id, version) VALUES (team, 1)
    ON CONFLICT (team_id) DO UPDATE SET version = t.version + 1;
    INSERT INTO {schema}.member_tallies (team_id, person_id, month, count, levelled_at, chosen_at)
    SELECT team, person, month, count, levelled_at, chosen_at
    FROM jsonb_to_recordset(p_tally -> 'members')
        AS m(person uuid, month date, count int, levelled_at timestamptz, chosen_at timestamptz)
    ON CONFLICT (team_id, person_id) DO UPDATE
    SET month = excluded.month, count = excluded.count, levelled_at = excluded.levelled_at, chosen_at = excluded.chosen_at;
    IF p_proof IS NOT NULL THEN
        RETURN {schema}.append_with_proof(
            p_proof, coalesce(p_quota, '{{}}'), p_events, p_reads, p_hosts, p_claims, p_reservations, p_details
        );
    ELSIF p_quota IS NOT NULL THEN
        RETURN {schema}.append_within_quota(p_quota, p_events, p_reads, p_hosts, p_claims, p_reservations, p_details);
    END IF;
    RETURN {schema}.append(p_events, p_reads, p_hosts, p_claims, p_reservations, p_details);
END $$;
