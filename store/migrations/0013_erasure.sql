-- Erasure: what `append` needs to delete personal details with the event that says so, and to let no booking of that address come in between.

-- the address in a row of personal details, of a guest or a recipient, whatever the case; null where there is none
CREATE FUNCTION {schema}.address_of(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    lower(coalesce(data -> 'guest' ->> 'email', data -> 'recipient' ->> 'email'));
CREATE INDEX personal_details_of_address ON {schema}.personal_details ({schema}.address_of(data));

-- the planner needs no samples of what is to be erasable
ALTER TABLE {schema}.personal_details ALTER COLUMN data SET STATISTICS 0;
ALTER INDEX {schema}.personal_details_of_address ALTER COLUMN 1 SET STATISTICS 0;

-- what one erasure has erased
CREATE INDEX details_of_erasure ON {schema}.events ((data ->> 'erasure_id')) WHERE type LIKE 'PersonalDetailsErased.%';
