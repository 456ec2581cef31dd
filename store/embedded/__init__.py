"""The embedded PostgreSQL: its programs, its cluster, the account it runs as, and its watchdog."""
