-- What operators decided after a restore, and why; kept beside the log, which has the revocations themselves and their reason.
CREATE TABLE {schema}.reconciliations (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    decided_at  timestamptz NOT NULL,
    decision    text NOT NULL CHECK (decision IN ('revoked', 'nothing_lost', 'restored')),
    unconfirmed int NOT NULL,              -- single-use links that were unconfirmed before; for `restored` those that are after
    revoked     int NOT NULL,
    reason      text                       -- of `nothing_lost` and `restored`
);
