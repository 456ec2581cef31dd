"""Read models: each is a query over the event log, kept as a table that the follower keeps up to date."""
