-- Limits of people and meeting types: how many meetings of a host may begin in a day or week of the host's zone.

-- the meetings that take the time of these hosts and begin within an interval; what was reserved says which, the log when they begin
CREATE FUNCTION {schema}.booked_meetings(p_hosts uuid[], p_from timestamptz, p_until timestamptz)
RETURNS TABLE (host_id uuid, booking_id uuid, starts_at timestamptz, meeting_type_id uuid)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.host_id, r.booking_id, (latest.data ->> 'starts_at')::timestamptz, (booked.data ->> 'meeting_type_id')::uuid
    FROM {schema}.reservations r
    CROSS JOIN LATERAL (
        SELECT data FROM {schema}.events WHERE stream_id = r.booking_id AND type ^@ 'MeetingBooked.' LIMIT 1
    ) booked
    CROSS JOIN LATERAL (
        SELECT data FROM {schema}.events
        WHERE stream_id = r.booking_id AND (type ^@ 'MeetingBooked.' OR type ^@ 'Rescheduled.')
        ORDER BY version DESC LIMIT 1
    ) latest
    WHERE r.host_id = ANY (p_hosts) AND r.during && tstzrange(p_from, p_until)
    AND (latest.data ->> 'starts_at')::timestamptz >= p_from AND (latest.data ->> 'starts_at')::timestamptz < p_until
$$;

-- Whether one more meeting may begin in each of these days and weeks. Called in the statement that appends, before `append` takes its locks: whoever
-- counts for the same host waits here until the other one is committed, so two of them cannot both be the last. Who holds a lock of `append` never
-- waits for one of these. Every booking that counts was decided on the versions of host and meeting type that set the limit, so it waits here too.
-- The lock of a team's tally (0033) comes before these for everybody, because a contended tally is held while a choice is made.
-- p_limits  object: team (whose tally changes, or null), but (the booking that does not count itself, or an empty text), windows (array of objects: host, type or null, from, until, most)
CREATE FUNCTION {schema}.is_within_limits(p_limits jsonb) RETURNS boolean
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended({cell} || '.tally.' || (p_limits ->> 'team'), 0))
    WHERE p_limits ->> 'team' IS NOT NULL;
    PERFORM pg_advisory_xact_lock(key)
    FROM (
        SELECT DISTINCT hashtextextended({cell} || '.limit.' || (w ->> 'host'), 0) AS key
        FROM jsonb_array_elements(p_limits -> 'windows') w
        ORDER BY key
    ) AS wanted;
    -- a statement of its own: it sees what committed while this one waited
    RETURN NOT EXISTS (
        SELECT FROM jsonb_to_recordset(p_limits -> 'windows')
            AS w(host uuid, type uuid, "from" timestamptz, until timestamptz, most int)
        WHERE w.most <= (
            SELECT count(*) FROM {schema}.booked_meetings(ARRAY[w.host], w."from", w.until) m
            WHERE m.booking_id::text <> p_limits ->> 'but' AND (w.type IS NULL OR m.meeting_type_id = w.type)
        )
    );
END $$;
