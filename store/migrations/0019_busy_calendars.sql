-- Calendars that people have elsewhere, and when they say that somebody is busy: plain tables, never in the log.

CREATE TABLE {schema}.busy_calendars (
    id             uuid PRIMARY KEY,
    person_id      uuid NOT NULL,
    kind           text NOT NULL CHECK (kind IN ('feed', 'caldav')),
    of_profile     boolean NOT NULL DEFAULT false,  -- it is the busy_feed_url of the person's properties
    name           text NOT NULL,
    sealed         bytea NOT NULL,                  -- address, user name and password, encrypted with the secret keys
    request_digest bytea,                           -- keyed: what an Idempotency-Key was used for
    created_at     timestamptz NOT NULL,
    etag           text,
    last_modified  text,
    checked_at     timestamptz,                     -- when the server last answered, if only that nothing has changed
    read_at        timestamptz,                     -- when the busy times were last worked out
    known_until    timestamptz,                     -- how far
    time_zone      text,                            -- for whom: days and times without a zone are the person's
    soon           int NOT NULL DEFAULT 0,          -- entries of the next 60 days, as of read_at
    problem        text,                            -- why the last look failed; null when it did not
    failing_since  timestamptz,
    failures       int NOT NULL DEFAULT 0,
    due_at         timestamptz NOT NULL,
    leased_until   timestamptz                      -- somebody is looking at it
);
CREATE INDEX busy_calendars_of_person ON {schema}.busy_calendars (person_id);
CREATE INDEX busy_calendars_due ON {schema}.busy_calendars (due_at);
CREATE UNIQUE INDEX one_calendar_of_profile ON {schema}.busy_calendars (person_id) WHERE of_profile;

-- Pieces that do not touch, for one calendar; the last one begins where the calendar is not known any further, and has no end.
CREATE TABLE {schema}.busy_intervals (
    calendar_id uuid NOT NULL REFERENCES {schema}.busy_calendars ON DELETE CASCADE,
    number      int NOT NULL,
    person_id   uuid NOT NULL,
    during      tstzrange NOT NULL,
    PRIMARY KEY (calendar_id, number)
);
CREATE INDEX busy_times_of_person ON {schema}.busy_intervals USING gist (person_id, during);
