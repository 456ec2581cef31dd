-- Keys and one-time codes: plain tables, random, hashed at rest (SHA-256 of 256 random bits).

CREATE TABLE {schema}.api_keys (
    id             uuid PRIMARY KEY,
    person_id      uuid NOT NULL,
    name           text NOT NULL,
    hash           bytea NOT NULL UNIQUE,
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    request_digest text,
    deleted_at     timestamptz  -- kept, so that a late retry of its making does not bring it back
);
CREATE INDEX api_keys_of_person ON {schema}.api_keys (person_id, created_at, id);

CREATE TABLE {schema}.sign_in_codes (
    hash       bytea PRIMARY KEY,
    person_id  uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);

-- How often an address asked in a minute, counted only while ONCELINK_GUEST_RATE_LIMIT is on; not worth a flush.
CREATE UNLOGGED TABLE {schema}.guest_requests (
    address  text NOT NULL,
    minute   timestamptz NOT NULL,
    requests int NOT NULL,
    PRIMARY KEY (address, minute)
);
