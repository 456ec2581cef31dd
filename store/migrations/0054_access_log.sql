-- Who came in, with what, and what they took along or changed in others' rights. Beside the event log, because it is not about meetings and has an end.
CREATE TABLE {schema}.access_log (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         timestamptz NOT NULL,
    kind       text NOT NULL,
    reason     text,                        -- why it was refused
    actor_id   uuid,                        -- who did it, where that is known
    person_id  uuid,                        -- whose account, key or session it is about
    client     text,                        -- the address it came from
    request_id text NOT NULL,
    details    jsonb NOT NULL            -- no name and no address of anybody
);
CREATE INDEX access_log_by_time ON {schema}.access_log (at);
CREATE INDEX access_log_of_person ON {schema}.access_log (person_id, id) WHERE person_id IS NOT NULL;
CREATE INDEX access_log_of_kind ON {schema}.access_log (kind, id);

-- from where an API key has been used, and when last
CREATE TABLE {schema}.api_key_clients (
    key_id  uuid NOT NULL REFERENCES {schema}.api_keys,
    client  text NOT NULL,
    used_at timestamptz NOT NULL,
    PRIMARY KEY (key_id, client)
);
