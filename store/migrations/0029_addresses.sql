-- The form by which e-mail addresses are compared, as `fold_address` of the program makes it: NFKC in lower case. A guest who was typed in
-- full-width letters, or with an accent of its own character, is found and erased like any other.
CREATE FUNCTION {schema}.address_key(email text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN lower(normalize(email, NFKC));

CREATE OR REPLACE FUNCTION {schema}.address_of(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    {schema}.address_key(coalesce(data -> 'guest' ->> 'email', data -> 'recipient' ->> 'email'));
REINDEX INDEX {schema}.personal_details_of_address;
REINDEX INDEX {schema}.personal_details_of_mailbox;

-- people's addresses were claimed in full case folding, in which ß is ss: faß.example and fass.example were the same
UPDATE {schema}.claims AS claim SET value = {schema}.address_key(person.email)
FROM (
    SELECT c.value, last.email
    FROM {schema}.claims AS c, LATERAL (
        SELECT e.data ->> 'email' AS email FROM {schema}.events AS e
        WHERE e.stream_id = c.stream_id AND e.data ? 'email' ORDER BY e.version DESC LIMIT 1
    ) AS last
    WHERE c.kind = 'email'
) AS person
WHERE claim.kind = 'email' AND claim.value = person.value AND claim.value <> {schema}.address_key(person.email)
    AND NOT EXISTS (
        SELECT FROM {schema}.claims AS other WHERE other.kind = 'email' AND other.value = {schema}.address_key(person.email)
    );
