-- Everybody's secret calendar address: its code is this id under the service's secret, so that no row here opens one.
CREATE TABLE {schema}.calendar_feeds (
    id         uuid PRIMARY KEY,
    person_id  uuid NOT NULL,
    created_at timestamptz NOT NULL,
    ended_at   timestamptz  -- kept, so that a late retry of its making does not bring it back
);
CREATE UNIQUE INDEX calendar_feeds_of_person ON {schema}.calendar_feeds (person_id) WHERE ended_at IS NULL;
