-- Where events are sent as webhooks, each with its cursor in the log. A row beside the log: its address and secret must have an end.
CREATE TABLE {schema}.webhooks (
    id             uuid PRIMARY KEY,
    owner_id       uuid NOT NULL,
    sealed         bytea NOT NULL,           -- URL and secrets, encrypted with the secret keys
    types          text[] NOT NULL,
    event_names    text[] NOT NULL,          -- the events of the log that these types are
    details        text NOT NULL,
    active         boolean NOT NULL,
    version        int NOT NULL DEFAULT 1,   -- counts what people change
    request_digest bytea,
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    position       bigint NOT NULL,          -- everything of its types up to here was delivered
    attempts       int NOT NULL DEFAULT 0,   -- of the next event
    due_at         timestamptz NOT NULL,
    problem        text,                     -- why the last attempt failed
    disabled_at    timestamptz,              -- by this service, not by a person
    notify_at      timestamptz,              -- when its owner is to be told of that
    previous_until timestamptz,              -- until when the secret before signs too
    lease          uuid,
    leased_until   timestamptz
);

-- one row for each attempt; old ones are deleted
CREATE TABLE {schema}.webhook_deliveries (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id   uuid NOT NULL REFERENCES {schema}.webhooks ON DELETE CASCADE,
    event_id     text NOT NULL,
    type         text NOT NULL,
    position     bigint NOT NULL,            -- 0 for a test
    attempt      int NOT NULL,
    at           timestamptz NOT NULL,
    delivered    boolean NOT NULL,
    status       int,
    reason       text,
    milliseconds int NOT NULL
);
CREATE INDEX webhook_deliveries_of_webhook ON {schema}.webhook_deliveries (webhook_id, id);
CREATE INDEX webhook_deliveries_by_time ON {schema}.webhook_deliveries (at);
