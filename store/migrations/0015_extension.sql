-- Keys that may do only a part and that end by themselves, and the codes that hand one to the Chrome extension.

ALTER TABLE {schema}.api_keys
    ADD COLUMN scope      text,         -- what the key is limited to; null: everything its person may
    ADD COLUMN expires_at timestamptz;  -- null: never

CREATE TABLE {schema}.pairing_codes (
    hash       bytea PRIMARY KEY,
    person_id  uuid NOT NULL,
    origin     text NOT NULL,   -- the extension that asked
    challenge  text NOT NULL,   -- the SHA-256 of a secret that only the asking extension has
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
