-- What guests show before a booking on a core link counts, where the organisation asks for it: a proof of work, or a code that was mailed.

-- proofs that booked: each books once. A row is kept until its proof would be void anyway.
CREATE TABLE {schema}.spent_proofs (
    hash       bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
CREATE INDEX spent_proofs_expiry ON {schema}.spent_proofs (expires_at);

-- codes that were mailed: neither the code nor the address can be read from a row, only recognised with the secret key
CREATE TABLE {schema}.mailed_codes (
    id             uuid PRIMARY KEY,
    mailbox        bytea NOT NULL,  -- keyed hash of the address
    link_id        uuid NOT NULL,
    code           bytea NOT NULL,  -- keyed hash of code, address and link
    made_at        timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    wrong_attempts int NOT NULL DEFAULT 0
);
CREATE INDEX mailed_codes_of_mailbox ON {schema}.mailed_codes (mailbox, made_at);

-- The append of 0028 under its quotas, which first spends a proof: twice the same is refused, and an append that is refused leaves it unspent.
-- p_proof  object: kind, hash (hex), now, expires_at; p_quota as in 0028, or without its fields where no quota is set
CREATE FUNCTION {schema}.append_with_proof(
    p_proof jsonb, p_quota jsonb,
    p_events jsonb, p_reads jsonb, p_hosts jsonb, p_claims jsonb, p_reservations jsonb, p_details jsonb
) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM {schema}.spent_proofs
    WHERE hash IN (
        SELECT hash FROM {schema}.spent_proofs WHERE expires_at < (p_proof ->> 'now')::timestamptz LIMIT 100 FOR UPDATE SKIP LOCKED
    );
    INSERT INTO {schema}.spent_proofs (hash, expires_at)
    VALUES (decode(p_proof ->> 'hash', 'hex'), (p_proof ->> 'expires_at')::timestamptz)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'OL006', MESSAGE = p_proof ->> 'kind';
    END IF;
    RETURN {schema}.append_within_quota(p_quota, p_events, p_reads, p_hosts, p_claims, p_reservations, p_details);
END $$;
