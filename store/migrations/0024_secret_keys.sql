-- Which secret keys have made codes in this log: a start without one of them would leave its links answering 404.

CREATE TABLE {schema}.secret_keys (
    fingerprint   text PRIMARY KEY CHECK (fingerprint ~ '^[0-9a-f]{{16}}$'),  -- one way: see store/key_fingerprints.py
    first_used_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    retired_at    timestamptz  -- an operator gave it up: what was made with it opens no more unless it is set again
);
