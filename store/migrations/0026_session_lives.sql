-- When a session was last used, for its idle limit; those that exist count from now. And when a sign-in code was made: it is void
-- after its person left or got another address. Codes of the program before have no such time: they live for 15 minutes, until expires_at.
ALTER TABLE {schema}.sessions ADD COLUMN used_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE {schema}.sign_in_codes ADD COLUMN created_at timestamptz;
