"""The pages: server-rendered routes over the same commands and queries as the JSON API; web/README.md says how."""
