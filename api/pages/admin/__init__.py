"""Pages of administration: people, meeting types, read models."""
