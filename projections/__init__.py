"""Read models: each a query over the log, kept as a table and followed."""
