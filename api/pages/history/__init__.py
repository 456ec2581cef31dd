"""Pages of history: the event log, one stream's timeline, and its state at an event."""
