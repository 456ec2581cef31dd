-- What an API key may be used for, as its person chose; null: everything that its person may do. `scope` stays that of the extension's keys.
ALTER TABLE {schema}.api_keys ADD COLUMN scopes text[];
CREATE INDEX api_keys_by_age ON {schema}.api_keys (created_at, id);
