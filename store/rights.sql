-- The rights of each role, granted again after each migration: the service only reads, and appends by the function.

GRANT USAGE, CREATE ON SCHEMA {schema} TO {service};
GRANT SELECT ON {schema}.events, {schema}.stored_events, {schema}.claims, {schema}.reservations, {schema}.personal_details TO {service};
GRANT SELECT ON {schema}.tallies, {schema}.member_tallies TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.read_models, {schema}.dead_letters TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.api_keys, {schema}.sign_in_codes, {schema}.guest_requests TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.sessions, {schema}.sign_in_requests TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.pairing_codes TO {service};
GRANT SELECT, INSERT ON {schema}.onboarding_steps TO {service};
GRANT SELECT, INSERT, UPDATE ON {schema}.api_key_clients TO {service};
GRANT SELECT, INSERT, DELETE ON {schema}.identities, {schema}.logout_tokens, {schema}.access_log TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.busy_calendars, {schema}.busy_intervals TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.webhooks, {schema}.webhook_deliveries TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.rebuilds TO {service};
GRANT SELECT, INSERT, UPDATE ON {schema}.calendar_feeds TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.calendar_writers TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.outbox_leases TO {service};
GRANT SELECT ON {schema}.outbox_beginning TO {service};
GRANT SELECT, UPDATE ON {schema}.follower TO {service};
GRANT SELECT ON {schema}.sealed_events, {schema}.sealed_nodes TO {service};
GRANT SELECT, INSERT, UPDATE ON {schema}.verifications TO {service};
GRANT SELECT ON {schema}.migrations, {schema}.lineage TO {service};
GRANT SELECT, INSERT ON {schema}.reconciliations TO {service};
GRANT SELECT, INSERT (fingerprint), UPDATE (retired_at) ON {schema}.secret_keys TO {service};

REVOKE ALL ON FUNCTION {schema}.append(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) FROM PUBLIC;
REVOKE ALL ON FUNCTION {schema}.settle() FROM PUBLIC;
REVOKE ALL ON FUNCTION {schema}.append_with_tally(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {schema}.append_with_tally(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) TO {service};
REVOKE ALL ON FUNCTION {schema}.restore_tally(uuid, bigint, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {schema}.restore_tally(uuid, bigint, jsonb) TO {service};
GRANT EXECUTE ON FUNCTION {schema}.append(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) TO {service};
GRANT EXECUTE ON FUNCTION {schema}.settle() TO {service};
GRANT SELECT, INSERT, UPDATE, DELETE ON {schema}.mailed_codes, {schema}.spent_proofs TO {service};
REVOKE ALL ON FUNCTION {schema}.append_with_proof(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {schema}.append_with_proof(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) TO {service};
REVOKE ALL ON FUNCTION {schema}.append_within_quota(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {schema}.append_within_quota(jsonb, jsonb, jsonb, jsonb, jsonb, jsonb, jsonb) TO {service};
REVOKE ALL ON FUNCTION {schema}.is_within_limits(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {schema}.is_within_limits(jsonb) TO {service};

REVOKE ALL ON FUNCTION {schema}.seal(int) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {schema}.seal(int) TO {service};
REVOKE ALL ON FUNCTION {schema}.unconfirmed_until(), {schema}.note_restore(), {schema}.confirm() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION {schema}.unconfirmed_until(), {schema}.note_restore(), {schema}.confirm() TO {service};

CREATE SCHEMA IF NOT EXISTS {reporting};
GRANT USAGE, CREATE ON SCHEMA {reporting} TO {service};
GRANT USAGE ON SCHEMA {reporting} TO {analyst};
