"""Following the log: one follower projects new events into the live tables, in batches."""
