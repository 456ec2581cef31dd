-- Who signs in through the organisation's OpenID provider: one identity for a person, one person for an identity.
CREATE TABLE {schema}.identities (
    issuer    text NOT NULL,
    subject   text NOT NULL,
    person_id uuid NOT NULL UNIQUE,
    bound_at  timestamptz NOT NULL,
    PRIMARY KEY (issuer, subject)
);

-- what ends a session from the provider's side, and what the provider wants to see when we end it
ALTER TABLE {schema}.sessions
    ADD COLUMN issuer text,
    ADD COLUMN subject text,
    ADD COLUMN provider_session text,
    ADD COLUMN id_token bytea;              -- encrypted with the secret keys
CREATE INDEX sessions_of_identity ON {schema}.sessions (issuer, subject) WHERE issuer IS NOT NULL;

-- logout tokens of the provider, each good once; a row is kept until its token would be too old anyway
CREATE TABLE {schema}.logout_tokens (
    hash       bytea PRIMARY KEY,
    expires_at timestamptz NOT NULL
);
