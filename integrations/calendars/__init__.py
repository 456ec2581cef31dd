"""External calendars of people: reading their busy times, and a small CalDAV client."""
