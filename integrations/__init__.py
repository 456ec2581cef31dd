"""What goes out to the world: outbox workers, mail, people's calendars, and webhooks."""
