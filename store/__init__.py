"""The log in PostgreSQL: schema, append, read, personal details, and where the server is."""
