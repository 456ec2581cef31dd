-- Reminders and follow-ups of meetings: since when they are owed. An upgrade must not send, or keep rows for, those of earlier times.
ALTER TABLE {schema}.outbox_beginning ADD COLUMN reminders_began_at timestamptz NOT NULL DEFAULT clock_timestamp();
