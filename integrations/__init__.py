"""What goes out to the world: outbox workers, mail, and people's calendars."""
