"""The pages: server-rendered routes over the same commands and questions as the JSON API; web/README.md says how."""
