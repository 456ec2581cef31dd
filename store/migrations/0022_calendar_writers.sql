-- Whose meetings are written to which of their calendars. A plain column's worth, because what is sealed cannot be asked.
CREATE TABLE {schema}.calendar_writers (
    person_id   uuid PRIMARY KEY,
    calendar_id uuid NOT NULL REFERENCES {schema}.busy_calendars ON DELETE CASCADE
);
CREATE INDEX calendar_writers_of_calendar ON {schema}.calendar_writers (calendar_id);
