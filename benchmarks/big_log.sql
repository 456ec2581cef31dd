-- A big log, made of SQL alone: a history that the domain could have written, of {events} events, with the claims, reservations and
-- personal details that belong to it. Names in braces are filled in; {{…}} below are braces of JSON.

CREATE FUNCTION pg_temp.id(kind text, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT md5(kind || n)::uuid $$;
CREATE FUNCTION pg_temp.instant(at timestamptz) RETURNS text LANGUAGE sql STABLE AS
$$ SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') $$;
CREATE FUNCTION pg_temp.signed(at timestamptz, kind text, who uuid, request text, source text) RETURNS jsonb
LANGUAGE sql STABLE AS $$ SELECT jsonb_build_object('occurred_at', pg_temp.instant(at),
    'actor', jsonb_build_object('kind', kind, 'id', who), 'request_id', md5(request), 'source', source) $$;
CREATE FUNCTION pg_temp.first(keyed jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS
$$ SELECT keyed || jsonb_build_object('request_key', null, 'request_digest', null) $$;
-- somebody's name, always the same for the same stream
CREATE FUNCTION pg_temp.name(stream uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT ('[0:15]={{Ada,Alan,Barbara,Claude,Donald,Edsger,Frances,Grace,John,Kurt,Leslie,Margaret,Niklaus,Radia,Shafi,Tony}}'::text[])
            [get_byte(uuid_send(stream), 0) % 16] || ' ' ||
        ('[0:7]={{Archer,Brook,Castle,Dale,Forest,Glen,Hill,Marsh}}'::text[])[get_byte(uuid_send(stream), 1) % 8]
        || ' ' || left(stream::text, 8) $$;
CREATE FUNCTION pg_temp.email(stream uuid, domain text) RETURNS text LANGUAGE sql IMMUTABLE AS
$$ SELECT replace(lower(pg_temp.name(stream)), ' ', '.') || '@' || domain $$;
-- the canonical spelling of personal details: sorted keys, no spaces
CREATE FUNCTION pg_temp.told(kind text, stream uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT CASE kind
    WHEN 'issue' THEN '{{"label":null,"metadata":{{"deal":"' || left(stream::text, 8) || '"}},"recipient":{{"email":"'
        || pg_temp.email(stream, 'recipients.example') || '","name":"' || pg_temp.name(stream) || '"}}}}'
    WHEN 'guest' THEN '{{"guest":{{"email":"' || pg_temp.email(stream, 'guests.example') || '","name":"'
        || pg_temp.name(stream) || '","time_zone":"Europe/Berlin"}},"notes":null}}'
    ELSE '{{"reason":"Something came up"}}' END $$;
CREATE FUNCTION pg_temp.details_id(kind text, stream uuid) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT md5(kind || stream)::uuid $$;
CREATE FUNCTION pg_temp.salt(kind text, stream uuid) RETURNS bytea LANGUAGE sql IMMUTABLE AS
$$ SELECT decode(md5('salt' || kind || stream), 'hex') $$;
CREATE FUNCTION pg_temp.beside(kind text, stream uuid) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN {details} THEN jsonb_build_object('details_id', pg_temp.details_id(kind, stream), 'details_digest',
        encode(sha256(pg_temp.salt(kind, stream) || convert_to(pg_temp.told(kind, stream), 'UTF8')), 'hex'))
    ELSE jsonb_build_object('details_id', null, 'details_digest', null) END $$;

-- What happens, in the order in which it happens; `at` decides the position.
CREATE TEMPORARY TABLE happened (at timestamptz, stream_id uuid, version int, type text, data jsonb);

-- {hosts} hosts with five links each, one co-host for every tenth link, and some who come and go
INSERT INTO happened
SELECT told.at, pg_temp.id('person', n), v, t, pg_temp.signed(told.at, 'person', pg_temp.id('person', 0), t || n, 'api')
    || CASE WHEN v = 1 THEN pg_temp.first('{{}}') ELSE '{{}}' END
    || CASE WHEN v <= 2 THEN jsonb_build_object('name', 'Person ' || n, 'email', 'person' || n || '@nexora.example',
        'time_zone', 'UTC', 'roles', CASE WHEN n = 0 THEN '["admin"]'::jsonb ELSE '["member"]'::jsonb END, 'busy_feed_url', null,
        'weekly_hours', (SELECT jsonb_object_agg(day, '[["09:00", "17:00"]]'::jsonb)
            FROM unnest('{{mon,tue,wed,thu,fri,sat,sun}}'::text[]) AS day),
        'date_overrides', CASE WHEN v = 2 THEN '{{"2029-12-24": []}}'::jsonb ELSE '{{}}'::jsonb END) ELSE '{{}}' END
FROM generate_series(0, {hosts} + {links} / 10 + 19) AS n,
    LATERAL (VALUES (1, 'PersonAdded.v1'), (2, CASE WHEN n % 4 = 0 THEN 'PersonUpdated.v1' END),
        (3, CASE WHEN n % 4 = 0 AND n >= {hosts} + {links} / 10 THEN 'PersonDeactivated.v1' END),
        (4, CASE WHEN n % 8 = 0 AND n >= {hosts} + {links} / 10 THEN 'PersonActivated.v1' END)) AS step(v, t),
    LATERAL (SELECT timestamptz '2024-01-01Z' + v * interval '1 day' + n * interval '1 second') AS told(at)
WHERE t IS NOT NULL;

-- twenty meeting types of half an hour with their buffers; half of them were changed
INSERT INTO happened
SELECT told.at, pg_temp.id('meeting type', n), v, t,
    pg_temp.signed(told.at, 'person', pg_temp.id('person', 0), t || n, 'api')
    || CASE WHEN v = 1 THEN pg_temp.first('{{}}') ELSE '{{}}' END
    || jsonb_build_object('name', 'Type ' || n, 'description', CASE WHEN v = 2 THEN 'As it is now' END,
        'duration_minutes', 25, 'location', 'Video', 'buffer_before_minutes', 0, 'buffer_after_minutes', 5,
        'minimum_notice_minutes', 60, 'booking_window_days', 60, 'slot_step_minutes', 30)
FROM generate_series(0, 19) AS n,
    LATERAL (VALUES (1, 'MeetingTypeCreated.v1'), (2, CASE WHEN n % 2 = 0 THEN 'MeetingTypeUpdated.v1' END)) AS step(v, t),
    LATERAL (SELECT timestamptz '2024-01-06Z' + v * interval '1 day' + n * interval '1 second') AS told(at)
WHERE t IS NOT NULL;

-- every tenth link is of a managed link that has five of them
INSERT INTO happened
SELECT told.at, pg_temp.id('managed link', n), v, t,
    pg_temp.signed(told.at, 'person', pg_temp.id('person', 0), t || n, 'api')
    || CASE WHEN v = 1 THEN pg_temp.first('{{}}') ELSE '{{}}' END
    || jsonb_build_object('name', 'Managed ' || n, 'slug', 'managed-' || n, 'meeting_type_id', pg_temp.id('meeting type', n % 20),
        'expires_at', null, 'created_by_id', pg_temp.id('person', 0), 'host_ids', hosts, 'links', links)
FROM generate_series(0, {links} / 50 - 1) AS n,
    LATERAL (VALUES (1, 'ManagedLinkCreated.v1'), (2, CASE WHEN n % 3 = 0 THEN 'ManagedLinkUpdated.v1' END)) AS step(v, t),
    LATERAL (SELECT timestamptz '2024-01-10Z' + v * interval '1 day' + n * interval '1 second') AS told(at),
    LATERAL (SELECT jsonb_agg(pg_temp.id('person', (10 * l + 3) % {hosts}) ORDER BY l) AS hosts,
        jsonb_object_agg(pg_temp.id('person', (10 * l + 3) % {hosts}), pg_temp.id('link', 10 * l + 3)) AS links
        FROM generate_series(5 * n, 5 * n + 4) AS l) AS looked_after
WHERE t IS NOT NULL;

-- links: changed at first and half-way, switched off and on, some closed for good half-way
INSERT INTO happened
SELECT told.at, pg_temp.id('link', n), row_number() OVER (PARTITION BY n ORDER BY told.at), t,
    pg_temp.signed(told.at, 'person', pg_temp.id('person', n % {hosts}), t || told.at || n, 'web')
    || CASE WHEN t = 'LinkCreated.v1' THEN pg_temp.first('{{}}') ELSE '{{}}' END
    || CASE WHEN t IN ('LinkCreated.v1', 'LinkUpdated.v1') THEN jsonb_build_object(
        'kind', CASE WHEN n % 10 = 3 THEN 'managed' ELSE 'standard' END,
        'name', 'Link ' || n || CASE WHEN t = 'LinkUpdated.v1' THEN ' of ' || to_char(told.at, 'FMMonth') ELSE '' END,
        'slug', 'link-' || n, 'owner_id', pg_temp.id('person', n % {hosts}), 'co_host_ids', CASE WHEN n % 10 = 1
            THEN jsonb_build_array(pg_temp.id('person', {hosts} + n / 10)) ELSE '[]'::jsonb END,
        'meeting_type_id', pg_temp.id('meeting type', n % 20), 'expires_at', null, 'in_library', n % 5 = 0,
        'managed_link_id', CASE WHEN n % 10 = 3 THEN pg_temp.id('managed link', n / 50) END) ELSE '{{}}' END
FROM generate_series(0, {links} - 1) AS n,
    LATERAL (VALUES (timestamptz '2024-01-12Z', 'LinkCreated.v1'),
        (timestamptz '2024-01-13Z', CASE WHEN n % 3 = 0 THEN 'LinkUpdated.v1' END),
        (timestamptz '2024-01-14Z', CASE WHEN n % 20 = 11 THEN 'LinkDisabled.v1' END),
        (timestamptz '2024-01-15Z', CASE WHEN n % 20 = 11 THEN 'LinkEnabled.v1' END),
        ({half_way}, CASE WHEN n % 10 = 0 THEN 'LinkUpdated.v1' WHEN n % 50 = 7 THEN 'LinkDeleted.v1'
            WHEN n % 50 = 9 THEN 'LinkDisabled.v1' END)) AS step(begins, t),
    LATERAL (SELECT begins + n * interval '1 second') AS told(at)
WHERE t IS NOT NULL;

-- {tokens} tokens: token n is of link n % {links}, whose host has a free half hour for each of them and another to move it to
INSERT INTO happened
SELECT told.at, stream, v, t, CASE t
    WHEN 'SingleUseIssued.v1' THEN pg_temp.signed(told.at, 'person', host, t || n, 'extension') || pg_temp.first(
        jsonb_build_object('link_id', link, 'issued_by', host, 'issue_number', 0, 'issue_count', 1))
        || pg_temp.beside('issue', stream)
    WHEN 'DirectIssued.v1' THEN pg_temp.signed(told.at, 'guest', null, 'book' || n, 'web') || jsonb_build_object('link_id', link)
    WHEN 'SingleUseRevoked.v1' THEN pg_temp.signed(told.at, 'person', host, t || n, 'web') || pg_temp.beside('reason', stream)
    WHEN 'MeetingBooked.v1' THEN pg_temp.signed(told.at, 'guest', null, 'book' || n, 'web') || pg_temp.first(jsonb_build_object(
        'link_id', link, 'link_kind', CASE WHEN l % 10 = 3 THEN 'managed' ELSE 'standard' END,
        'link_version', 1 + (l % 3 = 0)::int + 2 * (l % 20 = 11)::int + (l % 10 = 0 AND told.at > {half_way} + l * interval '1 second')::int,
        'meeting_type_id', pg_temp.id('meeting type', l % 20), 'meeting_type_version', 1 + (l % 2 = 0)::int,
        'host_ids', CASE WHEN l % 10 = 1 THEN jsonb_build_array(host, pg_temp.id('person', {hosts} + l / 10)) ELSE jsonb_build_array(host) END,
        'host_versions', CASE WHEN l % 10 = 1 THEN jsonb_build_array(1 + (l % {hosts} % 4 = 0)::int, 1 + (({hosts} + l / 10) % 4 = 0)::int)
            ELSE jsonb_build_array(1 + (l % {hosts} % 4 = 0)::int) END,
        'starts_at', pg_temp.instant(slot), 'ends_at', pg_temp.instant(slot + interval '25 minutes'),
        'held_from', pg_temp.instant(slot), 'held_until', pg_temp.instant(slot + interval '30 minutes')))
        || pg_temp.beside('guest', stream)
    WHEN 'Rescheduled.v1' THEN pg_temp.signed(told.at, 'guest', null, t || n, 'web') || jsonb_build_object(
        'previous_starts_at', pg_temp.instant(slot), 'meeting_type_version', 1 + (l % 2 = 0)::int,
        'starts_at', pg_temp.instant(slot + interval '30 minutes'), 'ends_at', pg_temp.instant(slot + interval '55 minutes'),
        'held_from', pg_temp.instant(slot + interval '30 minutes'), 'held_until', pg_temp.instant(slot + interval '60 minutes'))
    ELSE pg_temp.signed(told.at, 'guest', null, t || n, 'web') || jsonb_build_object('cancelled_by', 'guest')
        || pg_temp.beside('reason', stream) END
FROM generate_series(0::bigint, {tokens} - 1) AS n,
    LATERAL (SELECT n % {links} AS l, n / {hosts} AS k, pg_temp.id('token', n) AS stream, pg_temp.id('link', n % {links}) AS link,
        pg_temp.id('person', n % {hosts}) AS host) AS token,
    LATERAL (SELECT timestamptz '2024-03-01 09:00Z' + k / 8 * interval '1 day' + k % 8 * interval '1 hour' AS slot) AS free,
    LATERAL (SELECT slot - interval '1 day' - n * 7919 % 1209600 * interval '1 second' AS booked_at) AS wanted,
    LATERAL (SELECT booked_at - (60 + n * 104729 % 432000) * interval '1 second' AS issued_at,
        CASE WHEN l % 50 IN (7, 9) THEN {half_way} ELSE 'infinity' END AS closed_at) AS before,
    LATERAL (VALUES
        (1, CASE WHEN n % 20 < 13 THEN issued_at ELSE booked_at END,
            CASE WHEN n % 20 < 13 THEN 'SingleUseIssued.v1' ELSE 'DirectIssued.v1' END),
        (2, CASE WHEN n % 20 < 13 THEN issued_at + interval '1 minute' ELSE booked_at END, CASE WHEN n % 20 = 4 THEN 'SingleUseRevoked.v1' END),
        (2, booked_at, CASE WHEN n % 20 > 4 AND booked_at < closed_at THEN 'MeetingBooked.v1' END),
        (3, booked_at + interval '1 hour', CASE WHEN n % 20 IN (11, 18) AND booked_at < closed_at THEN 'Rescheduled.v1' END),
        (CASE WHEN n % 20 = 18 THEN 4 ELSE 3 END, booked_at + interval '2 hours',
            CASE WHEN n % 20 IN (12, 18, 19) AND booked_at < closed_at THEN 'MeetingCancelled.v1' END)) AS told(v, at, t)
WHERE t IS NOT NULL AND CASE WHEN n % 20 < 13 THEN issued_at ELSE booked_at END < closed_at;

-- The first {events} of it are the log; any beginning of a history is a history.
INSERT INTO {schema}.events (recorded_at, stream_id, version, type, data)
SELECT at + interval '5 milliseconds', stream_id, version, type, data
FROM happened ORDER BY at, stream_id, version LIMIT {events};
DROP TABLE happened;
ANALYZE {schema}.events;

INSERT INTO {schema}.claims (kind, value, stream_id)
SELECT CASE type WHEN 'PersonAdded.v1' THEN 'email' ELSE 'slug' END, coalesce(data ->> 'slug', data ->> 'email'), stream_id
FROM {schema}.events WHERE type IN ('PersonAdded.v1', 'LinkCreated.v1', 'ManagedLinkCreated.v1');

INSERT INTO {schema}.reservations (booking_id, host_id, during)
SELECT stream_id, host::uuid, tstzrange((held ->> 'held_from')::timestamptz, (held ->> 'held_until')::timestamptz)
FROM (
    SELECT stream_id, (array_agg(data -> 'host_ids') FILTER (WHERE type = 'MeetingBooked.v1'))[1] AS hosts,
        (array_agg(data ORDER BY version DESC) FILTER (WHERE type IN ('MeetingBooked.v1', 'Rescheduled.v1')))[1] AS held
    FROM {schema}.events
    WHERE type IN ('MeetingBooked.v1', 'Rescheduled.v1', 'MeetingCancelled.v1')
    GROUP BY stream_id HAVING NOT bool_or(type = 'MeetingCancelled.v1')
) AS booking, jsonb_array_elements_text(hosts) AS host;

INSERT INTO {schema}.personal_details (id, stream_id, salt, data, words)
SELECT pg_temp.details_id(kind, stream_id), stream_id, pg_temp.salt(kind, stream_id), pg_temp.told(kind, stream_id)::jsonb,
    CASE kind WHEN 'reason' THEN ''::tsvector ELSE {schema}.words(pg_temp.name(stream_id) || ' '
        || pg_temp.email(stream_id, CASE kind WHEN 'issue' THEN 'recipients.example' ELSE 'guests.example' END)) END
FROM (
    SELECT stream_id, CASE type WHEN 'SingleUseIssued.v1' THEN 'issue' WHEN 'MeetingBooked.v1' THEN 'guest' ELSE 'reason' END AS kind
    FROM {schema}.events
    WHERE {details} AND type IN ('SingleUseIssued.v1', 'SingleUseRevoked.v1', 'MeetingBooked.v1', 'MeetingCancelled.v1')
) AS one;

UPDATE {schema}.follower SET position = (SELECT max(position) FROM {schema}.events);
