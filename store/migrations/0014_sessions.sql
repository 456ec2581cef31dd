-- Sessions of the pages, and how often somebody asked for a sign-in link: plain tables, secrets hashed at rest.

CREATE TABLE {schema}.sessions (
    hash       bytea PRIMARY KEY,
    person_id  uuid NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_of_person ON {schema}.sessions (person_id);

-- Who asked is hashed too: an address that nobody has is not ours to keep. Not worth a flush.
CREATE UNLOGGED TABLE {schema}.sign_in_requests (
    asker     bytea NOT NULL,
    quarter   timestamptz NOT NULL,
    requests  int NOT NULL,
    PRIMARY KEY (asker, quarter)
);
