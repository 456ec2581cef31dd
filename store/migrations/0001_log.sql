-- The log, what is decided with it in one transaction, and what must not be in it. Run by the owner's role.
-- In every migration, names in braces are filled in: schema, reporting, service, analyst as identifiers, cell as a literal.

CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE {schema}.events (
    position    bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    stream_id   uuid NOT NULL,
    version     int NOT NULL CHECK (version > 0),
    type        text NOT NULL,
    data        jsonb NOT NULL,
    UNIQUE (stream_id, version)
);
CREATE UNIQUE INDEX one_booking_per_token ON {schema}.events (stream_id) WHERE type LIKE 'MeetingBooked.%';
-- which tokens a link has, asked for one link at a time
CREATE INDEX tokens_of_link ON {schema}.events ((data ->> 'link_id'))
    WHERE type LIKE 'SingleUseIssued.%' OR type LIKE 'DirectIssued.%';

-- what the eventsourcing library's recorder reads
CREATE VIEW {schema}.stored_events AS
SELECT stream_id AS originator_id, version::bigint AS originator_version, type AS topic,
       convert_to(data::text, 'UTF8') AS state, position AS notification_id
FROM {schema}.events;

-- slugs and e-mail addresses: each value taken once, and where it leads
CREATE TABLE {schema}.claims (
    kind      text NOT NULL,
    value     text NOT NULL,
    stream_id uuid NOT NULL,
    PRIMARY KEY (kind, value)
);
CREATE INDEX claims_of_stream ON {schema}.claims (stream_id);

-- whose time is held by which meeting, buffers included; offered slots are computed from these rows
CREATE TABLE {schema}.reservations (
    booking_id uuid NOT NULL,
    host_id    uuid NOT NULL,
    during     tstzrange NOT NULL,
    PRIMARY KEY (booking_id, host_id),
    EXCLUDE USING gist (host_id WITH =, during WITH &&)
);

-- what guests and recipients gave: erasable, referred to by id from the log
CREATE TABLE {schema}.personal_details (
    id        uuid PRIMARY KEY,
    stream_id uuid NOT NULL,
    salt      bytea NOT NULL,
    data      jsonb NOT NULL,
    words     tsvector NOT NULL
);
CREATE INDEX personal_details_of_stream ON {schema}.personal_details (stream_id);
CREATE INDEX personal_details_words ON {schema}.personal_details USING gin (words);

-- the words of a text, for word-prefix search whatever the case: letters and digits, split at everything else
CREATE FUNCTION {schema}.words(text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    to_tsvector('pg_catalog.simple', regexp_replace($1, '[^[:alnum:]]+', ' ', 'g'));
