"""Other calendars of people: reading when they are busy, and a small CalDAV client."""
